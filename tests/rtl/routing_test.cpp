// Benches of fork, concat, split and the output stage.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

using sim::Sink;
using sim::Source;

TEST(Fork, EveryOutputGetsEveryBeat) {
    for (const auto& [width, ways] : std::vector<std::pair<int, int>>{{8, 1}, {5, 2}, {37, 3}}) {
        auto model = make_module(
            "ql_fork", {{"DataW", std::to_string(width)}, {"Ways", std::to_string(ways)}});
        std::mt19937 random(3);
        const std::size_t beats = 300;
        const std::vector<std::uint32_t> in =
            pack(random_numbers(random, beats, width, false), 1, width);
        for (const Traffic& traffic : kAllTraffic) {
            sim::StreamHarness harness(model);
            const Source source{
                .stream = {"s_axis"}, .words = in, .idle_percent = traffic.idle_percent};
            std::vector<Sink> sinks;
            for (int w = 0; w < ways; ++w) {
                sinks.push_back(
                    {.stream = {"m_axis", w, ways},
                     .beats = beats,
                     .stall_percent = w == 0 ? traffic.stall_percent : traffic.stall_percent / 2});
            }
            const auto record = harness.run(
                {&source, 1}, sinks, {.seed = 7, .stuck_after_cycles = 5000, .drain_cycles = 50});
            for (const sim::SinkRecord& sink : record.sinks) {
                EXPECT_EQ(sink.words, in) << traffic.name;
                EXPECT_EQ(sink.surplus, 0U);
                if (traffic.name == kFullSpeed.name) {
                    EXPECT_EQ(sink.cycles.front(), 1U);
                    EXPECT_EQ(sink.cycles.back(), beats);
                }
            }
        }
    }
}

