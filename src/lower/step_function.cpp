#include "lower/step_function.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/codes/lower.h"

namespace qloom::lower {
namespace {

// Tabulate when rows x channels stays below this, so many values at a time; a table of a channel may have so many entries
// in hardware.
constexpr std::uint64_t kTabulateLimit = std::uint64_t{1} << 26;
constexpr std::size_t kTabulateAtOnce = std::size_t{1} << 18;
constexpr std::uint64_t kLookupLimit = std::uint64_t{1} << 12;
// Above so many steps thresholds cost more memory than a multiplier.
constexpr std::int64_t kMaxThresholdSteps = 255;

std::uint64_t largest_count(const std::vector<Range>& ranges) {
    std::uint64_t largest = 0;
    for (const Range range : ranges) {
        largest = std::max(largest, range.count());
    }
    return largest;
}

// Each channel's function as segments: level `level` from integer `from` on, until the next segment.
struct Segment {
    std::int64_t from;
    std::int64_t level;
};
using Segments = std::vector<Segment>;

bool ascends(const Segments& segments) {
    return std::ranges::is_sorted(segments, {}, &Segment::level);
}
bool descends(const Segments& segments) {
    return std::ranges::is_sorted(segments, std::greater<>(), &Segment::level);
}

std::vector<Segments> tabulate(const StepInput& input, const LevelFunction& levels) {
    const std::size_t channels = input.ranges.size();
    const auto rows = static_cast<std::size_t>(largest_count(input.ranges));
    const std::size_t most = std::max<std::size_t>(1, kTabulateAtOnce / channels);
    std::vector<Segments> segments(channels);
    std::vector<std::int64_t> integers;
    for (std::size_t first = 0; first < rows; first += most) {
        const std::size_t count = std::min(most, rows - first);
        integers.resize(count * channels);
        for (std::size_t row = 0; row < count; ++row) {
            for (std::size_t c = 0; c < channels; ++c) {
                integers[row * channels + c] =
                    std::min(input.ranges[c].lo + static_cast<std::int64_t>(first + row), input.ranges[c].hi);
            }
        }
        const std::vector<std::int64_t> result = levels(integers);
        for (std::size_t c = 0; c < channels; ++c) {
            for (std::size_t row = 0; row < count; ++row) {
                const std::int64_t level = result[row * channels + c];
                if (segments[c].empty() || segments[c].back().level != level) {
                    segments[c].push_back({integers[row * channels + c], level});
                }
            }
        }
    }
    return segments;
}

// Bisects every channel's range until each step is pinned, all channels and intervals of one depth at a time.
std::vector<Segments> bisect(const StepInput& input, const LevelFunction& levels) {
    struct Interval {
        std::int64_t lo, hi, level_lo, level_hi;  // level known at both ends
    };
    const std::size_t channels = input.ranges.size();
    std::vector<std::int64_t> ends(2 * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        ends[c] = input.ranges[c].lo;
        ends[channels + c] = input.ranges[c].hi;
    }
    const std::vector<std::int64_t> end_levels = levels(ends);
    std::vector<std::vector<Interval>> open(channels);
    std::vector<Segments> segments(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        segments[c].push_back({input.ranges[c].lo, end_levels[c]});
        open[c].push_back({input.ranges[c].lo, input.ranges[c].hi, end_levels[c], end_levels[channels + c]});
    }
    while (true) {
        std::size_t rows = 0;
        for (std::size_t c = 0; c < channels; ++c) {
            std::erase_if(open[c], [&](const Interval& interval) {
                if (interval.level_lo == interval.level_hi) {
                    return true;
                }
                if (interval.hi - interval.lo == 1) {
                    segments[c].push_back({interval.hi, interval.level_hi});
                    return true;
                }
                return false;
            });
            rows = std::max(rows, open[c].size());
        }
        if (rows == 0) {
            break;
        }
        std::vector<std::int64_t> middles(rows * channels);
        for (std::size_t c = 0; c < channels; ++c) {
            for (std::size_t row = 0; row < rows; ++row) {
                middles[row * channels + c] = row < open[c].size()
                                                  ? open[c][row].lo + (open[c][row].hi - open[c][row].lo) / 2
                                                  : input.ranges[c].lo;
            }
        }
        const std::vector<std::int64_t> middle_levels = levels(middles);
        for (std::size_t c = 0; c < channels; ++c) {
            std::vector<Interval> next;
            for (std::size_t row = 0; row < open[c].size(); ++row) {
                const Interval& interval = open[c][row];
                const std::int64_t middle = middles[row * channels + c];
                const std::int64_t level = middle_levels[row * channels + c];
                next.push_back({interval.lo, middle, interval.level_lo, level});
                next.push_back({middle, interval.hi, level, interval.level_hi});
            }
            open[c] = std::move(next);
        }
    }
    for (Segments& one : segments) {
        std::ranges::sort(one, {}, &Segment::from);
    }
    return segments;
}

Range reached(const Segments& segments) {
    const auto [lo, hi] = std::ranges::minmax(segments, {}, &Segment::level);
    return {lo.level, hi.level};
}

std::optional<std::int64_t> identity_offset(const std::vector<Segments>& segments, const std::vector<Range>& ranges) {
    const std::int64_t offset = segments[0][0].level - segments[0][0].from;
    for (std::size_t c = 0; c < segments.size(); ++c) {
        if (segments[c].size() != ranges[c].count() ||
            !std::ranges::all_of(segments[c],
                                 [offset](const Segment& segment) { return segment.level - segment.from == offset; })) {
            return std::nullopt;
        }
    }
    return offset;
}

network::Threshold thresholds_from(const std::vector<Segments>& segments, const std::vector<Range>& ranges,
                                   Range levels) {
    const auto channels = static_cast<std::int64_t>(segments.size());
    const std::int64_t steps = std::max<std::int64_t>(1, levels.hi - levels.lo);
    network::Threshold result;
    result.thresholds = Tensor<std::int64_t>({channels, steps});
    result.out_bias = levels.lo;
    std::vector<bool> decreasing(segments.size(), false);
    for (std::int64_t c = 0; c < channels; ++c) {
        const auto index = static_cast<std::size_t>(c);
        const Segments& one = segments[index];
        const bool down = !ascends(one);
        decreasing[index] = down;
        // Increasing: T[t] = first x with level > lo + t.  Decreasing: level = lo + #{x < T}, so T = first x at which
        // the level has fallen to lo + k or below, k = 0, 1, ... in descending order of x; sorted below.
        for (std::int64_t t = 0; t < steps; ++t) {
            std::int64_t threshold = ranges[index].hi + 1;
            const std::int64_t bound = levels.lo + t;
            for (const Segment& segment : one) {
                if (down ? segment.level <= bound : segment.level > bound) {
                    threshold = segment.from;
                    break;
                }
            }
            result.thresholds[c * steps + (down ? steps - 1 - t : t)] = threshold;
        }
    }
    if (std::ranges::find(decreasing, true) != decreasing.end()) {
        result.decreasing = std::move(decreasing);
    }
    return result;
}

network::Lookup lookup_from(const std::vector<Segments>& segments, const std::vector<Range>& ranges) {
    Range all = ranges[0];
    for (const Range range : ranges) {
        all = all.united(range);
    }
    const auto width = static_cast<std::int64_t>(all.count());
    network::Lookup result;
    result.input_lo = all.lo;
    result.table = Tensor<std::int64_t>({static_cast<std::int64_t>(segments.size()), width});
    for (std::size_t c = 0; c < segments.size(); ++c) {
        std::size_t at = 0;
        for (std::int64_t i = 0; i < width; ++i) {
            while (at + 1 < segments[c].size() && segments[c][at + 1].from <= all.lo + i) {
                ++at;
            }
            result.table[static_cast<std::int64_t>(c) * width + i] = segments[c][at].level;
        }
    }
    merge_equal_rows(result);
    return result;
}

StepTable table_from(const std::vector<Segments>& segments, const std::vector<Range>& ranges) {
    const auto channels = static_cast<std::int64_t>(segments.size());
    const auto most = static_cast<std::int64_t>(std::ranges::max(segments, {}, &Segments::size).size());
    StepTable result;
    result.segments.thresholds = Tensor<std::int64_t>({channels, most - 1});
    result.levels.table = Tensor<std::int64_t>({channels, most});
    for (std::int64_t c = 0; c < channels; ++c) {
        const Segments& one = segments[static_cast<std::size_t>(c)];
        const auto count = static_cast<std::int64_t>(one.size());
        result.segment_ranges.push_back({0, count - 1});
        for (std::int64_t k = 0; k < most; ++k) {
            const Segment& segment = one[static_cast<std::size_t>(std::min(k, count - 1))];
            result.levels.table[c * most + k] = segment.level;
            if (k > 0) {
                result.segments.thresholds[c * (most - 1) + k - 1] =
                    k < count ? segment.from : ranges[static_cast<std::size_t>(c)].hi + 1;
            }
        }
    }
    merge_equal_rows(result.segments);
    merge_equal_rows(result.levels);
    return result;
}

std::int64_t requantized(const network::Requantize& unit, std::size_t c, std::int64_t x) {
    return std::clamp((unit.mul[c] * x + unit.add[c]) >> unit.shift, unit.lo, unit.hi);
}

// Smallest x of the range at which channel c of an increasing unit reaches `level`; hi + 1 when it never does.
std::int64_t first_reaching(const network::Requantize& unit, std::size_t c, Range range, std::int64_t level) {
    std::int64_t lo = range.lo;
    std::int64_t hi = range.hi + 1;
    while (lo < hi) {
        const std::int64_t middle = lo + (hi - lo) / 2;
        if (requantized(unit, c, middle) >= level) {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    return lo;
}

// How far from a rounding step float32 arithmetic may err, in levels: a few roundings of the largest magnitude.
double float_noise(double largest_level) { return std::max(1e-4, std::ldexp(largest_level, -21)); }

// Whether the unit gives the level function's value around every one of its own steps; both are monotone, so equality
// just before and at each step (and at the ends) is equality everywhere. With more than 8 bits the model's float32
// arithmetic itself is coarser than the distance of some inputs to a step: there, and only within its noise, one level
// of difference is allowed and counted.
std::optional<std::int64_t> differences_at_steps(const network::Requantize& unit, const StepInput& input,
                                                 const LevelFunction& levels) {
    const std::size_t channels = input.ranges.size();
    std::vector<std::vector<std::int64_t>> probes(channels);
    std::size_t rows = 0;
    for (std::size_t c = 0; c < channels; ++c) {
        const Range range = input.ranges[c];
        probes[c] = {range.lo, range.hi};
        const std::int64_t top = requantized(unit, c, range.hi);
        for (std::int64_t level = requantized(unit, c, range.lo) + 1; level <= top; ++level) {
            const std::int64_t x = first_reaching(unit, c, range, level);
            probes[c].push_back(x);
            probes[c].push_back(x - 1);
        }
        rows = std::max(rows, probes[c].size());
    }
    std::vector<std::int64_t> integers(rows * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t row = 0; row < rows; ++row) {
            integers[row * channels + c] = probes[c][std::min(row, probes[c].size() - 1)];
        }
    }
    const double noise = float_noise(static_cast<double>(std::max(std::abs(unit.lo), std::abs(unit.hi))));
    const std::vector<std::int64_t> wanted = levels(integers);
    std::int64_t differences = 0;
    for (std::size_t i = 0; i < integers.size(); ++i) {
        const std::size_t c = i % channels;
        const std::int64_t level = requantized(unit, c, integers[i]);
        if (level == wanted[i]) {
            continue;
        }
        const double exact = input.slope[c] * static_cast<double>(integers[i]) + input.offset[c];
        const double step = static_cast<double>(std::max(level, wanted[i])) - 0.5;
        if (std::abs(level - wanted[i]) > 1 || std::abs(exact - step) > noise) {
            return std::nullopt;
        }
        ++differences;
    }
    return differences;
}

std::optional<StepFunction> try_requantize(const StepInput& input, const LevelFunction& levels) {
    const bool increasing = std::ranges::all_of(
        input.directions, [](Direction direction) { return direction == Direction::kIncreasing; });
    if (input.slope.empty() || !increasing) {
        return std::nullopt;
    }
    const std::size_t channels = input.ranges.size();
    std::vector<std::int64_t> ends(2 * channels);
    for (std::size_t c = 0; c < channels; ++c) {
        ends[c] = input.ranges[c].lo;
        ends[channels + c] = input.ranges[c].hi;
    }
    const std::vector<std::int64_t> end_levels = levels(ends);
    const auto [lo, hi] = std::ranges::minmax(end_levels);
    const double widest = [&] {
        double magnitude = 1.0;
        for (std::size_t c = 0; c < channels; ++c) {
            for (const std::int64_t end : {input.ranges[c].lo, input.ranges[c].hi}) {
                magnitude = std::max(magnitude, std::abs(input.slope[c] * static_cast<double>(end)) +
                                                    std::abs(input.offset[c]) + 1.0);
            }
        }
        return magnitude;
    }();
    double largest_integer = 1.0;
    for (const Range range : input.ranges) {
        largest_integer = std::max(largest_integer, static_cast<double>(std::max(std::abs(range.lo), std::abs(range.hi))));
    }
    // Factors rounded finely enough that their error over the whole range stays within the noise; finer if need be.
    const double noise = float_noise(static_cast<double>(std::max(std::abs(lo), std::abs(hi))));
    const int coarsest = std::max(0, static_cast<int>(std::ceil(std::log2(largest_integer / noise))) - 1);
    for (int shift = coarsest; shift < coarsest + 10 && widest * std::ldexp(1.0, shift) < std::ldexp(1.0, 61); ++shift) {
        network::Requantize unit{.mul = {}, .add = {}, .shift = shift, .lo = lo, .hi = hi};
        for (std::size_t c = 0; c < channels; ++c) {
            unit.mul.push_back(std::llround(std::ldexp(input.slope[c], shift)));
            unit.add.push_back(std::llround(std::ldexp(input.offset[c] + 0.5, shift)));
        }
        if (std::ranges::any_of(unit.mul, [](std::int64_t factor) { return factor < 0; })) {
            return std::nullopt;
        }
        if (const auto differences = differences_at_steps(unit, input, levels)) {
            StepFunction result;
            for (std::size_t c = 0; c < channels; ++c) {
                result.output.push_back({requantized(unit, c, input.ranges[c].lo), requantized(unit, c, input.ranges[c].hi)});
            }
            result.kind = std::move(unit);
            result.float_noise_steps = *differences;
            return result;
        }
    }
    return std::nullopt;
}

}  // namespace

LevelFunction level_function(const Value& value, const LevelGrid& grid) {
    return [&value, &grid](const std::vector<std::int64_t>& integers) {
        const std::int64_t channels = value.base.channels();
        const std::vector<float> reals = run_chain(value.chain, reals_of(value.base, integers), channels);
        std::vector<std::int64_t> levels(reals.size());
        for (std::size_t i = 0; i < reals.size(); ++i) {
            const std::size_t c = i % static_cast<std::size_t>(channels);
            levels[i] = std::llround((static_cast<double>(reals[i]) - grid.bias[c]) / grid.scale[c]);
        }
        return levels;
    };
}

void merge_equal_rows(network::Threshold& threshold) {
    const std::int64_t rows = threshold.thresholds.dim(0);
    const std::int64_t steps = threshold.thresholds.dim(1);
    const auto* first = threshold.thresholds.data();
    for (std::int64_t row = 1; row < rows; ++row) {
        const bool same_flag = threshold.decreasing.empty() ||
                               threshold.decreasing[static_cast<std::size_t>(row)] == threshold.decreasing[0];
        if (!same_flag || !std::equal(first, first + steps, first + row * steps)) {
            return;
        }
    }
    threshold.thresholds = Tensor<std::int64_t>({1, steps}, std::vector<std::int64_t>(first, first + steps));
    if (!threshold.decreasing.empty()) {
        threshold.decreasing.resize(1);
    }
}

void merge_equal_rows(network::Lookup& lookup) {
    const std::int64_t width = lookup.table.dim(1);
    const auto* first = lookup.table.data();
    for (std::int64_t row = 1; row < lookup.table.dim(0); ++row) {
        if (!std::equal(first, first + width, first + row * width)) {
            return;
        }
    }
    lookup.table = Tensor<std::int64_t>({1, width}, std::vector<std::int64_t>(first, first + width));
}

StepFunction find_step_function(const StepInput& input, const LevelFunction& levels) {
    const std::size_t channels = input.ranges.size();
    const bool monotone = std::ranges::none_of(
        input.directions, [](Direction direction) { return direction == Direction::kUnknown; });
    const std::uint64_t rows = largest_count(input.ranges);
    const bool small = rows <= kTabulateLimit && rows * channels <= kTabulateLimit;
    const bool many_levels = input.level_range.hi - input.level_range.lo > kMaxThresholdSteps;
    if (many_levels && rows > kLookupLimit) {
        if (std::optional<StepFunction> unit = try_requantize(input, levels)) {
            return *unit;
        }
    }
    if (!small && !monotone) {
        throw Error(code::kNotMonotone, input.where,
                    fmt::format("the activation before this quantiser neither only rises nor only falls, and its "
                                "input takes {} values, too many for a table of {}",
                                rows, kTabulateLimit / std::max<std::uint64_t>(1, channels)),
                    "quantise the input of the activation to 12 bits or fewer, or use a monotone activation");
    }
    const bool bisected = monotone && rows > 1024;
    const std::vector<Segments> segments = bisected ? bisect(input, levels) : tabulate(input, levels);
    StepFunction result;
    Range all = reached(segments[0]);
    bool ordered = true;
    for (const Segments& one : segments) {
        result.output.push_back(reached(one));
        all = all.united(result.output.back());
        ordered = ordered && (ascends(one) || descends(one));
    }
    if (ordered) {
        if (const auto offset = identity_offset(segments, input.ranges)) {
            result.kind = StepIdentity{*offset};
            return result;
        }
        network::Threshold threshold = thresholds_from(segments, input.ranges, all);
        merge_equal_rows(threshold);
        result.kind = std::move(threshold);
        return result;
    }
    if (rows > kLookupLimit) {
        const std::size_t most = std::ranges::max(segments, {}, &Segments::size).size();
        if (most > kLookupLimit) {
            throw Error(code::kNotMonotone, input.where,
                        fmt::format("the activation before this quantiser neither only rises nor only falls, and it has "
                                    "{} steps, more than a table of {} holds",
                                    most, kLookupLimit),
                        "quantise the input of the activation to 12 bits or fewer, or use a monotone activation");
        }
        result.kind = table_from(segments, input.ranges);
        return result;
    }
    result.kind = lookup_from(segments, input.ranges);
    return result;
}

}  // namespace qloom::lower
