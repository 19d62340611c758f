#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tensor.h"
#include "train/recipe.h"

// A trained network as plain numbers: what export needs and nothing of how it was trained.
namespace qloom::train {

struct TrainedLinear {
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    std::optional<QuantiserSpec> quantiser;
    Tensor<float> weights =
        {};  // (outputs, inputs); quantised: integer levels, to be multiplied by `scale`
    std::vector<float> scale = {};  // quantised: one, or one an output
    std::vector<float> bias = {};   // one an output, or none
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
    std::int64_t channels = 0;
    std::optional<QuantiserSpec> quantiser;
    std::vector<float> scale = {};  // quantised: one, or one a channel
};

struct TrainedLayer {
    std::string name;
    std::variant<TrainedLinear, TrainedNorm, TrainedActivation> kind;
};

struct TrainedModel {
    std::string name;
    InputSpec input;
    bool input_is_bytes = false;       // the dataset's samples are integers 0..255
    std::vector<TrainedLayer> layers;  // in order; what only matters in training (dropout) is gone
};

}  // namespace qloom::train
