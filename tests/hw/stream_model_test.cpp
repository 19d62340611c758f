#include "hw/stream_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/plain_streams.h"
#include "hw/random_network.h"

namespace qloom::hw {
namespace {

using network::Network;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;

FoldOptions options_for(std::int64_t target_ii, const std::string& folding = "") {
    FoldOptions options{.board = find_board("pynq-z1"), .target_ii = target_ii};
    if (!folding.empty()) options.folding = parse_folding_file(folding, "f.json");
    return options;
}

// One matrix alone: its latency by the formula of the library.
TEST(StreamModel, AMatrixTakesItsFormula) {
    NetworkBuilder build(1);
    const auto x = build.input("x", {16}, {0, 15});
    const Network network = build.finish({build.dense(x, 8, {-3, 3})});
    // Simd 4, Pe 8: four beats in; two pairs of inputs, three bits a weight: a chain of six rows,
    // D = 1 + ceil(6 / 4) = 3, D + 2 to the accumulator, 1 for the output stage.
    const auto flat = fold(network, options_for(4, R"({"layers": {"fc1": {"pe": 8, "simd": 4}},
                                                      "ports": {"s_axis_0": 4, "m_axis_0": 8}})"));
    EXPECT_EQ(flat.ii_cycles, 4);
    EXPECT_EQ(flat.latency_cycles, 3 + (3 + 2) + 1);
    // Pe 2: four folds of four steps; D + 3 from the last beat to the first result, then one every
    // four cycles.
    const auto folded = fold(network, options_for(16, R"({"layers": {"fc1": {"pe": 2, "simd": 4}},
                                                         "ports": {"s_axis_0": 4, "m_axis_0": 2}})"));
    EXPECT_EQ(folded.ii_cycles, 16);
    EXPECT_EQ(folded.latency_cycles, 3 + (3 + 3) + 3 * 4 + 1);
}

TEST(StreamModel, TheSlowestUnitGivesThePace) {
    const Network network = qloom::testing::tutorial_network(true);
    for (const std::int64_t target : {1, 13, 98, 784, 3136}) {
        const Accelerator accelerator = fold(network, options_for(target));
        std::int64_t slowest = 0;
        for (const Unit& unit : accelerator.units) slowest = std::max(slowest, unit.cycles);
        EXPECT_EQ(accelerator.ii_cycles, slowest);
        EXPECT_EQ(std::ranges::count(accelerator.units, Module::kFifo, &Unit::module), 0)
            << "a chain needs no FIFO";
    }
}

void expect_as_plain(const Accelerator& accelerator, std::int64_t frames) {
    const StreamRun plain = run_plainly(accelerator, {.frames = frames});
    const StreamRun quick = run_streams(accelerator, {.frames = frames});
    ASSERT_EQ(quick.deadlocked, plain.deadlocked);
    EXPECT_EQ(quick.first_accept, plain.first_accept);
    EXPECT_EQ(quick.frame_ends, plain.frame_ends);
    EXPECT_EQ(quick.fifo_peaks, plain.fifo_peaks);
    const StreamTiming timing = measure_streams(accelerator);
    EXPECT_EQ(timing.deadlocked, plain.deadlocked);
    if (plain.deadlocked) return;
    EXPECT_EQ(timing.latency_cycles, plain.frame_ends.front() - plain.first_accept);
    // The period, over as many frames as it may take.
    const auto last = plain.frame_ends.size() - 1;
    EXPECT_DOUBLE_EQ(
        timing.ii,
        static_cast<double>(plain.frame_ends[last] - plain.frame_ends[last - 12]) / 12.0);
}

// Leaving machines alone changes nothing: cycle by cycle the same as stepping all of them.
TEST(StreamModel, IsWhatPlainSteppingGives) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto [network, target_ii] = qloom::testing::random_design(seed);
        Accelerator accelerator = fold(network, options_for(target_ii));
        expect_as_plain(accelerator, 60);
        for (Unit& unit : accelerator.units) {
            if (unit.module != Module::kFifo) continue;
            for (Parameter& parameter : unit.parameters) {
                if (parameter.name == "Depth") parameter.value = std::int64_t{2};
            }
        }
        expect_as_plain(accelerator, 60);
        if (HasFailure()) break;
    }
}

