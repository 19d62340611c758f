#include "cli/exit_code.h"

#include <array>

namespace qloom::cli {
namespace {

constexpr std::array kExitCodes{
    ExitCodeInfo{ExitCode::kOk, "ok", "the work is done"},
    ExitCodeInfo{ExitCode::kUserError, "error", "the model, data, target or a file cannot be used as asked; the diagnostic says why"},
    ExitCodeInfo{ExitCode::kUsage, "usage", "the command line is not understood"},
    ExitCodeInfo{ExitCode::kMismatch, "mismatch", "two results that must be equal differ (self-check, simulation)"},
    ExitCodeInfo{ExitCode::kToolFailure, "tool", "an outside program is missing or failed"},
    ExitCodeInfo{ExitCode::kInternal, "internal", "a bug in Qloom"},
    ExitCodeInfo{ExitCode::kInterrupted, "interrupted", "ended by Ctrl-C or a termination signal; nothing is left half-written"},
};

}  // namespace

std::span<const ExitCodeInfo> all_exit_codes() { return kExitCodes; }

ExitCode exit_code_of(Code code) {
    switch (code) {
        case Code::kToolFailed:
        case Code::kToolMissing:
            return ExitCode::kToolFailure;
        case Code::kSelfCheckFailed:
        case Code::kSimulationDiffers:
        case Code::kSimulationStuck:
        case Code::kHardwareCheckFailed:
            return ExitCode::kMismatch;
        case Code::kVerbUnknown:
        case Code::kOptionUnknown:
        case Code::kOptionValue:
        case Code::kOptionMissing:
            return ExitCode::kUsage;
        default:
            return ExitCode::kUserError;
    }
}

}  // namespace qloom::cli
