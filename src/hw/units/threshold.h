#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& threshold_model();

}  // namespace qloom::hw
