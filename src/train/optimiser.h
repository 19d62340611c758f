#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe.h"

namespace qloom::train {

// SGD with momentum, Adam (arXiv 1412.6980) or AdamW (arXiv 1711.05101) over all parameters as one
// array: one pass over memory a step. The first `decayed` parameters have weight decay, the others
// have not.
//   SGD    m = momentum * m + g                              p -= rate * m
//   Adam   m, v: running means of g and g^2, bias-corrected  p -= rate * m / (sqrt(v) + 1e-8)
//   AdamW  as Adam, and p -= rate * weight_decay * p;  SGD and Adam add weight_decay * p to g
//   instead
class FlatOptimiser {
public:
    FlatOptimiser(const TrainingSpec& spec, std::int64_t parameters, std::int64_t decayed);

    void step(std::span<float> parameters, std::span<const float> gradients, double rate);

    // What a checkpoint keeps. Both moments have a value a parameter (SGD leaves the second one at
    // 0).
    std::vector<float>& first_moment() { return first_; }
    std::vector<float>& second_moment() { return second_; }
    [[nodiscard]] std::int64_t steps() const { return steps_; }
    void set_steps(std::int64_t steps) { steps_ = steps; }

private:
    TrainingSpec spec_;
    std::int64_t decayed_;
    std::int64_t steps_ = 0;
    std::vector<float> first_;
    std::vector<float> second_;
};

}  // namespace qloom::train
