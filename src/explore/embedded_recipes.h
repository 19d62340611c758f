#pragma once

#include <vector>

#include "base/embedded_file.h"

namespace qloom::explore {

// The recipes compiled into the program (the folder recipes/), sorted by name.
const std::vector<EmbeddedFile>& embedded_recipes();

}  // namespace qloom::explore
