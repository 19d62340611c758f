#pragma once

#include <string>

#include "hw/accelerator.h"

namespace qloom::emit {

// The text of qloom_top.sv: one instance a unit, in the order of the network, and the streams
// between them.
std::string top_text(const hw::Accelerator& accelerator);

}  // namespace qloom::emit
