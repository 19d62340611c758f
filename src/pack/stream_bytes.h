#pragma once

#include <cstdint>
#include <vector>

#include "hw/accelerator.h"
#include "network/execute.h"

// Frames as they lie in memory for the DMA: beat after beat, the low byte of a beat first. Element
// k of a beat stands at bit k * element_bits, the rest of the beat is zero.
namespace qloom::pack {

// Bytes of a frame at this port: beats * data_bits / 8.
std::int64_t frame_bytes(const hw::Port& port);

// frames is (F, elements...); the result has F * frame_bytes(port) bytes.
//   elements 1, 2, 3, 4 of 4 bits, two a beat:  0x21 0x43
std::vector<std::uint8_t> stream_bytes(const hw::Port& port, const network::Frames& frames);

}  // namespace qloom::pack
