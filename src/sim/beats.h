#pragma once

#include <cstdint>
#include <vector>

#include "hw/accelerator.h"
#include "network/execute.h"

// Frames of integers <-> beats of a port of the accelerator, as StreamHarness wants them: each beat
// takes ceil(data_bits / 32) words, low word first; element k of a beat stands at bit k *
// element_bits.
namespace qloom::sim {

std::vector<std::uint32_t> pack_beats(const hw::Port& port, const network::Frames& frames);

// (frames, port.elements), kept in floats while the values allow it.
network::Frames unpack_beats(const hw::Port& port, const std::vector<std::uint32_t>& words,
                             std::int64_t frames);

}  // namespace qloom::sim
