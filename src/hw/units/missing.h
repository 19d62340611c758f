#pragma once

#include "hw/unit.h"

namespace qloom::hw {

// Layers the software engines compute and the RTL library has no unit for: check() refuses them by
// name.
const UnitModel& missing_model();

}  // namespace qloom::hw
