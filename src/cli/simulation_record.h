#pragma once

#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/simulate_flow.h"

namespace qloom::cli {

// DIR/simulation.json: what the last simulation of a compiled folder found, with some of its frames
// to look at (docs/formats.md). Wall-clock times are left out, so that equal runs give equal files.
nlohmann::ordered_json simulation_json(const SimulateOutcome& outcome);

// Some frames of a run: the first ones, and the first that were answered wrongly. Pixels are scaled
// to bytes from the least to the largest value among them. `labels` is empty without a dataset.
std::vector<SampleFrame> pick_samples(const ir::Value& inputs,
                                      const std::vector<std::int64_t>& answers,
                                      const std::vector<std::int64_t>& labels);

// Writes simulation.json, and report.html again with it.
void record_simulation(const std::filesystem::path& folder, const SimulateOutcome& outcome);

}  // namespace qloom::cli
