#include "lower/join.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/codes/lower.h"
#include "lower/join_steps.h"

namespace qloom::lower {
namespace {

constexpr std::int64_t kLargestMultiplier = std::int64_t{1} << 20;
// Combinations of all terms but one that are walked through for one channel.
constexpr std::uint64_t kMostCombinations = std::uint64_t{1} << 20;

// One channel's exactness test: every combination of all terms but the last walked through, the last by division.
class ChannelJoin {
public:
    ChannelJoin(std::vector<double> scale, double bias, std::vector<Range> ranges, const ChannelSteps& steps)
        : scale_(std::move(scale)), bias_(bias), ranges_(std::move(ranges)), steps_(steps) {
        // The term with the most values is not walked through.
        const auto most = std::ranges::max_element(ranges_, {}, [](Range range) { return range.count(); });
        last_ = static_cast<std::size_t>(most - ranges_.begin());
    }

    [[nodiscard]] std::uint64_t combinations() const {
        std::uint64_t product = 1;
        for (std::size_t k = 0; k < ranges_.size(); ++k) {
            if (k != last_) {
                product *= ranges_[k].count();
                if (product > kMostCombinations) {
                    return product;
                }
            }
        }
        return product;
    }

    // Multipliers for a resolution: round(scale_k / smallest * resolution).
    [[nodiscard]] std::vector<std::int64_t> multipliers(double resolution) const {
        double smallest = std::numeric_limits<double>::max();
        for (const double a : scale_) {
            smallest = a != 0.0 ? std::min(smallest, std::abs(a)) : smallest;
        }
        std::vector<std::int64_t> result;
        for (const double a : scale_) {
            result.push_back(a == 0.0 ? 0 : std::llround(a / smallest * resolution));
        }
        return result;
    }

    // The integer threshold of each step, or false when some step cannot be decided with these multipliers.
    bool exact(const std::vector<std::int64_t>& multipliers, std::vector<std::int64_t>& thresholds) const {
        const std::size_t count = steps_.thresholds.size();
        std::vector<std::int64_t> largest_below(count, std::numeric_limits<std::int64_t>::min());
        std::vector<std::int64_t> smallest_above(count, std::numeric_limits<std::int64_t>::max());
        std::vector<std::int64_t> index(ranges_.size());
        for (std::size_t k = 0; k < ranges_.size(); ++k) {
            index[k] = ranges_[k].lo;
        }
        while (true) {
            double real = bias_;
            std::int64_t sum = 0;
            for (std::size_t k = 0; k < ranges_.size(); ++k) {
                if (k != last_) {
                    real += scale_[k] * static_cast<double>(index[k]);
                    sum += multipliers[k] * index[k];
                }
            }
            for (std::size_t t = 0; t < count; ++t) {
                decide(real, sum, steps_.thresholds[t], multipliers[last_], largest_below[t], smallest_above[t]);
                if (largest_below[t] >= smallest_above[t]) {
                    return false;
                }
            }
            if (!advance(index)) {
                break;
            }
        }
        thresholds = std::move(smallest_above);
        return true;
    }

private:
    // Values x of the last term with real + a x >= threshold are "above"; narrows the two bounds by both sides.
    void decide(double real, std::int64_t sum, double threshold, std::int64_t factor, std::int64_t& largest_below,
                std::int64_t& smallest_above) const {
        const double a = scale_[last_];
        const Range range = ranges_[last_];
        const auto value = [&](std::int64_t x) { return real + a * static_cast<double>(x); };
        const auto below = [&](std::int64_t x) { largest_below = std::max(largest_below, sum + factor * x); };
        const auto above = [&](std::int64_t x) { smallest_above = std::min(smallest_above, sum + factor * x); };
        if (a == 0.0) {
            value(range.lo) >= threshold ? above(range.lo) : below(range.lo);
            return;
        }
        // The first x (walking in the direction that raises the value) at or above the threshold.
        const std::int64_t direction = a > 0 ? 1 : -1;
        const std::int64_t start = a > 0 ? range.lo : range.hi;
        const std::int64_t end = a > 0 ? range.hi : range.lo;
        const double exact = (threshold - real) / a;
        const double limited = std::clamp(exact, static_cast<double>(range.lo) - 2.0, static_cast<double>(range.hi) + 2.0);
        auto x = static_cast<std::int64_t>(a > 0 ? std::ceil(limited) : std::floor(limited));
        while (value(x) < threshold && (end - x) * direction >= 0) {
            x += direction;
        }
        while ((x - direction - start) * direction >= 0 && value(x - direction) >= threshold) {
            x -= direction;
        }
        if ((x - start) * direction <= 0) {
            above(start);
        } else if ((x - end) * direction > 0) {
            below(end);
        } else {
            above(x);
            below(x - direction);
        }
    }
    bool advance(std::vector<std::int64_t>& index) const {
        for (std::size_t k = 0; k < index.size(); ++k) {
            if (k == last_) {
                continue;
            }
            if (++index[k] <= ranges_[k].hi) {
                return true;
            }
            index[k] = ranges_[k].lo;
        }
        return false;
    }