TEST(StreamModel, PixelsAreWhatPlainSteppingGives) {
    for (const std::int64_t target : {320, 500, 1300}) {
        NetworkBuilder build(21);
        const auto x = build.threshold(build.input("x", {5, 4, 8}, {0, 15}), 7);
        auto gate = build.global_reduce(x, network::Reduction::kSum);
        gate = build.threshold(build.dense(gate, 8, {-2, 2}), 3);
        auto y = build.permute(build.multiply(x, gate));
        y = build.depth_to_space(build.threshold(y, 7), 2);
        const auto spread = build.insert_pixels(y, {2, 1}, 0);
        const auto doubled = build.upsample(build.dense(y, 3, {-1, 1}), {2, 2});
        const Network network = build.finish(
            {build.dense(build.threshold(spread, 3), 2, {-1, 1}), build.threshold(doubled, 3)});
        expect_as_plain(fold(network, options_for(target)), 40);
    }
}

// Residual, strided and depthwise windows with padding; FIFOs at their best and too small.
TEST(StreamModel, WindowsAreWhatPlainSteppingGives) {
    for (const std::int64_t target : {60, 440, 700, 2000}) {
        NetworkBuilder build(22);
        const std::vector<network::WindowAxis> same(2, {.kernel = 3, .pad_begin = 1, .pad_end = 1});
        const std::vector<network::WindowAxis> strided(2, {.kernel = 2, .stride = 2});
        const auto x = build.threshold(build.input("x", {6, 8, 4}, {0, 15}), 3);
        auto y = build.threshold(build.dense(build.windows(x, same, 0), 4, {-1, 1}), 3);
        y = build.threshold(build.depthwise(build.windows(y, same, 0), 9, 1, {-1, 1}), 3);
        y = build.threshold(build.add({y, x}, {1, 1}), 3);
        y = build.window_max(build.windows(y, strided, 0), 4);
        Accelerator accelerator =
            fold(build.finish({build.dense(y, 2, {-1, 1})}), options_for(target));
        expect_as_plain(accelerator, 30);
        for (Unit& unit : accelerator.units) {
            if (unit.module != Module::kFifo) continue;
            for (Parameter& parameter : unit.parameters) {
                if (parameter.name == "Depth")
                    parameter.value = std::max<std::int64_t>(2, unit.integer("Depth") * 3 / 4);
            }
        }
        expect_as_plain(accelerator, 30);
    }
}

// x --> dense --> act --> dense --+--> y     the short way must wait for the long one
//  \------------------------------/
Network residual_network() {
    NetworkBuilder build(6);
    const auto x = build.input("x", {32}, {0, 7});
    auto y = build.threshold(build.dense(x, 16, {-1, 1}), 3);
    y = build.threshold(build.dense(y, 32, {-1, 1}), 7);
    return build.finish({build.add({y, x}, {1, 1})});
}

TEST(FifoSizing, AResidualNeedsOneAndGetsTheSmallest) {
    const Network network = residual_network();
    const Accelerator accelerator = fold(network, options_for(32));
    EXPECT_LE(accelerator.ii_cycles, 32);
    std::vector<const Unit*> fifos;
    for (const Unit& unit : accelerator.units) {
        if (unit.module == Module::kFifo) fifos.push_back(&unit);
    }
    ASSERT_FALSE(fifos.empty());
    // Each of them one beat smaller: the rate falls, or everything stops.
    for (const Unit* fifo : fifos) {
        Accelerator planted = accelerator;
        for (Unit& unit : planted.units) {
            if (unit.name != fifo->name) continue;
            ASSERT_GT(fifo->integer("Depth"), 2)
                << "a FIFO of two is replaced by a FIFO of none below";
            for (Parameter& parameter : unit.parameters) {
                if (parameter.name == "Depth") parameter.value = fifo->integer("Depth") - 1;
            }
        }
        const StreamTiming timing = measure_streams(planted);
        EXPECT_TRUE(timing.deadlocked || timing.ii > static_cast<double>(accelerator.ii_cycles))
            << fifo->name;
    }
}

// The same accelerator with one FIFO a beat smaller (or left out, where it has two).
FoldOptions with_smaller(const Accelerator& accelerator, const Unit& fifo) {
    FoldOptions options{.board = accelerator.board, .target_ii = accelerator.target_ii};
    options.folding = parse_folding_file(folding_file_text(accelerator), "planted.json");
    const std::int64_t depth = fifo.integer("Depth");
    options.folding->fifo_depths->at(fifo.name) = depth == 2 ? 0 : depth - 1;
    return options;
}

