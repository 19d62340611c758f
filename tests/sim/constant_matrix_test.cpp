// Matrices of constant weights in RTL, thresholds behind them or not: bit by bit with idle senders
// and slow receivers, a frame a clock, latency as estimated.

#include <nlohmann/json.hpp>

#include "accelerator_fixture.h"

namespace qloom::sim {
namespace {

using network::Network;
using network::StreamId;
using qloom::testing::NetworkBuilder;

class ConstantMatrixTest : public AcceleratorTest {
protected:
    // Every matrix of the network in logic.
    void check_constant(const Network& network, std::int64_t target_ii = 1) {
        nlohmann::json layers = nlohmann::json::object();
        for (const network::Layer& layer : network.layers) {
            if (std::holds_alternative<network::MatrixVector>(layer.kind))
                layers[layer.name] = {{"constant", true}};
        }
        const nlohmann::json file = {{"layers", layers}};
        const hw::FoldOptions options = at(target_ii, file.dump());
        const hw::Accelerator accelerator = hw::fold(network, options);
        std::size_t units = 0;
        for (const hw::Unit& unit : accelerator.units)
            units += unit.module == hw::Module::kConstantMatrix ? 1 : 0;
        EXPECT_EQ(units, layers.size());
        EXPECT_LE(accelerator.ii_cycles, target_ii);
        // The folding written is the folding read.
        hw::FoldOptions again = at(target_ii, hw::folding_file_text(accelerator));
        EXPECT_EQ(hw::fold(network, again), accelerator);
        check(network, options, 60);
    }
};

TEST_F(ConstantMatrixTest, BipolarWithOneAndSeveralThresholds) {
    NetworkBuilder build(61);
    auto x = build.input("x", {90}, {0, 1});
    x = build.threshold(build.dense_xnor(x, 33), 1);
    x = build.threshold(build.dense_xnor(x, 20), 1, {.falling = true});
    x = build.threshold(build.dense_bipolar(x, 12), 3, {.bias = -2});
    check_constant(build.finish({build.argmax(build.dense_bipolar(x, 10))}));
}

TEST_F(ConstantMatrixTest, TernaryOfSignedInputsAndSumsAsResults) {
    NetworkBuilder build(62);
    auto x = build.input("x", {35}, {-2, 1});
    x = build.threshold(build.dense(x, 21, {-1, 1}), 6, {.bias = -3, .falling = true});
    check_constant(build.finish({build.dense(x, 7, {-1, 1}), build.dense(x, 3, {0, 0})}));
}

TEST_F(ConstantMatrixTest, FourAndSixBits) {
    NetworkBuilder build(63);
    auto x = build.input("x", {16}, {-32, 31});
    x = build.threshold(build.dense(x, 12, {-31, 31}), 63);
    x = build.threshold(build.dense(x, 10, {-8, 7}), 15, {.shared = true});
    check_constant(build.finish({build.dense(x, 5, {-32, 31})}));
}

TEST_F(ConstantMatrixTest, EightBitsAndAnUnsharedSum) {
    NetworkBuilder build(64);
    const auto x = build.input("x", {12}, {0, 255});
    const auto sums = build.dense(x, 9, {-128, 127});
    const auto steps = build.threshold(build.dense(x, 6, {-2, 1}), 255);
    check_constant(build.finish({sums, build.dense(steps, 4, {-3, 3})}));
}

TEST_F(ConstantMatrixTest, ConvolutionAtAPixelAClock) {
    NetworkBuilder build(65);
    const network::WindowAxis axis{3, 1, 1, 1, 1};
    auto x = build.input("x", {6, 6, 3}, {0, 3});
    x = build.threshold(build.dense(build.windows(x, {axis, axis}), 8, {-1, 1}), 3);
    check_constant(build.finish({build.dense(x, 4, {-2, 1})}), 36);
}

TEST_F(ConstantMatrixTest, ChosenByItselfAtAFrameAClock) {
    NetworkBuilder build(66);
    auto x = build.input("x", {40}, {0, 1});
    x = build.threshold(build.dense_xnor(x, 16), 1);
    const Network network = build.finish({build.dense_xnor(x, 10)});
    const hw::Accelerator accelerator = hw::fold(network, at(1));
    EXPECT_EQ(std::ranges::count(accelerator.units, hw::Module::kConstantMatrix, &hw::Unit::module), 2);
    EXPECT_EQ(std::ranges::count(accelerator.units, hw::Module::kThreshold, &hw::Unit::module), 0);
    const hw::Accelerator never = hw::fold(
        network, at(1, R"({"layers": {"fc1": {"constant": false}, "fc3": {"constant": false}}})"));
    EXPECT_EQ(std::ranges::count(never.units, hw::Module::kConstantMatrix, &hw::Unit::module), 0);
    EXPECT_LT(accelerator.total().luts, never.total().luts);
}

}  // namespace
}  // namespace qloom::sim
