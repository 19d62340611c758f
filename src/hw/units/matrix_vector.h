#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& matrix_vector_model();

}  // namespace qloom::hw
