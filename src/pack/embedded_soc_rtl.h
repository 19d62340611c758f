#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::pack {

// The modules of rtl/soc/ that stand between an accelerator and a DMA.
const std::vector<EmbeddedFile>& embedded_soc_rtl();

}  // namespace qloom::pack
