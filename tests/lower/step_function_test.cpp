#include "lower/step_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "network/execute.h"

namespace qloom::lower {
namespace {

using network::Lookup;
using network::Requantize;
using network::Threshold;

// The function as the integer executor computes it.
std::int64_t evaluate(const StepFunction& function, const std::vector<Range>& ranges, std::size_t channel,
                      std::int64_t x) {
    Range all = ranges[0];
    for (const Range range : ranges) {
        all = all.united(range);
    }
    const auto channels = static_cast<std::int64_t>(ranges.size());
    network::Network net;
    const Range out{-100000, 100000};
    const network::StreamId a = net.add_stream({"a", {channels}, IntType::smallest(all), all});
    const network::StreamId b = net.add_stream({"b", {channels}, IntType::smallest(out), out});
    network::LayerKind kind;
    if (const auto* threshold = std::get_if<Threshold>(&function.kind)) {
        kind = *threshold;
    } else if (const auto* lookup = std::get_if<Lookup>(&function.kind)) {
        kind = *lookup;
    } else {
        kind = std::get<Requantize>(function.kind);
    }
    net.layers.push_back({"step", std::move(kind), {a}, {b}});
    net.inputs = {a};
    net.outputs = {b};
    Tensor<std::int64_t> frame({1, channels});
    for (std::int64_t c = 0; c < channels; ++c) {
        frame[c] = ranges[static_cast<std::size_t>(c)].lo;
    }
    frame[static_cast<std::int64_t>(channel)] = x;
    return network::integers_of(network::Executor(net).run({network::frames_from(frame, all)})[0])
        [static_cast<std::int64_t>(channel)];
}

// A level function given per channel as plain C++.
LevelFunction by_channel(std::vector<std::function<std::int64_t(std::int64_t)>> functions) {
    return [functions = std::move(functions)](const std::vector<std::int64_t>& x) {
        std::vector<std::int64_t> levels(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            levels[i] = functions[i % functions.size()](x[i]);
        }
        return levels;
    };
}

StepInput step_input(std::vector<Range> ranges, std::vector<Direction> directions, Range levels) {
    return {.ranges = std::move(ranges),
            .directions = std::move(directions),
            .slope = {},
            .offset = {},
            .level_range = levels,
            .where = "act1"};
}

TEST(StepFunction, SmallRangesEveryValue) {
    const auto rising = [](std::int64_t x) { return std::clamp<std::int64_t>((x + 20) / 7, 0, 7); };
    const auto falling = [](std::int64_t x) { return std::clamp<std::int64_t>(3 - (x + 40) / 11 + 3, 0, 7); };
    const auto constant = [](std::int64_t) { return std::int64_t{5}; };
    const std::vector<Range> ranges{{-40, 40}, {-38, 35}, {-1, 1}};
    const StepInput input = step_input(
        ranges, {Direction::kUnknown, Direction::kUnknown, Direction::kUnknown}, {0, 7});
    const LevelFunction levels = by_channel({rising, falling, constant});
    const StepFunction function = find_step_function(input, levels);
    ASSERT_TRUE(std::holds_alternative<Threshold>(function.kind));
    EXPECT_EQ(function.output[2], (Range{5, 5}));
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::int64_t x = ranges[c].lo; x <= ranges[c].hi; ++x) {
            const std::int64_t wanted = c == 0 ? rising(x) : c == 1 ? falling(x) : constant(x);
            ASSERT_EQ(evaluate(function, ranges, c, x), wanted) << "channel " << c << " at " << x;
        }
    }
}

// Too wide to tabulate: bisection finds the very same steps, checked on both sides of every step.
TEST(StepFunction, WideRangesAreBisected) {
    const double slope = 1.0 / 77777.7;
    const auto rising = [=](std::int64_t x) {
        return std::clamp<std::int64_t>(std::llround(static_cast<double>(x) * slope), 0, 15);
    };
    const auto falling = [=](std::int64_t x) { return 15 - rising(x + 1234); };
    const std::vector<Range> ranges{{-2000000, 2000000}, {-1500000, 1900000}};
    const StepFunction function = find_step_function(
        step_input(ranges, {Direction::kIncreasing, Direction::kDecreasing}, {0, 15}), by_channel({rising, falling}));
    const auto& threshold = std::get<Threshold>(function.kind);
    EXPECT_EQ(threshold.thresholds.dim(1), 15);
    for (std::size_t c = 0; c < 2; ++c) {
        for (std::int64_t t = 0; t < 15; ++t) {
            for (const std::int64_t nudge : {-1, 0, 1}) {
                const std::int64_t x = threshold.thresholds[static_cast<std::int64_t>(c) * 15 + t] + nudge;
                if (ranges[c].contains(x)) {
                    ASSERT_EQ(evaluate(function, ranges, c, x), c == 0 ? rising(x) : falling(x)) << c << " " << x;
                }
            }
        }
    }
}

TEST(StepFunction, IdentityNeedsNoLayer) {
    const StepFunction function = find_step_function(step_input({{0, 15}, {0, 15}}, {Direction::kIncreasing,
                                                                Direction::kIncreasing}, {0, 15}),
                                                     by_channel({[](std::int64_t x) { return x - 3; },
                                                                 [](std::int64_t x) { return x - 3; }}));
    EXPECT_EQ(std::get<StepIdentity>(function.kind).offset, -3);
}

