#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe.h"

// Fake quantisation on plain memory, forward and backward in one pass each. No LibTorch here: these
// loops are the numbers; functions.h makes them known to autograd.
namespace qloom::train {

// How scales spread over memory: element ((o * channels) + c) * inner + i belongs to channel c.
//   a weight matrix (outputs, inputs), a scale per output:  {1, outputs, inputs}
//   activations (N, C), a scale per channel:                {N, C, 1}
//   one scale for everything:                               {1, 1, size}
struct ChannelLayout {
    std::int64_t outer = 1;
    std::int64_t channels = 1;
    std::int64_t inner = 1;

    [[nodiscard]] std::int64_t size() const { return outer * channels * inner; }
};

// The levels a quantiser can take.
struct LevelRange {
    float lo = 0.0F;
    float hi = 0.0F;
    bool bipolar = false;  // the two levels -1 and +1, nothing between
};
LevelRange level_range(const QuantiserSpec& spec);

// y = s * round_half_even(clamp(x / s, lo, hi)),  bipolar: y = x >= 0 ? s : -s. y is other memory
// than x.
//   s = 0.5, levels -7..7:   x = 0.8 -> 1.0 (level 2)    x = 0.75 -> 1.0 (tie to the even level 2)
//   x = 9 -> 3.5
void fake_quant(std::span<const float> x, const ChannelLayout& layout, std::span<const float> scale,
                LevelRange levels, std::span<float> y);

// The gradients of LSQ (arXiv 1902.08153), straight through the rounding:
//   dx = g  where lo <= x/s <= hi, else 0                        bipolar: g where |x| <= 1, else 0
//   ds = sum g * (level - x/s) inside, g * level outside         bipolar: sum g * sign(x)
// `gradient` holds g and becomes dx, in place. ds has one value a channel.
void fake_quant_backward(std::span<const float> x, std::span<float> gradient,
                         const ChannelLayout& layout, std::span<const float> scale,
                         LevelRange levels, std::span<float> ds);

// The integer levels themselves, -7 .. 7.
std::vector<float> quantised_levels(std::span<const float> x, const ChannelLayout& layout,
                                    std::span<const float> scale, LevelRange levels);

// One scale a channel from statistics of x, by `source` (kLearned: the mse optimum to start from;
// kConstant: the constant). Never 0: a channel of zeros gets the scale 1.
//   kMax, levels -7..7, x = {-3.5, 1}:  3.5 / 7 = 0.5
std::vector<float> statistics_scale(std::span<const float> x, const ChannelLayout& layout,
                                    const QuantiserSpec& spec);

}  // namespace qloom::train
