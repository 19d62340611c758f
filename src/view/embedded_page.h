#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::view {

// viewer/ as npm built it: index.html, or no file where that was not possible.
const std::vector<EmbeddedFile>& embedded_page();

}  // namespace qloom::view
