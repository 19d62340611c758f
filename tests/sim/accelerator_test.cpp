// Whole accelerators in RTL against the obvious meaning of their networks: bit by bit, and cycle by
// cycle against the stream model.

#include "accelerator_fixture.h"

namespace qloom::sim {
namespace {

using network::Network;
using qloom::testing::NetworkBuilder;

TEST_F(AcceleratorTest, BipolarXnorChainWithArgmax) {
    NetworkBuilder build(11);
    auto x = build.input("x", {40}, {0, 1});
    x = build.threshold(build.dense_xnor(x, 24), 1);
    x = build.threshold(build.dense_xnor(x, 12), 1);
    check(build.finish({build.argmax(build.dense_xnor(x, 10))}), at(40));
}

TEST_F(AcceleratorTest, TernaryAndTwoBitWithOddSizesAndFallingChannels) {
    NetworkBuilder build(12);
    auto x = build.input("x", {35}, {-1, 1});
    x = build.threshold(build.dense(x, 21, {-1, 1}), 3, {.bias = -2, .falling = true});
    x = build.threshold(build.dense(x, 15, {-2, 1}), 2, {.bias = -1, .shared = true});
    check(build.finish({build.dense(x, 7, {-1, 1})}), at(60));
}

TEST_F(AcceleratorTest, ResidualWithThreeBits) {
    NetworkBuilder build(13);
    const auto x = build.threshold(build.input("x", {20}, {0, 255}), 7);
    auto y = build.threshold(build.dense(x, 12, {-4, 3}), 7);
    y = build.dense(y, 20, {-4, 3});
    y = build.threshold(build.add({y, x}, {1, -3}), 7);
    check(build.finish({build.dense(y, 5, {-4, 3})}), at(30));
}

TEST_F(AcceleratorTest, TwoInputsConcatAndSplit) {
    NetworkBuilder build(14);
    const auto a = build.input("a", {12}, {0, 15});
    const auto b = build.input("b", {9}, {-4, 3});
    const auto parts = build.split(a, {4, 8});
    const auto joined = build.concat({b, parts[1], parts[0]});
    auto x = build.threshold(build.dense(joined, 10, {-2, 2}), 5, {.bias = -2});
    check(build.finish({build.dense_bipolar(x, 6)}), at(24));
}

TEST_F(AcceleratorTest, TwoOutputsEightAndSixteenBits) {
    NetworkBuilder build(15);
    const auto x = build.input("x", {10}, {-128, 127});
    const auto hidden = build.requantize(build.dense(x, 8, {-32768, 32767}), 12, {-32768, 32767});
    const auto bytes = build.requantize(hidden, 9, {0, 255}, true);
    check(build.finish({build.dense(bytes, 3, {-128, 127}), build.affine(hidden)}), at(20));
}

TEST_F(AcceleratorTest, TablesProductsAndManySums) {
    NetworkBuilder build(16);
    const auto x = build.input("x", {3, 4}, {0, 7});  // three vectors of four channels
    const auto wave = build.lookup(x, {-9, 6});
    const auto scaled = build.affine(x, true);
    const auto shared = build.lookup(x, {0, 5}, true);
    const auto sum = build.add({wave, scaled, shared}, {2, 1, -1});
    const auto product = build.multiply(wave, shared);
    const auto y = build.reshape(build.concat({sum, product}), {24});
    check(build.finish({build.dense(y, 4, {-3, 3})}), at(24));
}

TEST_F(AcceleratorTest, FullyUnrolledFourBits) {
    NetworkBuilder build(17);
    auto x = build.input("x", {16}, {-8, 7});
    x = build.threshold(build.dense(x, 8, {-8, 7}), 15);
    check(build.finish({build.dense(x, 5, {-8, 7})}), at(1), 40);
}

TEST_F(AcceleratorTest, ChosenFoldingWithUnevenConverters) {
    NetworkBuilder build(18);
    auto x = build.input("x", {30}, {0, 15});
    x = build.threshold(build.dense(x, 12, {-4, 4}), 6);
    check(
        build.finish({build.dense(x, 6, {-4, 4})}),
        at(60,
           R"({"layers": {"fc1": {"pe": 4, "simd": 6}, "act2": {"pe": 3}, "fc3": {"pe": 2, "simd": 4}},
                     "ports": {"s_axis_0": 10, "m_axis_0": 3}})"));
}

TEST_F(AcceleratorTest, UnreadPartsAndPassedThroughInputs) {
    NetworkBuilder build(19);
    const auto x = build.input("x", {8}, {-3, 3});
    const auto parts = build.split(x, {4, 4});
    check(build.finish({parts[1], x}), at(8));
}

TEST_F(AcceleratorTest, AgreesWithTheExecutor) {
    NetworkBuilder build(20);
    auto x = build.input("x", {18}, {0, 255});
    x = build.threshold(build.dense(x, 12, {-8, 7}), 15, {.falling = true});
    const Network network = build.finish({build.argmax(build.dense(x, 9, {-8, 7}))});
    emit::emit(hw::fold(network, at(18)), network, folder_);
    const auto inputs = qloom::testing::random_inputs(network, 200, 3);
    const std::vector<network::Frames> frames{network::frames_from(inputs[0], {0, 255})};
    const SimulateResult result =
        simulate(folder_, frames, {.cache = QLOOM_BINARY_DIR "/rtl-cache"});
    const auto expected = network::Executor(network).run(frames);
    EXPECT_EQ(network::integers_of(result.outputs[0]).values(),
              network::integers_of(expected[0]).values());
}

TEST_F(AcceleratorTest, DISABLED_SweepRandomNetworks) {
    for (std::uint32_t seed = 1000; seed < 1060; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto [network, target_ii] = qloom::testing::random_design(seed);
        check(network, at(target_ii), 12);
        if (HasFailure()) break;
    }
}

}  // namespace
}  // namespace qloom::sim
