#pragma once

#include <string>
#include <vector>

#include "train/quantize.h"
#include "train/recipe.h"
#include "train/train.h"

// The training room, in a shared object of its own that only `qloom train` loads: LibTorch takes a third of a second to
// start, which no other verb shall pay.
namespace qloom::cli {

struct Trainer {
    train::Recipe (*load_recipe)(const std::string& name_or_path);
    std::vector<std::string> (*recipe_names)();
    train::TrainResult (*train)(const train::Recipe& recipe, const train::TrainOptions& options,
                                const train::ProgressSink& progress);
    train::QuantizeResult (*quantize)(const ir::Graph& graph, const data::Dataset& calibration,
                                      const train::QuantizeOptions& options);
};

// Loads it from beside the program. Throws kTrainerMissing.
const Trainer& trainer();

}  // namespace qloom::cli
