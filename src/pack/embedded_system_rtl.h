#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::pack {

// rtl/soc/*.sv, sorted by name.
const std::vector<EmbeddedFile>& embedded_system_rtl();
// rtl/uart/*.sv, sorted by name.
const std::vector<EmbeddedFile>& embedded_uart_rtl();

}  // namespace qloom::pack
