#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& sliding_window_model();

}  // namespace qloom::hw
