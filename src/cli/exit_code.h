#pragma once

#include <span>
#include <stdexcept>
#include <string_view>

#include "base/diagnostic.h"

namespace qloom::cli {

// How a run of qloom ended; scripts depend on the numbers.
enum class ExitCode : int {
    kOk = 0,
    kUserError = 1,
    kUsage = 2,
    kMismatch = 3,
    kToolFailure = 4,
    kInternal = 5,
    kInterrupted = 130,
};

struct ExitCodeInfo {
    ExitCode code;
    std::string_view name;
    std::string_view meaning;
};

// All exit codes, ascending.
std::span<const ExitCodeInfo> all_exit_codes();

// Thrown by a process whose failure another one reports: it ends with this code and says nothing.
struct Silent : std::runtime_error {
    explicit Silent(ExitCode exit_code)
        : std::runtime_error("another rank says what went wrong"), code(exit_code) {}
    ExitCode code;
};

// The exit code that a diagnostic leads to.
ExitCode exit_code_of(Code code);

}  // namespace qloom::cli
