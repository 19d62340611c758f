#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace qloom::train {

// A named array of a training's state: "fc1.weight", "bn1.mean", "act1.log_scale".
struct NamedArray {
    std::string name;
    Tensor<float> value;
    friend bool operator==(const NamedArray&, const NamedArray&) = default;
};
using State = std::vector<NamedArray>;

// d(loss) / d(bits) of quantisers, by their names in the state: "fc1.weight", "act1".
using WidthPulls = std::map<std::string, double>;

}  // namespace qloom::train
