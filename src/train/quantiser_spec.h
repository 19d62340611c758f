#pragma once

#include <cstdint>

#include "base/int_type.h"

namespace qloom::train {

// Where the scale of a quantiser comes from.
//   kLearned     a parameter trained with the weights (LSQ, arXiv 1902.08153), started at the mse
//   optimum kMax         max |x| / largest level kPercentile  the p-th percentile of |x| / largest
//   level kMeanSigma   (mean |x| + k * sigma(|x|)) / largest level kMse         the scale of least
//   squared quantisation error kConstant    the number written in the recipe
// Statistics of weights are taken at every step; those of activations are running averages, fixed
// in evaluation.
enum class ScaleSource { kLearned, kMax, kPercentile, kMeanSigma, kMse, kConstant };

enum class Granularity { kTensor, kChannel };

// How values become integers:
//   level = round_half_even(clamp(x / scale + zero, lo, hi)),  value = (level - zero) * scale
//   {bits 4, signed, narrow}  -7..7             {bits 4, unsigned}  0..15
//   {bits 2, signed, narrow}  -1..1 (ternary)   {bits 1, signed}    -1 or +1 (bipolar; x >= 0 ->
//   +1)
// zero is 0 unless the quantiser is asymmetric: then range and zero point come from both ends of
// the values, 0 always being a level of its own.
//   {bits 4, unsigned, asymmetric, max}, x from -1 to 2:   scale 3 / 15 = 0.2, zero 5, x = -1 ->
//   level 0, 2 -> level 15
// A power-of-two scale is the next larger one for max and percentile, which shall not clip, else
// the nearest one.
//   0.3 -> 0.5 (max), 0.25 (mse)
struct QuantiserSpec {
    IntType type{4, true, true};
    ScaleSource source = ScaleSource::kLearned;
    Granularity granularity = Granularity::kTensor;
    bool asymmetric = false;
    bool power_of_two = false;
    double percentile = 99.9;     // kPercentile, 50..100
    double sigmas = 3.0;          // kMeanSigma: k
    double constant = 1.0;        // kConstant: the scale
    std::int64_t zero_point = 0;  // kConstant and asymmetric: the zero point
    std::int64_t delay = 0;       // steps of training before it quantises

    [[nodiscard]] bool is_bipolar() const { return type.bits == 1 && type.is_signed; }
    friend bool operator==(const QuantiserSpec&, const QuantiserSpec&) = default;
};

// The quantiser of a bias: narrow levels of up to 32 bits times a scale that is either that of the
// products it is added to (input scale * weight scale, so that hardware adds integers), or max
// |bias| / largest level.
//   input scale 0.5, weight scale 0.25, bias 0.3:   level round(0.3 / 0.125) = 2, value 0.25
struct BiasQuantiser {
    int bits = 32;
    bool accumulator_scale = true;
    friend bool operator==(const BiasQuantiser&, const BiasQuantiser&) = default;
};

}  // namespace qloom::train
