#pragma once

#include <optional>
#include <vector>

#include "base/int_type.h"

namespace qloom::ptq {

// A uniform quantiser as QONNX' Quant means it: x -> (round(clamp(x / scale + zero, lo, hi)) -
// zero) * scale, in float32, ties to even.
//   INT4n, scale 0.5:           0.8 -> 1.0 (level 2)    9.0 -> 3.5 (level 7)
//   UINT4, scale 0.1, zero 4:  -0.3 -> -0.3 (level 1)   9.0 -> 1.1 (level 15)
struct Levels {
    IntType type{4, true, true};
    float scale = 1.0F;
    float zero = 0.0F;

    [[nodiscard]] float level(float x) const;
    [[nodiscard]] float quantised(float x) const { return (level(x) - zero) * scale; }
    friend bool operator==(const Levels&, const Levels&) = default;
};

// How a scale is found.
//   kMse         the one of a grid of clipping points with the least mean squared error
//   kPercentile  the given percentile of |x| is the largest level
//   kMax         the largest |x| is the largest level
enum class ScaleRule { kMse, kPercentile, kMax };
struct ScaleSearch {
    ScaleRule rule = ScaleRule::kMse;
    double percentile = 99.9;   // of |x|, in percent
    bool power_of_two = false;  // the scale is 2^n
};

// Values to quantise and what they should come out as (empty: as themselves), with one weight each
// (empty: 1).
struct Samples {
    std::vector<float> values;
    std::vector<float> targets = {};
    std::vector<double> weights = {};
};

// sum_i weight_i * (quantised(value_i) - target_i)^2.
double squared_error(const Samples& samples, const Levels& levels);

// The levels of `type` with zero point 0 for the samples.
Levels find_levels(const Samples& samples, IntType type, const ScaleSearch& search);

// One scale with zero point 0 for several tensors, each with a type of its own: operands of an
// addition.
std::vector<Levels> find_shared_levels(const std::vector<Samples>& samples,
                                       const std::vector<IntType>& types,
                                       const ScaleSearch& search);

// The same as find_levels for an unsigned type with a zero point, for ranges that are not centred:
// values from -0.3 to
// 6. The real 0 stays exact.
Levels find_asymmetric_levels(const Samples& samples, int bits, const ScaleSearch& search);

// Levels that lose nothing, where the samples lie on a grid that the bits can hold: bytes 0..255,
// or those divided by 255. A grid other than those two counts only when the samples reach at least
// half of the levels.
std::optional<Levels> find_exact_levels(const Samples& samples, int bits);

}  // namespace qloom::ptq
