#pragma once

#include <cstdint>
#include <span>

#include "train/recipe.h"

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

// The other losses: means over all rows and classes of a loss of one logit z against its target.
//   kSquaredHinge  max(0, 1 - t z)^2, t = +-1        z = 0.5, t = 1: 0.25, dz -1
//   kMse           (z - t)^2, t = 0 or 1             z = 0.5, t = 1: 0.25, dz -1
//   kBce           -t ln p - (1 - t) ln(1 - p), p = 1 / (1 + exp(-z)), t = 0 or 1, moved by e / 2
//   towards 1/2 by smoothing
//                                                    z = 0, t = 1: ln 2, dz -0.5
// One class: a single output, t from label 1 or 0, counted correct when it is on the label's side
// of the middle.
LossSums loss_of(LossKind kind, std::span<const float> logits, std::span<const std::int32_t> labels,
                 std::int64_t classes, double smoothing, std::span<float> gradient);

// Mixes the pull of a teacher into a loss and its gradient (DistillationSpec): `sums` and
// `gradient` are those of the plain loss. Both sets of logits are (rows, classes).
//   two classes, teacher {2, 0}, logits {0, 0}, weight 1, T = 2: p = softmax {1, 0} = {0.731,
//   0.269}, loss 4 * (ln 2 - 0.582) = 0.444, gradient 2 * ({0.5, 0.5} - p) = {-0.462, 0.462}
void distil(std::span<const float> logits, std::span<const float> teacher, std::int64_t classes,
            const DistillationSpec& spec, LossSums& sums, std::span<float> gradient);

}  // namespace qloom::train
