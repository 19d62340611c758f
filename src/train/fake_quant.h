#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/quantiser_spec.h"

// Fake quantisation on plain memory, forward and backward in one pass each. No LibTorch here: these
// loops are the numbers; functions.h makes them known to autograd.
namespace qloom::train {

// How scales spread over memory: element ((o * channels) + c) * inner + i belongs to channel c.
//   a weight matrix (outputs, inputs), a scale per output:  {1, outputs, inputs}
//   activations (N, H, W, C), a scale per channel:          {N * H * W, C, 1}
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

// y = s * (round_half_even(clamp(x / s + z, lo, hi)) - z),  bipolar: y = x >= 0 ? s : -s. `zero`
// has a z, a whole number, for every scale; empty means 0. y is other memory than x.
//   s = 0.5, levels -7..7:   x = 0.8 -> 1.0 (level 2)    x = 0.75 -> 1.0 (tie to the even level 2)
//   x = 9 -> 3.5
//   s = 0.5, levels 0..15, z = 3:   x = -1 -> -1.0 (level 1)    x = -9 -> -1.5 (level 0)    x = 9
//   -> 6.0 (level 15)
void fake_quant(std::span<const float> x, const ChannelLayout& layout, std::span<const float> scale,
                LevelRange levels, std::span<float> y, std::span<const float> zero = {});

// The gradients of LSQ (arXiv 1902.08153), straight through the rounding:
//   dx = g  where lo <= x/s + z <= hi, else 0                    bipolar: g where |x| <= 1, else 0
//   ds = sum g * (level - z - x/s) inside, g * (level - z) outside         bipolar: sum g * sign(x)
// `gradient` holds g and becomes dx, in place. ds has one value a channel.
void fake_quant_backward(std::span<const float> x, std::span<float> gradient,
                         const ChannelLayout& layout, std::span<const float> scale,
                         LevelRange levels, std::span<float> ds, std::span<const float> zero = {});

// The integers themselves without the zero point, level - z: -7 .. 7. Value = scale times that.
std::vector<float> quantised_levels(std::span<const float> x, const ChannelLayout& layout,
                                    std::span<const float> scale, LevelRange levels,
                                    std::span<const float> zero = {});

}  // namespace qloom::train
