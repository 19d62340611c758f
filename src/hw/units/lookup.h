#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& lookup_model();

}  // namespace qloom::hw
