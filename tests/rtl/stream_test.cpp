// Benches of the modules that move beats and compute nothing.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

using sim::RunRecord;

// Sends random beats through a module that must not change them; returns the full-speed record.
RunRecord expect_identity(sim::VerilatedModel& model, int width, std::size_t beats) {
    std::mt19937 random(7);
    const std::vector<std::uint32_t> in =
        pack(random_numbers(random, beats, width, false), 1, width);
    RunRecord full_speed;
    for (const Traffic& traffic : kAllTraffic) {
        RunRecord record = pass_through(model, in, beats, traffic, 3);
        EXPECT_EQ(record.sinks[0].words, in) << traffic.name;
        if (traffic.name == kFullSpeed.name) {
            full_speed = record;
        }
    }
    return full_speed;
}

// Every beat came `latency` cycles after it went in, one a clock.
void expect_latency(const RunRecord& record, std::uint64_t latency) {
    for (std::size_t i = 0; i < record.sinks[0].cycles.size(); ++i) {
        ASSERT_EQ(record.sources[0].cycles[i], record.sources[0].cycles[0] + i)
            << "a gap before input beat " << i;
        ASSERT_EQ(record.sinks[0].cycles[i], record.sources[0].cycles[i] + latency) << "beat " << i;
    }
}

TEST(Skid, PassesBeatsInOrder) {
    for (const int width : {1, 8, 33, 200}) {
        auto model = make_module("ql_skid", {{"DataW", std::to_string(width)}});
        expect_latency(expect_identity(model, width, 500), 1);
    }
}

TEST(Fifo, PassesBeatsInOrder) {
    for (const auto& [width, depth] :
         std::vector<std::pair<int, int>>{{1, 2}, {8, 3}, {40, 4}, {5, 17}, {70, 100}}) {
        auto model = make_module(
            "ql_fifo", {{"DataW", std::to_string(width)}, {"Depth", std::to_string(depth)}});
        expect_latency(expect_identity(model, width, 600), depth == 2 ? 1 : 2);
    }
}

TEST(Fifo, NetlistDoesTheSame) {
    const MemoryFolder folder;
    auto model =
        make_module("ql_fifo", {{"DataW", "3"}, {"Depth", "6"}}, folder.path(), Text::kNetlist);
    expect_latency(expect_identity(model, 3, 300), 2);
}

TEST(Fifo, HoldsExactlyDepthBeats) {
    for (const int depth : {2, 3, 5, 16, 33}) {
        auto model = make_module("ql_fifo", {{"DataW", "8"}, {"Depth", std::to_string(depth)}});
        sim::StreamHarness harness(model);
        model.set("s_axis_tvalid", 1);
        model.set("m_axis_tready", 0);
        int accepted = 0;
        for (int cycle = 0; cycle < 2 * depth + 10; ++cycle) {
            model.set("clk", 0);
            model.eval();
            accepted += static_cast<int>(model.get("s_axis_tready"));
            model.set("clk", 1);
            model.eval();
        }
        EXPECT_EQ(accepted, depth);
    }
}

struct Ratio {
    int element_width;
    int in;
    int out;
    Text source = Text::kSource;
};

TEST(WidthConverter, RegroupsAnyRatio) {
    for (const Ratio& r : std::vector<Ratio>{{1, 1, 1},
                                             {8, 1, 4},
                                             {4, 6, 1},
                                             {4, 3, 2},
                                             {3, 2, 3},
                                             {5, 7, 5},
                                             {2, 5, 7},
                                             {1, 6, 4},
                                             {2, 49, 16},
                                             {1, 16, 64},
                                             {2, 5, 3, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} bits, {} -> {}", r.element_width, r.in, r.out));
        const MemoryFolder folder;
        auto model = make_module("ql_width_converter",
                                 {{"ElemW", std::to_string(r.element_width)},
                                  {"InElems", std::to_string(r.in)},
                                  {"OutElems", std::to_string(r.out)}},
                                 folder.path(), r.source);
        std::mt19937 random(5);
        const std::size_t elements = static_cast<std::size_t>(r.in * r.out) * 40;
        const Numbers numbers = random_numbers(random, elements, r.element_width, false);
        const std::size_t beats_out = elements / static_cast<std::size_t>(r.out);
        for (const Traffic& traffic : kAllTraffic) {
            const RunRecord record =
                pass_through(model, pack(numbers, r.in, r.element_width), beats_out, traffic, 11);
            EXPECT_EQ(unpack(record.sinks[0].words, r.out, r.element_width, false), numbers)
                << traffic.name;
            if (traffic.name != kFullSpeed.name) {
                continue;
            }
            // Full rate on the narrower side, without a gap; an output one cycle after the input
            // that completes it.
            const auto& in = record.sources[0].cycles;
            const auto& out = record.sinks[0].cycles;
            if (r.in <= r.out) {
                EXPECT_EQ(in.back() - in.front() + 1, in.size());
            }
            if (r.in >= r.out) {
                EXPECT_EQ(out.back() - out.front() + 1, out.size());
            }
            EXPECT_EQ(out[0], in[static_cast<std::size_t>(ceil_div(r.out, r.in)) - 1] + 1);
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
