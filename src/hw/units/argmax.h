#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& argmax_model();

}  // namespace qloom::hw
