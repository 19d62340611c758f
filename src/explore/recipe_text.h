#pragma once

#include <string>
#include <vector>

#include "explore/sweep.h"

namespace qloom::explore {

// The text of a built-in recipe by name, or of a TOML file. Throws code::kSweepBad.
std::string recipe_text(const std::string& name_or_path, const std::string& where);

// A recipe with other values. A key is the way to a value through the tables of the recipe; a layer
// stands by its name: "training.epochs", "quantisation.weights.bits", "layers.fc1.outputs". Several
// keys with commas between get the same value. Throws code::kSweepBad for a table or a layer that
// the recipe does not have; the trainer judges the values.
std::string with_values(const std::string& recipe, const std::vector<Setting>& values,
                        const std::string& where);

}  // namespace qloom::explore
