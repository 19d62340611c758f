#include "ptq/prepare.h"

#include <gtest/gtest.h>

#include "ir/tidy.h"
#include "ir/verify.h"
#include "networks.h"
#include "ptq/layer.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

std::vector<std::string> operators(const ir::Graph& graph) {
    std::vector<std::string> names;
    for (const ir::Node& node : graph.nodes()) {
        names.push_back(ir::op_name(node.op));
    }
    return names;
}

void expect_same_function(const ir::Graph& model, const ir::Graph& prepared,
                          const Tensor<float>& frames) {
    EXPECT_EQ(ir::verify(prepared), "");
    EXPECT_LT(testing::largest_difference(testing::outputs_of(model, frames),
                                          testing::outputs_of(prepared, frames)),
              1e-5);
    for (std::size_t i = 0; i < model.outputs().size(); ++i) {
        EXPECT_EQ(prepared.tensor(prepared.outputs()[i]).name,
                  model.tensor(model.outputs()[i]).name);
    }
}

TEST(Prepare, FoldsWhatFollowsALayer) {
    using Strings = std::vector<std::string>;
    for (const int kind : {0, 1, 2, 3}) {
        FloatNet net(static_cast<std::uint32_t>(kind));
        const bool image = kind > 0;
        const ir::TensorId x = net.builder.input("x", image ? Shape{1, 4, 5, 5} : Shape{1, 6});
        ir::TensorId y = ir::TensorId::kNone;
        if (kind == 0) {
            y = net.builder.op(ir::MatMul{}, {x, net.random({6, 4})});
        } else if (kind == 1) {
            y = net.conv("conv", x, 4, 4, 3, 2);
        } else {
            y = net.builder.op(
                ir::ConvTranspose{.window = {.strides = {2, 2}}, .group = kind == 3 ? 2 : 1},
                {x, net.random({4, kind == 3 ? 2 : 4, 2, 2})});
        }
        const Shape channel = image ? Shape{4, 1, 1} : Shape{4};
        y = net.builder.mul(y, net.random(channel));
        y = net.builder.add(net.random(image ? Shape{1, 4, 1, 1} : Shape{1, 4}), y);
        y = net.builder.batch_norm(y, 4, net.rng);
        y = net.builder.op(ir::Binary{ir::BinaryKind::kSub}, {net.builder.scalar(0.25F), y});
        y = net.builder.op(ir::Binary{ir::BinaryKind::kDiv}, {y, net.builder.scalar(3.0F)});
        const ir::Graph model = net.builder.finish({net.relu(y)});
        const ir::Graph prepared = prepare(ir::tidy(model));
        EXPECT_EQ(operators(prepared), kind == 0   ? (Strings{"MatMul", "Add", "Relu"})
                                       : kind == 1 ? (Strings{"Conv", "Relu"})
                                                   : (Strings{"ConvTranspose", "Relu"}));
        Shape frames = *model.tensor(model.inputs()[0]).shape;
        frames[0] = 3;
        expect_same_function(model, prepared, testing::random_tensor(frames, -1, 1, net.rng));
    }
}

TEST(Prepare, LeavesWhatItCannotFold) {
    FloatNet net(9);
    const ir::TensorId x = net.builder.input("x", {1, 6});
    const ir::TensorId y = net.builder.op(ir::MatMul{}, {x, net.random({6, 4})});
    // Two readers; an addend that makes the tensor larger; a constant divided by the layer.
    const ir::TensorId a = net.builder.mul(y, net.random({4}));
    const ir::TensorId b =
        net.builder.op(ir::Binary{ir::BinaryKind::kDiv}, {net.builder.scalar(2.0F), y});
    const ir::Graph model = net.builder.finish({net.builder.add(a, b)});
    const ir::Graph prepared = prepare(ir::tidy(model));
    EXPECT_EQ(operators(prepared),
              (std::vector<std::string>{"MatMul", "Add", "Mul", "Div", "Add"}));
    expect_same_function(model, prepared, testing::random_tensor({5, 6}, -1, 1, net.rng));
}

