#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// ql_repeat.
MachinePtr make_repeat_machine(const Unit& unit, MachinePorts ports);
// ql_insert_pixels.
MachinePtr make_insert_pixels_machine(const Unit& unit, MachinePorts ports);
// ql_global_reduce.
MachinePtr make_global_reduce_machine(const Unit& unit, MachinePorts ports);
// ql_depth_to_space, ql_permute_channels.
MachinePtr make_depth_to_space_machine(const Unit& unit, MachinePorts ports);
MachinePtr make_permute_channels_machine(const Unit& unit, MachinePorts ports);

}  // namespace qloom::hw
