#pragma once

#include <string>
#include <vector>

namespace qloom::cli {

// The whole program: `arguments` without argv[0]; returns the exit code.
int run_program(std::vector<std::string> arguments);

}  // namespace qloom::cli