TEST(Prepare, SharedWeightsComeApart) {
    FloatNet net(10);
    const ir::TensorId x = net.builder.input("x", {1, 6});
    const ir::TensorId w = net.random({6, 6});
    const ir::TensorId y = net.relu(net.builder.op(ir::MatMul{}, {x, w}));
    const ir::Graph model = net.builder.finish({net.builder.op(ir::MatMul{}, {y, w})});
    const ir::Graph prepared = prepare(ir::tidy(model));
    const std::vector<Layer> layers = layers_of(prepared);
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_NE(layers[0].weights, layers[1].weights);
    expect_same_function(model, prepared, testing::random_tensor({5, 6}, -1, 1, net.rng));
}

TEST(Prepare, RisingFunctionsGoBeforePools) {
    FloatNet net(11);
    const ir::TensorId x = net.builder.input("x", {1, 2, 6, 6});
    ir::TensorId y = net.max_pool(net.conv("conv", x, 2, 3, 3));
    y = net.relu(y, "relu");
    y = net.builder.op(ir::Clip{}, {y, net.builder.scalar(0.0F), net.builder.scalar(0.5F)}, "clip");
    const ir::Graph model = net.builder.finish({y});
    const ir::Graph prepared = prepare(ir::tidy(model));
    EXPECT_EQ(operators(prepared), (std::vector<std::string>{"Conv", "Relu", "Clip", "MaxPool"}));
    expect_same_function(model, prepared, testing::random_tensor({3, 2, 6, 6}, -1, 1, net.rng));

    FloatNet other(12);  // HardSwish falls and rises: it stays
    const ir::TensorId z = other.builder.input("x", {1, 2, 6, 6});
    const ir::Graph stays = other.builder.finish(
        {other.unary(ir::UnaryKind::kHardSwish, other.max_pool(other.conv("conv", z, 2, 3, 3)))});
    EXPECT_EQ(operators(prepare(ir::tidy(stays))),
              (std::vector<std::string>{"Conv", "MaxPool", "HardSwish"}));
}

TEST(CurveOf, SaysHowOperatorsBend) {
    FloatNet net(13);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    const auto curve = [&](ir::Op op, std::vector<ir::TensorId> more = {}) {
        std::vector<ir::TensorId> inputs{x};
        inputs.insert(inputs.end(), more.begin(), more.end());
        FloatNet copy = net;
        const ir::TensorId y = copy.builder.op(std::move(op), inputs);
        const ir::Graph graph = copy.builder.finish({y});
        return curve_of(graph, graph.nodes()[0]);
    };
    EXPECT_EQ(curve(ir::Unary{ir::UnaryKind::kNeg}), Curve::kAffine);
    EXPECT_EQ(curve(ir::Unary{ir::UnaryKind::kSigmoid}), Curve::kMonotone);
    EXPECT_EQ(curve(ir::Unary{ir::UnaryKind::kHardSwish}), Curve::kCurved);
    EXPECT_EQ(curve(ir::Parametric{.alpha = 0.1F}), Curve::kMonotone);
    EXPECT_EQ(curve(ir::Parametric{.alpha = -0.1F}), Curve::kCurved);
    EXPECT_EQ(curve(ir::PRelu{}, {net.builder.scalar(-0.5F)}), Curve::kCurved);
    EXPECT_EQ(curve(ir::PRelu{}, {net.builder.scalar(0.5F)}), Curve::kMonotone);
    EXPECT_EQ(curve(ir::Binary{ir::BinaryKind::kMul}, {net.builder.scalar(-0.5F)}), Curve::kAffine);
    EXPECT_EQ(curve(ir::Binary{ir::BinaryKind::kPow}, {net.builder.scalar(2.0F)}), Curve::kCurved);
    EXPECT_EQ(curve(ir::Binary{ir::BinaryKind::kMax}, {net.builder.scalar(2.0F)}),
              Curve::kMonotone);
    EXPECT_EQ(curve(ir::Binary{ir::BinaryKind::kAdd}, {x}), Curve::kNone)
        << "two computed operands";
    EXPECT_EQ(curve(ir::Softmax{}), Curve::kNone);
}

}  // namespace
}  // namespace qloom::ptq
