#pragma once

#include <string>
#include <vector>

#include "hw/accelerator.h"

namespace qloom::emit {

// The text of qloom_top.sv: one instance a unit, in the order of the network, and the streams
// between them.
std::string top_text(const hw::Accelerator& accelerator);

// The same top around other modules: one a unit, with the unit's ports and no parameters, as synthesis makes them.
std::string top_text(const hw::Accelerator& accelerator, const std::vector<std::string>& modules);

}  // namespace qloom::emit
