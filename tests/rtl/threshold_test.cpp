// Bench of the threshold unit against counting, one threshold after the other.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

struct Case {
    std::string style = "search";
    int channels = 4;
    int pe = 2;
    int input_bits = 8;
    bool input_signed = true;
    int steps = 7;
    int output_bits = 3;
    int output_bias = 0;
    bool invert = false;
    std::string ram_style = "auto";
};

std::string text(const Case& c) {
    return fmt::format("{} {} channels pe {} input {}{} steps {} output {} bias {}{}", c.style,
                       c.channels, c.pe, c.input_signed ? 's' : 'u', c.input_bits, c.steps,
                       c.output_bits, c.output_bias, c.invert ? " invert" : "");
}

class ThresholdModel {
public:
    ThresholdModel(const Case& c, std::mt19937& random) : case_(c) {
        low_ = c.input_signed ? -(std::int64_t{1} << (c.input_bits - 1)) : 0;
        high_ = low_ + (std::int64_t{1} << c.input_bits) - 1;
        for (int channel = 0; channel < c.channels; ++channel) {
            Numbers row(static_cast<std::size_t>(c.steps));
            for (std::int64_t& threshold : row) {
                // From "always" to "never".
                threshold = std::uniform_int_distribution<std::int64_t>(low_, high_ + 1)(random);
            }
            if (channel == 0) {
                row.front() = low_;
                row.back() = high_ + 1;
            }
            std::ranges::sort(row);
            thresholds_.push_back(row);
            falls_.push_back(c.invert ? static_cast<int>(random() % 2) : 0);
        }
    }

    [[nodiscard]] std::int64_t apply(int channel, std::int64_t x) const {
        const Numbers& row = thresholds_[static_cast<std::size_t>(channel)];
        std::int64_t count = 0;
        for (const std::int64_t threshold : row) {
            count += x >= threshold ? 1 : 0;
        }
        return case_.output_bias +
               (falls_[static_cast<std::size_t>(channel)] != 0 ? case_.steps - count : count);
    }

    void write_memories(const MemoryFolder& memories) const {
        const int folds = case_.channels / case_.pe;
        const int bits = case_.input_bits + 1;
        const std::int64_t never = high_ + 1;
        std::vector<Numbers> falling;
        std::vector<Numbers> flat;
        for (int fold = 0; fold < folds; ++fold) {
            Numbers word;
            Numbers falls;
            for (int p = 0; p < case_.pe; ++p) {
                const auto channel = static_cast<std::size_t>(fold * case_.pe + p);
                word.insert(word.end(), thresholds_[channel].begin(), thresholds_[channel].end());
                falls.push_back(falls_[channel]);
            }
            flat.push_back(word);
            falling.push_back(falls);
        }
        if (case_.invert) {
            memories.write("t_invert", falling, 1);
        }
        if (case_.style == "parallel") {
            memories.write("t", flat, bits);
            return;
        }
        const int levels = clog2(case_.steps + 1);
        for (int level = 0; level < levels; ++level) {
            for (int p = 0; p < case_.pe; ++p) {
                std::vector<Numbers> words;
                for (int fold = 0; fold < folds; ++fold) {
                    for (int node = 0; node < 1 << level; ++node) {
                        const int step = (2 * node + 1) * (1 << (levels - 1 - level)) - 1;
                        const auto channel = static_cast<std::size_t>(fold * case_.pe + p);
                        words.push_back({step < case_.steps
                                             ? thresholds_[channel][static_cast<std::size_t>(step)]
                                             : never});
                    }
                }
                memories.write(fmt::format("t_{:02}_{:04}", level, p), words, bits);
            }
        }
    }

    // Inputs at, below and above every threshold of every channel, and random ones; whole pixels.
    [[nodiscard]] Numbers telling_inputs(std::mt19937& random, int random_pixels) const {
        Numbers inputs;
        const int tried_steps = std::min(case_.steps, 40);
        for (int s = 0; s < tried_steps; ++s) {
            for (int offset = -1; offset <= 1; ++offset) {
                for (const Numbers& row : thresholds_) {
                    const std::size_t step = static_cast<std::size_t>(s) * row.size() /
                                             static_cast<std::size_t>(tried_steps);
                    inputs.push_back(std::clamp(row[step] + offset, low_, high_));
                }
            }
        }
        for (int i = 0; i < random_pixels * case_.channels; ++i) {
            inputs.push_back(random_number(random, case_.input_bits, case_.input_signed));
        }
        return inputs;
    }

private:
    Case case_;
    std::int64_t low_ = 0;
    std::int64_t high_ = 0;
    std::vector<Numbers> thresholds_;
    Numbers falls_;
};

