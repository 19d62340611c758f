#include "ptq/levels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/diagnostic.h"

namespace qloom::ptq {
namespace {

// Clipping points tried: from a tenth of the largest value to all of it.
constexpr int kFirstStep = 10;
constexpr int kSteps = 100;
constexpr int kPowersTried = 6;
constexpr double kOnGrid = 1e-3;  // of a level

struct Extent {
    double lo = 0.0;  // at most 0
    double hi = 0.0;  // at least 0
};

Extent extent_of(const std::vector<float>& values) {
    Extent extent;
    for (const float value : values) {
        extent.lo = std::min(extent.lo, static_cast<double>(value));
        extent.hi = std::max(extent.hi, static_cast<double>(value));
    }
    return extent;
}

// The scale at which a type just reaches an extent; 0 for an extent of nothing.
double reaching_scale(const Extent& extent, IntType type) {
    const Range range = type.range();
    const double up = range.hi == 0 ? 0.0 : extent.hi / static_cast<double>(range.hi);
    const double down = range.lo == 0 ? 0.0 : extent.lo / static_cast<double>(range.lo);
    return std::max(up, down);
}

// The extent cut at a percentile of |x|.
Extent percentile_extent(const std::vector<float>& values, double percentile) {
    std::vector<float> sizes(values.size());
    std::ranges::transform(values, sizes.begin(), [](float x) { return std::abs(x); });
    const auto rank =
        static_cast<std::size_t>(std::ceil(percentile / 100.0 * static_cast<double>(sizes.size())));
    const std::size_t at = std::min(sizes.size() - 1, rank == 0 ? 0 : rank - 1);
    std::ranges::nth_element(sizes, sizes.begin() + static_cast<std::ptrdiff_t>(at));
    const auto limit = static_cast<double>(sizes[at]);
    const Extent all = extent_of(values);
    return {std::max(all.lo, -limit), std::min(all.hi, limit)};
}

std::vector<double> candidate_scales(double reaching, const ScaleSearch& search) {
    std::vector<double> scales;
    if (search.power_of_two) {
        // The power that covers everything first; by MSE, finer ones that clip as well.
        const double covering = std::ceil(std::log2(reaching) - 1e-9);
        const int tried = search.rule == ScaleRule::kMse ? kPowersTried : 1;
        for (int i = 0; i < tried; ++i) {
            scales.push_back(std::exp2(covering - i));
        }
        return scales;
    }
    if (search.rule != ScaleRule::kMse) {
        return {reaching};
    }
    for (int step = kSteps; step >= kFirstStep; --step) {
        scales.push_back(reaching * step / kSteps);
    }
    return scales;
}

}  // namespace

float Levels::level(float x) const {
    const Range range = type.range();
    const float v =
        std::clamp(x / scale + zero, static_cast<float>(range.lo), static_cast<float>(range.hi));
    return std::nearbyint(v);
}

double squared_error(const Samples& samples, const Levels& levels) {
    const std::vector<float>& targets = samples.targets.empty() ? samples.values : samples.targets;
    double error = 0.0;
    for (std::size_t i = 0; i < samples.values.size(); ++i) {
        const double difference = static_cast<double>(levels.quantised(samples.values[i])) -
                                  static_cast<double>(targets[i]);
        error += difference * difference * (samples.weights.empty() ? 1.0 : samples.weights[i]);
    }
    return error;
}

std::vector<Levels> find_shared_levels(const std::vector<Samples>& samples,
                                       const std::vector<IntType>& types,
                                       const ScaleSearch& search) {
    QLOOM_ASSERT(samples.size() == types.size() && !samples.empty(), "one type for every tensor");
    double reaching = 0.0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const std::vector<float>& values = samples[i].values;
        const Extent extent = search.rule == ScaleRule::kPercentile && !values.empty()
                                  ? percentile_extent(values, search.percentile)
                                  : extent_of(values);
        reaching = std::max(reaching, reaching_scale(extent, types[i]));
    }
    std::vector<Levels> best;
    for (const IntType type : types) {
        best.push_back({.type = type, .scale = 1.0F, .zero = 0.0F});
    }
    // Values that are all 0, or so small that a scale for them is no normal float, have any scale.
    if (!(reaching > static_cast<double>(std::numeric_limits<float>::min()) * 1e3)) {
        return best;
    }
    double least = std::numeric_limits<double>::infinity();
    for (const double scale : candidate_scales(reaching, search)) {
        std::vector<Levels> levels = best;
        double error = 0.0;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            levels[i].scale = static_cast<float>(scale);
            error += squared_error(samples[i], levels[i]);
        }
        if (error < least) {
            least = error;
            best = std::move(levels);
        }
    }
    return best;
}

