#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& window_reduce_model();

}  // namespace qloom::hw
