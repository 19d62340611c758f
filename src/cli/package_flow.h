#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/data_input.h"
#include "cli/software.h"
#include "hw/accelerator.h"
#include "lower/lower.h"
#include "pack/package.h"

// Compiled folder -> what real flows need beside rtl/. No printing here: the verb does that.
namespace qloom::cli {

struct PackageRequest {
    std::filesystem::path folder;
    std::string board = {};  // "": the one it was compiled for
    std::string data = {};   // a dataset for the sample frames, or
    std::vector<std::string> inputs = {};  // an array for its input; neither: made-up frames
    std::optional<std::int64_t> frames = {};
    std::int64_t batch = 100;
    ScaleChoice scale = ScaleChoice::kAuto;
    std::string data_directory = {};
};

struct PackageOutcome {
    hw::Accelerator accelerator;
    hw::Board board;
    std::vector<std::string> folders;  // those written, sorted
    std::int64_t files = 0;
    std::int64_t frames = 0;  // samples in the package
    std::optional<pack::StreamPlan> plan;
    std::vector<std::string> notes;
};

// Writes the package into the folder, which is replaced whole or stays as it was. Throws
// kTooBigForBoard and what reading the folder, the data and the board throws.
PackageOutcome package(const PackageRequest& request);

// Sample frames with what the integer engine makes of them.
pack::Samples samples_of(const lower::Engine& engine, const std::vector<ir::Value>& inputs);

// How bare-metal programs find the label of a frame; as integers where only the host could tell.
pack::OutputMeaning output_meaning_of(const lower::Lowered& lowered);

// What a person should ask for instead of an accelerator that is too big for the board: the fastest
// target that fits, or a larger board.
std::string fitting_target(const network::Network& network, const hw::Accelerator& accelerator,
                           const hw::Board& board);

}  // namespace qloom::cli