void check(const Case& c, Text source = Text::kSource) {
    SCOPED_TRACE(text(c));
    std::mt19937 random(static_cast<unsigned>(c.channels * 100 + c.steps));
    const ThresholdModel oracle(c, random);
    const MemoryFolder memories;
    oracle.write_memories(memories);
    auto model = make_module("ql_threshold",
                             {{"Channels", std::to_string(c.channels)},
                              {"Pe", std::to_string(c.pe)},
                              {"InputW", std::to_string(c.input_bits)},
                              {"InputSigned", c.input_signed ? "1" : "0"},
                              {"Steps", std::to_string(c.steps)},
                              {"OutputW", std::to_string(c.output_bits)},
                              {"OutputBias", std::to_string(c.output_bias)},
                              {"Invert", c.invert ? "1" : "0"},
                              {"ThresholdFile", quoted("t")},
                              {"RamStyle", quoted(c.ram_style)},
                              {"Style", quoted(c.style)}},
                             memories.path(), source);
    const Numbers inputs = oracle.telling_inputs(random, 30);
    Numbers expected;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        expected.push_back(oracle.apply(static_cast<int>(i) % c.channels, inputs[i]));
    }
    const std::vector<std::uint32_t> in = pack(inputs, c.pe, c.input_bits);
    const std::uint64_t latency =
        c.style == "search" ? static_cast<std::uint64_t>(clog2(c.steps + 1)) + 1 : 3;
    for (const Traffic& traffic : kAllTraffic) {
        const auto record =
            pass_through(model, in, inputs.size() / static_cast<std::size_t>(c.pe), traffic, 29);
        ASSERT_EQ(unpack(record.sinks[0].words, c.pe, c.output_bits, c.output_bias < 0), expected)
            << traffic.name;
        if (traffic.name == kFullSpeed.name) {
            for (std::size_t i = 0; i < record.sinks[0].cycles.size(); ++i) {
                ASSERT_EQ(record.sources[0].cycles[i], i);
                ASSERT_EQ(record.sinks[0].cycles[i], i + latency);
            }
        }
    }
}

TEST(Threshold, Search) {
    check({});
    check({.channels = 1, .pe = 1, .steps = 1, .output_bits = 1});
    check({.channels = 6,
           .pe = 2,
           .input_bits = 1,
           .input_signed = false,
           .steps = 2,
           .output_bits = 2});
    check({.channels = 5, .pe = 1, .input_bits = 12, .steps = 15, .output_bits = 4});
    check({.channels = 3,
           .pe = 3,
           .input_bits = 20,
           .input_signed = false,
           .steps = 15,
           .output_bits = 4});
    check({.channels = 6,
           .pe = 2,
           .input_bits = 9,
           .steps = 10,
           .output_bits = 5,
           .output_bias = -7});
    check(
        {.channels = 4, .pe = 2, .steps = 6, .output_bits = 4, .output_bias = -3, .invert = true});
    check({.channels = 2, .pe = 2, .steps = 1, .output_bits = 1, .invert = true});
    check({.channels = 12,
           .pe = 1,
           .input_bits = 14,
           .steps = 255,
           .output_bits = 8,
           .ram_style = "block"});
    check({.channels = 2,
           .pe = 1,
           .input_bits = 24,
           .steps = 65535,
           .output_bits = 16,
           .ram_style = "block"});
    check({.channels = 4, .pe = 2, .steps = 7, .output_bits = 3, .ram_style = "distributed"});
}

TEST(Threshold, Parallel) {
    check({.style = "parallel"});
    check({.style = "parallel", .channels = 1, .pe = 1, .steps = 1, .output_bits = 1});
    check({.style = "parallel",
           .channels = 6,
           .pe = 2,
           .input_bits = 1,
           .input_signed = false,
           .steps = 2,
           .output_bits = 2});
    check({.style = "parallel",
           .channels = 6,
           .pe = 3,
           .input_bits = 12,
           .steps = 15,
           .output_bits = 4,
           .ram_style = "block"});
    check({.style = "parallel",
           .channels = 4,
           .pe = 4,
           .steps = 5,
           .output_bits = 4,
           .output_bias = -2,
           .invert = true});
}

TEST(Threshold, NetlistComputesTheSame) {
    check(
        {.channels = 6, .pe = 2, .steps = 10, .output_bits = 5, .output_bias = -7, .invert = true},
        Text::kNetlist);
    check({.channels = 3, .pe = 3, .input_bits = 5, .input_signed = false, .steps = 7},
          Text::kNetlist);
    check({.style = "parallel", .channels = 4, .pe = 2, .steps = 5}, Text::kNetlist);
}

TEST(ThresholdSweep, DISABLED_RandomShapes) {
    std::mt19937 random(77);
    const auto pick = [&random](int low, int high) {
        return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    };
    for (int i = 0; i < 100; ++i) {
        Case c;
        c.style = pick(0, 2) == 0 ? "parallel" : "search";
        c.pe = pick(1, 4);
        c.channels = c.pe * pick(1, 5);
        c.input_bits = pick(1, 24);
        c.input_signed = pick(0, 1) == 1;
        c.steps = pick(1, 40);
        c.invert = pick(0, 1) == 1;
        c.output_bias = pick(0, 1) == 1 ? -pick(1, 20) : 0;
        c.output_bits = 8;
        check(c);
    }
}

}  // namespace
}  // namespace qloom::rtl_test
