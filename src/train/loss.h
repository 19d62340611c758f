#pragma once

#include <cstdint>
#include <span>

namespace qloom::train {

struct LossSums {
    double loss = 0.0;  // mean over the rows
    std::int64_t correct =
        0;  // rows whose largest logit is the label's (the first one of equal ones)
};

// Cross-entropy of softmax with label smoothing e: the target is 1 - e on the label plus e /
// classes everywhere. `gradient` (rows, classes) receives d(mean loss)/d(logits) = (softmax -
// target) / rows; empty: not wanted.
//   two classes, logits {0, 0}, e = 0:  loss ln 2, gradient {-0.5, 0.5} for label 0
LossSums cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                       std::int64_t classes, double smoothing, std::span<float> gradient);

}  // namespace qloom::train
