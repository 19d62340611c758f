// The stream modules between DMA and accelerator, byte by byte and packet by packet against what
// they promise.

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <random>

#include "sim/verilated_model.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

sim::VerilatedModel model_of(const std::string& top,
                             const std::vector<std::pair<std::string, std::string>>& parameters) {
    sim::ModelSpec spec{.sources = {fs::path(QLOOM_SOURCE_DIR) / "rtl/soc" / (top + ".sv")},
                        .top = top};
    spec.parameters = parameters;
    spec.checks = true;
    return sim::VerilatedModel::make(spec, fs::path(QLOOM_BINARY_DIR) / "soc-cache", ".");
}

class Clocked {
public:
    explicit Clocked(sim::VerilatedModel model) : model_(std::move(model)) {
        model_.set("rst", 1);
        for (int i = 0; i < 3; ++i) clock();
        model_.set("rst", 0);
    }
    void settle() {
        model_.set("clk", 0);
        model_.eval();
    }
    void edge() {
        model_.set("clk", 1);
        model_.eval();
        ++cycles;
    }
    void clock() {
        settle();
        edge();
    }
    sim::VerilatedModel& model() { return model_; }
    std::uint64_t cycles = 0;

private:
    sim::VerilatedModel model_;
};

// ---- ql_axis_gearbox

class Gearbox : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(Gearbox, KeepsBytesAndPackets) {
    const auto [in_bytes, out_bytes, stall] = GetParam();
    Clocked dut(model_of("ql_axis_gearbox", {{"InBytes", std::to_string(in_bytes)},
                                             {"OutBytes", std::to_string(out_bytes)}}));
    sim::VerilatedModel& model = dut.model();
    std::mt19937 random(static_cast<unsigned>(in_bytes * 100 + out_bytes * 10 + stall));
    const auto hesitates = [&random, stall = stall] {
        return static_cast<int>(random() % 100) < stall;
    };

    std::vector<Bytes> sent(60);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i].resize(
            1 + random() % (i % 5 == 0 ? 200 : 3U * static_cast<unsigned>(in_bytes + out_bytes)));
        for (std::uint8_t& byte : sent[i]) byte = static_cast<std::uint8_t>(random());
    }
    std::vector<Bytes> received(1);
    std::size_t packet = 0;
    std::size_t at = 0;  // first byte of the beat that is offered
    bool offered = false;
    bool waited = false;
    Bytes waited_data;
    const std::uint64_t limit = 200000;
    while (received.size() <= sent.size() && dut.cycles < limit) {
        if (!offered && packet < sent.size() && !hesitates()) {
            offered = true;
            const std::size_t count =
                std::min<std::size_t>(static_cast<std::size_t>(in_bytes), sent[packet].size() - at);
            const sim::ModelPort& data = model.port("s_axis_tdata");
            std::fill_n(data.data, data.bytes,
                        std::uint8_t{0x99});  // bytes that are not kept mean nothing
            std::copy_n(sent[packet].begin() + static_cast<std::ptrdiff_t>(at), count, data.data);
            model.set("s_axis_tkeep", (std::uint64_t{1} << count) - 1);
            model.set("s_axis_tlast", at + count == sent[packet].size() ? 1 : 0);
        }
        model.set("s_axis_tvalid", offered ? 1 : 0);
        model.set("m_axis_tready", hesitates() ? 0 : 1);
        dut.settle();
        const std::uint64_t keep = model.get("m_axis_tkeep");
        const sim::ModelPort& out = model.port("m_axis_tdata");
        if (waited) {
            ASSERT_EQ(model.get("m_axis_tvalid"), 1U) << "a beat was withdrawn";
            ASSERT_TRUE(std::equal(waited_data.begin(), waited_data.end(), out.data))
                << "a beat that waits has changed";
        }
        waited = model.get("m_axis_tvalid") != 0 && model.get("m_axis_tready") == 0;
        if (model.get("m_axis_tvalid") != 0) {
            int count = 0;
            while ((keep >> count & 1U) != 0) ++count;
            ASSERT_EQ(keep, (std::uint64_t{1} << count) - 1) << "tkeep with a gap";
            ASSERT_GT(count, 0);
            const bool last = model.get("m_axis_tlast") != 0;
            ASSERT_TRUE(last || count == out_bytes) << "a partial beat inside a packet";
            waited_data.assign(out.data, out.data + count);
            if (!waited) {
                received.back().insert(received.back().end(), out.data, out.data + count);
                if (last) received.emplace_back();
            }
        }
        if (offered && model.get("s_axis_tready") != 0) {
            offered = false;
            at += static_cast<std::size_t>(in_bytes);
            if (at >= sent[packet].size()) {
                at = 0;
                ++packet;
            }
        }
        dut.edge();
    }
    received.pop_back();
    ASSERT_EQ(received.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(received[i], sent[i]) << "packet " << i;
}

INSTANTIATE_TEST_SUITE_P(Ratios, Gearbox,
                         ::testing::Values(std::tuple(8, 1, 0), std::tuple(8, 1, 40),
                                           std::tuple(1, 8, 0), std::tuple(1, 8, 40),
                                           std::tuple(8, 8, 30), std::tuple(3, 2, 0),
                                           std::tuple(3, 2, 40), std::tuple(8, 3, 40),
                                           std::tuple(2, 3, 40)));

