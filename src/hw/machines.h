#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// The machine of a unit. FIFOs hold whatever comes where unbounded_fifo says so.
MachinePtr make_machine(const Unit& unit, MachinePorts ports, bool unbounded_fifo);

}  // namespace qloom::hw
