#include "train/scale_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/diagnostic.h"
#include "train/vectorised.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kLanes = 16;  // see fake_quant.cpp
constexpr std::size_t kMostLookedAt = 1U << 16U;

inline float level_of(float ratio, float lo, float hi) {
    constexpr float kMagic = 12582912.0F;  // rounds half to even, see fake_quant.cpp
    return (std::min(std::max(ratio, lo), hi) + kMagic) - kMagic;
}

QLOOM_VECTORISED
float squared_error_run(const float* x, std::int64_t count, float scale, float zero, float lo,
                        float hi) {
    std::array<float, kLanes> lanes{};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            const float value = x[i + lane];
            const float difference =
                value - scale * (level_of(value / scale + zero, lo, hi) - zero);
            lanes[static_cast<std::size_t>(lane)] += difference * difference;
        }
    }
    for (; i < count; ++i) {
        const float difference = x[i] - scale * (level_of(x[i] / scale + zero, lo, hi) - zero);
        lanes[0] += difference * difference;
    }
    float sum = 0.0F;
    for (const float lane : lanes) {
        sum += lane;
    }
    return sum;
}

// In runs, each summed as float, so that a float sum stays exact enough over many values.
double squared_error(std::span<const float> values, float scale, float zero, LevelRange levels) {
    constexpr std::int64_t kRun = 4096;
    const auto count = static_cast<std::int64_t>(values.size());
    double sum = 0.0;
    for (std::int64_t first = 0; first < count; first += kRun) {
        sum += static_cast<double>(squared_error_run(values.data() + first,
                                                     std::min(kRun, count - first), scale, zero,
                                                     levels.lo, levels.hi));
    }
    return sum;
}

// The scale of least squared error: the best of 16 factors 1/8 .. 2 of `start`, then the best of 16
// around that one. A search is robust where Newton steps are not: the error has a kink at every
// rounding border.
float mse_scale(std::span<const float> values, float start, LevelRange levels) {
    constexpr int kSteps = 16;
    float best = start;
    double best_error = squared_error(values, start, 0.0F, levels);
    const auto search = [&](float from, float step) {
        for (int i = 0; i < kSteps; ++i) {
            const float candidate = from + step * static_cast<float>(i);
            const double error = squared_error(values, candidate, 0.0F, levels);
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

// Every k-th value, so that at most kMostLookedAt remain.
std::vector<float> thinned(std::span<const float> values) {
    const std::size_t step = (values.size() + kMostLookedAt - 1) / kMostLookedAt;
    std::vector<float> result;
    for (std::size_t i = 0; i < values.size(); i += step) {
        result.push_back(values[i]);
    }
    return result;
}

// The value of nearest rank: of n values, number ceil(p / 100 * n) in ascending order.
float percentile_of(std::vector<float> values, double percentile) {
    const auto rank = static_cast<std::size_t>(
        std::ceil(percentile / 100.0 * static_cast<double>(values.size())));
    const std::size_t index = std::clamp<std::size_t>(rank, 1, values.size()) - 1;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                     values.end());
    return values[index];
}

struct Moments {
    double mean = 0.0;
    double sigma = 0.0;
};

Moments moments_of(std::span<const float> values, bool magnitudes) {
    double sum = 0.0;
    double squares = 0.0;
    for (const float value : values) {
        const double v =
            magnitudes ? std::fabs(static_cast<double>(value)) : static_cast<double>(value);
        sum += v;
        squares += v * v;
    }
    const auto count = static_cast<double>(values.size());
    const double mean = sum / count;
    return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean))};
}

// A subnormal scale would make x / scale infinite.
float usable(double scale) { return scale > 1e-30 ? static_cast<float>(scale) : 1.0F; }

float symmetric_scale(std::span<const float> all, const QuantiserSpec& spec, LevelRange levels) {
    const double top = static_cast<double>(levels.hi);
    double largest = 0.0;
    for (const float value : all) {
        largest = std::max(largest, std::fabs(static_cast<double>(value)));
    }
    const bool has_mean = levels.bipolar && spec.source != ScaleSource::kMax;
    switch (spec.source) {
        case ScaleSource::kConstant:
            return static_cast<float>(spec.constant);
        case ScaleSource::kMax:
            return usable(largest / top);
        case ScaleSource::kMeanSigma: {
            const Moments moments = moments_of(all, true);
            return usable((moments.mean + spec.sigmas * moments.sigma) / top);
        }
        case ScaleSource::kPercentile: {
            std::vector<float> magnitudes = thinned(all);
            for (float& value : magnitudes) {
                value = std::fabs(value);
            }
            return usable(
                static_cast<double>(percentile_of(std::move(magnitudes), spec.percentile)) / top);
        }
        case ScaleSource::kMse:
        case ScaleSource::kLearned:
            if (has_mean) {
                return usable(
                    moments_of(all, true).mean);  // the optimum of two levels +-s is s = mean |x|
            }
            return largest > 0.0 ? usable(static_cast<double>(mse_scale(
                                       thinned(all), static_cast<float>(largest / top), levels)))
                                 : 1.0F;
    }
    QLOOM_ASSERT(false, "every source is handled");
}

