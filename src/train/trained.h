#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tensor.h"
#include "train/recipe.h"

// A trained network as plain numbers: what export needs and nothing of how it was trained.
namespace qloom::train {

// Integers with their scales: value = level * scale. One scale, or one a channel.
struct TrainedLevels {
    std::vector<float> scale;
    std::vector<float> zero = {};  // asymmetric quantisers; `level` is without it
};

// Weights and bias of a linear layer or a convolution.
struct TrainedWeights {
    std::optional<QuantiserSpec> quantiser;
    Tensor<float> weights =
        {};  // in the shape of the layer's W; quantised: levels, to be multiplied by the scale
    TrainedLevels levels = {};
    std::vector<float> bias = {};  // one an output, or none
    std::optional<BiasQuantiser> bias_quantiser = {};
    std::vector<float> bias_scale = {};  // quantised: one, or one an output
};

struct TrainedLinear {
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    TrainedWeights numbers = {};
};

struct TrainedConv {
    ConvSpec spec;
    TrainedWeights numbers = {};
};

struct TrainedNorm {
    float epsilon = 1e-5F;
    std::vector<float> gamma;
    std::vector<float> beta;
    std::vector<float> mean;
    std::vector<float> variance;
};

struct TrainedActivation {
    Activation function = Activation::kRelu;
    std::optional<QuantiserSpec> quantiser;
    TrainedLevels levels = {};
};

struct TrainedPool {
    PoolSpec spec;
    float scale = 1.0F;  // kTruncAverage: of the integers that come in
};

struct TrainedJoin {
    JoinSpec spec;
    TrainedLevels levels = {};  // of its quantiser
};

// A layer that gives what it gets, in evaluation: dropout, a folded BatchNorm.
struct TrainedNothing {};

struct TrainedLayer {
    std::string name;
    std::vector<std::string> from;
    Shape shape;  // of what it gives, for one sample
    std::variant<TrainedNothing, TrainedLinear, TrainedConv, TrainedNorm, TrainedActivation,
                 TrainedPool, TrainedJoin, UpsampleSpec, FlattenSpec>
        kind = {};
};

struct TrainedNetwork {
    std::string name;
    InputSpec input;
    TrainedLevels input_levels = {};        // of the input's quantiser
    bool input_is_bytes = false;            // the dataset's samples are integers 0..255
    std::vector<TrainedLayer> layers = {};  // those of the recipe, in order

    TrainedLayer& layer(const std::string& layer_name);
};

}  // namespace qloom::train
