#pragma once

#include "hw/machines/machine.h"

namespace qloom::hw {

// Registered stages that all move together, then a skid; one output beat for every `beats` input
// beats.
MachinePtr make_pipeline_machine(MachinePorts ports, int stages, std::int64_t beats = 1);

}  // namespace qloom::hw
