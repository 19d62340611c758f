#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& upsample_model();

}  // namespace qloom::hw
