#pragma once

#include <string>

namespace qloom::synth {

// Behaviour of the block RAMs RAMB18E1, RAMB36E1, RAMB18E2 and RAMB36E2 as far as netlists of Yosys
// use them (no output registers, no cascades, one clock): SystemVerilog for a simulator. Yosys has
// ports and timing of these cells alone.
std::string block_ram_models();

}  // namespace qloom::synth
