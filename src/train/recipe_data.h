#pragma once

#include "data/dataset.h"
#include "train/recipe.h"

namespace qloom::train {

// Throws kRecipeData where a recipe's network cannot be trained on a dataset.
void check_recipe_data(const Recipe& recipe, const data::Dataset& dataset);

}  // namespace qloom::train
