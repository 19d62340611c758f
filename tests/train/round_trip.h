#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "train/model.h"
#include "train/recipe.h"

// Small networks, trained for a few steps on random bytes, and what their exports compute.
namespace qloom::train {

struct Samples {
    std::vector<float> values;
    std::vector<std::int32_t> labels;
};

// Bytes, as an image dataset has them; those that belong to the label are larger.
Samples samples_of(const Recipe& recipe, std::int64_t rows, std::uint64_t seed);

// A network that has taken some steps, so that no scale or statistic stands at its start.
Model trained_model(const Recipe& recipe, int steps = 20);

// As the exporter gets it, of a byte dataset.
TrainedNetwork network_of(const Model& model);

// The promise of export: the reference executor gives what the trainer's own evaluation gives, and
// (unless kNone) the integer engine of the lowered graph gives it too. A value within float
// rounding of a rounding border may fall on its other side; `tolerated` is the share of outputs
// that may differ for it.
enum class Lowering { kWhole, kNone };
void expect_round_trip(const std::string& recipe_text, Lowering lowering = Lowering::kWhole,
                       double tolerated = 0.0);

}  // namespace qloom::train
