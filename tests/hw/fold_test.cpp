#include "hw/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "hw/error_of.h"
#include "hw/random_network.h"
#include "hw/registry.h"

namespace qloom::hw {
namespace {

using network::Layer;
using network::Network;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;
using qloom::testing::tutorial_network;

Network small_network() {
    NetworkBuilder build(1);
    auto x = build.input("x", {24}, {0, 15});
    x = build.threshold(build.dense(x, 64, {-2, 1}), 3);
    return build.finish({build.dense(x, 6, {-2, 1})});
}

const Unit& unit_of(const Accelerator& accelerator, const std::string& layer) {
    return *std::ranges::find(accelerator.units, layer, &Unit::layer);
}

TEST(Fold, EveryLegalFoldingDividesAndCountsItsCycles) {
    const Network network = small_network();
    const Layer& dense = network.layers[0];  // 24 -> 64
    const UnitModel& model = unit_model(dense.kind);
    const LayerView view{network, dense};
    std::size_t count = 0;
    for (std::int64_t pe = 1; pe <= 64; ++pe) {
        for (std::int64_t simd = 1; simd <= 24; ++simd) {
            if (64 % pe == 0 && 24 % simd == 0) ++count;
        }
    }
    const auto foldings = model.legal_foldings(view);
    EXPECT_EQ(foldings.size(), count);
    for (const Folding folding : foldings) {
        ASSERT_EQ(64 % folding.pe, 0);
        ASSERT_EQ(24 % folding.simd, 0);
        ASSERT_EQ(model.cycles(view, folding) * folding.pe * folding.simd, 24 * 64);
    }
}

TEST(Fold, MoreParallelHardwareCostsMore) {
    const Network network = small_network();
    for (const Layer& layer : network.layers) {
        const UnitModel& model = unit_model(layer.kind);
        const LayerView view{network, layer};
        const Prices prices;
        const auto foldings = model.legal_foldings(view);
        const double least = prices.of(model.instance(view, foldings.front(), "u", prices).cost);
        const double most = prices.of(model.instance(view, foldings.back(), "u", prices).cost);
        EXPECT_LT(least, most) << layer.name;
    }
}

TEST(Fold, EveryLayerMeetsTheTargetWithLittleToSpare) {
    const Network network = tutorial_network(false);
    // Weights from memories at every target.
    FoldingFile folded;
    for (const Layer& layer : network.layers) {
        if (std::holds_alternative<network::MatrixVector>(layer.kind))
            folded.constant[layer.name] = false;
    }
    for (const std::int64_t target : {1, 7, 49, 98, 500, 784, 4000, 60000}) {
        const Accelerator accelerator = fold(
            network,
            {.board = find_board("pynq-z1"), .target_ii = target, .folding = folded});
        EXPECT_LE(accelerator.ii_cycles, target);
        for (const Layer& layer : network.layers) {
            const Unit& unit = unit_of(accelerator, layer.name);
            EXPECT_LE(unit.cycles, target) << layer.name;
        }
        // Nothing is spent on latency beyond the slack.
        const Accelerator cheapest = fold(
            network, {.board = find_board("pynq-z1"),
                      .target_ii = target,
                      .folding = folded,
                      .slack = 0.0});
        ASSERT_TRUE(accelerator.decision && cheapest.decision);
        EXPECT_LE(accelerator.decision->price, 1.05 * cheapest.decision->price + 1e-6);
        EXPECT_LE(accelerator.latency_cycles, cheapest.latency_cycles);
    }
}

TEST(Fold, TheTutorialNetworkReachesItsGoals) {
    const Accelerator accelerator =
        fold(tutorial_network(true), {.board = find_board("pynq-z1"), .target_fps = 1'000'000});
    EXPECT_EQ(accelerator.target_ii, 100);
    EXPECT_LE(accelerator.ii_cycles, 98);
    EXPECT_LE(accelerator.latency_cycles, 250);
    EXPECT_EQ(accelerator.inputs[0].data_bits, 64);
    EXPECT_EQ(accelerator.inputs[0].beats, 98);
    EXPECT_EQ(accelerator.outputs[0].data_bits, 8);
    EXPECT_EQ(accelerator.outputs[0].beats, 1);
    EXPECT_TRUE(accelerator.notes.empty());
}

TEST(Fold, OutputElementsAreWholeBytes) {
    const Accelerator narrow =
        fold(small_network(), {.board = find_board("pynq-z1"), .target_ii = 100});
    EXPECT_EQ(narrow.outputs[0].type.bits, 9);
    EXPECT_EQ(narrow.outputs[0].element_bits, 16);
    const Accelerator label =
        fold(tutorial_network(true), {.board = find_board("pynq-z1"), .target_ii = 100});
    EXPECT_EQ(label.outputs[0].type.bits, 4);
    EXPECT_EQ(label.outputs[0].element_bits, 8);
    const Accelerator wide =
        fold(tutorial_network(false), {.board = find_board("pynq-z1"), .target_ii = 100});
    EXPECT_EQ(wide.outputs[0].element_bits, 16);
    EXPECT_EQ(wide.outputs[0].data_bits % 16, 0);
}

TEST(Fold, AFoldingFileIsObeyed) {
    const Network network = small_network();
    const FoldingFile file = parse_folding_file(
        R"({"layers": {"fc1": {"pe": 8, "simd": 3}, "act2": {"pe": 16}}, "ports": {"s_axis_0": 3}})",
        "f.json");
    const Accelerator accelerator =
        fold(network, {.board = find_board("pynq-z1"), .target_ii = 64, .folding = file});
    EXPECT_EQ(unit_of(accelerator, "fc1").folding, (Folding{8, 3}));
    EXPECT_EQ(unit_of(accelerator, "act2").folding.pe, 16);
    EXPECT_EQ(accelerator.inputs[0].elements_per_beat, 3);
}

TEST(Fold, APinnedLayerMayBeSlowerThanTheTarget) {
    const FoldingFile file =
        parse_folding_file(R"({"layers": {"fc1": {"pe": 1, "simd": 1}}})", "f.json");
    const Accelerator accelerator =
        fold(small_network(), {.board = find_board("pynq-z1"), .target_ii = 64, .folding = file});
    EXPECT_EQ(accelerator.ii_cycles, 24 * 64);
    EXPECT_THAT(
        accelerator.notes,
        ::testing::ElementsAre("takes 1536 cycles a frame with the given folding (fc1), the "
                               "target was 64"));
}

TEST(Fold, TheFoldingItWritesGivesTheSameAccelerator) {
    for (const bool with_argmax : {false, true}) {
        const Network network = tutorial_network(with_argmax);
        const FoldOptions options{.board = find_board("zybo-z7-20"), .target_ii = 300};
        const Accelerator accelerator = fold(network, options);
        FoldOptions pinned = options;
        pinned.folding = parse_folding_file(folding_file_text(accelerator), "folding.json");
        Accelerator again = fold(network, pinned);
        again.decision = accelerator.decision;  // with a folding given, there is no next step
        EXPECT_EQ(again, accelerator);
    }
}

TEST(Fold, MemoriesLeaveBlockRamWhenTheBoardHasNone) {
    Board board = find_board("pynq-z1");
    EXPECT_GT(fold(tutorial_network(false), {.board = board, .target_ii = 98}).total().bram36, 0.0);
    board.bram36 = 0;
    EXPECT_EQ(fold(tutorial_network(false), {.board = board, .target_ii = 98}).total().bram36, 0.0);
}

TEST(Fold, ANetworkTooBigForTheBoardIsNoted) {
    Board board = find_board("zybo-z7-10");
    board.luts = 1000;
    const Accelerator accelerator =
        fold(tutorial_network(false), {.board = board, .target_ii = 98});
    EXPECT_THAT(accelerator.notes, ::testing::Contains(::testing::MatchesRegex(
                                       "needs about [0-9]+ LUTs, and zybo-z7-10 has 1000")));
    EXPECT_THAT(accelerator.notes, ::testing::Each(::testing::StartsWith("needs about ")));
}

TEST(Fold, RandomNetworksKeepTheirTargetAtEveryDepthOfFifo) {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        const auto [network, target_ii] = qloom::testing::random_design(seed);
        const Accelerator accelerator =
            fold(network, {.board = find_board("pynq-z1"), .target_ii = target_ii});
        EXPECT_LE(accelerator.ii_cycles, target_ii) << "seed " << seed;
        EXPECT_TRUE(accelerator.notes.empty()) << "seed " << seed;
    }
}

TEST(FoldErrors, ATargetThatMakesNoSense) {
    const Network network = small_network();
    const Board board = find_board("pynq-z1");
    EXPECT_EQ(error_of([&] { fold(network, {.board = board}); }),
              "Q0502: target: there is none; give one target above zero, in frames/s or in cycles "
              "a frame");
    EXPECT_EQ(error_of([&] { fold(network, {.board = board, .target_ii = 5, .target_fps = 5.0}); }),
              "Q0502: target: both frames/s and cycles a frame are given; give one target above "
              "zero, in frames/s or in "
              "cycles a frame");
    EXPECT_EQ(error_of([&] { fold(network, {.board = board, .target_ii = 0}); }),
              "Q0502: target: 0 cycles a frame make no sense; give one target above zero, in "
              "frames/s or in cycles a "
              "frame");
    EXPECT_EQ(error_of([&] { fold(network, {.board = board, .target_fps = -1.0}); }),
              "Q0502: target: -1 frames/s make no sense; give one target above zero, in frames/s "
              "or in cycles a frame");
    EXPECT_EQ(error_of([&] { fold(network, {.board = board, .clock_mhz = -5, .target_ii = 1}); }),
              "Q0503: clock: -5 MHz makes no sense; give a clock from 1 to 1000 MHz");
}

TEST(FoldErrors, ATargetThatNoFoldingReaches) {
    const Board board = find_board("pynq-z1");
    EXPECT_EQ(error_of([&] { fold(small_network(), {.board = board, .target_fps = 2e8}); }),
              "Q0504: layer fc1: needs at least 1 cycle a frame, and the target allows 0; the best "
              "reachable is 1 cycle a "
              "frame, 100000000 frames/s at 100 MHz");
    NetworkBuilder build(2);
    const auto x = build.input("x", {5, 4}, {0, 3});  // five vectors: a matrix needs five cycles
    const Network network = build.finish({build.dense(x, 3, {-1, 1})});
    EXPECT_EQ(error_of([&] { fold(network, {.board = board, .target_ii = 4}); }),
              "Q0504: layer fc1: needs at least 5 cycles a frame, and the target allows 4; the "
              "best reachable is 5 cycles "
              "a frame, 20000000 frames/s at 100 MHz");
}

TEST(FoldErrors, AFoldingThatDoesNotDivide) {
    const auto fold_with = [](const std::string& json) {
        return error_of([&] {
            fold(small_network(), {.board = find_board("pynq-z1"),
                                   .target_ii = 64,
                                   .folding = parse_folding_file(json, "f.json")});
        });
    };
    EXPECT_EQ(fold_with(R"({"layers": {"fc1": {"pe": 3}}})"),
              "Q0507: layer fc1: PE=3 does not divide 64 output channels; legal: 1, 2, 4, 8, 16, "
              "32, 64 (nearest 2, 4)");
    EXPECT_EQ(fold_with(R"({"layers": {"fc1": {"simd": 100}}})"),
              "Q0507: layer fc1: SIMD=100 does not divide 24 input channels; legal: 1, 2, 3, 4, 6, "
              "8, 12, 24 (nearest 24)");
    EXPECT_EQ(fold_with(R"({"layers": {"act2": {"pe": 5}}})"),
              "Q0507: layer act2: PE=5 does not divide 64 channels; legal: 1, 2, 4, 8, 16, 32, 64 "
              "(nearest 4, 8)");
    EXPECT_EQ(fold_with(R"({"ports": {"s_axis_0": 5}})"),
              "Q0507: port s_axis_0: 5 elements a beat do not divide a frame of 24; legal: 1, 2, "
              "3, 4, 6, 8, 12, 24");
    EXPECT_EQ(fold_with(R"({"layers": {"fc9": {"pe": 4}}})"),
              "Q0506: f.json: the network has no layer fc9; did you mean fc1?");
    EXPECT_EQ(fold_with(R"({"ports": {"s_axis_7": 4}})"),
              "Q0506: f.json: the accelerator has no port s_axis_7; its ports: s_axis_0, m_axis_0");
    EXPECT_EQ(fold_with(R"({"fifo_depths": {"fifo_x": 4}})"),
              "Q0506: f.json: there is no place for a FIFO fifo_x; places: fifo_fc1, fifo_act2, "
              "fifo_fc3, fifo_output_0");
    EXPECT_EQ(fold_with(R"({"fifo_depths": {"fifo_fc1": 1}})"),
              "Q0507: FIFO fifo_fc1: a depth of 1 does not exist; legal: 0 (none), 2 and more");
    EXPECT_EQ(fold_with(R"({"layers": {"act2": {"simd": 2}}})"),
              "Q0505: f.json: layer act2 is a Threshold, which has no simd; give it a pe only");
}

TEST(FoldErrors, AFoldingFileThatCannotBeRead) {
    const auto parse = [](const std::string& json) {
        return error_of([&] { parse_folding_file(json, "f.json"); });
    };
    constexpr const char* kAdvice = "; start from the folding.json of a compiled folder";
    EXPECT_EQ(parse("{\"layers\": {"), std::string("Q0505: f.json: is not JSON") + kAdvice);
    EXPECT_EQ(parse("[1]"), std::string("Q0505: f.json: the file is not an object") + kAdvice);
    EXPECT_EQ(parse(R"({"layer": {}})"),
              std::string("Q0505: f.json: the file has an unknown key \"layer\"; known: layers, "
                          "fifo_depths, ports") +
                  kAdvice);
    EXPECT_EQ(parse(R"({"layers": {"a": {"pe": 0}}})"),
              std::string("Q0505: f.json: a.pe is 0, not a whole number of at least 1") + kAdvice);
    EXPECT_EQ(
        parse(R"({"layers": {"a": {"pe": "4"}}})"),
        std::string("Q0505: f.json: a.pe is \"4\", not a whole number of at least 1") + kAdvice);
}

TEST(FoldErrors, ALayerWithoutHardware) {
    NetworkBuilder build(3);
    const auto x = build.input("x", {4}, {0, (1 << 17) - 1});
    const Network network = build.finish({build.dense(x, 2, {-1, 1})});
    EXPECT_EQ(error_of([&] { fold(network, {.board = find_board("pynq-z1"), .target_ii = 10}); }),
              "Q0508: layer fc1: its stream x has 17 bits an element, and a MatrixVector takes at "
              "most 16; quantise that "
              "tensor to fewer bits");
}

}  // namespace
}  // namespace qloom::hw
