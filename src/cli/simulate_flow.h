#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/compare_frames.h"
#include "cli/data_input.h"
#include "hw/accelerator.h"
#include "sim/simulate.h"

// Compiled folder + frames -> what its RTL computed, compared with the integer engine. No printing here.
namespace qloom::cli {

struct SimulateRequest {
    std::filesystem::path folder;
    std::filesystem::path hardware = {};   // another folder with the hardware to run (its synthesised netlist); empty: `folder`
    std::string data = {};                 // a dataset, or
    std::vector<std::string> inputs = {};  // arrays, one a model input; neither: made-up frames
    std::vector<std::string> outputs = {}; // files for the model's outputs
    std::optional<std::int64_t> frames = {};
    ScaleChoice scale = ScaleChoice::kAuto;
    std::string data_directory = {};
    sim::SimulateOptions options = {};
};

// A frame to look at, with what the hardware made of it.
struct SampleFrame {
    std::int64_t frame = 0;
    std::optional<std::int64_t> label = {};   // with a dataset
    std::optional<std::int64_t> answer = {};  // of a classifier
    std::vector<std::uint8_t> pixels;
};

struct SimulateOutcome {
    hw::Accelerator accelerator;
    sim::SimulateResult simulation;
    std::int64_t frames = 0;
    std::int64_t mismatches = 0;              // frames with any difference
    std::optional<Difference> first_difference = {};
    std::optional<double> accuracy = {};      // with a dataset
    std::vector<ir::Value> outputs;           // the model's own, from the RTL's integers
    std::vector<std::pair<std::string, std::size_t>> output_files;  // file, index of its output
    std::string input_scale;                  // "" without a dataset
    std::vector<std::string> class_names;     // of the dataset, or empty
    Shape sample_shape;                       // of a frame of the first input
    std::vector<SampleFrame> samples;         // a few of the frames
};

SimulateOutcome simulate(const SimulateRequest& request);

}  // namespace qloom::cli
