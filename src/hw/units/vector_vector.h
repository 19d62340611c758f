#pragma once

#include "hw/unit.h"

namespace qloom::hw {

const UnitModel& vector_vector_model();

}  // namespace qloom::hw