    std::vector<double> scale_;
    double bias_;
    std::vector<Range> ranges_;
    const ChannelSteps& steps_;
    std::size_t last_ = 0;
};

double next_resolution(double resolution) { return resolution < 16 ? resolution + 1 : std::ceil(resolution * 1.1); }

bool small_enough(const std::vector<std::int64_t>& multipliers) {
    return std::ranges::all_of(multipliers, [](std::int64_t m) { return std::abs(m) <= kLargestMultiplier; });
}

Range sum_range(const std::vector<std::int64_t>& multipliers, const std::vector<std::vector<Range>>& ranges,
                std::size_t c) {
    Range result{0, 0};
    for (std::size_t k = 0; k < multipliers.size(); ++k) {
        const std::int64_t a = multipliers[k] * ranges[k][c].lo;
        const std::int64_t b = multipliers[k] * ranges[k][c].hi;
        result.lo += std::min(a, b);
        result.hi += std::max(a, b);
    }
    return result;
}

// What the threshold counts is the number of the segment: a table gives its level.
void look_up_segments(const std::vector<ChannelSteps>& steps, Joined& joined) {
    std::size_t width = 0;
    for (const ChannelSteps& channel : steps) {
        width = std::max(width, channel.segment_levels.size());
    }
    network::Lookup lookup;
    lookup.table = Tensor<std::int64_t>({static_cast<std::int64_t>(steps.size()), static_cast<std::int64_t>(width)});
    joined.segments = std::move(joined.output);
    joined.output.clear();
    for (std::size_t c = 0; c < steps.size(); ++c) {
        const std::vector<std::int64_t>& levels = steps[c].segment_levels;
        std::int64_t* row = std::ranges::copy(levels, lookup.table.data() + c * width).out;
        std::fill_n(row, width - levels.size(), levels.back());
        const auto [lo, hi] = std::ranges::minmax(levels);
        joined.output.push_back({lo, hi});
    }
    merge_equal_rows(lookup);
    joined.lookup = std::move(lookup);
}

}  // namespace

Joined join_terms(const Value& value, const LevelGrid& grid, const std::vector<std::vector<Range>>& ranges,
                  const std::string& where) {
    const auto channels = static_cast<std::size_t>(value.base.channels());
    const std::size_t terms = value.base.terms.size();
    std::vector<Direction> direction = directions(value.chain, static_cast<std::int64_t>(channels));
    const bool ordered = std::ranges::find(direction, Direction::kUnknown) == direction.end();
    std::vector<ChannelSteps> steps;
    if (ordered) {
        steps = real_steps(value, grid, direction, ranges);
    } else {
        // The sums are cut into segments of one level each; the number of the segment rises.
        steps = real_segments(value, grid, ranges, where);
        direction.assign(channels, Direction::kIncreasing);
    }

    std::vector<ChannelJoin> joins;
    for (std::size_t c = 0; c < channels; ++c) {
        std::vector<double> scale;
        std::vector<Range> range;
        for (std::size_t k = 0; k < terms; ++k) {
            scale.push_back(value.base.terms[k].scale[c]);
            range.push_back(ranges[k][c]);
        }
        joins.emplace_back(std::move(scale), value.base.bias[c], std::move(range), steps[c]);
        if (joins.back().combinations() > kMostCombinations) {
            throw Error(code::kJoinNotExact, where,
                        fmt::format("an addition of {} unquantised values has too many combinations to decide exactly",
                                    terms),
                        "quantise the operands of the addition");
        }
    }
    // One resolution for all channels first (plain constants in hardware), each channel's own where that fails.
    std::vector<std::vector<std::int64_t>> factors(channels);
    std::vector<std::vector<std::int64_t>> thresholds(channels);
    const bool common = [&] {
        for (double resolution = 1; resolution <= 4096; resolution = next_resolution(resolution)) {
            const std::vector<std::int64_t> shared = joins[0].multipliers(resolution);
            bool all = small_enough(shared);
            for (std::size_t c = 0; c < channels && all; ++c) {
                all = joins[c].multipliers(resolution) == shared && joins[c].exact(shared, thresholds[c]);
                factors[c] = shared;
            }
            if (all) {
                return true;
            }
        }
        return false;
    }();
    for (std::size_t c = 0; c < channels && !common; ++c) {
        bool found = false;
        for (double resolution = 1; !found; resolution = next_resolution(resolution)) {
            factors[c] = joins[c].multipliers(resolution);
            if (!small_enough(factors[c])) {
                throw Error(code::kJoinNotExact, where,
                            fmt::format("the scales of the {} operands of an addition have no exact integer ratio "
                                        "below 2^20",
                                        terms),
                            "quantise the operands of the addition with one shared scale");
            }
            found = joins[c].exact(factors[c], thresholds[c]);
        }
    }

    Joined result;
    result.multipliers.assign(terms, std::vector<std::int64_t>(channels));
    std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
    std::int64_t highest = std::numeric_limits<std::int64_t>::min();
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t k = 0; k < terms; ++k) {
            result.multipliers[k][c] = factors[c][k];
        }
        result.sums.push_back(sum_range(factors[c], ranges, c));
        const std::int64_t first = ordered ? steps[c].lowest : 0;
        const std::int64_t last = first + static_cast<std::int64_t>(steps[c].thresholds.size());
        const bool down = direction[c] == Direction::kDecreasing;
        result.output.push_back(down ? Range{-last, -first} : Range{first, last});
        lowest = std::min(lowest, result.output.back().lo);
        highest = std::max(highest, result.output.back().hi);
    }
    const std::int64_t count = std::max<std::int64_t>(1, highest - lowest);
    result.threshold.out_bias = lowest;
    result.threshold.thresholds = Tensor<std::int64_t>({static_cast<std::int64_t>(channels), count});
    std::vector<bool> decreasing(channels, false);
    for (std::size_t c = 0; c < channels; ++c) {
        const bool down = direction[c] == Direction::kDecreasing;
        decreasing[c] = down;
        std::int64_t* row = result.threshold.thresholds.data() + static_cast<std::int64_t>(c) * count;
        // A falling channel's level is out_bias + #{S < T}: levels it always has above the lowest count as "never
        // reached" thresholds, levels it never has as "always reached" ones; a rising channel the other way round.
        const std::int64_t always = result.output[c].lo - lowest;
        const std::int64_t never_from = always + static_cast<std::int64_t>(thresholds[c].size());
        std::vector<std::int64_t> values;
        for (std::int64_t t = 0; t < count; ++t) {
            if (t >= always && t < never_from) {
                const std::int64_t at = t - always;
                const auto size = static_cast<std::int64_t>(thresholds[c].size());
                values.push_back(thresholds[c][static_cast<std::size_t>(down ? size - 1 - at : at)]);
            } else {
                const bool counted = t < always;
                values.push_back(counted != down ? result.sums[c].lo : result.sums[c].hi + 1);
            }
            values.back() = std::clamp(values.back(), result.sums[c].lo, result.sums[c].hi + 1);
        }
        std::ranges::sort(values);
        std::ranges::copy(values, row);
    }
    if (std::ranges::find(decreasing, true) != decreasing.end()) {
        result.threshold.decreasing = std::move(decreasing);
    }
    merge_equal_rows(result.threshold);
    if (!ordered) {
        look_up_segments(steps, result);
    }
    return result;
}

}  // namespace qloom::lower
