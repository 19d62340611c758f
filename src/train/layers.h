#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "train/norm_act.h"
#include "train/parameter_store.h"
#include "train/random.h"
#include "train/recipe.h"
#include "train/trained.h"

// The layers of a network on LibTorch. Adding one: a class here, a line in make_layers(), its spec
// in recipe.h, its trained numbers in trained.h. Included by .cpp files of this room only.
namespace qloom::train {

// What a forward pass is for.
struct Pass {
    bool training = false;
    std::uint64_t seed = 0;
    std::uint64_t step = 0;  // since the start of the training
};

class Layer {
public:
    virtual ~Layer() = default;
    // x is (N, width), contiguous.
    virtual torch::Tensor forward(const torch::Tensor& x, const Pass& pass) = 0;
    // Appends the layer's numbers; a layer without a meaning in evaluation appends nothing.
    virtual void append_trained(std::vector<TrainedLayer>& layers) const = 0;
};

// The layers of a recipe in order, their parameters added to `store` (not yet sealed), their
// weights drawn from `random`.
std::vector<std::unique_ptr<Layer>> make_layers(const Recipe& recipe, ParameterStore& store,
                                                Random& random);

}  // namespace qloom::train
