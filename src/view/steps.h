#pragma once

#include <array>
#include <string>
#include <vector>

#include "hw/accelerator.h"
#include "ir/graph.h"
#include "lower/lower.h"

// The steps from a file to hardware, with the same names on the page and as files.
namespace qloom::view {

struct StepInfo {
    const char* id;
    const char* title;
    const char* about;
};

inline constexpr StepInfo kImportStep{
    "import", "Import",
    "The model as its file has it: real-valued operators, with quantisers between them."};
inline constexpr StepInfo kTidyStep{"tidy", "Tidy",
                                    "The same values with less: constants folded, identities and "
                                    "dead nodes gone, all shapes known."};
inline constexpr StepInfo kIntegersStep{"integers", "Integers",
                                        "Where each operator ends up, and which integers stand for "
                                        "each quantised tensor: real = scale x integer + bias."};
inline constexpr StepInfo kNetworkStep{"network", "Network",
                                       "What the hardware must compute: integers only, with exact "
                                       "ranges; activations are thresholds."};
inline constexpr StepInfo kAcceleratorStep{
    "accelerator", "Accelerator",
    "Which hardware computes it: one unit a layer, converters and FIFOs between; PE and SIMD say "
    "how parallel."};

// One numbered ONNX file: steps/01_import.onnx. The first three are models that run elsewhere; the
// network and the accelerator use operators of the domains `qloom.network` and `qloom.hw`, for
// looking at.
struct StepFile {
    std::string path;
    std::string bytes;
};
std::vector<StepFile> step_files(const ir::Graph& imported, const ir::Graph& prepared,
                                 const lower::Lowered& lowered, const hw::Accelerator& accelerator);

}  // namespace qloom::view
