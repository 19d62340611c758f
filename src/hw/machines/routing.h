#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// ql_fork.
MachinePtr make_fork_machine(MachinePorts ports);
// ql_concat.
MachinePtr make_concat_machine(const Unit& unit, MachinePorts ports);
// ql_split.
MachinePtr make_split_machine(const Unit& unit, MachinePorts ports);

}  // namespace qloom::hw
