#pragma once

#include <cstdint>

#include "hw/accelerator.h"

// How the accelerator's two streams reach a DMA: a DMA's streams are 8, 16, 32, 64, ... bits wide
// and at most as wide as its memory port, an accelerator's are any number of bytes.
namespace qloom::pack {

// One end. Where the widths differ, ql_axis_gearbox stands between; bytes keep their order, so
// memory looks the same.
struct DmaStream {
    int core_bits = 8;  // of a beat of qloom_top
    int dma_bits = 8;   // of a beat of the packaged IP and of the DMA
    [[nodiscard]] bool has_gearbox() const { return core_bits != dma_bits; }
    friend bool operator==(const DmaStream&, const DmaStream&) = default;
};

struct StreamPlan {
    DmaStream input;
    DmaStream output;
    std::int64_t frame_beats = 1;   // beats of a frame at s_axis_0 of qloom_top
    std::int64_t input_bytes = 1;   // of a frame in memory
    std::int64_t output_bytes = 1;  // of a frame in memory
    int memory_bits = 64;           // of the DMA's memory ports; addresses are multiples of it
    int length_bits = 26;           // of the DMA's LENGTH registers
    // Longest transfer.
    [[nodiscard]] std::int64_t max_bytes() const { return (std::int64_t{1} << length_bits) - 1; }
    friend bool operator==(const StreamPlan&, const StreamPlan&) = default;
};

// Whether one DMA serves the accelerator: one input and one output stream.
bool fits_one_dma(const hw::Accelerator& accelerator);

// The narrowest stream of the DMA that carries a whole beat, or the widest there is when the beat
// is wider than the memory port. Needs fits_one_dma().
StreamPlan plan_streams(const hw::Accelerator& accelerator, const hw::Board& board);

}  // namespace qloom::pack
