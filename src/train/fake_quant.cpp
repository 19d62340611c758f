#include "train/fake_quant.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/diagnostic.h"
#include "train/vectorised.h"

namespace qloom::train {
namespace {

// Independent partial sums, so that a reduction vectorises without changing the order of its
// additions from one machine to the next.
constexpr std::int64_t kLanes = 16;

// Rounds |v| < 2^22 half to even: adding 1.5 * 2^23 leaves no fraction bits. Vectorises where
// nearbyint does not.
inline float round_even(float v) {
    constexpr float kMagic = 12582912.0F;
    return (v + kMagic) - kMagic;
}

inline float level_of(float ratio, float lo, float hi) {
    return round_even(std::min(std::max(ratio, lo), hi));
}

QLOOM_VECTORISED
void quantise_run(const float* __restrict x, std::int64_t count, float scale, float zero, float lo,
                  float hi, float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) {
        y[i] = scale * (level_of(x[i] / scale + zero, lo, hi) - zero);
    }
}

// Rows of `channels` values, each with a scale of its own.
QLOOM_VECTORISED
void quantise_rows(const float* __restrict x, std::int64_t rows, std::int64_t channels,
                   const float* __restrict scale, const float* __restrict zero, float lo, float hi,
                   float* __restrict y) {
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = row * channels + c;
            y[i] = scale[c] * (level_of(x[i] / scale[c] + zero[c], lo, hi) - zero[c]);
        }
    }
}

QLOOM_VECTORISED
void bipolar_run(const float* __restrict x, std::int64_t count, float scale, float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) {
        y[i] = x[i] >= 0.0F ? scale : -scale;
    }
}

// Turns the gradient g of the output into that of the input, in place, and adds the share of the
// scale to ds.
inline void backward_element(float x, float scale, float zero, float lo, float hi, float& g,
                             float& ds) {
    const float ratio = x / scale + zero;
    const float clamped = std::min(std::max(ratio, lo), hi);
    const bool inside = clamped == ratio;
    const float upstream = g;
    const float subtracted = inside ? ratio : zero;
    ds += upstream * (round_even(clamped) - subtracted);
    g = inside ? upstream : 0.0F;
}

inline void bipolar_backward_element(float x, float& g, float& ds) {
    const float upstream = g;
    ds += x >= 0.0F ? upstream : -upstream;
    g = std::fabs(x) <= 1.0F ? upstream : 0.0F;
}

float sum_of(const std::array<float, kLanes>& lanes) {
    float sum = 0.0F;
    for (const float lane : lanes) {
        sum += lane;
    }
    return sum;
}

QLOOM_VECTORISED
void backward_rows(const float* __restrict x, float* __restrict g, std::int64_t rows,
                   std::int64_t channels, const float* __restrict scale,
                   const float* __restrict zero, float lo, float hi, float* __restrict ds) {
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = row * channels + c;
            backward_element(x[i], scale[c], zero[c], lo, hi, g[i], ds[c]);
        }
    }
}

QLOOM_VECTORISED
float backward_run(const float* __restrict x, float* __restrict g, std::int64_t count, float scale,
                   float zero, float lo, float hi) {
    std::array<float, kLanes> lanes{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            backward_element(x[i + lane], scale, zero, lo, hi, g[i + lane],
                             lanes[static_cast<std::size_t>(lane)]);
        }
    }
    for (; i < count; ++i) {
        backward_element(x[i], scale, zero, lo, hi, g[i], lanes[0]);
    }
    return sum_of(lanes);
}

QLOOM_VECTORISED
float bipolar_backward_run(const float* __restrict x, float* __restrict g, std::int64_t count) {
    std::array<float, kLanes> lanes{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            bipolar_backward_element(x[i + lane], g[i + lane],
                                     lanes[static_cast<std::size_t>(lane)]);
        }
    }
    for (; i < count; ++i) {
        bipolar_backward_element(x[i], g[i], lanes[0]);
    }
    return sum_of(lanes);
}

