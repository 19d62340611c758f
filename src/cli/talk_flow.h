#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/compare_frames.h"
#include "cli/data_input.h"
#include "pack/serial_board.h"
#include "talk/board.h"

// Compiled folder + frames + serial port -> what the board computed, compared with the integer
// engine. No printing here.
namespace qloom::cli {

struct TalkRequest {
    std::string port;
    std::filesystem::path folder;
    std::string data = {};                 // a dataset, or
    std::vector<std::string> inputs = {};  // an array
    std::optional<std::int64_t> frames = {};
    std::optional<std::int64_t> baud = {};  // in place of the board's
    ScaleChoice scale = ScaleChoice::kAuto;
    std::string data_directory = {};
    talk::TalkOptions options = {};
};

struct TalkOutcome {
    pack::SerialLink link;
    talk::TalkStatistics statistics;
    std::int64_t frames = 0;
    std::int64_t mismatches = 0;
    std::optional<Difference> first_difference = {};
    std::optional<double> accuracy = {};    // with a dataset
    std::vector<std::int64_t> labels = {};  // the answers, of a classifier
    std::string input_scale;                // "" without a dataset
};

// Throws what talk::ask() and talk::run_frames() throw, code::kOtherDesign when the board runs
// another network, code::kFolderIncomplete when the folder was not compiled for such a board.
TalkOutcome talk_to_board(const TalkRequest& request);

}  // namespace qloom::cli