void expect_smallest(const Network& network, std::int64_t target_ii) {
    const Accelerator accelerator = fold(network, options_for(target_ii));
    EXPECT_LE(accelerator.ii_cycles, target_ii);
    int fifos = 0;
    for (const Unit& unit : accelerator.units) {
        if (unit.module != Module::kFifo) continue;
        ++fifos;
        std::int64_t ii = 0;
        const std::string message =
            error_of([&] { ii = fold(network, with_smaller(accelerator, unit)).ii_cycles; });
        EXPECT_TRUE(message.starts_with("Q0507: planted.json: with these FIFO depths") ||
                    ii > accelerator.ii_cycles)
            << unit.name << " of " << unit.integer("Depth") << ": II " << ii;
    }
    EXPECT_GT(fifos, 0);
}

const std::vector<network::WindowAxis>& same_windows() {
    static const std::vector<network::WindowAxis> axes(2,
                                                       {.kernel = 3, .pad_begin = 1, .pad_end = 1});
    return axes;
}

TEST(FifoSizing, AResidualAroundConvolutions) {
    for (const std::int64_t target : {512, 1200}) {
        NetworkBuilder build(51);
        const auto x = build.threshold(build.input("x", {6, 6, 4}, {0, 15}), 3);
        auto y = build.threshold(build.dense(build.windows(x, same_windows(), 0), 4, {-1, 1}), 3);
        y = build.dense(build.windows(y, same_windows(), 0), 4, {-1, 1});
        expect_smallest(build.finish({build.threshold(build.add({y, x}, {1, 2}), 3)}), target);
    }
}

TEST(FifoSizing, AGateHoldsAFrame) {
    NetworkBuilder build(52);
    const auto x = build.threshold(build.input("x", {5, 4, 6}, {0, 15}), 7);
    auto gate = build.threshold(build.global_reduce(x, network::Reduction::kSum), 7);
    gate = build.threshold(build.dense(gate, 6, {-2, 2}), 3);
    expect_smallest(build.finish({build.threshold(build.multiply(x, gate), 7)}), 120);
}

// Down, across, up and joined with what was kept: a U.
TEST(FifoSizing, ASkipOverDownAndUpSampling) {
    NetworkBuilder build(53);
    const std::vector<network::WindowAxis> halves(2, {.kernel = 2, .stride = 2});
    const auto x = build.threshold(build.input("x", {8, 8, 4}, {0, 15}), 3);
    auto y = build.window_max(build.windows(x, halves, 0), 4);
    y = build.threshold(build.dense(build.windows(y, same_windows(), 0), 4, {-1, 1}), 3);
    y = build.concat({build.upsample(y, {2, 2}), x});
    expect_smallest(build.finish({build.dense(build.windows(y, same_windows(), 0), 2, {-1, 1})}),
                    2400);
}

TEST(FifoSizing, ThreeBranchesOfOneTensor) {
    NetworkBuilder build(54);
    const auto x = build.threshold(build.input("x", {6, 6, 4}, {0, 15}), 3);
    const auto wide = build.dense(build.windows(x, same_windows(), 0), 4, {-1, 1});
    const auto deep = build.threshold(build.dense(x, 8, {-1, 1}), 3);
    const auto y = build.add({wide, build.dense(deep, 4, {-1, 1}), x}, {1, 1, -2});
    expect_smallest(build.finish({build.threshold(y, 3)}), 500);
}

TEST(FifoSizing, WithoutFifosAResidualIsRefused) {
    const std::string message =
        error_of([&] { fold(residual_network(), options_for(32, R"({"fifo_depths": {}})")); });
    EXPECT_EQ(message,
              "Q0507: f.json: with these FIFO depths the accelerator stops for good: a stream "
              "waits for another that waits "
              "for it; leave fifo_depths out, and the smallest depths that work are chosen");
}

// Both halves of a split come one after the other; a concatenation wants them the other way round.
TEST(FifoSizing, ASwapOfHalvesNeedsRoomForOneHalf) {
    NetworkBuilder build(8);
    const auto x = build.input("x", {16}, {0, 15});
    const auto halves = build.split(x, {8, 8});
    const Network network = build.finish({build.concat({halves[1], halves[0]})});
    const Accelerator accelerator = fold(
        network,
        options_for(
            16,
            R"({"layers": {"split1": {"pe": 1}, "concat2": {"pe": 1}}, "ports": {"m_axis_0": 1}})"));
    EXPECT_EQ(accelerator.ii_cycles, 16);
    std::int64_t room = 0;
    for (const Unit& unit : accelerator.units) {
        if (unit.module == Module::kFifo) room += unit.integer("Depth");
    }
    EXPECT_GE(room, 8);
    EXPECT_LE(room, 18);
}

}  // namespace
}  // namespace qloom::hw