// Calls visit(offset, channel) for every contiguous run of `layout.inner` elements.
template <class Visit>
void for_each_run(const ChannelLayout& layout, Visit visit) {
    std::int64_t offset = 0;
    for (std::int64_t outer = 0; outer < layout.outer; ++outer) {
        for (std::int64_t channel = 0; channel < layout.channels; ++channel) {
            visit(offset, static_cast<std::size_t>(channel));
            offset += layout.inner;
        }
    }
}

void check_sizes(std::size_t x, std::size_t scales, const ChannelLayout& layout) {
    QLOOM_ASSERT(static_cast<std::int64_t>(x) == layout.size(), "the layout covers the values");
    QLOOM_ASSERT(static_cast<std::int64_t>(scales) == layout.channels, "one scale a channel");
}

float zero_of(std::span<const float> zero, std::size_t channel) {
    return zero.empty() ? 0.0F : zero[channel];
}

// Channels fastest: a run would be a single value.
bool is_rows(const ChannelLayout& layout) { return layout.inner == 1 && layout.channels > 1; }

std::vector<float> zeros_of(std::span<const float> zero, const ChannelLayout& layout) {
    return zero.empty() ? std::vector<float>(static_cast<std::size_t>(layout.channels), 0.0F)
                        : std::vector<float>(zero.begin(), zero.end());
}

}  // namespace

LevelRange level_range(const QuantiserSpec& spec) {
    if (spec.is_bipolar()) {
        return {.lo = -1.0F, .hi = 1.0F, .bipolar = true};
    }
    const Range range = spec.type.range();
    return {.lo = static_cast<float>(range.lo), .hi = static_cast<float>(range.hi)};
}

void fake_quant(std::span<const float> x, const ChannelLayout& layout, std::span<const float> scale,
                LevelRange levels, std::span<float> y, std::span<const float> zero) {
    check_sizes(x.size(), scale.size(), layout);
    if (is_rows(layout) && !levels.bipolar) {
        const std::vector<float> zeros = zeros_of(zero, layout);
        quantise_rows(x.data(), layout.outer, layout.channels, scale.data(), zeros.data(),
                      levels.lo, levels.hi, y.data());
        return;
    }
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        if (levels.bipolar) {
            bipolar_run(x.data() + offset, layout.inner, scale[channel], y.data() + offset);
        } else {
            quantise_run(x.data() + offset, layout.inner, scale[channel], zero_of(zero, channel),
                         levels.lo, levels.hi, y.data() + offset);
        }
    });
}

void fake_quant_backward(std::span<const float> x, std::span<float> gradient,
                         const ChannelLayout& layout, std::span<const float> scale,
                         LevelRange levels, std::span<float> ds, std::span<const float> zero) {
    check_sizes(x.size(), scale.size(), layout);
    std::fill(ds.begin(), ds.end(), 0.0F);
    if (is_rows(layout) && !levels.bipolar) {
        const std::vector<float> zeros = zeros_of(zero, layout);
        backward_rows(x.data(), gradient.data(), layout.outer, layout.channels, scale.data(),
                      zeros.data(), levels.lo, levels.hi, ds.data());
        return;
    }
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        const float* values = x.data() + offset;
        float* g = gradient.data() + offset;
        ds[channel] += levels.bipolar ? bipolar_backward_run(values, g, layout.inner)
                                      : backward_run(values, g, layout.inner, scale[channel],
                                                     zero_of(zero, channel), levels.lo, levels.hi);
    });
}

std::vector<float> quantised_levels(std::span<const float> x, const ChannelLayout& layout,
                                    std::span<const float> scale, LevelRange levels,
                                    std::span<const float> zero) {
    check_sizes(x.size(), scale.size(), layout);
    std::vector<float> result(x.size());
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        const float z = zero_of(zero, channel);
        for (std::int64_t i = offset; i < offset + layout.inner; ++i) {
            const float value = x[static_cast<std::size_t>(i)];
            result[static_cast<std::size_t>(i)] =
                levels.bipolar ? (value >= 0.0F ? 1.0F : -1.0F)
                               : level_of(value / scale[channel] + z, levels.lo, levels.hi) - z;
        }
    });
    return result;
}

}  // namespace qloom::train
