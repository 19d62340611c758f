#pragma once

#include "hw/unit.h"

// Channels of several streams one after the other, and the way back.
namespace qloom::hw {

const UnitModel& concat_model();
const UnitModel& split_model();

}  // namespace qloom::hw
