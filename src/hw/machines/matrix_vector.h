#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// ql_matrix_vector.
MachinePtr make_matrix_vector_machine(const Unit& unit, MachinePorts ports);
// ql_vector_vector.
MachinePtr make_vector_vector_machine(const Unit& unit, MachinePorts ports);

}  // namespace qloom::hw
