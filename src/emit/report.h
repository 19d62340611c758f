#pragma once

#include <string>

#include "hw/accelerator.h"
#include "network/network.h"

namespace qloom::emit {

// report.json.
std::string report_json(const hw::Accelerator& accelerator);

}  // namespace qloom::emit
