#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& insert_pixels_model();

}  // namespace qloom::hw
