#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// ql_skid, ql_output.
MachinePtr make_skid_machine(MachinePorts ports);
// ql_fifo; an unbounded one holds whatever comes.
MachinePtr make_fifo_machine(const Unit& unit, MachinePorts ports, bool unbounded);
// ql_width_converter.
MachinePtr make_converter_machine(const Unit& unit, MachinePorts ports);

}  // namespace qloom::hw
