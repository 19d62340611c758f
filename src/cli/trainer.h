#pragma once

#include <string>
#include <vector>

#include "train/budget.h"
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
    train::BudgetedRecipe (*fit_budget)(const train::Recipe& recipe, const train::TrainOptions& options,
                                        const train::Budget& budget, const train::ProgressSink& progress);
};

// Loads it from beside the program. Throws kTrainerMissing.
const Trainer& trainer();

}  // namespace qloom::cli
