#pragma once

#include "hw/unit.h"

// Two streams into one, elementwise.
namespace qloom::hw {

const UnitModel& add_model();
const UnitModel& multiply_model();

}  // namespace qloom::hw
