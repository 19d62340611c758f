#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& requantize_model();

}  // namespace qloom::hw
