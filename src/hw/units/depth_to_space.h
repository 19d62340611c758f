#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& depth_to_space_model();

}  // namespace qloom::hw
