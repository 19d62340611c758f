#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::pack {

// firmware/*, the sources that are the same for all networks and boards, sorted by name.
const std::vector<EmbeddedFile>& embedded_firmware();

}  // namespace qloom::pack
