#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::emit {

// rtl/*.sv, the hardware library, sorted by name.
const std::vector<EmbeddedFile>& embedded_rtl();

}  // namespace qloom::emit
