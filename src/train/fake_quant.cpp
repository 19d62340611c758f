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
void quantise_run(const float* __restrict x, std::int64_t count, float scale, float lo, float hi,
                  float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) {
        y[i] = scale * level_of(x[i] / scale, lo, hi);
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
inline void backward_element(float x, float scale, float lo, float hi, float& g, float& ds) {
    const float ratio = x / scale;
    const float clamped = std::min(std::max(ratio, lo), hi);
    const bool inside = clamped == ratio;
    const float upstream = g;
    const float subtracted = inside ? ratio : 0.0F;
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
float backward_run(const float* __restrict x, float* __restrict g, std::int64_t count, float scale,
                   float lo, float hi) {
    std::array<float, kLanes> lanes{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            backward_element(x[i + lane], scale, lo, hi, g[i + lane],
                             lanes[static_cast<std::size_t>(lane)]);
        }
    }
    for (; i < count; ++i) {
        backward_element(x[i], scale, lo, hi, g[i], lanes[0]);
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

QLOOM_VECTORISED
float squared_error_run(const float* x, std::int64_t count, float scale, float lo, float hi) {
    std::array<float, kLanes> lanes{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            const float value = x[i + lane];
            const float difference = value - scale * level_of(value / scale, lo, hi);
            lanes[static_cast<std::size_t>(lane)] += difference * difference;
        }
    }
    for (; i < count; ++i) {
        const float difference = x[i] - scale * level_of(x[i] / scale, lo, hi);
        lanes[0] += difference * difference;
    }
    return sum_of(lanes);
}

// In runs, each summed as float, so that a float sum stays exact enough over many values.
double squared_error(std::span<const float> values, float scale, LevelRange levels) {
    constexpr std::int64_t kRun = 4096;
    const auto count = static_cast<std::int64_t>(values.size());
    double sum = 0.0;
    for (std::int64_t first = 0; first < count; first += kRun) {
        sum += static_cast<double>(squared_error_run(
            values.data() + first, std::min(kRun, count - first), scale, levels.lo, levels.hi));
    }
    return sum;
}

// The scale of least squared error: the best of 16 factors 1/8 .. 2 of `start`, then the best of 16
// around that one. A search is robust where Newton steps are not: the error has a kink at every
// rounding border.
float mse_scale(std::span<const float> values, float start, LevelRange levels) {
    constexpr int kSteps = 16;
    float best = start;
    double best_error = squared_error(values, start, levels);
    const auto search = [&](float from, float step) {
        for (int i = 0; i < kSteps; ++i) {
            const float candidate = from + step * static_cast<float>(i);
            const double error = squared_error(values, candidate, levels);
            if (error < best_error) {
                best_error = error;
                best = candidate;
            }
        }
    };
    const float coarse = start * 2.0F / kSteps;
    search(coarse, coarse);
    const float fine = coarse * 2.0F / (kSteps + 1);
    search(std::max(best - coarse + fine, fine), fine);
    return best;
}

float scale_of(std::span<const float> values, const QuantiserSpec& spec, LevelRange levels) {
    if (spec.source == ScaleSource::kConstant) {
        return static_cast<float>(spec.constant);
    }
    double largest = 0.0;
    double sum = 0.0;
    double squares = 0.0;
    for (const float value : values) {
        const double magnitude = std::fabs(static_cast<double>(value));
        largest = std::max(largest, magnitude);
        sum += magnitude;
        squares += magnitude * magnitude;
    }
    const auto count = static_cast<double>(values.size());
    const double mean = sum / count;
    const double sigma = std::sqrt(std::max(0.0, squares / count - mean * mean));
    const double top = static_cast<double>(levels.hi);
    double scale = largest / top;
    if (spec.source == ScaleSource::kMeanSigma) {
        scale = (mean + spec.sigmas * sigma) / top;
    } else if (levels.bipolar && spec.source != ScaleSource::kMax) {
        scale = mean;  // the least squared error of two levels +-s is at s = mean |x|
    } else if (spec.source == ScaleSource::kMse || spec.source == ScaleSource::kLearned) {
        scale = largest > 0.0
                    ? static_cast<double>(mse_scale(values, static_cast<float>(scale), levels))
                    : 0.0;
    }
    // A subnormal scale would make x / scale infinite.
    return scale > 1e-30 ? static_cast<float>(scale) : 1.0F;
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
                LevelRange levels, std::span<float> y) {
    check_sizes(x.size(), scale.size(), layout);
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        if (levels.bipolar) {
            bipolar_run(x.data() + offset, layout.inner, scale[channel], y.data() + offset);
        } else {
            quantise_run(x.data() + offset, layout.inner, scale[channel], levels.lo, levels.hi,
                         y.data() + offset);
        }
    });
}

void fake_quant_backward(std::span<const float> x, std::span<float> gradient,
                         const ChannelLayout& layout, std::span<const float> scale,
                         LevelRange levels, std::span<float> ds) {
    check_sizes(x.size(), scale.size(), layout);
    std::fill(ds.begin(), ds.end(), 0.0F);
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        const float* values = x.data() + offset;
        float* g = gradient.data() + offset;
        ds[channel] += levels.bipolar ? bipolar_backward_run(values, g, layout.inner)
                                      : backward_run(values, g, layout.inner, scale[channel],
                                                     levels.lo, levels.hi);
    });
}

std::vector<float> quantised_levels(std::span<const float> x, const ChannelLayout& layout,
                                    std::span<const float> scale, LevelRange levels) {
    check_sizes(x.size(), scale.size(), layout);
    std::vector<float> result(x.size());
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        for (std::int64_t i = offset; i < offset + layout.inner; ++i) {
            const float value = x[static_cast<std::size_t>(i)];
            result[static_cast<std::size_t>(i)] =
                levels.bipolar ? (value >= 0.0F ? 1.0F : -1.0F)
                               : level_of(value / scale[channel], levels.lo, levels.hi);
        }
    });
    return result;
}

std::vector<float> statistics_scale(std::span<const float> x, const ChannelLayout& layout,
                                    const QuantiserSpec& spec) {
    QLOOM_ASSERT(static_cast<std::int64_t>(x.size()) == layout.size(),
                 "the layout covers the values");
    const LevelRange levels = level_range(spec);
    std::vector<float> result(static_cast<std::size_t>(layout.channels));
    if (layout.channels == 1) {
        result[0] = scale_of(x, spec, levels);
        return result;
    }
    std::vector<std::vector<float>> by_channel(result.size());
    for_each_run(layout, [&](std::int64_t offset, std::size_t channel) {
        const auto run =
            x.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(layout.inner));
        by_channel[channel].insert(by_channel[channel].end(), run.begin(), run.end());
    });
    for (std::size_t channel = 0; channel < result.size(); ++channel) {
        result[channel] = scale_of(by_channel[channel], spec, levels);
    }
    return result;
}

}  // namespace qloom::train
