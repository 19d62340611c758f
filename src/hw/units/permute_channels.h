#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& permute_channels_model();

}  // namespace qloom::hw
