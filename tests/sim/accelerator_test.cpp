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

network::WindowAxis window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return {kernel, stride, 1, pad, pad};
}

// Convolution, pooling, convolution, dense head: windows at a channel group a beat, and converters
// between them and the matrices.
TEST_F(AcceleratorTest, ConvolutionsAndPooling) {
    NetworkBuilder build(21);
    auto x = build.input("x", {8, 8, 3}, {0, 15});
    x = build.dense(build.windows(x, {window(3, 1, 1), window(3, 1, 1)}), 4, {-4, 3});
    x = build.threshold(x, 3);
    x = build.window_max(build.windows(x, {window(2, 2, 0), window(2, 2, 0)}), 4);
    x = build.dense(build.windows(x, {window(3, 1, 0), window(3, 1, 0)}), 6, {-2, 1});
    x = build.reshape(build.threshold(x, 7), {24});
    check(build.finish({build.dense(x, 5, {-4, 3})}), at(600), 10);
}

// A pixel a clock: whole windows a beat, matrices and kernels as wide as them.
TEST_F(AcceleratorTest, BinaryConvolutionsAtAPixelAClock) {
    NetworkBuilder build(22);
    auto x = build.input("x", {6, 6, 4}, {0, 1});
    x = build.threshold(build.dense_xnor(build.windows(x, {window(3, 1, 0), window(3, 1, 0)}), 8),
                        1);
    x = build.window_max(build.windows(x, {window(2, 2, 0), window(2, 2, 0)}), 4);
    x = build.dense_xnor(x, 6);
    check(build.finish({x}), at(36), 12);
}

TEST_F(AcceleratorTest, DepthwiseAtAPixelAClock) {
    NetworkBuilder build(26);
    auto x = build.input("x", {5, 7, 2}, {0, 15});
    x = build.depthwise(build.windows(x, {window(3, 1, 1), window(3, 1, 1)}), 9, 1, {-4, 3});
    x = build.threshold(x, 7);
    x = build.dense(build.windows(x, {window(3, 2, 1), window(3, 2, 1)}), 3, {-4, 3});
    check(build.finish({x}), at(35), 12);
}

TEST_F(AcceleratorTest, DepthwiseSeparableWithMultiplier) {
    NetworkBuilder build(23);
    auto x = build.input("x", {7, 6, 4}, {-8, 7});
    x = build.depthwise(build.windows(x, {window(3, 2, 1), window(3, 2, 1)}), 9, 2, {-4, 3});
    x = build.threshold(x, 7, {.bias = -4});
    x = build.threshold(build.dense(x, 6, {-2, 1}), 3);
    x = build.depthwise_bipolar(build.windows(x, {window(2, 1, 0), window(2, 1, 0)}, 0), 4);
    check(build.finish({x}), at(220), 10);
}

TEST_F(AcceleratorTest, OneDimensionalWithSumsAndDilation) {
    NetworkBuilder build(24);
    auto x = build.input("x", {20, 2}, {-4, 3});
    x = build.dense(build.windows(x, {{5, 2, 2, 3, 1}}), 4, {-4, 3});
    x = build.threshold(x, 6, {.bias = -3});
    x = build.window_sum(build.windows(x, {{3, 1, 1, 1, 1}}), 3);
    check(build.finish({x}), at(100), 12);
}

// Two readers of the same windows: they come as the network says.
TEST_F(AcceleratorTest, WindowsReadTwice) {
    NetworkBuilder build(25);
    const auto x = build.input("x", {5, 5, 2}, {0, 7});
    const auto windows = build.windows(x, {window(3, 1, 1), window(3, 1, 1)});
    const auto pooled = build.window_max(windows, 9);
    const auto product = build.threshold(build.dense(windows, 2, {-2, 1}), 7);
    check(build.finish({build.add({pooled, product}, {1, 1})}), at(500), 8);
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

TEST_F(AcceleratorTest, DISABLED_SweepRandomConvolutions) {
    for (std::uint32_t seed = 2000; seed < 2040; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const auto [network, target_ii] = qloom::testing::random_convolutions(seed);
        check(network, at(target_ii), 8);
        if (HasFailure()) break;
    }
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
