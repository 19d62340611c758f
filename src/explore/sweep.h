#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/codes/explore.h"

// A sweep: which networks to train or load, for which targets and boards, every combination. The
// file is described in docs/formats.md.
namespace qloom::explore {

// A key of the sweep and the value that it has at a point: a string, a number or a boolean.
//   "fps" = 100000    "layers.fc1.outputs, layers.fc2.outputs" = 32
using Setting = std::pair<std::string, nlohmann::ordered_json>;

struct Axis {
    std::string key;
    std::vector<nlohmann::ordered_json> values;
};

// One combination.
struct Point {
    std::vector<Setting> settings;  // what varies, in the order of the grid: for people
    std::string model_key;          // names the network: its recipe, or its file and contents
    std::string key;                // names the point
    // How to get the network: a recipe to train, or a file.
    std::string recipe_text;
    std::string model_file;
    std::vector<std::string> compile_options;  // "--board", "pynq-z1", "--fps", "100000"
};

struct Sweep {
    std::string name;
    std::string data;   // dataset on which the accuracy of a loaded model is measured
    std::string synth;  // family of devices that every point is synthesised for, or ""
    std::vector<Axis> axes;  // of the grid, in the order of the keys
    std::vector<Point> points;
};

struct SweepOverrides {
    std::string synth = {};  // in place of the file's; "": the file's
};

// Reads the file and the recipe or models that it names, relative to its folder. Throws
// code::kSweepBad.
Sweep read_sweep(const std::string& file, const SweepOverrides& overrides = {});

// The value as it stands in an option or a table: no quotes around strings.
std::string value_text(const nlohmann::ordered_json& value);
// The last part of a key, short enough for a table: "fc1.outputs".
std::string short_key(const std::string& key);

}  // namespace qloom::explore
