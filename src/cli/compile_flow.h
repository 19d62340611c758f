#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/software.h"
#include "hw/accelerator.h"
#include "lower/lower.h"

// Model file -> accelerator folder, and what a folder remembers of it. No printing here: the verb does that.
namespace qloom::cli {

struct CompileRequest {
    std::string model;
    std::string board;
    std::optional<double> fps = {};        // exactly one of fps, ii and max_fps
    std::optional<std::int64_t> ii = {};
    bool max_fps = false;
    std::optional<double> headroom = {};  // share of the board that stays free
    std::optional<std::int64_t> luts = {};
    std::optional<std::int64_t> dsps = {};
    std::optional<double> latency_us = {};
    double slack = 0.05;          // what may be spent on a shorter latency, as a share of the price
    bool allow_oversize = false;  // compile what does not fit the board as well
    double clock_mhz = 0.0;                // 0: the board's default
    bool argmax = false;
    std::string folding = {};              // a folding file; "" for none
    std::vector<std::string> input_types = {};
    std::vector<std::string> samples = {};  // .npy files, one an input; empty: made up
    bool steps = false;                     // write the graph of each step as an ONNX file as well
    bool package = true;                    // write what boards need beside rtl/ as well
    std::filesystem::path output;
};

struct CompileOutcome {
    hw::Accelerator accelerator;
    std::vector<lower::NodePlacement> placements;
    std::vector<std::string> notes;  // of lowering and folding
    lower::SelfCheckResult self_check;
};

// As `qloom compile --json` prints it.
nlohmann::ordered_json self_check_json(const lower::SelfCheckResult& result);

CompileOutcome compile(const CompileRequest& request);

// Frames over the whole range of the model's inputs, made from a fixed seed: what the self-check runs on when no samples
// are given.
std::vector<ir::Value> made_up_frames(const ir::Graph& model, const lower::Lowered& lowered, std::int64_t frames);

// The model of a compiled folder with the options it was lowered with. Throws kFolderIncomplete.
struct CompiledModel {
    Model model;
    lower::LowerOptions options;
    std::string title;
    nlohmann::ordered_json self_check;
};
CompiledModel read_compiled_model(const std::filesystem::path& folder);

}  // namespace qloom::cli
