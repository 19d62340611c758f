#pragma once

#include "base/codes/pack.h"
#include "hw/accelerator.h"

namespace qloom::pack {

// One input and one output stream, as the DMA has them. Throws code::kSeveralStreams.
void check_single_stream(const hw::Accelerator& accelerator);

}  // namespace qloom::pack
