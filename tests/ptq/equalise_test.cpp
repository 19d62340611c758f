#include "ptq/equalise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/tidy.h"
#include "networks.h"
#include "ptq/prepare.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

// Multiplies the rows of the first layers by factors from 1/30 to 30, so that there is something to
// balance.
void unbalance(ir::Graph& graph, const std::vector<Layer>& layers, std::mt19937& rng) {
    std::uniform_real_distribution<double> exponent(-1.5, 1.5);
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
        Tensor<double> w = weight_matrix(graph, layers[l]);
        for (std::int64_t row = 0; row < layers[l].groups * layers[l].rows; ++row) {
            const double factor = std::pow(10.0, exponent(rng));
            for (std::int64_t k = 0; k < layers[l].columns; ++k) {
                w[row * layers[l].columns + k] *= factor;
            }
        }
        graph.tensor(layers[l].weights).constant = weight_tensor(graph, layers[l], w);
    }
}

// The largest |weight| of every output channel of `first`, and of every input of `second` that
// reads it.
std::pair<std::vector<double>, std::vector<double>> reaches(const ir::Graph& graph,
                                                            const std::vector<Layer>& layers,
                                                            const LayerPair& pair) {
    const Layer& first = layers[pair.first];
    const Layer& second = layers[pair.second];
    std::vector<double> r1(static_cast<std::size_t>(first.groups * first.rows), 0.0);
    std::vector<double> r2(r1.size(), 0.0);
    const Tensor<double> w1 = weight_matrix(graph, first);
    const Tensor<double> w2 = weight_matrix(graph, second);
    for (std::int64_t i = 0; i < w1.size(); ++i) {
        double& r = r1[static_cast<std::size_t>(i / first.columns)];
        r = std::max(r, std::abs(w1[i]));
    }
    for (std::int64_t g = 0; g < second.groups; ++g) {
        for (std::int64_t m = 0; m < second.rows; ++m) {
            for (std::int64_t k = 0; k < second.columns; ++k) {
                double& r = r2[static_cast<std::size_t>(
                    pair.channel[static_cast<std::size_t>(g * second.columns + k)])];
                r = std::max(r, std::abs(w2[(g * second.rows + m) * second.columns + k]));
            }
        }
    }
    return {r1, r2};
}

TEST(Equalise, KeepsTheFunctionAndBalancesTheWeights) {
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
        const bool image = seed % 2 == 0;
        ir::Graph graph =
            prepare(ir::tidy(image ? testing::small_cnn(seed) : testing::small_mlp(seed)));
        const std::vector<Layer> layers = layers_of(graph);
        std::mt19937 rng(seed);
        unbalance(graph, layers, rng);
        const std::vector<LayerPair> pairs = equalisable_pairs(graph, layers);
        ASSERT_EQ(pairs.size(), layers.size() - 1);
        const Tensor<float> frames =
            testing::random_tensor(image ? Shape{4, 2, 8, 8} : Shape{4, 12}, -1, 1, rng);
        const std::vector<float> before = testing::outputs_of(graph, frames);
        equalise_weights(graph, layers, pairs);
        EXPECT_LT(testing::largest_difference(before, testing::outputs_of(graph, frames)), 1e-4);
        for (const LayerPair& pair : pairs) {
            const auto [r1, r2] = reaches(graph, layers, pair);
            for (std::size_t c = 0; c < r1.size(); ++c) {
                EXPECT_NEAR(std::log(r1[c] / r2[c]), 0.0, 0.01)
                    << "seed " << seed << " channel " << c;
            }
        }
    }
}