Levels find_levels(const Samples& samples, IntType type, const ScaleSearch& search) {
    return find_shared_levels({samples}, {type}, search)[0];
}

Levels find_asymmetric_levels(const Samples& samples, int bits, const ScaleSearch& search) {
    const IntType type{bits, false};
    const Extent extent = search.rule == ScaleRule::kPercentile
                              ? percentile_extent(samples.values, search.percentile)
                              : extent_of(samples.values);
    const auto top = static_cast<double>(type.range().hi);
    Levels best{.type = type, .scale = 1.0F, .zero = 0.0F};
    const double reaching = (extent.hi - extent.lo) / top;
    if (!(reaching > static_cast<double>(std::numeric_limits<float>::min()) * 1e3)) {
        return best;
    }
    double least = std::numeric_limits<double>::infinity();
    // A clipping point above by the scale, one below by the zero point.
    for (const double scale : candidate_scales(reaching, search)) {
        const double full = std::clamp(std::nearbyint(-extent.lo / scale), 0.0, top);
        for (const double share : {1.0, 0.75, 0.5, 0.25}) {
            const Levels levels{.type = type,
                                .scale = static_cast<float>(scale),
                                .zero = static_cast<float>(std::nearbyint(full * share))};
            const double error = squared_error(samples, levels);
            if (error < least) {
                least = error;
                best = levels;
            }
            if (search.rule != ScaleRule::kMse) {
                break;
            }
        }
    }
    return best;
}

std::optional<Levels> find_exact_levels(const Samples& samples, int bits) {
    const Extent extent = extent_of(samples.values);
    const IntType type{bits, extent.lo < 0.0};
    const Range range = type.range();
    const auto fits = [&](double scale) {
        return std::ranges::all_of(samples.values, [&](float value) {
            const double level = static_cast<double>(value) / scale;
            return std::abs(level - std::nearbyint(level)) <= kOnGrid &&
                   level >= static_cast<double>(range.lo) - kOnGrid &&
                   level <= static_cast<double>(range.hi) + kOnGrid;
        });
    };
    for (const double scale : {1.0, 1.0 / 255.0}) {
        // Values that are all 0 or 1 would fit any scale of the two; bytes reach beyond 1, shares
        // of 255 do not.
        const bool plausible = scale == 1.0 ? std::max(extent.hi, -extent.lo) > 1.0
                                            : extent.hi > 0.0 && extent.hi <= 1.0;
        if (plausible && fits(scale)) {
            return Levels{.type = type, .scale = static_cast<float>(scale), .zero = 0.0F};
        }
    }
    std::vector<float> sorted = samples.values;
    std::ranges::sort(sorted);
    const double tolerance = 1e-6 * std::max(extent.hi, -extent.lo);
    double gap = std::numeric_limits<double>::infinity();
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        const double step = static_cast<double>(sorted[i]) - static_cast<double>(sorted[i - 1]);
        if (step > tolerance) {
            gap = std::min(gap, step);
        }
    }
    if (!std::isfinite(gap)) {
        return std::nullopt;
    }
    const double largest = std::max(extent.hi, -extent.lo);
    const double levels = std::nearbyint(largest / gap);
    const bool reaches = levels >= static_cast<double>(range.hi) / 2.0;
    if (levels < 1.0 || !reaches || !fits(largest / levels)) {
        return std::nullopt;
    }
    return Levels{.type = type, .scale = static_cast<float>(largest / levels), .zero = 0.0F};
}

}  // namespace qloom::ptq
