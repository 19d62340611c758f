#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>

#include "train/functions.h"
#include "train/state.h"
#include "train/trained.h"

// Included by .cpp files of this room only.
namespace qloom::train {

// What a forward pass is for.
struct Pass {
    bool training = false;
    std::uint64_t seed = 0;
    std::uint64_t step = 0;             // since the start of the training
    Together together = {};             // in training only
    WidthPulls* width_pulls = nullptr;  // added to, in the backward pass; nullptr: not wanted
};

// What flows between layers: (N, F), or (N, C, H, W) with the channels fastest in memory; a
// sequence has H = 1.
struct Stream {
    torch::Tensor x;
    torch::Tensor scale =
        {};  // x is integers times this one number; undefined: it is not, or nobody knows
};

// A layer on LibTorch. Adding one: its spec in layer_spec.h, its keys in layer_reader.cpp, a class
// here and a line in network.cpp, its trained numbers in trained.h, its nodes in export_model.cpp.
class Layer {
public:
    Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    virtual ~Layer() = default;

    virtual Stream forward(std::span<const Stream> inputs, const Pass& pass) = 0;
    // Puts the layer's numbers, as evaluation uses them, into the layers of the trained network
    // that bear its names.
    virtual void fill_trained(TrainedNetwork& network) const = 0;
};

}  // namespace qloom::train
