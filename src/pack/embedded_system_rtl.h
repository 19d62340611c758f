#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::pack {

// rtl/soc/*.sv, sorted by name.
const std::vector<EmbeddedFile>& embedded_system_rtl();

}  // namespace qloom::pack