// Way 0 is never ready; way 1 still gets its copy of the first beat, and only that.
TEST(Fork, OutputsTakeTheirCopiesAtTheirOwnTime) {
    auto model = make_module("ql_fork", {{"DataW", "8"}, {"Ways", "2"}});
    sim::StreamHarness harness(model);
    const std::vector<std::uint32_t> in{1, 2};
    const Source source{.stream = {"s_axis"}, .words = in};
    const Sink quick{.stream = {"m_axis", 1, 2}, .beats = 1};
    const auto record =
        harness.run({&source, 1}, {&quick, 1}, {.stuck_after_cycles = 50, .drain_cycles = 50});
    EXPECT_EQ(record.sinks[0].words, (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(record.sinks[0].surplus, 0U);
}

struct Segments {
    int width;
    std::vector<int> beats;
    Text source = Text::kSource;
};

std::string beats_parameter(const std::vector<int>& beats) {
    std::string hex;
    for (const int b : beats) {
        hex = fmt::format("{:08x}", b) + hex;
    }
    return fmt::format("{}'h{}", beats.size() * 32, hex);
}

const std::vector<Segments>& all_segments() {
    static const std::vector<Segments> all{
        {8, {1, 1}}, {12, {3, 1, 2}}, {40, {4}}, {1, {5, 16}}, {3, {1, 2}, Text::kNetlist}};
    return all;
}

TEST(Concat, SegmentsInTurn) {
    for (const Segments& c : all_segments()) {
        const auto ways = static_cast<int>(c.beats.size());
        const MemoryFolder folder;
        auto model = make_module("ql_concat",
                                 {{"DataW", std::to_string(c.width)},
                                  {"Ways", std::to_string(ways)},
                                  {"Beats", beats_parameter(c.beats)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int frames = 30;
        std::vector<Numbers> ins;
        for (const int beats : c.beats) {
            ins.push_back(
                random_numbers(random, static_cast<std::size_t>(beats * frames), c.width, false));
        }
        Numbers expected;
        for (int f = 0; f < frames; ++f) {
            for (std::size_t w = 0; w < c.beats.size(); ++w) {
                for (int b = 0; b < c.beats[w]; ++b) {
                    expected.push_back(ins[w][static_cast<std::size_t>(f * c.beats[w] + b)]);
                }
            }
        }
        for (const Traffic& traffic : kAllTraffic) {
            std::vector<std::vector<std::uint32_t>> packed;
            for (const Numbers& in : ins) {
                packed.push_back(pack(in, 1, c.width));
            }
            std::vector<Source> sources;
            for (int w = 0; w < ways; ++w) {
                sources.push_back({.stream = {"s_axis", w, ways},
                                   .words = packed[static_cast<std::size_t>(w)],
                                   .idle_percent = traffic.idle_percent});
            }
            const Sink sink{.stream = {"m_axis"},
                            .beats = expected.size(),
                            .stall_percent = traffic.stall_percent};
            sim::StreamHarness harness(model);
            const auto record = harness.run(
                sources, {&sink, 1}, {.seed = 7, .stuck_after_cycles = 5000, .drain_cycles = 50});
            EXPECT_EQ(unpack(record.sinks[0].words, 1, c.width, false), expected) << traffic.name;
            EXPECT_EQ(record.sinks[0].surplus, 0U);
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), 1U);
                EXPECT_EQ(record.sinks[0].cycles.back(), expected.size());
            }
        }
    }
}

TEST(Split, SegmentsInTurn) {
    for (const Segments& c : all_segments()) {
        const auto ways = static_cast<int>(c.beats.size());
        const MemoryFolder folder;
        auto model = make_module("ql_split",
                                 {{"DataW", std::to_string(c.width)},
                                  {"Ways", std::to_string(ways)},
                                  {"Beats", beats_parameter(c.beats)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int frames = 30;
        Numbers in;
        std::vector<Numbers> expected(c.beats.size());
        for (int f = 0; f < frames; ++f) {
            for (std::size_t w = 0; w < c.beats.size(); ++w) {
                for (int b = 0; b < c.beats[w]; ++b) {
                    in.push_back(random_number(random, c.width, false));
                    expected[w].push_back(in.back());
                }
            }
        }
        const std::vector<std::uint32_t> packed = pack(in, 1, c.width);
        for (const Traffic& traffic : kAllTraffic) {
            const Source source{
                .stream = {"s_axis"}, .words = packed, .idle_percent = traffic.idle_percent};
            std::vector<Sink> sinks;
            for (int w = 0; w < ways; ++w) {
                sinks.push_back({.stream = {"m_axis", w, ways},
                                 .beats = expected[static_cast<std::size_t>(w)].size(),
                                 .stall_percent = traffic.stall_percent});
            }
            sim::StreamHarness harness(model);
            const auto record = harness.run(
                {&source, 1}, sinks, {.seed = 7, .stuck_after_cycles = 5000, .drain_cycles = 50});
            for (std::size_t w = 0; w < expected.size(); ++w) {
                EXPECT_EQ(unpack(record.sinks[w].words, 1, c.width, false), expected[w])
                    << traffic.name;
                EXPECT_EQ(record.sinks[w].surplus, 0U);
            }
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), 1U);
                EXPECT_EQ(record.sinks.back().cycles.back(), in.size());
            }
        }
    }
}

struct OutputShape {
    int width;
    int padded;
    int frame_beats;
};

TEST(Output, PadsAndMarksTheLastBeat) {
    for (const OutputShape& c :
         std::vector<OutputShape>{{8, 8, 1}, {4, 8, 10}, {33, 40, 3}, {1, 16, 64}}) {
        auto model = make_module("ql_output", {{"DataW", std::to_string(c.width)},
                                               {"PaddedW", std::to_string(c.padded)},
                                               {"FrameBeats", std::to_string(c.frame_beats)}});
        std::mt19937 random(3);
        const std::size_t beats = static_cast<std::size_t>(c.frame_beats) * 20;
        const Numbers in = random_numbers(random, beats, c.width, false);
        for (const Traffic& traffic : kAllTraffic) {
            const auto record = pass_through(model, pack(in, 1, c.width), beats, traffic, 3);
            const sim::SinkRecord& out = record.sinks[0];
            EXPECT_EQ(unpack(out.words, 1, c.padded, false), in)
                << "upper bits are zero, lower ones unchanged";
            ASSERT_EQ(out.last.size(), beats);
            for (std::size_t i = 0; i < beats; ++i) {
                EXPECT_EQ(out.last[i], (i + 1) % static_cast<std::size_t>(c.frame_beats) == 0)
                    << "beat " << i;
            }
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(out.cycles.front(), 1U);
                EXPECT_EQ(out.cycles.back(), beats);
            }
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
