#pragma once

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

}  // namespace qloom::train
