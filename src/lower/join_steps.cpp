#include "lower/join_steps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/codes/lower.h"
#include "lower/chain.h"

namespace qloom::lower {
namespace {

// Sums of all channels together that are looked at one by one, and how many rows at a time.
constexpr std::uint64_t kMostSums = std::uint64_t{1} << 24;
constexpr std::size_t kBlock = 4096;

// Floats as integers in the same order, so that they can be bisected.
std::int64_t ordinal(float value) {
    const auto bits = std::bit_cast<std::int32_t>(value);
    return bits >= 0 ? bits : std::int64_t{std::numeric_limits<std::int32_t>::min()} - bits;
}
float from_ordinal(std::int64_t value) {
    return std::bit_cast<float>(static_cast<std::int32_t>(
        value >= 0 ? value : std::int64_t{std::numeric_limits<std::int32_t>::min()} - value));
}

// The real sums of a channel lie in [lo, hi].
struct RealRange {
    double lo = 0.0;
    double hi = 0.0;
};

RealRange real_range(const Affine& base, const std::vector<std::vector<Range>>& ranges,
                     std::size_t c) {
    RealRange result{base.bias[c], base.bias[c]};
    for (std::size_t k = 0; k < base.terms.size(); ++k) {
        const double a = base.terms[k].scale[c] * static_cast<double>(ranges[k][c].lo);
        const double b = base.terms[k].scale[c] * static_cast<double>(ranges[k][c].hi);
        result.lo += std::min(a, b);
        result.hi += std::max(a, b);
    }
    return result;
}

// Levels of rows x channels real numbers, rounded as the model rounds.
std::vector<std::int64_t> levels_of(const Value& value, const LevelGrid& grid,
                                    const std::vector<float>& reals) {
    const std::size_t channels = grid.scale.size();
    const std::vector<float> out =
        run_chain(value.chain, reals, static_cast<std::int64_t>(channels));
    std::vector<std::int64_t> levels(out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t c = i % channels;
        levels[i] = std::llround((static_cast<double>(out[i]) - grid.bias[c]) / grid.scale[c]);
    }
    return levels;
}

}  // namespace

std::vector<ChannelSteps> real_steps(const Value& value, const LevelGrid& grid,
                                     const std::vector<Direction>& directions,
                                     const std::vector<std::vector<Range>>& ranges) {
    const std::size_t channels = directions.size();
    std::vector<RealRange> reals;
    for (std::size_t c = 0; c < channels; ++c) {
        reals.push_back(real_range(value.base, ranges, c));
    }
    // Negated on falling channels, so that every channel rises.
    const auto levels = [&](const std::vector<float>& numbers) {
        std::vector<std::int64_t> result = levels_of(value, grid, numbers);
        for (std::size_t i = 0; i < result.size(); ++i) {
            if (directions[i % channels] == Direction::kDecreasing) {
                result[i] = -result[i];
            }
        }
        return result;
    };
    std::vector<float> ends(2 * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        ends[c] = static_cast<float>(reals[c].lo);
        ends[channels + c] = static_cast<float>(reals[c].hi);
    }
    const std::vector<std::int64_t> end_levels = levels(ends);
    std::size_t rows = 0;
    std::vector<ChannelSteps> steps(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        steps[c].lowest = end_levels[c];
        steps[c].thresholds.resize(
            static_cast<std::size_t>(end_levels[channels + c] - end_levels[c]));
        rows = std::max(rows, steps[c].thresholds.size());
    }
    // Per channel and level: level at lo is below, level at hi is at or above.
    std::vector<std::int64_t> lo(rows * channels);
    std::vector<std::int64_t> hi(rows * channels);
    for (std::size_t i = 0; i < lo.size(); ++i) {
        lo[i] = ordinal(ends[i % channels]);
        hi[i] = ordinal(ends[channels + i % channels]);
    }
    for (bool open = rows > 0; open;) {
        open = false;
        std::vector<float> middles(rows * channels);
        for (std::size_t i = 0; i < middles.size(); ++i) {
            open = open || hi[i] - lo[i] > 1;
            middles[i] = from_ordinal(lo[i] + (hi[i] - lo[i]) / 2);
        }
        const std::vector<std::int64_t> at = levels(middles);
        for (std::size_t i = 0; i < middles.size(); ++i) {
            if (hi[i] - lo[i] > 1) {
                const std::int64_t wanted =
                    steps[i % channels].lowest + 1 + static_cast<std::int64_t>(i / channels);
                (at[i] >= wanted ? hi[i] : lo[i]) = lo[i] + (hi[i] - lo[i]) / 2;
            }
        }
    }
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t t = 0; t < steps[c].thresholds.size(); ++t) {
            // A double rounds to the float hi[i] or above from the middle between it and the float
            // below on.
            const double above = static_cast<double>(from_ordinal(hi[t * channels + c]));
            const double below = static_cast<double>(from_ordinal(lo[t * channels + c]));
            steps[c].thresholds[t] = (above + below) / 2;
        }
    }
    return steps;
}

std::vector<ChannelSteps> real_segments(const Value& value, const LevelGrid& grid,
                                        const std::vector<std::vector<Range>>& ranges,
                                        const std::string& where) {
    const std::size_t channels = grid.scale.size();
    std::vector<std::vector<double>> sums;  // one a channel, ascending
    std::size_t most = 0;
    for (std::size_t c = 0; c < channels; ++c) {
        std::vector<double> reals{value.base.bias[c]};
        for (std::size_t k = 0; k < ranges.size(); ++k) {
            const Range range = ranges[k][c];
            if (range.count() * reals.size() * channels > kMostSums) {
                throw Error(
                    code::kNotMonotone, where,
                    "the activation between an addition of differently scaled values and this "
                    "quantiser neither "
                    "only rises nor only falls, and there are too many sums to look at each",
                    "quantise the sum before the activation, or use a monotone activation");
            }
            std::vector<double> next;
            next.reserve(reals.size() * range.count());
            for (const double real : reals) {
                for (std::int64_t i = range.lo; i <= range.hi; ++i) {
                    next.push_back(real + value.base.terms[k].scale[c] * static_cast<double>(i));
                }
            }
            reals = std::move(next);
        }
        std::ranges::sort(reals);
        reals.erase(std::ranges::unique(reals).begin(), reals.end());
        most = std::max(most, reals.size());
        sums.push_back(std::move(reals));
    }
    std::vector<ChannelSteps> steps(channels);
    for (std::size_t begin = 0; begin < most; begin += kBlock) {
        const std::size_t rows = std::min(kBlock, most - begin);
        std::vector<float> block(rows * channels);
        for (std::size_t i = 0; i < block.size(); ++i) {
            const std::vector<double>& reals = sums[i % channels];
            block[i] = static_cast<float>(reals[std::min(begin + i / channels, reals.size() - 1)]);
        }
        const std::vector<std::int64_t> levels = levels_of(value, grid, block);
        for (std::size_t i = 0; i < block.size(); ++i) {
            ChannelSteps& channel = steps[i % channels];
            const std::vector<double>& reals = sums[i % channels];
            const std::size_t at = std::min(begin + i / channels, reals.size() - 1);
            if (!channel.segment_levels.empty() && channel.segment_levels.back() == levels[i]) {
                continue;
            }
            if (at > 0) {
                channel.thresholds.push_back((reals[at - 1] + reals[at]) / 2);
            }
            channel.segment_levels.push_back(levels[i]);
        }
    }
    return steps;
}

}  // namespace qloom::lower
