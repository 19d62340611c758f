#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/embedded_file.h"

namespace qloom::emit {

// The library files that the modules named need, themselves and what they instantiate, each after
// what it needs.
std::vector<EmbeddedFile> library_files(const std::set<std::string>& modules);

}  // namespace qloom::emit
