#include "pack/single_stream.h"

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "pack/stream_plan.h"

namespace qloom::pack {

void check_single_stream(const hw::Accelerator& accelerator) {
    if (fits_one_dma(accelerator)) {
        return;
    }
    throw Error(
        code::kSeveralStreams, "",
        fmt::format(
            "the accelerator has {} input and {} output streams, and the DMA has one of each",
            accelerator.inputs.size(), accelerator.outputs.size()),
        "connect it by hand, or join its inputs and outputs in the model");
}

}  // namespace qloom::pack
