#include "ptq/layer.h"

#include <gtest/gtest.h>

#include "ir/tidy.h"
#include "networks.h"
#include "ptq/prepare.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

// The layer of a one-layer model: rows times weights plus bias must be what the executor gives.
void expect_products(const ir::Graph& model, const Tensor<float>& frames) {
    const ir::Graph graph = prepare(ir::tidy(model));
    const std::vector<Layer> layers = layers_of(graph);
    ASSERT_EQ(layers.size(), 1U);
    const Layer& layer = layers[0];
    const Tensor<double> w = weight_matrix(graph, layer);
    EXPECT_EQ(w.shape(), (Shape{layer.groups, layer.rows, layer.columns}));
    const auto& bias = std::get<Tensor<float>>(*graph.tensor(layer.bias).constant);
    const Unfold unfold(graph, layer);
    const std::vector<float> expected = testing::outputs_of(model, frames);
    const bool dense = std::holds_alternative<ir::MatMul>(graph.node(layer.node).op);
    const std::int64_t channels = layer.groups * layer.rows;
    std::vector<double> row(static_cast<std::size_t>(layer.columns));
    std::int64_t checked = 0;
    for (std::int64_t frame = 0; frame < frames.dim(0); ++frame) {
        for (std::int64_t g = 0; g < layer.groups; ++g) {
            for (std::int64_t pixel = 0; pixel < unfold.pixels(); ++pixel) {
                unfold.row(frames, frame, pixel, g, row.data());
                for (std::int64_t m = 0; m < layer.rows; ++m) {
                    const std::int64_t channel = g * layer.rows + m;
                    double sum = static_cast<double>(bias[channel]);
                    for (std::int64_t k = 0; k < layer.columns; ++k) {
                        sum += w[(g * layer.rows + m) * layer.columns + k] *
                               row[static_cast<std::size_t>(k)];
                    }
                    const std::int64_t at =
                        dense ? (frame * unfold.pixels() + pixel) * channels + channel
                              : (frame * channels + channel) * unfold.pixels() + pixel;
                    ASSERT_NEAR(sum, expected[static_cast<std::size_t>(at)], 1e-4);
                    ++checked;
                }
            }
        }
    }
    EXPECT_EQ(checked, static_cast<std::int64_t>(expected.size()));
    // Back again, and one number a row along the weights.
    EXPECT_EQ(weight_tensor(graph, layer, w),
              std::get<Tensor<float>>(*graph.tensor(layer.weights).constant));
    std::vector<float> scales;
    Tensor<double> scaled = w;
    for (std::int64_t i = 0; i < w.size(); ++i) {
        scaled[i] *= static_cast<double>(1 + i / layer.columns);
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        scales.push_back(static_cast<float>(1 + c));
    }
    const ir::Value factor = per_row(graph, layer, scales);
    const ir::Value weights = *graph.tensor(layer.weights).constant;
    ir::Node multiply{.name = "m",
                      .op = ir::Binary{ir::BinaryKind::kMul},
                      .inputs = {ir::TensorId{0}, ir::TensorId{1}},
                      .outputs = {ir::TensorId{2}}};
    EXPECT_LT(testing::largest_difference(
                  std::get<Tensor<float>>(ir::run_node(multiply, {&weights, &factor})[0]).values(),
                  weight_tensor(graph, layer, scaled).values()),
              1e-6);
}

TEST(Layer, Dense) {
    FloatNet net(1);
    const ir::TensorId x = net.builder.input("x", {1, 7});
    const ir::Graph model = net.builder.finish({net.dense("fc", x, 7, 4)});
    expect_products(model, testing::random_tensor({3, 7}, -1, 1, net.rng));
}

TEST(Layer, DenseOverRowsWithoutBias) {
    FloatNet net(2);
    const ir::TensorId x = net.builder.input("x", {1, 5, 7});
    const ir::Graph model =
        net.builder.finish({net.builder.op(ir::MatMul{}, {x, net.random({7, 4})})});
    expect_products(model, testing::random_tensor({3, 5, 7}, -1, 1, net.rng));
}

TEST(Layer, Convolutions) {
    struct Case {
        ir::Conv op;
        Shape x;
        Shape w;
    };
    const std::vector<Case> cases{
        {{.window = {.strides = {2, 1}, .pads = {1, 0, 0, 2}}}, {1, 3, 7, 6}, {4, 3, 3, 2}},
        {{.window = {.dilations = {2, 2}, .pads = {2, 2, 2, 2}}, .group = 2},
         {1, 4, 6, 6},
         {6, 2, 3, 3}},
        {{.window = {.pads = {1, 1, 1, 1}}, .group = 4}, {1, 4, 5, 5}, {8, 1, 3, 3}},
        {{.window = {.strides = {3}, .pads = {2, 1}}}, {1, 2, 11}, {3, 2, 4}},
        {{.window = {.strides = {2, 2}, .auto_pad = ir::AutoPad::kSameUpper}},
         {1, 2, 5, 6},
         {3, 2, 3, 3}},
    };
    for (const Case& one : cases) {
        FloatNet net(3);
        const ir::TensorId x = net.builder.input("x", one.x);
        const ir::Graph model = net.builder.finish(
            {net.builder.op(one.op, {x, net.random(one.w), net.random({one.w[0]})})});
        Shape frames = one.x;
        frames[0] = 2;
        expect_products(model, testing::random_tensor(frames, -1, 1, net.rng));
    }
}

TEST(Layer, TransposedConvolutions) {
    struct Case {
        ir::ConvTranspose op;
        Shape x;
        Shape w;
    };
    const std::vector<Case> cases{
        {{.window = {.strides = {2, 2}}}, {1, 3, 4, 3}, {3, 2, 2, 2}},
        {{.window = {.strides = {2, 2}, .pads = {1, 1, 1, 1}}, .output_padding = {1, 1}},
         {1, 2, 3, 4},
         {2, 3, 3, 3}},
        {{.window = {.strides = {1, 2}, .dilations = {2, 1}, .pads = {1, 0, 0, 1}}, .group = 2},
         {1, 4, 4, 4},
         {4, 3, 2, 3}},
    };
    for (const Case& one : cases) {
        FloatNet net(4);
        const ir::TensorId x = net.builder.input("x", one.x);
        const ir::Graph model =
            net.builder.finish({net.builder.op(one.op, {x, net.random(one.w)})});
        Shape frames = one.x;
        frames[0] = 2;
        expect_products(model, testing::random_tensor(frames, -1, 1, net.rng));
    }
}

}  // namespace
}  // namespace qloom::ptq
