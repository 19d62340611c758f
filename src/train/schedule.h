#pragma once

#include <cstdint>

#include "train/recipe.h"

namespace qloom::train {

// The learning rate of step `step` (from 0) of `steps_per_epoch * spec.epochs`.
//   kConstant  rate
//   kStep      rate * step_factor^(epoch / step_epochs)
//   kCosine    rising linearly over the warm-up share, then half a cosine down to 0
//   kOneCycle  half a cosine from rate/25 up to rate over the warm-up share, then half a cosine
//   down to rate/25e4
double learning_rate(const TrainingSpec& spec, std::int64_t step, std::int64_t steps_per_epoch);

}  // namespace qloom::train
