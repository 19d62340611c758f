#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& global_reduce_model();

}  // namespace qloom::hw
