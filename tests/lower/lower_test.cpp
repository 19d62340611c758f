#include "lower/lower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "graph_builder.h"
#include "ir/execute.h"

namespace qloom::lower {
namespace {

using testing::GraphBuilder;

ir::Value random_frames(const Shape& shape, std::int64_t lo, std::int64_t hi, double scale, std::mt19937& rng) {
    std::uniform_int_distribution<std::int64_t> number(lo, hi);
    Tensor<float> frames(shape);
    std::ranges::generate(frames, [&] { return static_cast<float>(static_cast<double>(number(rng)) * scale); });
    return frames;
}

// Both engines on the same frames: equal within float rounding, near ties excepted (and reported by self_check).
SelfCheckResult expect_equal(const ir::Graph& graph, const std::vector<ir::Value>& frames, const LowerOptions& options) {
    const Engine engine(lower(graph, options));
    const SelfCheckResult result = self_check(graph, engine, frames);
    EXPECT_LE(result.near_ties, 1 + result.frames / 50);
    return result;
}

int count_kind(const network::Network& net, const std::string& kind) {
    return static_cast<int>(std::ranges::count_if(
        net.layers, [&](const network::Layer& layer) { return network::kind_name(layer.kind) == kind; }));
}

const LowerOptions kUint8{.input_types = {{"", InputType{}}}};
const LowerOptions kInt8{.input_types = {{"", InputType{.type = {8, true}}}}};

// A dense network with everything that is collected: per-channel scales, bias, BatchNorm with negative gammas, ReLU.
TEST(Lower, DenseChainOfManyBitWidths) {
    std::mt19937 rng(11);
    for (const int bits : {1, 2, 3, 4, 8}) {
        GraphBuilder b;
        ir::TensorId x = b.input("x", {1, 24});
        std::int64_t width = 24;
        for (const std::int64_t next : {17, 9}) {
            x = b.op(ir::MatMul{}, {x, b.weights(width, next, 0.13F, bits, rng)});
            x = b.add(x, b.random_vector(next, -3, 3, rng));
            x = b.batch_norm(x, next, rng);
            x = b.quant(b.relu(x), 0.21F, 0, bits == 1 ? 2 : bits, {.is_signed = false});
            width = next;
        }
        x = b.op(ir::MatMul{}, {x, b.weights(width, 5, 0.07F, bits, rng)});
        x = b.add(x, b.random_vector(5, -1, 1, rng));
        const ir::Graph graph = b.finish({x});
        const Lowered lowered = lower(graph, kUint8);
        EXPECT_EQ(count_kind(lowered.network, "MatrixVector"), 3);
        EXPECT_EQ(count_kind(lowered.network, "Threshold"), 2);
        EXPECT_EQ(lowered.network.layers.size(), 5U);
        EXPECT_EQ(lowered.head.nodes().size(), 0U);
        // Negative gammas were absorbed by negating rows: no falling threshold is left.
        for (const network::Layer& layer : lowered.network.layers) {
            if (const auto* threshold = std::get_if<network::Threshold>(&layer.kind)) {
                EXPECT_TRUE(threshold->decreasing.empty());
            }
        }
        expect_equal(graph, {random_frames({60, 24}, 0, 255, 1.0, rng)}, kUint8);
    }
}

// Accumulators are as narrow as the weights allow: both ends of each range are reached by some input.
TEST(Lower, AccumulatorRangesAreAttained) {
    std::mt19937 rng(12);
    GraphBuilder b;
    const ir::TensorId x = b.input("x", {1, 10});
    const ir::TensorId y = b.op(ir::MatMul{}, {x, b.weights(10, 4, 1.0F, 3, rng)});
    const Lowered lowered = lower(b.finish({y}), kInt8);
    const auto& layer = lowered.network.layers.at(0);
    const auto& unit = std::get<network::MatrixVector>(layer.kind);
    const network::Stream& out = lowered.network.stream(layer.outputs[0]);
    std::int64_t lo = 0;
    std::int64_t hi = 0;
    for (std::int64_t m = 0; m < 4; ++m) {
        std::int64_t low = 0;
        std::int64_t high = 0;
        for (std::int64_t k = 0; k < 10; ++k) {
            const std::int64_t weight = unit.weights[m * 10 + k];
            low += weight > 0 ? weight * -128 : weight * 127;
            high += weight > 0 ? weight * 127 : weight * -128;
        }
        lo = std::min(lo, low);
        hi = std::max(hi, high);
    }
    EXPECT_EQ(out.range, (Range{lo, hi}));
    EXPECT_EQ(out.type, IntType::smallest({lo, hi}));
}

TEST(Lower, BipolarPairsBecomeXnor) {
    std::mt19937 rng(13);
    GraphBuilder b;
    ir::TensorId x = b.input("x", {1, 40});
    x = b.op(ir::BipolarQuant{}, {x, b.scalar(1.0F)});
    x = b.op(ir::MatMul{}, {x, b.weights(40, 16, 0.5F, 1, rng)});
    x = b.batch_norm(x, 16, rng);
    x = b.op(ir::BipolarQuant{}, {x, b.scalar(0.75F)});
    x = b.op(ir::MatMul{}, {x, b.weights(16, 3, 0.5F, 1, rng)});
    const ir::Graph graph = b.finish({x});
    const Lowered lowered = lower(graph);
    ASSERT_EQ(lowered.network.layers.size(), 3U);
    for (const std::size_t i : {0U, 2U}) {
        EXPECT_EQ(std::get<network::MatrixVector>(lowered.network.layers[i].kind).arithmetic,
                  network::MatrixVector::Arithmetic::kXnorPopcount);
    }
    EXPECT_EQ(lowered.network.stream(lowered.network.inputs[0]).type, (IntType{1, false}));
    expect_equal(graph, {random_frames({200, 40}, -100, 100, 0.01, rng)}, {});
}

TEST(Lower, ZeroPointsRoundingModesAndClipping) {
    std::mt19937 rng(14);
    for (const RoundingMode mode : {RoundingMode::kHalfEven, RoundingMode::kFloor, RoundingMode::kCeil, RoundingMode::kUp,
                                    RoundingMode::kDown, RoundingMode::kHalfUp, RoundingMode::kHalfDown}) {
        GraphBuilder b;
        ir::TensorId x = b.input("x", {1, 20});
        x = b.quant(x, 0.03F, 97, 8, {.is_signed = false, .narrow = false, .rounding = mode});
        x = b.op(ir::MatMul{}, {x, b.weights(20, 12, 0.11F, 4, rng)});
        x = b.quant(x, 0.05F, 5, 4, {.is_signed = false, .narrow = true, .rounding = mode});
        x = b.op(ir::MatMul{}, {x, b.weights(12, 6, 0.125F, 4, rng)});
        expect_equal(b.finish({x}), {random_frames({80, 20}, -5000, 5000, 0.001, rng)}, {});
    }
}

// Power-of-two scales meet exact ties all the time; half-even and half-up differ there.
TEST(Lower, ExactTiesFollowTheRoundingMode) {
    std::mt19937 rng(15);
    for (const RoundingMode mode : {RoundingMode::kHalfEven, RoundingMode::kHalfUp, RoundingMode::kHalfDown}) {
        GraphBuilder b;
        ir::TensorId x = b.input("x", {1, 8});
        x = b.op(ir::MatMul{}, {x, b.weights(8, 8, 1.0F, 3, rng)});
        x = b.quant(x, 2.0F, 0, 5, {.is_signed = true, .narrow = false, .rounding = mode});
        const ir::Graph graph = b.finish({x});
        const SelfCheckResult result =
            expect_equal(graph, {random_frames({300, 8}, -4, 3, 1.0, rng)}, {.input_types = {{"", {.type = {3, true}}}}});
        EXPECT_EQ(result.near_ties, 0);
    }
}

TEST(Lower, MonotoneAndOtherActivations) {
    std::mt19937 rng(16);
    const std::vector<ir::Op> activations{
        ir::Unary{ir::UnaryKind::kSigmoid}, ir::Unary{ir::UnaryKind::kTanh}, ir::Unary{ir::UnaryKind::kHardSwish},
        ir::Parametric{ir::ParametricKind::kLeakyRelu, 0.2F, 0.0F}, ir::Parametric{ir::ParametricKind::kElu, 0.9F, 0.0F},
        ir::Unary{ir::UnaryKind::kNeg}, ir::Unary{ir::UnaryKind::kAbs}};
    for (const ir::Op& activation : activations) {
        GraphBuilder b;
        ir::TensorId x = b.input("x", {1, 6});
        x = b.op(ir::MatMul{}, {x, b.weights(6, 7, 0.02F, 4, rng)});
        x = b.op(activation, {b.add(x, b.random_vector(7, -1, 1, rng))});
        x = b.quant(x, 0.07F, 0, 5);
        expect_equal(b.finish({x}), {random_frames({100, 6}, -8, 7, 1.0, rng)}, {.input_types = {{"", {.type = {4, true}}}}});
    }
}

// Activations that exporters write as several operators on one tensor: both operands are functions of the same integers.
TEST(Lower, ActivationsOfSeveralOperators) {
    std::mt19937 rng(26);
    using Form = std::function<ir::TensorId(GraphBuilder&, ir::TensorId)>;
    const auto unary = [](GraphBuilder& b, ir::UnaryKind kind, ir::TensorId x) { return b.op(ir::Unary{kind}, {x}); };
    const std::vector<std::pair<std::string, Form>> forms{
        {"SiLU", [&](GraphBuilder& b, ir::TensorId x) { return b.mul(x, unary(b, ir::UnaryKind::kSigmoid, x)); }},
        {"HardSwish",
         [&](GraphBuilder& b, ir::TensorId x) {
             const ir::TensorId gate = b.op(ir::Clip{}, {b.add(x, b.scalar(3)), b.scalar(0), b.scalar(6)});
             return b.op(ir::Binary{ir::BinaryKind::kDiv}, {b.mul(gate, x), b.scalar(6)});
         }},
        {"GELU",
         [&](GraphBuilder& b, ir::TensorId x) {
             const ir::TensorId erf = unary(b, ir::UnaryKind::kErf, b.mul(x, b.scalar(0.70710678F)));
             return b.mul(b.mul(x, b.add(erf, b.scalar(1))), b.scalar(0.5F));
         }},
        {"Mish",
         [&](GraphBuilder& b, ir::TensorId x) {
             return b.mul(x, unary(b, ir::UnaryKind::kTanh, unary(b, ir::UnaryKind::kSoftplus, x)));
         }},
        {"PReLU of two ReLUs",
         [&](GraphBuilder& b, ir::TensorId x) {
             const ir::TensorId below = b.relu(unary(b, ir::UnaryKind::kNeg, x));
             return b.op(ir::Binary{ir::BinaryKind::kSub}, {b.relu(x), b.mul(below, b.scalar(0.25F))});
         }}};
    for (const auto& [name, form] : forms) {
        SCOPED_TRACE(name);
        for (const int bits : {4, 8}) {  // 8 bits: accumulators of more values than a table holds
            GraphBuilder b;
            ir::TensorId x = b.input("x", {1, 20});
            x = b.op(ir::MatMul{}, {x, b.weights(20, 5, bits == 4 ? 0.006F : 0.0004F, bits, rng)});
            x = b.batch_norm(x, 5, rng);
            x = b.quant(form(b, x), 0.11F, 0, 4);
            expect_equal(b.finish({x}), {random_frames({200, 20}, bits == 4 ? -8 : -128, bits == 4 ? 7 : 127, 1.0, rng)},
                         {.input_types = {{"", {.type = {bits, true}}}}});
        }
    }
}

// A residual network: one shared scale (plain integer addition), and two scales (multipliers).
TEST(Lower, ResidualAdditions) {
    std::mt19937 rng(17);
    for (const float other : {0.1F, 0.0637F}) {
        GraphBuilder b;
        const ir::TensorId x = b.input("x", {1, 12});
        ir::TensorId skip = b.op(ir::MatMul{}, {x, b.weights(12, 9, 0.0473F, 4, rng)});
        skip = b.quant(skip, 0.1F, 0, 5);
        ir::TensorId main = b.op(ir::MatMul{}, {skip, b.weights(9, 9, 0.0473F, 4, rng)});
        main = b.quant(main, other, 0, 5);
        ir::TensorId sum = b.quant(b.relu(b.add(skip, main)), 0.171F, 0, 4, {.is_signed = false});
        sum = b.op(ir::MatMul{}, {sum, b.weights(9, 4, 0.05F, 4, rng)});
        const ir::Graph graph = b.finish({sum});
        const Lowered lowered = lower(graph, kInt8);
        const auto add = std::ranges::find_if(lowered.network.layers, [](const network::Layer& layer) {
            return std::holds_alternative<network::Add>(layer.kind);
        });
        ASSERT_NE(add, lowered.network.layers.end());
        const std::vector<std::int64_t> plain{1, 1};
        EXPECT_EQ(std::get<network::Add>(add->kind).multipliers == plain, other == 0.1F);
        expect_equal(graph, {random_frames({80, 12}, -128, 127, 1.0, rng)}, kInt8);
    }
}

// Two accumulators with different scales a channel, added before BatchNorm and ReLU.
TEST(Lower, TwoInputsAddedBeforeTheQuantiser) {
    std::mt19937 rng(18);
    GraphBuilder b;
    const ir::TensorId x = b.input("x", {1, 8});
    const ir::TensorId y = b.input("y", {1, 5});
    ir::TensorId sum = b.add(b.batch_norm(b.op(ir::MatMul{}, {x, b.weights(8, 6, 0.03F, 4, rng)}), 6, rng),
                             b.batch_norm(b.op(ir::MatMul{}, {y, b.weights(5, 6, 0.04F, 4, rng)}), 6, rng));
    sum = b.quant(b.relu(sum), 0.3F, 0, 4, {.is_signed = false});
    const ir::Graph graph = b.finish({sum});
    const LowerOptions types{.input_types = {{"x", {.type = {4, true}}}, {"y", {.type = {5, false}}}}};
    expect_equal(graph, {random_frames({200, 8}, -8, 7, 1.0, rng), random_frames({200, 5}, 0, 31, 1.0, rng)}, types);
}

// Concatenation of different scales and widths before a dense layer, and a split.
TEST(Lower, ConcatAndSplit) {
    std::mt19937 rng(19);
    GraphBuilder b;
    const ir::TensorId x = b.input("x", {1, 10});
    const ir::TensorId left = b.quant(b.op(ir::MatMul{}, {x, b.weights(10, 6, 0.01F, 4, rng)}), 0.113F, 0, 4);
    const ir::TensorId right = b.quant(b.op(ir::MatMul{}, {x, b.weights(10, 3, 0.01F, 4, rng)}), 0.0171F, 0, 8);
    const ir::TensorId both = b.op(ir::Concat{.axis = 1}, {left, right});
    const ir::TensorId dense = b.quant(b.op(ir::MatMul{}, {both, b.weights(9, 8, 0.2F, 4, rng)}), 0.21F, 0, 6);
    const std::vector<ir::TensorId> parts = b.ops(ir::Split{.axis = 1}, {dense, b.integers({3, 5})}, 2);
    const ir::TensorId tail = b.op(ir::MatMul{}, {parts[1], b.weights(5, 2, 0.2F, 4, rng)});
    const ir::Graph graph = b.finish({tail, parts[0]});
    expect_equal(graph, {random_frames({100, 10}, 0, 255, 1.0, rng)}, kUint8);
}

TEST(Lower, ArgmaxDecidesAsTheFloatScoresDo) {
    std::mt19937 rng(20);
    for (const bool per_channel : {false, true}) {
        GraphBuilder b;
        const ir::TensorId x = b.input("x", {1, 8});
        ir::TensorId y = b.op(ir::MatMul{}, {x, b.weights(8, 5, 0.1F, 3, rng)});
        if (per_channel) {
            y = b.mul(y, b.random_vector(5, 0.5F, 1.5F, rng));
        }
        y = b.add(y, b.random_vector(5, -1, 1, rng));
        const ir::Graph graph = b.finish({y});
        const Lowered plain = lower(graph, {.input_types = {{"", {.type = {4, true}}}}});
        const Engine labels(lower(graph, {.input_types = {{"", {.type = {4, true}}}}, .argmax = true}));
        EXPECT_EQ(count_kind(plain.network, "Argmax"), 0);
        EXPECT_EQ(count_kind(labels.lowered().network, "Argmax"), 1);
        const std::vector<ir::Value> frames{random_frames({500, 8}, -8, 7, 1.0, rng)};
        const auto scores = std::get<Tensor<float>>(ir::Executor(graph).run(frames)[0]);
        const auto found = std::get<Tensor<std::int64_t>>(labels.run(frames)[0]);
        ASSERT_EQ(found.shape(), (Shape{500}));
        for (std::int64_t f = 0; f < 500; ++f) {
            const float* row = scores.data() + f * 5;
            ASSERT_EQ(found[f], std::max_element(row, row + 5) - row) << f;
        }
    }
}

// What has no hardware form stays on the host, before or after, and says so.
TEST(Lower, HeadAndTailStayOnTheHost) {
    std::mt19937 rng(21);
    GraphBuilder b;
    ir::TensorId x = b.input("x", {1, 6});
    x = b.op(ir::Binary{ir::BinaryKind::kSub}, {b.mul(x, b.scalar(2.0F)), b.scalar(1.0F)});
    x = b.quant(x, 0.01F, 0, 8);
    x = b.op(ir::MatMul{}, {x, b.weights(6, 4, 0.1F, 4, rng)});
    x = b.op(ir::Softmax{.axis = -1}, {b.add(x, b.random_vector(4, -1, 1, rng))}, "softmax");
    const ir::Graph graph = b.finish({x});
    const Lowered lowered = lower(graph);
    EXPECT_EQ(lowered.head.nodes().size(), 3U);
    EXPECT_EQ(lowered.tail.nodes().size(), 1U) << "the bias joins the scales of the output";
    const auto softmax = std::ranges::find(lowered.placements, "softmax", &NodePlacement::node);
    ASSERT_NE(softmax, lowered.placements.end());
    EXPECT_EQ(softmax->placement, Placement::kHostAfter);
    EXPECT_FALSE(softmax->reason.empty());
    expect_equal(graph, {random_frames({50, 6}, 0, 255, 1.0 / 255, rng)}, {});
}

// A classifier whose last layers stayed floats: they run on the host. A float layer between quantised ones is refused.
TEST(Lower, FloatLayersAtTheEndStayOnTheHost) {
    std::mt19937 rng(27);
    const auto model = [&](bool quantised_end) {
        GraphBuilder b;
        ir::TensorId x = b.input("x", {1, 12});
        x = b.quant(b.relu(b.op(ir::MatMul{}, {x, b.weights(12, 9, 0.0473F, 4, rng)})), 0.1F, 0, 4, {.is_signed = false});
        x = b.op(ir::MatMul{}, {x, b.constant({9, 5}, std::vector<float>(45, 0.3F))}, "fc2");
        x = b.op(ir::MatMul{}, {b.relu(x), quantised_end ? b.weights(5, 3, 0.05F, 4, rng)
                                                         : b.constant({5, 3}, std::vector<float>(15, -0.7F))});
        return b.finish({x});
    };
    const ir::Graph graph = model(false);
    const Lowered lowered = lower(graph, kInt8);
    EXPECT_EQ(lowered.tail.nodes().size(), 3U);
    expect_equal(graph, {random_frames({50, 12}, -128, 127, 1.0, rng)}, kInt8);
    try {
        static_cast<void>(lower(model(true), kInt8));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0301: node fc2 (MatMul): its weights are floats, not quantised; quantise the model (qloom quantize), "
                     "or train it with quantised weights");
    }
}

// The flattened order of a feature map: channels first in the model, channels last on the stream.
TEST(Lower, FlattenedImageKeepsItsOrder) {
    std::mt19937 rng(22);
    GraphBuilder b;
    ir::TensorId x = b.input("x", {1, 2, 3, 4});
    x = b.op(ir::Flatten{.axis = 1}, {x});
    x = b.op(ir::MatMul{}, {x, b.weights(24, 5, 0.1F, 4, rng)});
    const ir::Graph graph = b.finish({x});
    expect_equal(graph, {random_frames({20, 2, 3, 4}, 0, 255, 1.0, rng)}, kUint8);
}

TEST(Lower, SixteenBitActivations) {
    std::mt19937 rng(23);
    GraphBuilder b;
    ir::TensorId x = b.input("x", {1, 16});
    x = b.quant(x, 0.0001F, 0, 16);
    x = b.op(ir::MatMul{}, {x, b.weights(16, 6, 0.01F, 8, rng)});
    x = b.quant(b.relu(x), 0.0003F, 0, 16, {.is_signed = false});
    x = b.op(ir::MatMul{}, {x, b.weights(6, 3, 0.01F, 8, rng)});
    const ir::Graph graph = b.finish({x});
    const Lowered lowered = lower(graph);
    EXPECT_EQ(count_kind(lowered.network, "Requantize"), 1);
    const Engine engine(lower(graph));
    const std::vector<ir::Value> frames{random_frames({50, 16}, -32768, 32767, 0.00009, rng)};
    const auto wanted = std::get<Tensor<float>>(ir::Executor(graph).run(frames)[0]);
    const auto found = std::get<Tensor<float>>(engine.run(frames)[0]);
    // float32 resolves a 16-bit level to about 1/256: here and there the model rounds to the neighbouring level, which
    // moves an output by at most 0.0003 * 127 * 0.01.
    int exact = 0;
    for (std::int64_t i = 0; i < wanted.size(); ++i) {
        EXPECT_NEAR(found[i], wanted[i], 0.0004);
        exact += std::abs(found[i] - wanted[i]) < 1e-5 ? 1 : 0;
    }
    EXPECT_GE(exact, wanted.size() * 9 / 10);
}

TEST(Lower, InputTypesFromSamples) {
    GraphBuilder b;
    std::mt19937 rng(24);
    const ir::TensorId x = b.input("x", {1, 4});
    const ir::Graph graph = b.finish({b.op(ir::MatMul{}, {x, b.weights(4, 2, 1.0F, 4, rng)})});
    const auto infer = [&](std::vector<float> data) {
        return infer_input_types(graph, {Tensor<float>({1, 4}, std::move(data))});
    };
    EXPECT_EQ(infer({0, 1, 2, 200}).at(0).second.type, (IntType{8, false}));
    EXPECT_EQ(infer({0, -1, 2, 100}).at(0).second.type, (IntType{8, true}));
    EXPECT_TRUE(infer({1, -1, 1, -1}).at(0).second.bipolar);
    EXPECT_EQ(infer({0, 0, 0, 1000}).at(0).second.type, (IntType{10, false}));
    EXPECT_TRUE(infer({0.5, 0, 0, 1}).at(0).second.is_float);
}

}  // namespace
}  // namespace qloom::lower
