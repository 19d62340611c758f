// Every diagnostic of the room, whole.
#include <gtest/gtest.h>

#include <limits>

#include "networks.h"
#include "ptq/quantise.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

std::string message_of(const ir::Graph& model, const Tensor<float>& frames,
                       const QuantiseOptions& options = {}) {
    try {
        quantise(model, {frames}, options);
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(Refusal, QuantisedModels) {
    FloatNet net(1);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    const ir::TensorId q = net.builder.quant(x, 0.1F, 0.0F, 8, {}, "in_quant");
    const ir::Graph model = net.builder.finish({net.dense("fc", q, 4, 2)});
    EXPECT_EQ(message_of(model, Tensor<float>({8, 4})),
              "Q1200: node in_quant (Quant): the model has quantisers already; give the float "
              "model, or compile this one as it is");
}

TEST(Refusal, OperatorsWithoutIntegers) {
    FloatNet net(2);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    const ir::TensorId soft = net.builder.op(ir::Softmax{}, {net.dense("fc1", x, 4, 4)}, "soft");
    EXPECT_EQ(message_of(net.builder.finish({net.dense("fc2", soft, 4, 2)}), Tensor<float>({8, 4})),
              "Q1201: node soft (Softmax): node fc2 (MatMul) follows it, and what this operator "
              "gives has no integer form; replace "
              "the operator, or move it behind the last layer with weights");
}

TEST(Refusal, ProductsOfComputedTensors) {
    FloatNet net(3);
    const ir::TensorId x = net.builder.input("x", {1, 4, 4});
    const ir::TensorId y = net.dense("fc", x, 4, 4);
    EXPECT_EQ(message_of(net.builder.finish({net.builder.op(ir::MatMul{}, {x, y}, "attention")}),
                         Tensor<float>({8, 4, 4})),
              "Q1201: node attention (MatMul): it multiplies two computed tensors; give the layer "
              "constant weights in the usual place");
}

TEST(Refusal, WeightsInFront) {
    FloatNet net(4);
    const ir::TensorId x = net.builder.input("x", {1, 4, 4});
    const ir::TensorId y = net.dense("fc", x, 4, 4);
    EXPECT_EQ(message_of(net.builder.finish(
                             {net.builder.op(ir::MatMul{}, {net.random({4, 4}), y}, "left")}),
                         Tensor<float>({8, 4, 4})),
              "Q1201: node left (MatMul): its weights are not its second operand, a constant "
              "matrix or a channels-first kernel; "
              "give the layer constant weights in the usual place");
}

TEST(Refusal, ModelsWithoutLayers) {
    FloatNet net(5);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    EXPECT_EQ(message_of(net.builder.finish({net.relu(x)}), Tensor<float>({8, 4})),
              "Q1202: model model: it has no layer with constant weights; give a trained model "
              "with MatMul, Gemm, Conv or ConvTranspose");
}

TEST(Refusal, NoFrames) {
    EXPECT_EQ(message_of(testing::small_mlp(1), Tensor<float>({0, 12})),
              "Q1203: calibration: there are no frames to calibrate on; give a few hundred typical "
              "frames");
}

TEST(Refusal, InfinitiesAndNotANumber) {
    FloatNet net(6);
    const ir::TensorId x = net.builder.input("x", {1, 4});
    const ir::TensorId y = net.unary(ir::UnaryKind::kLog, net.dense("fc1", x, 4, 4), "log");
    const ir::Graph model = net.builder.finish({net.dense("fc2", y, 4, 2)});
    EXPECT_EQ(message_of(model, Tensor<float>({2, 4}, -100.0F)),
              "Q1204: node log (Log): the float model computes infinity or not-a-number on a "
              "calibration frame; give frames as the "
              "model was trained on");
    Tensor<float> frames({2, 12});
    frames[5] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(message_of(testing::small_mlp(1), frames),
              "Q1204: input x: the float model computes infinity or not-a-number on a calibration "
              "frame; give frames as the model was "
              "trained on");
}

TEST(Refusal, WidthsForUnknownNames) {
    EXPECT_EQ(message_of(testing::small_mlp(1), Tensor<float>({2, 12}), {.bits = {{"fc4", 8}}}),
              "Q1205: fc4: neither a layer with weights nor a quantised activation has this name; "
              "did you mean fc1? the names are: "
              "fc1, fc2, fc3, x, relu1_out, relu2_out");
}

TEST(Refusal, WidthsOutOfRange) {
    EXPECT_EQ(message_of(testing::small_mlp(1), Tensor<float>({2, 12}), {.bits = {{"fc1", 1}}}),
              "Q1206: fc1: 1 bits are asked for; 2 to 8 are possible; choose a width in this "
              "range; train with quantised weights for "
              "fewer bits");
    EXPECT_EQ(message_of(testing::small_mlp(1), Tensor<float>({2, 12}), {.activation_bits = 9}),
              "Q1206: activations: 9 bits are asked for; 2 to 8 are possible; choose a width in "
              "this range; train with quantised "
              "weights for fewer bits");
}

TEST(Refusal, FramesOfAnotherShape) {
    EXPECT_EQ(message_of(testing::small_mlp(1), Tensor<float>({3, 5})),
              "Q0208: input x: the data have shape [3, 5], the model takes [F, 12]; give frames of "
              "this shape stacked along the first axis");
}

}  // namespace
}  // namespace qloom::ptq