TEST(Gearbox, MovesABeatAClockOnTheNarrowerSide) {
    for (const auto& [in_bytes, out_bytes] : {std::pair(8, 1), std::pair(8, 8), std::pair(1, 8)}) {
        Clocked dut(model_of("ql_axis_gearbox", {{"InBytes", std::to_string(in_bytes)},
                                                 {"OutBytes", std::to_string(out_bytes)}}));
        sim::VerilatedModel& model = dut.model();
        model.set("s_axis_tkeep", (std::uint64_t{1} << in_bytes) - 1);
        model.set("s_axis_tlast", 0);
        model.set("s_axis_tvalid", 1);
        model.set("m_axis_tready", 1);
        int moved = 0;
        for (int i = 0; i < 1000; ++i) {
            dut.settle();
            const bool narrow = in_bytes < out_bytes ? model.get("s_axis_tready") != 0
                                                     : model.get("m_axis_tvalid") != 0;
            moved += narrow ? 1 : 0;
            dut.edge();
        }
        EXPECT_GE(moved, 998) << in_bytes << " to " << out_bytes;
    }
}

// ---- ql_axis_batch

class Batch : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

// The test is sender, receiver and the core between: a frame of `beats` in gives `results` out, a
// while later or, as an accelerator may, before its frame is in whole.
TEST_P(Batch, EndsThePacketOfResultsWithItsLastFrame) {
    const auto [beats, results, stall] = GetParam();
    Clocked dut(model_of("ql_axis_batch",
                         {{"InW", "8"}, {"OutW", "16"}, {"FrameBeats", std::to_string(beats)}}));
    sim::VerilatedModel& model = dut.model();
    std::mt19937 random(static_cast<unsigned>(beats * 100 + results * 10 + stall));
    const auto hesitates = [&random, stall = stall] {
        return static_cast<int>(random() % 100) < stall;
    };

    std::vector<int> packets(30);  // frames of each
    for (int& frames : packets) frames = 1 + static_cast<int>(random() % 6);
    struct Result {
        std::uint64_t data;
        bool frame_ends;
        std::uint64_t due;
    };
    std::deque<Result> core;
    std::vector<std::pair<std::uint64_t, bool>> received, expected;  // data, tlast
    std::uint64_t frame_number = 0;
    for (const int frames : packets) {
        for (int frame = 0; frame < frames; ++frame, ++frame_number) {
            for (int i = 0; i < results; ++i) {
                expected.emplace_back(frame_number * 16 + static_cast<std::uint64_t>(i),
                                      frame + 1 == frames && i + 1 == results);
            }
        }
    }
    std::size_t packet = 0;
    int beat = 0;  // of the packet, offered
    std::uint64_t core_beat = 0, core_frame = 0;
    bool offered = false;
    std::uint8_t value = 0, core_value = 0;
    while (received.size() < expected.size() && dut.cycles < 100000) {
        if (!offered && packet < packets.size() && !hesitates()) {
            offered = true;
            model.set("s_axis_tdata", value);
            model.set("s_axis_tlast", beat + 1 == packets[packet] * beats ? 1 : 0);
        }
        model.set("s_axis_tvalid", offered ? 1 : 0);
        model.set("core_in_tready", hesitates() ? 0 : 1);
        model.set("m_axis_tready", hesitates() ? 0 : 1);
        const bool has_result = !core.empty() && core.front().due <= dut.cycles;
        model.set("core_out_tvalid", has_result ? 1 : 0);
        model.set("core_out_tdata", has_result ? core.front().data : 0);
        model.set("core_out_tlast", has_result && core.front().frame_ends ? 1 : 0);
        dut.settle();
        const bool result_moves = has_result && model.get("core_out_tready") != 0;
        ASSERT_EQ(result_moves, model.get("m_axis_tvalid") != 0 && model.get("m_axis_tready") != 0);
        if (result_moves) {
            received.emplace_back(model.get("m_axis_tdata"), model.get("m_axis_tlast") != 0);
            core.pop_front();
        }
        const bool core_takes =
            model.get("core_in_tvalid") != 0 && model.get("core_in_tready") != 0;
        ASSERT_EQ(core_takes, offered && model.get("s_axis_tready") != 0);
        if (core_takes) {
            ASSERT_EQ(model.get("core_in_tdata"), core_value);
            ++core_value;
            // All results of a frame are known with its first beat when the delay is short.
            if (core_beat == 0) {
                for (int i = 0; i < results; ++i) {
                    core.push_back({.data = core_frame * 16 + static_cast<std::uint64_t>(i),
                                    .frame_ends = i + 1 == results,
                                    .due = dut.cycles + 1 +
                                           random() % (2U * static_cast<unsigned>(beats) + 3U)});
                }
                ++core_frame;
            }
            core_beat = (core_beat + 1) % static_cast<std::uint64_t>(beats);
            offered = false;
            ++value;
            if (++beat == packets[packet] * beats) {
                beat = 0;
                ++packet;
            }
        }
        dut.edge();
    }
    EXPECT_EQ(received, expected);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Batch,
                         ::testing::Values(std::tuple(1, 1, 0), std::tuple(1, 1, 40),
                                           std::tuple(2, 3, 40), std::tuple(7, 1, 0),
                                           std::tuple(7, 1, 40), std::tuple(7, 3, 40)));

}  // namespace
}  // namespace qloom::soc
