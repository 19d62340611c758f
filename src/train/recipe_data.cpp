#include "train/recipe_data.h"

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::train {

void check_recipe_data(const Recipe& recipe, const data::Dataset& dataset) {
    const auto refuse = [&](const std::string& what, const std::string& advice) {
        throw Error(code::kRecipeData, recipe.name, what, advice);
    };
    if (dataset.sample_size() != recipe.input.features) {
        refuse(fmt::format("the network takes {} features, but a sample of {} has {} values",
                           recipe.input.features, dataset.name, dataset.sample_size()),
               fmt::format("set features = {} in [input]", dataset.sample_size()));
    }
    const bool one_for_two = recipe.outputs() == 1 && dataset.classes == 2;
    if (one_for_two && recipe.training.loss == LossKind::kCrossEntropy) {
        refuse("one output cannot tell two classes apart with cross-entropy",
               "set loss = \"bce\" in [training], or give the last layer 2 outputs");
    }
    if (dataset.classes > recipe.outputs() && !one_for_two) {
        refuse(fmt::format("the network has {} outputs, but {} has {} classes", recipe.outputs(),
                           dataset.name, dataset.classes),
               fmt::format("give the last linear layer {} outputs", dataset.classes));
    }
    const std::size_t axes = dataset.sample_shape().size();
    if (recipe.data.augments() && axes != 2 && axes != 3) {
        const char* key = recipe.data.shift > 0 ? "shift"
                          : recipe.data.mirror  ? "mirror"
                                                : "cutout";
        refuse(fmt::format("{} changes images, but a sample of {} has shape {}", key, dataset.name,
                           shape_text(dataset.sample_shape())),
               fmt::format("leave {} out of [data]", key));
    }
}

}  // namespace qloom::train