// One dense pair by hand: r1 = (4, 1), r2 = (1, 4): s = (2, 1/2), and both reach 2.
TEST(Equalise, WorkedExample) {
    lower::testing::GraphBuilder builder;
    const ir::TensorId x = builder.input("x", {1, 1});
    const ir::TensorId h =
        builder.relu(builder.add(builder.op(ir::MatMul{}, {x, builder.constant({1, 2}, {4, 1})}),
                                 builder.constant({2}, {2, 2})));
    ir::Graph graph = prepare(ir::tidy(
        builder.finish({builder.op(ir::MatMul{}, {h, builder.constant({2, 1}, {1, 4})})})));
    const std::vector<Layer> layers = layers_of(graph);
    equalise_weights(graph, layers, equalisable_pairs(graph, layers));
    EXPECT_EQ(std::get<Tensor<float>>(*graph.tensor(layers[0].weights).constant).values(),
              (std::vector<float>{2, 2}));
    EXPECT_EQ(std::get<Tensor<float>>(*graph.tensor(layers[0].bias).constant).values(),
              (std::vector<float>{1, 4}));
    EXPECT_EQ(std::get<Tensor<float>>(*graph.tensor(layers[1].weights).constant).values(),
              (std::vector<float>{2, 2}));
}

TEST(Equalise, ByActivationsKeepsTheFunctionAndLevelsTheChannels) {
    ir::Graph graph = prepare(ir::tidy(testing::small_mlp(3)));
    const std::vector<Layer> layers = layers_of(graph);
    std::mt19937 rng(3);
    unbalance(graph, layers, rng);
    const std::vector<LayerPair> pairs = equalisable_pairs(graph, layers);
    const Tensor<float> frames = testing::random_tensor({60, 12}, -1, 1, rng);
    const std::vector<float> before = testing::outputs_of(graph, frames);
    equalise_activations(graph, layers, pairs, {frames});
    EXPECT_LT(testing::largest_difference(before, testing::outputs_of(graph, frames)), 1e-4);
    // One pair alone: both sides then reach equally far.
    ir::Graph alone = prepare(ir::tidy(testing::small_mlp(3)));
    equalise_activations(alone, layers, {pairs[0]}, {frames});
    const auto alone_trace = ir::Executor(alone).trace({frames});
    const auto& levelled = std::get<Tensor<float>>(alone_trace.at("relu1_out"));
    const auto [unused, columns] = reaches(alone, layers, pairs[0]);
    for (std::int64_t c = 0; c < 16; ++c) {
        double reach = 0.0;
        for (std::int64_t f = 0; f < 60; ++f) {
            reach = std::max(reach, static_cast<double>(levelled[f * 16 + c]));
        }
        EXPECT_NEAR(reach, columns[static_cast<std::size_t>(c)], 1e-4 * reach);
    }
}

TEST(Equalise, PairsOnlyWhereScalesPass) {
    const auto pairs_of = [](FloatNet& net, ir::TensorId end) {
        const ir::Graph graph = prepare(ir::tidy(net.builder.finish({end})));
        return equalisable_pairs(graph, layers_of(graph)).size();
    };
    {
        FloatNet net(1);  // a sigmoid bends
        const ir::TensorId x = net.builder.input("x", {1, 4});
        EXPECT_EQ(
            pairs_of(
                net,
                net.dense("b", net.unary(ir::UnaryKind::kSigmoid, net.dense("a", x, 4, 4)), 4, 4)),
            0U);
    }
    {
        FloatNet net(2);  // two readers
        const ir::TensorId x = net.builder.input("x", {1, 4});
        const ir::TensorId h = net.relu(net.dense("a", x, 4, 4));
        EXPECT_EQ(pairs_of(net, net.builder.add(net.dense("b", h, 4, 4), h)), 0U);
    }
    {
        FloatNet net(3);  // leaky functions and averages pass
        const ir::TensorId x = net.builder.input("x", {1, 2, 4, 4});
        const ir::TensorId h =
            net.builder.op(ir::Parametric{.alpha = 0.1F}, {net.conv("a", x, 2, 3, 3)});
        const ir::TensorId y = net.flatten(net.builder.op(ir::GlobalAveragePool{}, {h}));
        EXPECT_EQ(pairs_of(net, net.dense("b", y, 3, 2)), 1U);
    }
    {
        FloatNet net(4);  // a clip at 6 does not
        const ir::TensorId x = net.builder.input("x", {1, 4});
        const ir::TensorId h = net.builder.op(
            ir::Clip{},
            {net.dense("a", x, 4, 4), net.builder.scalar(0.0F), net.builder.scalar(6.0F)});
        EXPECT_EQ(pairs_of(net, net.dense("b", h, 4, 4)), 0U);
    }
}

}  // namespace
}  // namespace qloom::ptq
