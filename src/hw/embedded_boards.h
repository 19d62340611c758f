#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::hw {

// boards/*.toml, sorted by name.
const std::vector<EmbeddedFile>& embedded_boards();

}  // namespace qloom::hw
