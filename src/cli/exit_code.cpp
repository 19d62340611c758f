#include "cli/exit_code.h"

#include <array>

#include "base/codes/base.h"
#include "base/codes/cli.h"
#include "base/codes/lower.h"
#include "base/codes/sim.h"
#include "base/codes/soc.h"
#include "base/codes/talk.h"

namespace qloom::cli {
namespace {

constexpr std::array kExitCodes{
    ExitCodeInfo{ExitCode::kOk, "ok", "the work is done"},
    ExitCodeInfo{
        ExitCode::kUserError, "error",
        "the model, data, target or a file cannot be used as asked; the diagnostic says why"},
    ExitCodeInfo{ExitCode::kUsage, "usage", "the command line is not understood"},
    ExitCodeInfo{ExitCode::kMismatch, "mismatch",
                 "two results that must be equal differ (self-check, simulation)"},
    ExitCodeInfo{ExitCode::kToolFailure, "tool", "an outside program is missing or failed"},
    ExitCodeInfo{ExitCode::kInternal, "internal", "a bug in Qloom"},
    ExitCodeInfo{ExitCode::kInterrupted, "interrupted",
                 "ended by Ctrl-C or a termination signal; nothing is left half-written"},
};

}  // namespace

std::span<const ExitCodeInfo> all_exit_codes() { return kExitCodes; }

ExitCode exit_code_of(Code code) {
    switch (code) {
        case code::kToolFailed:
        case code::kToolMissing:
        case code::kEmulatorMissing:
            return ExitCode::kToolFailure;
        case code::kSelfCheckFailed:
        case code::kSimulationDiffers:
        case code::kSimulationStuck:
        case code::kHardwareCheckFailed:
        case code::kLabelsDiffer:
        case code::kAnswersDiffer:
        case code::kFirmwareHangs:
        case code::kFirmwareFailed:
        case code::kUnmappedAccess:
        case code::kMisalignedAccess:
        case code::kCacheNotCleaned:
        case code::kCacheStale:
        case code::kProcessorException:
            return ExitCode::kMismatch;
        case code::kVerbUnknown:
        case code::kOptionUnknown:
        case code::kOptionValue:
        case code::kOptionMissing:
        case code::kLaunchInvalid:
            return ExitCode::kUsage;
        default:
            return ExitCode::kUserError;
    }
}

}  // namespace qloom::cli
