#include "pack/stream_plan.h"

#include <algorithm>
#include <bit>

#include "base/diagnostic.h"

namespace qloom::pack {
namespace {

DmaStream stream_for(int core_bits, int memory_bits) {
    const auto wanted = std::bit_ceil(static_cast<unsigned>(core_bits));
    return {.core_bits = core_bits, .dma_bits = std::min(static_cast<int>(wanted), memory_bits)};
}

}  // namespace

bool fits_one_dma(const hw::Accelerator& accelerator) {
    return accelerator.inputs.size() == 1 && accelerator.outputs.size() == 1;
}

StreamPlan plan_streams(const hw::Accelerator& accelerator, const hw::Board& board) {
    QLOOM_ASSERT(fits_one_dma(accelerator), "one DMA serves one input and one output");
    const hw::Port& in = accelerator.inputs.front();
    const hw::Port& out = accelerator.outputs.front();
    return {.input = stream_for(in.data_bits, board.memory_port_bits),
            .output = stream_for(out.data_bits, board.memory_port_bits),
            .frame_beats = in.beats,
            .input_bytes = in.beats * in.data_bits / 8,
            .output_bytes = out.beats * out.data_bits / 8,
            .memory_bits = board.memory_port_bits};
}

}  // namespace qloom::pack
