#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "graph_builder.h"
#include "lower/lower.h"

namespace qloom::lower {
namespace {

using testing::GraphBuilder;

std::string message_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

class Refusal : public ::testing::Test {
protected:
    std::mt19937 rng{5};
    GraphBuilder b;
    ir::TensorId x = b.input("x", {1, 6});

    std::string lowering(ir::TensorId output, const LowerOptions& options = {}) {
        const ir::Graph graph = b.finish({output});
        return message_of([&] { static_cast<void>(lower(graph, options)); });
    }
};

TEST_F(Refusal, FloatWeights) {
    const ir::TensorId y = b.op(ir::MatMul{}, {b.quant(x, 0.1F, 0, 8), b.constant({6, 1}, {.1F, .2F, .3F, .4F, .5F, .6F})}, "fc1");
    EXPECT_EQ(lowering(y),
              "Q0301: node fc1 (MatMul): its weights are floats, not quantised; quantise the model (qloom quantize), or "
              "train it with quantised weights");
}

TEST_F(Refusal, ConvolutionWithWeightsThatAreAnInput) {
    const ir::TensorId image = b.quant(b.input("image", {1, 2, 4, 4}), 0.1F, 0, 8);
    const ir::TensorId kernel = b.quant(b.input("kernel", {3, 2, 3, 3}), 0.1F, 0, 4);
    EXPECT_EQ(lowering(b.op(ir::Conv{}, {image, kernel}, "conv1")),
              "Q0302: node conv1 (Conv): its weights are not constant; use constant weights");
}

// Names of nodes say nothing about the graph: layers of equal name are told apart.
TEST_F(Refusal, NotOfNodesWithOneName) {
    ir::TensorId y = b.op(ir::MatMul{}, {b.quant(x, 0.1F, 0, 8), b.weights(6, 4, 0.1F, 4, rng)}, "fc");
    y = b.quant(b.relu(y), 0.1F, 0, 4, {}, "act");
    y = b.op(ir::MatMul{}, {y, b.weights(4, 3, 0.1F, 4, rng)}, "fc");
    EXPECT_EQ(lowering(b.quant(y, 0.1F, 0, 4, {}, "act")), "no error");
}

TEST_F(Refusal, ProductOfTwoValues) {
    const ir::TensorId left = b.quant(b.input("left", {1, 2, 3}), 0.1F, 0, 8);
    const ir::TensorId right = b.quant(b.input("right", {1, 3, 2}), 0.1F, 0, 8);
    EXPECT_NE(lowering(b.op(ir::MatMul{}, {left, right}, "mm")).find("Q0302: node mm (MatMul): a product is hardware when"),
              std::string::npos);
}

TEST_F(Refusal, ActivationWithoutOrderOnAWideAccumulator) {
    ir::TensorId y = b.op(ir::MatMul{}, {x, b.weights(6, 2, 0.001F, 8, rng)});
    y = b.quant(b.op(ir::Unary{ir::UnaryKind::kHardSwish}, {y}), 0.1F, 0, 4, {}, "act1");
    EXPECT_NE(lowering(y, {.input_types = {{"", {.type = {16, true}}}}}).find("Q0303: node act1 (Quant): the activation"),
              std::string::npos);
}

TEST_F(Refusal, SumOfManyWideValues) {
    ir::TensorId sum = b.op(ir::MatMul{}, {x, b.weights(6, 2, 0.00113F, 8, rng)});
    sum = b.add(sum, b.op(ir::MatMul{}, {x, b.weights(6, 2, 0.00171F, 8, rng)}));
    sum = b.add(sum, b.op(ir::MatMul{}, {x, b.weights(6, 2, 0.00237F, 8, rng)}));
    EXPECT_NE(lowering(b.quant(sum, 0.1F, 0, 4), {.input_types = {{"", {.type = {16, true}}}}}).find("Q0308: "),
              std::string::npos);
}

TEST_F(Refusal, NothingQuantised) {
    EXPECT_EQ(lowering(b.relu(x)),
              "Q0307: model: no layer of this model is quantised; train it with quantised weights and activations, or run "
              "qloom quantize on it first");
}

TEST_F(Refusal, MatrixOnAnotherAxis) {
    const ir::TensorId image = b.input("image", {1, 3, 6});
    const ir::TensorId w = b.weights(6, 4, 0.1F, 4, rng);
    const ir::TensorId moved = b.op(ir::Transpose{{0, 2, 1}}, {b.quant(image, 0.1F, 0, 8)});
    const ir::TensorId back = b.op(ir::MatMul{}, {moved, b.weights(3, 4, 0.1F, 4, rng)}, "mm");
    EXPECT_EQ(lowering(b.add(back, b.op(ir::MatMul{}, {b.op(ir::Flatten{}, {x}), w}))),
              "Q0309: node mm (MatMul): a matrix of shape [3, 4] on a value of shape [6, 3] is not supported; the matrix "
              "must be (inputs, outputs) with the inputs on the value's last axis");
}

TEST_F(Refusal, HostOperatorBetweenLayers) {
    ir::TensorId y = b.op(ir::MatMul{}, {b.quant(x, 0.1F, 0, 8), b.weights(6, 4, 0.1F, 4, rng)});
    y = b.quant(b.op(ir::Softmax{}, {y}, "softmax"), 0.01F, 0, 8, {.is_signed = false});
    y = b.op(ir::MatMul{}, {y, b.weights(4, 2, 0.1F, 4, rng)}, "fc2");
    EXPECT_EQ(lowering(y),
              "Q0310: node fc2 (MatMul): this layer with weights cannot become hardware: it follows an operator that runs "
              "on the host; replace the operator before it by one the hardware has");
}

TEST_F(Refusal, ArgmaxOfAFeatureMap) {
    const ir::TensorId image = b.input("image", {1, 3, 6});
    EXPECT_EQ(lowering(b.quant(image, 0.1F, 0, 8, {}, "out"), {.argmax = true}),
              "Q0311: model: the output out_out of shape [1, 3, 6] is not one vector of scores a frame; leave --postprocess "
              "argmax away");
}

TEST_F(Refusal, HostOperatorBeforeTheFirstLayer) {
    const ir::TensorId two = b.op(ir::MatMul{}, {x, b.weights(6, 4, 0.1F, 4, rng)}, "fc1");
    const ir::Graph graph = b.finish({two});
    // The input is taken as integers when it meets weights; only a host operator in between makes floats of it.
    EXPECT_EQ(message_of([&] { static_cast<void>(lower(graph)); }), "no error");
    GraphBuilder other;
    const ir::TensorId input = other.input("x", {1, 6});
    const ir::TensorId y = other.op(ir::MatMul{}, {other.op(ir::Softmax{}, {input}), other.weights(6, 4, 0.1F, 4, rng)}, "fc1");
    EXPECT_NE(message_of([&] { static_cast<void>(lower(other.finish({y}))); }).find("Q0310: node fc1"), std::string::npos);
}

TEST_F(Refusal, ActivationWithoutQuantiser) {
    ir::TensorId y = b.op(ir::MatMul{}, {b.quant(x, 0.1F, 0, 8), b.weights(6, 4, 0.1F, 4, rng)});
    y = b.op(ir::MatMul{}, {b.op(ir::Unary{ir::UnaryKind::kRelu}, {y}, "relu1"), b.weights(4, 2, 0.1F, 4, rng)}, "fc2");
    EXPECT_EQ(lowering(y),
              "Q0313: node fc2 (MatMul): its input passed node relu1 without a quantiser behind it; quantise the activation "
              "(in Brevitas: give it an act_quant)");
}

TEST_F(Refusal, QuantiserWithComputedScale) {
    const ir::TensorId q = b.quant(x, 0.1F, 0, 8);
    const ir::TensorId y = b.op(ir::MatMul{}, {q, b.weights(6, 6, 0.1F, 4, rng)});
    const ir::TensorId z = b.op(ir::Quant{}, {y, x, b.scalar(0), b.scalar(4)}, "act1");
    EXPECT_EQ(lowering(z),
              "Q0314: node act1 (Quant): its scale, zero point and bit width are not constants (one number, or one a "
              "channel); export the model in evaluation mode, with constant quantiser parameters");
}

TEST_F(Refusal, AccumulatorTooWide) {
    std::vector<float> big(6 * 2, 32767.0F);
    ir::TensorId y = b.quant(x, 1.0F, 0, 32);
    for (int i = 0; i < 2; ++i) {
        y = b.op(ir::MatMul{}, {y, b.constant({6, i == 0 ? 6 : 2}, std::vector<float>(i == 0 ? 36 : 12, 32767.0F))},
                 "fc" + std::to_string(i));
    }
    EXPECT_EQ(lowering(y),
              "Q0306: node fc1 (MatMul): its accumulators need more than 52 bits; use fewer bits in weights or activations");
}

TEST(InputTypes, TextForms) {
    EXPECT_EQ(parse_input_type("uint8").type, (IntType{8, false}));
    EXPECT_EQ(parse_input_type("int4").type, (IntType{4, true}));
    EXPECT_TRUE(parse_input_type("bipolar").bipolar);
    EXPECT_DOUBLE_EQ(parse_input_type("uint8/255").scale, 1.0 / 255);
    EXPECT_DOUBLE_EQ(parse_input_type("int8*0.5").scale, 0.5);
    EXPECT_EQ(message_of([] { static_cast<void>(parse_input_type("byte")); }),
              "Q0300: byte: this is no integer type; write uintN or intN with N from 1 to 16, or bipolar, optionally with "
              "a scale (uint8/255, int8*0.5), or float");
    EXPECT_TRUE(parse_input_type("float").is_float);
    for (const char* bad : {"", "int", "int0", "int1", "uint17", "uint8/0", "uint8/x", "int8*-1", "int8*nan", "uint8/255x"}) {
        EXPECT_EQ(message_of([bad] { static_cast<void>(parse_input_type(bad)); }).substr(0, 5), "Q0300") << bad;
    }
}

TEST(InputTypes, ValueOutsideTheType) {
    GraphBuilder b;
    std::mt19937 rng(1);
    const ir::TensorId x = b.input("image", {1, 2});
    const Engine engine(lower(b.finish({b.op(ir::MatMul{}, {x, b.weights(2, 1, 1.0F, 4, rng)})})));
    const auto feed = [&](float value) {
        return message_of([&] { static_cast<void>(engine.run({Tensor<float>({1, 2}, {0.0F, value})})); });
    };
    EXPECT_EQ(feed(-3),
              "Q0304: image: the value -3 is outside UINT8 (0 to 255); declare the input's type with --input-type, e.g. "
              "int8, or uint8/255 for images in 0..1");
    EXPECT_EQ(feed(0.5).substr(0, 5), "Q0304");
    EXPECT_EQ(feed(std::numeric_limits<float>::quiet_NaN()).substr(0, 5), "Q0304");
    EXPECT_EQ(feed(255), "no error");
}

// A wrong network is caught and the quantiser where it first differs is named.
TEST(SelfCheck, NamesTheFirstDifference) {
    GraphBuilder b;
    std::mt19937 rng(2);
    const ir::TensorId x = b.input("x", {1, 4});
    ir::TensorId y = b.op(ir::MatMul{}, {x, b.weights(4, 3, 0.5F, 4, rng)});
    y = b.quant(y, 1.3F, 0, 6, {}, "act1");
    y = b.op(ir::MatMul{}, {y, b.weights(3, 2, 0.5F, 4, rng)});
    const ir::Graph graph = b.finish({y});
    Lowered lowered = lower(graph, {.input_types = {{"", {.type = {4, true}}}}});
    for (network::Layer& layer : lowered.network.layers) {
        if (auto* threshold = std::get_if<network::Threshold>(&layer.kind)) {
            for (std::int64_t& value : threshold->thresholds) {
                value += 2;
            }
        }
    }
    const Engine engine(std::move(lowered));
    const std::string message = message_of([&] {
        static_cast<void>(self_check(graph, engine, {Tensor<float>({2, 4}, {1, 2, 3, 4, -5, 6, -7, 7})}));
    });
    EXPECT_EQ(message.substr(0, 28), "Q0305: act1_out: frame 0, el") << message;
}

}  // namespace
}  // namespace qloom::lower