TEST(StepFunction, EqualRowsAreOne) {
    const auto half = [](std::int64_t x) { return x / 2; };
    const StepFunction function = find_step_function(
        step_input({{0, 15}, {0, 15}}, {Direction::kIncreasing, Direction::kIncreasing}, {0, 15}), by_channel({half, half}));
    EXPECT_EQ(std::get<Threshold>(function.kind).thresholds.shape(), (Shape{1, 7}));
}

TEST(StepFunction, WithoutOrderBecomesATable) {
    const auto bent = [](std::int64_t x) { return std::abs(x) / 4; };
    const std::vector<Range> ranges{{-30, 31}};
    const StepFunction function = find_step_function(step_input(ranges, {Direction::kUnknown}, {0, 7}), by_channel({bent}));
    ASSERT_TRUE(std::holds_alternative<Lookup>(function.kind));
    for (std::int64_t x = -30; x <= 31; ++x) {
        EXPECT_EQ(evaluate(function, ranges, 0, x), bent(x));
    }
}

// More integers than a table holds, but few steps: thresholds tell the segments apart.
TEST(StepFunction, WithoutOrderAndWideBecomesATableOfSegments) {
    const auto bent = [](std::int64_t x) { return std::abs(x) / 7000; };
    const auto wave = [](std::int64_t x) { return x < -20000 ? 3 : x < 5 ? -2 : x < 4000 ? 5 : 0; };
    const std::vector<Range> ranges{{-50000, 50000}, {-30000, 45000}};
    const StepFunction function = find_step_function(
        step_input(ranges, {Direction::kUnknown, Direction::kUnknown}, {-8, 7}), by_channel({bent, wave}));
    ASSERT_TRUE(std::holds_alternative<StepTable>(function.kind));
    const auto& table = std::get<StepTable>(function.kind);
    EXPECT_EQ(table.segment_ranges, (std::vector<Range>{{0, 14}, {0, 3}}));
    EXPECT_EQ(function.output, (std::vector<Range>{{0, 7}, {-2, 5}}));
    for (std::int64_t c = 0; c < 2; ++c) {
        const Range range = ranges[static_cast<std::size_t>(c)];
        for (std::int64_t x = range.lo; x <= range.hi; ++x) {
            const auto* row = table.segments.thresholds.data() + c * 14;
            const std::int64_t segment = std::upper_bound(row, row + 14, x) - row;
            ASSERT_EQ(table.levels.table[c * 15 + segment], c == 0 ? bent(x) : wave(x)) << x;
        }
    }
}

TEST(StepFunction, WithoutOrderAndTooWideIsRefused) {
    const auto bent = [](std::int64_t x) { return std::abs(x) / 4; };
    try {
        find_step_function(step_input({{-50000, 50000}}, {Direction::kUnknown}, {0, 7}), by_channel({bent}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0303: act1: the activation before this quantiser neither only rises nor only falls, and it has 25001 "
                     "steps, more than a table of 4096 holds; quantise the input of the activation to 12 bits or fewer, "
                     "or use a monotone activation");
    }
}

// 16-bit levels: a multiplier, equal to the rounding function at every value tried, ends and steps included.
TEST(StepFunction, ManyLevelsBecomeAMultiplier) {
    std::mt19937 rng(4);
    const std::vector<double> slope{0.0317 + 1e-7 / 3, 0.00913 + 1e-7 / 7};
    const std::vector<double> offset{12.3, -7.7};
    const std::vector<Range> ranges{{-1500000, 1400000}, {-900000, 990000}};
    std::vector<std::function<std::int64_t(std::int64_t)>> functions;
    for (std::size_t c = 0; c < 2; ++c) {
        functions.emplace_back([=](std::int64_t x) {
            return std::clamp<std::int64_t>(std::llround(slope[c] * static_cast<double>(x) + offset[c]), 0, 65535);
        });
    }
    StepInput input = step_input(ranges, {Direction::kIncreasing, Direction::kIncreasing}, {0, 65535});
    input.slope = slope;
    input.offset = offset;
    const StepFunction function = find_step_function(input, by_channel(functions));
    ASSERT_TRUE(std::holds_alternative<Requantize>(function.kind));
    const auto& unit = std::get<Requantize>(function.kind);
    for (std::size_t c = 0; c < 2; ++c) {
        std::uniform_int_distribution<std::int64_t> number(ranges[c].lo, ranges[c].hi);
        for (int i = 0; i < 200000; ++i) {
            const std::int64_t x = number(rng);
            const std::int64_t y = std::clamp((unit.mul[c] * x + unit.add[c]) >> unit.shift, unit.lo, unit.hi);
            const double exact = slope[c] * static_cast<double>(x) + offset[c];
            const double to_step = std::abs(exact - std::floor(exact) - 0.5);
            ASSERT_TRUE(y == functions[c](x) || (to_step < 0.04 && std::abs(y - functions[c](x)) == 1)) << x;
        }
    }
}

}  // namespace
}  // namespace qloom::lower