struct Affine {
    float scale = 1.0F;
    float zero = 0.0F;
};

// The scale that spreads lo..hi over the levels; 0 is always inside and a level.
Affine affine_over(double lo, double hi, LevelRange levels) {
    lo = std::min(lo, 0.0);
    hi = std::max(hi, 0.0);
    const float scale = usable((hi - lo) / static_cast<double>(levels.hi - levels.lo));
    const float zero = std::nearbyint(levels.lo - static_cast<float>(lo) / scale);
    return {scale, std::clamp(zero, levels.lo, levels.hi)};
}

Affine asymmetric(std::span<const float> all, const QuantiserSpec& spec, LevelRange levels) {
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    double lo = static_cast<double>(*low);
    double hi = static_cast<double>(*high);
    switch (spec.source) {
        case ScaleSource::kConstant:
            return {static_cast<float>(spec.constant), static_cast<float>(spec.zero_point)};
        case ScaleSource::kMax:
            return affine_over(lo, hi, levels);
        case ScaleSource::kMeanSigma: {
            const Moments moments = moments_of(all, false);
            return affine_over(std::max(lo, moments.mean - spec.sigmas * moments.sigma),
                               std::min(hi, moments.mean + spec.sigmas * moments.sigma), levels);
        }
        case ScaleSource::kPercentile: {
            const std::vector<float> values = thinned(all);
            return affine_over(static_cast<double>(percentile_of(values, 100.0 - spec.percentile)),
                               static_cast<double>(percentile_of(values, spec.percentile)), levels);
        }
        case ScaleSource::kMse:
        case ScaleSource::kLearned: {
            // Both ends drawn in together: 32 widths from the whole range down.
            const std::vector<float> values = thinned(all);
            Affine best;
            double best_error = INFINITY;
            for (int step = 32; step >= 1; --step) {
                const double share = static_cast<double>(step) / 32.0;
                const Affine candidate = affine_over(lo * share, hi * share, levels);
                const double error = squared_error(values, candidate.scale, candidate.zero, levels);
                if (error < best_error) {
                    best_error = error;
                    best = candidate;
                }
            }
            return best;
        }
    }
    QLOOM_ASSERT(false, "every source is handled");
}

Affine of_channel(std::span<const float> values, const QuantiserSpec& spec, LevelRange levels) {
    Affine result = spec.asymmetric ? asymmetric(values, spec, levels)
                                    : Affine{symmetric_scale(values, spec, levels), 0.0F};
    if (spec.power_of_two && spec.source != ScaleSource::kConstant) {
        const float scale = power_of_two(result.scale, spec.source);
        if (spec.asymmetric) {
            // The zero point moves with the scale, so that the lower end stays where it was.
            const float lower = (levels.lo - result.zero) * result.scale;
            result.zero =
                std::clamp(std::nearbyint(levels.lo - lower / scale), levels.lo, levels.hi);
        }
        result.scale = scale;
    }
    return result;
}

}  // namespace

float power_of_two(float scale, ScaleSource source) {
    const float exponent = std::log2(scale);
    const bool never_clips = source == ScaleSource::kMax || source == ScaleSource::kPercentile;
    return std::exp2(never_clips ? std::ceil(exponent) : std::nearbyint(exponent));
}

ScaleAndZero scale_statistics(std::span<const float> x, const ChannelLayout& layout,
                              const QuantiserSpec& spec) {
    QLOOM_ASSERT(static_cast<std::int64_t>(x.size()) == layout.size() && !x.empty(),
                 "the layout covers the values");
    const LevelRange levels = level_range(spec);
    std::vector<std::vector<float>> by_channel;
    if (layout.channels > 1) {
        by_channel.resize(static_cast<std::size_t>(layout.channels));
        std::size_t offset = 0;
        const auto inner = static_cast<std::size_t>(layout.inner);
        for (std::int64_t outer = 0; outer < layout.outer; ++outer) {
            for (std::vector<float>& channel : by_channel) {
                const auto run = x.subspan(offset, inner);
                channel.insert(channel.end(), run.begin(), run.end());
                offset += inner;
            }
        }
    }
    ScaleAndZero result;
    for (std::int64_t channel = 0; channel < layout.channels; ++channel) {
        const Affine affine = of_channel(
            layout.channels > 1 ? by_channel[static_cast<std::size_t>(channel)] : x, spec, levels);
        result.scale.push_back(affine.scale);
        if (spec.asymmetric) {
            result.zero.push_back(affine.zero);
        }
    }
    return result;
}

std::vector<float> statistics_scale(std::span<const float> x, const ChannelLayout& layout,
                                    const QuantiserSpec& spec) {
    return scale_statistics(x, layout, spec).scale;
}

}  // namespace qloom::train
