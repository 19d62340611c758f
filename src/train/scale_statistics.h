#pragma once

#include <span>
#include <vector>

#include "train/fake_quant.h"
#include "train/quantiser_spec.h"

namespace qloom::train {

// What statistics decide of a quantiser, a value a channel.
struct ScaleAndZero {
    std::vector<float> scale;
    std::vector<float> zero;  // empty unless the quantiser is asymmetric
};

// Scales and zero points from the values x, by `spec.source` (kLearned: the mse optimum to start
// from; kConstant: the constant). Never a scale of 0: a channel of zeros gets the scale 1.
// Percentile and mse look at 65536 evenly spaced values where a channel has more.
//   kMax, levels -7..7, x = {-3.5, 1}:                              3.5 / 7 = 0.5
//   kPercentile 75, levels -7..7, x = {1, 2, 3, 4}:                 nearest rank 3: 3 / 7
//   kMeanSigma k = 2, levels -7..7, x = {-3.5, 1}:                  (2.25 + 2 * 1.25) / 7
//   kMax, levels 0..15, asymmetric, x = {-1, 2}:                    3 / 15 = 0.2, zero 5
ScaleAndZero scale_statistics(std::span<const float> x, const ChannelLayout& layout,
                              const QuantiserSpec& spec);

// The scales alone.
std::vector<float> statistics_scale(std::span<const float> x, const ChannelLayout& layout,
                                    const QuantiserSpec& spec);

// The power of two that stands for a scale: the next larger one where the source must not clip,
// else the nearest.
//   0.3, kMax -> 0.5     0.3, kMse -> 0.25     0.25 -> 0.25
float power_of_two(float scale, ScaleSource source);

}  // namespace qloom::train
