#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& channel_affine_model();

}  // namespace qloom::hw
