#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// ql_sliding_window.
MachinePtr make_sliding_window_machine(const Unit& unit, MachinePorts ports);
// ql_parallel_window.
MachinePtr make_parallel_window_machine(const Unit& unit, MachinePorts ports);

}  // namespace qloom::hw
