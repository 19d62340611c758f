#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "graph_builder.h"
#include "ir/execute.h"
#include "lower/lower.h"

namespace qloom::lower {
namespace {

using testing::GraphBuilder;

// A model of one convolutional operator between an input and a quantiser, small enough to check every value.
class WindowModel : public ::testing::Test {
protected:
    std::mt19937 rng{31};
    GraphBuilder b;

    std::int64_t pick(std::int64_t lo, std::int64_t hi) {
        return std::uniform_int_distribution<std::int64_t>(lo, hi)(rng);
    }

    ir::TensorId kernel(const Shape& shape, int bits, bool per_channel) {
        std::vector<float> data(static_cast<std::size_t>(element_count(shape)));
        const float top = bits == 1 ? 1.0F : static_cast<float>((1 << (bits - 1)) - 1) * 0.07F;
        std::uniform_real_distribution<float> number(-top, top);
        std::ranges::generate(data, [&] { return number(rng); });
        const ir::TensorId w = b.constant(shape, std::move(data));
        if (bits == 1) {
            return b.op(ir::BipolarQuant{}, {w, b.scalar(0.3F)});
        }
        if (!per_channel) {
            return b.quant(w, 0.07F, 0, bits, {.is_signed = true, .narrow = true});
        }
        Shape scale_shape(shape.size(), 1);
        scale_shape[0] = shape[0];
        std::vector<float> scales(static_cast<std::size_t>(shape[0]));
        std::ranges::generate(scales, [&] { return std::uniform_real_distribution<float>(0.03F, 0.1F)(rng); });
        return b.quant_per_channel(w, b.constant(scale_shape, std::move(scales)), bits, {.is_signed = true, .narrow = true});
    }

    // A convolution of single pixels.
    ir::TensorId pointwise(ir::TensorId x, std::int64_t in, std::int64_t out) {
        const ir::Window point{.kernel = {1, 1}, .strides = {}, .dilations = {}, .pads = {}};
        return b.op(ir::Conv{.window = point}, {x, kernel({out, in, 1, 1}, 4, false)});
    }

    // Integer engine against the reference executor on random frames of the input.
    void expect_equal(const std::vector<ir::TensorId>& outputs, const InputType& type, std::int64_t frames = 6) {
        const ir::Graph graph = b.finish(outputs);
        std::vector<ir::Value> samples;
        for (const ir::TensorId input : graph.inputs()) {
            Shape shape = *graph.tensor(input).shape;
            shape[0] = frames;
            Tensor<float> data(shape);
            const Range range = type.bipolar ? Range{0, 1} : type.type.range();
            std::ranges::generate(data, [&] {
                const std::int64_t number = pick(range.lo, range.hi);
                return static_cast<float>(type.bipolar ? 2 * number - 1 : number);
            });
            samples.emplace_back(std::move(data));
        }
        const Engine engine(lower(graph, {.input_types = {{"", type}}}));
        const SelfCheckResult result = self_check(graph, engine, samples);
        EXPECT_LE(result.near_ties, 1);
        EXPECT_TRUE(engine.lowered().tail.nodes().empty()) << "everything is in hardware";
    }
};

const InputType kInt4{.type = {4, true}};
const InputType kUint6{.type = {6, false}};

TEST_F(WindowModel, ConvolutionsOfRandomGeometry) {
    for (int round = 0; round < 40; ++round) {
        b = GraphBuilder();
        const std::int64_t groups = pick(0, 2) == 0 ? pick(1, 3) : 1;
        const std::int64_t in_channels = groups * pick(1, 3);
        const std::int64_t out_channels = groups * pick(1, 4);
        const Shape kernel_shape{pick(1, 4), pick(1, 4)};
        ir::Window window{.kernel = kernel_shape,
                          .strides = {pick(1, 3), pick(1, 3)},
                          .dilations = {pick(1, 2), pick(1, 2)},
                          .pads = {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)}};
        const ir::TensorId x = b.input("x", {1, in_channels, pick(7, 10), pick(7, 10)});
        const ir::TensorId w = kernel({out_channels, in_channels / groups, kernel_shape[0], kernel_shape[1]},
                                      static_cast<int>(pick(2, 5)), round % 2 == 0);
        ir::TensorId y = b.op(ir::Conv{.window = window, .group = groups}, {x, w, b.random_vector(out_channels, -1, 1, rng)});
        y = b.quant(b.relu(b.batch_norm(y, out_channels, rng)), 0.213F, 0, 4, {.is_signed = false});
        expect_equal({y}, kUint6);
    }
}

TEST_F(WindowModel, DepthwiseWithMultiplier) {
    for (const std::int64_t multiplier : {1, 2, 3}) {
        b = GraphBuilder();
        const ir::TensorId x = b.input("x", {1, 5, 6, 7});
        const ir::Window window{.kernel = {3, 3}, .strides = {1, 2}, .dilations = {}, .pads = {1, 1, 1, 1}};
        const ir::TensorId y = b.op(ir::Conv{.window = window, .group = 5}, {x, kernel({5 * multiplier, 1, 3, 3}, 4, true)});
        expect_equal({b.quant(y, 0.171F, 0, 5)}, kInt4);
    }
}

TEST_F(WindowModel, OneSpatialAxis) {
    const ir::TensorId x = b.input("x", {1, 3, 20});
    const ir::Window window{.kernel = {5}, .strides = {2}, .dilations = {}, .pads = {2, 1}};
    ir::TensorId y = b.op(ir::Conv{.window = window}, {x, kernel({4, 3, 5}, 4, false)});
    y = b.quant(y, 0.33F, 0, 4);
    y = b.op(ir::MaxPool{.window = {.kernel = {2}, .strides = {2}, .dilations = {}, .pads = {}}}, {y});
    expect_equal({y}, kInt4);
}

// Padding with a zero point: the border holds the integer of the real 0, not the integer 0.
TEST_F(WindowModel, ZeroPointAtTheBorder) {
    const ir::TensorId x = b.input("x", {1, 2, 6, 6});
    const ir::TensorId q = b.quant(x, 0.5F, 3, 4, {.is_signed = false});
    const ir::Window window{.kernel = {3, 3}, .strides = {}, .dilations = {}, .pads = {1, 1, 1, 1}};
    const ir::TensorId y = b.op(ir::Conv{.window = window}, {q, kernel({3, 2, 3, 3}, 4, false)});
    const ir::Graph graph = b.finish({b.quant(y, 0.171F, 0, 6)});
    const Lowered lowered = lower(graph);
    const auto windows = std::ranges::find_if(lowered.network.layers, [](const network::Layer& layer) {
        return std::holds_alternative<network::SlidingWindow>(layer.kind);
    });
    ASSERT_NE(windows, lowered.network.layers.end());
    EXPECT_EQ(std::get<network::SlidingWindow>(windows->kind).pad_value, 3);
    Tensor<float> frames({8, 2, 6, 6});
    std::ranges::generate(frames, [&] { return static_cast<float>(pick(-20, 80)) * 0.1F; });
    EXPECT_LE(self_check(graph, Engine(lower(graph)), {frames}).near_ties, 1);
}

// A bipolar image with padding: -1, +1 and the 0 of the border.
TEST_F(WindowModel, BipolarWithPadding) {
    const ir::TensorId x = b.input("x", {1, 3, 5, 5});
    const ir::Window window{.kernel = {3, 3}, .strides = {}, .dilations = {}, .pads = {1, 0, 0, 1}};
    const ir::TensorId y = b.op(ir::Conv{.window = window}, {x, kernel({4, 3, 3, 3}, 1, false)});
    expect_equal({b.op(ir::BipolarQuant{}, {b.batch_norm(y, 4, rng), b.scalar(1.0F)})}, {.type = {1, false}, .bipolar = true});
}

TEST_F(WindowModel, TransposedConvolutions) {
    for (int round = 0; round < 12; ++round) {
        b = GraphBuilder();
        const std::int64_t groups = round % 3 == 0 ? 2 : 1;
        const Shape kernel_shape{pick(2, 4), pick(2, 4)};
        const ir::TensorId x = b.input("x", {1, 2 * groups, 4, 3});
        ir::ConvTranspose op{.window = {.kernel = kernel_shape, .strides = {pick(1, 3), pick(1, 3)}, .dilations = {},
                                        .pads = {pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1)}},
                             .group = groups,
                             .output_padding = {},
                             .output_shape = {}};
        const ir::TensorId w = kernel({2 * groups, 3, kernel_shape[0], kernel_shape[1]}, 4, false);
        expect_equal({b.quant(b.op(op, {x, w, b.random_vector(3 * groups, -1, 1, rng)}), 0.171F, 0, 5)}, kInt4);
    }
}

TEST_F(WindowModel, Pooling) {
    for (int round = 0; round < 48; ++round) {
        b = GraphBuilder();
        const ir::TensorId x = b.quant(b.input("x", {1, 3, 9, 8}), 0.5F, 0, 4);
        const ir::Window window{.kernel = {pick(2, 3), pick(2, 3)},
                                .strides = {pick(1, 3), pick(1, 3)},
                                .dilations = {},
                                .pads = {pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1)},
                                .auto_pad = ir::AutoPad::kNotSet,
                                .ceil_mode = round % 2 == 1};
        ir::TensorId y{};
        if (round % 4 < 2) {
            y = b.quant(b.op(ir::MaxPool{window}, {x}), 0.7F, 0, 3);
        } else {
            y = b.quant(b.op(ir::AveragePool{window, round % 8 < 4}, {x}), 0.0917F, 0, 6);
        }
        expect_equal({y}, kInt4);
    }
}

// Max pooling moves in front of what rises: here BatchNorm with positive factors and ReLU, quantised behind the pool.
TEST_F(WindowModel, PoolingBeforeTheQuantiser) {
    const ir::TensorId x = b.input("x", {1, 3, 6, 6});
    const ir::Window point{.kernel = {1, 1}, .strides = {}, .dilations = {}, .pads = {}};
    ir::TensorId y = b.op(ir::Conv{.window = point}, {x, kernel({4, 3, 1, 1}, 4, false)});
    y = b.op(ir::MaxPool{.window = {.kernel = {2, 2}, .strides = {2, 2}, .dilations = {}, .pads = {}}}, {b.relu(y)});
    expect_equal({b.quant(y, 0.09F, 0, 4, {.is_signed = false})}, kInt4);
}

TEST_F(WindowModel, GlobalPoolingThenDense) {
    const ir::TensorId x = b.quant(b.input("x", {1, 4, 5, 3}), 0.5F, 0, 4);
    ir::TensorId y = b.quant(b.op(ir::GlobalAveragePool{}, {x}), 0.0917F, 0, 7);
    y = b.op(ir::Flatten{}, {y});
    y = b.op(ir::MatMul{}, {y, b.weights(4, 6, 0.1F, 4, rng)});
    expect_equal({b.quant(y, 0.0271F, 0, 6)}, kInt4);
}

// The form in which FINN has convolutions: windows as rows, then a product; depthwise ones with a matrix of mostly zeros.
TEST_F(WindowModel, WindowsAsRowsOfAMatrix) {
    for (int round = 0; round < 12; ++round) {
        b = GraphBuilder();
        const bool depthwise = round % 3 == 2;
        const std::int64_t channels = pick(2, 3);
        const Shape kernel_shape{pick(1, 3), pick(2, 3)};
        const std::int64_t positions = kernel_shape[0] * kernel_shape[1];
        const std::int64_t rows = depthwise ? channels * pick(1, 2) : pick(1, 4);
        const ir::TensorId x = b.quant(b.input("x", {1, 6, 5, channels}), 1.0F, 0, 4);
        ir::Im2Col windows{.window = {.kernel = kernel_shape,
                                      .strides = {pick(1, 2), pick(1, 2)},
                                      .dilations = {},
                                      .pads = {pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1)}},
                           .pad_value = round % 2 == 0 ? 0.0F : -2.0F,
                           .depthwise = depthwise};
        std::vector<float> matrix(static_cast<std::size_t>(positions * channels * rows), 0.0F);
        for (std::size_t i = 0; i < matrix.size(); ++i) {
            const auto at = static_cast<std::int64_t>(i);
            if (!depthwise || at / rows % channels == at % rows / (rows / channels)) {
                matrix[i] = static_cast<float>(pick(-7, 7));
            }
        }
        ir::TensorId y = b.op(ir::MatMul{}, {b.op(windows, {x}), b.constant({positions * channels, rows}, matrix)});
        y = b.quant(y, 7.3F, 0, 4);
        const bool unit = std::ranges::any_of(lower(b.finish({y})).network.layers, [](const network::Layer& layer) {
            return std::holds_alternative<network::VectorVector>(layer.kind);
        });
        EXPECT_EQ(unit, depthwise);
        expect_equal({y}, kInt4);
    }
}

// Bits times bits: how many agree.
TEST_F(WindowModel, CountsOfEqualBits) {
    const ir::TensorId x = b.input("x", {1, 5, 5, 3});
    ir::TensorId bits = b.op(ir::MultiThreshold{.out_scale = 1.0F, .out_bias = 0.0F, .out_datatype = "BINARY",
                                                .channels_last = true},
                             {x, b.constant({3, 1}, {-1.0F, 0.5F, 2.0F})});
    bits = b.op(ir::Im2Col{.window = {.kernel = {3, 3}, .strides = {1, 1}, .dilations = {}, .pads = {0, 0, 0, 0}}}, {bits});
    std::vector<float> matrix(27 * 4);
    std::ranges::generate(matrix, [&] { return static_cast<float>(pick(0, 1)); });
    const ir::TensorId count = b.op(ir::XnorPopcountMatMul{}, {bits, b.constant({27, 4}, matrix)});
    const ir::TensorId y = b.op(ir::MultiThreshold{.channels_last = true},
                                {count, b.constant({4, 2}, {10, 15, 12, 13, 9, 20, 14, 17})});
    const Lowered lowered = lower(b.finish({y}), {.input_types = {{"", kInt4}}});
    EXPECT_TRUE(std::ranges::any_of(lowered.network.layers, [](const network::Layer& layer) {
        const auto* unit = std::get_if<network::MatrixVector>(&layer.kind);
        return unit != nullptr && unit->arithmetic == network::MatrixVector::Arithmetic::kXnorPopcount;
    }));
    expect_equal({y}, kInt4);
}

// What PyTorch exports for x.mean((2, 3)), x.sum((2, 3)) and x.amax((2, 3)).
TEST_F(WindowModel, ReductionsOverAllPixels) {
    for (const ir::ReduceKind kind : {ir::ReduceKind::kMean, ir::ReduceKind::kSum, ir::ReduceKind::kMax}) {
        for (const bool keep_dims : {false, true}) {
            b = GraphBuilder();
            const ir::TensorId x = b.quant(pointwise(b.input("x", {1, 2, 5, 3}), 2, 4), 0.5F,
                                           kind == ir::ReduceKind::kMax ? 0 : 2, 4);
            ir::TensorId y = b.op(ir::Reduce{kind, keep_dims}, {x, b.integers({2, -1})});
            y = b.quant(y, kind == ir::ReduceKind::kSum ? 1.173F : 0.0917F, 0, 7);
            if (keep_dims) {
                y = b.op(ir::Flatten{}, {y});
            }
            y = b.op(ir::MatMul{}, {y, b.weights(4, 6, 0.1F, 4, rng)});
            expect_equal({b.quant(y, 0.0271F, 0, 6)}, kInt4);
        }
    }
}

TEST_F(WindowModel, BlocksOfPixelsAsChannels) {
    const ir::TensorId x = b.quant(b.input("x", {1, 3, 4, 6}), 0.5F, 0, 4);
    const ir::TensorId packed = b.op(ir::SpaceToDepth{2}, {x});
    const ir::Window point{.kernel = {1, 1}, .strides = {}, .dilations = {}, .pads = {}};
    const ir::TensorId y = b.op(ir::Conv{.window = point}, {packed, kernel({5, 12, 1, 1}, 4, true)});
    expect_equal({b.quant(y, 0.171F, 0, 5)}, kInt4);
}

// torch.chunk exports slices; the middle one here has channels before and behind.
TEST_F(WindowModel, SlicesOfChannels) {
    const ir::TensorId x = b.quant(pointwise(b.input("x", {1, 2, 3, 4}), 2, 6), 0.5F, 0, 4);
    const auto slice = [&](std::int64_t from, std::int64_t to, std::int64_t axis) {
        return b.op(ir::Slice{}, {x, b.integers({from}), b.integers({to}), b.integers({axis}), b.integers({1})});
    };
    const ir::TensorId first = slice(0, 2, 1);
    const ir::TensorId middle = slice(2, -2, 1);
    const ir::TensorId last = slice(4, 9999, -3);
    expect_equal({b.op(ir::Concat{1}, {b.quant(middle, 0.7F, 0, 3), first, last})}, kInt4);
}

// Rows and columns cut off, as a U-Net without padding does it, and every second pixel of each phase as channels (Focus).
TEST_F(WindowModel, SlicesOfPixels) {
    const ir::TensorId x = b.quant(pointwise(b.input("x", {1, 2, 6, 8}), 2, 3), 0.5F, 0, 4);
    const auto slice = [&](ir::TensorId of, std::vector<std::int64_t> from, std::vector<std::int64_t> to,
                           std::vector<std::int64_t> axes, std::vector<std::int64_t> steps) {
        return b.op(ir::Slice{}, {of, b.integers(from), b.integers(to), b.integers(axes), b.integers(steps)});
    };
    const ir::TensorId cropped = b.quant(slice(x, {1, 2}, {-1, 7}, {2, 3}, {1, 1}), 0.7F, 0, 3);
    std::vector<ir::TensorId> phases;
    for (const std::int64_t row : {0, 1}) {
        for (const std::int64_t column : {0, 1}) {
            phases.push_back(slice(slice(x, {row}, {9999}, {2}, {2}), {column}, {9999}, {3}, {2}));
        }
    }
    const ir::TensorId focus = b.op(ir::Concat{1}, phases);
    const ir::TensorId some = slice(x, {0, 1, 1}, {2, 6, 8}, {1, 2, -1}, {1, 4, 3});
    expect_equal({cropped, focus, some}, kInt4);
}

TEST_F(WindowModel, AdditionOfOneValueAChannel) {
    for (const bool first : {false, true}) {
        b = GraphBuilder();
        const ir::TensorId x = b.quant(b.input("x", {1, 3, 4, 5}), 0.5F, 1, 4);
        const ir::TensorId mean = b.quant(b.op(ir::GlobalAveragePool{}, {x}), 0.1173F, 0, 5);
        const ir::TensorId sum = first ? b.add(mean, x) : b.op(ir::Binary{ir::BinaryKind::kSub}, {x, mean});
        expect_equal({b.quant(sum, 0.271F, 0, 5)}, kInt4);
    }
}

// Channels first in the model, channels last on the stream: the columns of the dense layer follow.
TEST_F(WindowModel, FlattenAfterAConvolution) {
    const ir::TensorId x = b.input("x", {1, 2, 5, 6});
    const ir::Window window{.kernel = {2, 2}, .strides = {}, .dilations = {}, .pads = {}};
    ir::TensorId y = b.quant(b.op(ir::Conv{.window = window}, {x, kernel({3, 2, 2, 2}, 4, true)}), 0.33F, 0, 4);
    y = b.op(ir::Flatten{}, {y});
    y = b.op(ir::MatMul{}, {y, b.weights(60, 5, 0.1F, 4, rng)});
    expect_equal({b.quant(y, 0.171F, 0, 6)}, kInt4);
}

TEST_F(WindowModel, PixelsThatMove) {
    const ir::TensorId x = b.quant(b.input("x", {1, 8, 3, 4}), 0.5F, 0, 4);
    for (const bool column_row_depth : {false, true}) {
        GraphBuilder kept = b;
        const ir::TensorId spread = b.op(ir::DepthToSpace{2, column_row_depth}, {x});
        const ir::TensorId larger = b.op(ir::Resize{"nearest", "asymmetric", "floor"},
                                         {spread, ir::TensorId::kNone, b.constant({4}, {1, 1, 2, 3})});
        const ir::TensorId padded = b.op(ir::Pad{}, {larger, b.integers({0, 0, 1, 0, 0, 0, 2, 3})});
        expect_equal({b.quant(padded, 0.7F, 0, 4)}, kInt4);
        b = kept;
    }
}

TEST_F(WindowModel, ChannelShuffle) {
    const ir::TensorId x = b.quant(b.input("x", {1, 6, 3, 4}), 0.5F, 0, 4);
    ir::TensorId y = b.op(ir::Reshape{}, {x, b.integers({1, 2, 3, 3, 4})});
    y = b.op(ir::Transpose{{0, 2, 1, 3, 4}}, {y});
    y = b.op(ir::Reshape{}, {y, b.integers({1, 6, 3, 4})});
    const ir::Window point{.kernel = {1, 1}, .strides = {}, .dilations = {}, .pads = {}};
    y = b.op(ir::Conv{.window = point, .group = 3}, {y, kernel({3, 2, 1, 1}, 4, false)});
    expect_equal({b.quant(y, 0.171F, 0, 5)}, kInt4);
}

// Squeeze and excitation: every channel times its own gate; and a product of two maps with zero points.
TEST_F(WindowModel, Products) {
    const ir::TensorId x = b.quant(b.input("x", {1, 3, 4, 5}), 0.5F, 0, 4);
    const ir::TensorId gate = b.quant(b.op(ir::GlobalAveragePool{}, {x}), 0.1173F, 0, 5);
    ir::TensorId y = b.quant(b.mul(x, gate), 0.271F, 0, 5);
    expect_equal({y}, kInt4);
    b = GraphBuilder();
    const ir::TensorId in = b.input("x", {1, 3, 4, 5});
    const ir::TensorId left = b.quant(in, 0.5F, 2, 4, {.is_signed = false});
    const ir::TensorId right = b.quant(in, 0.3F, 5, 4, {.is_signed = false});
    y = b.quant(b.mul(left, right), 0.271F, 0, 6);
    const ir::Graph graph = b.finish({y});
    Tensor<float> frames({8, 3, 4, 5});
    std::ranges::generate(frames, [&] { return static_cast<float>(pick(-30, 80)) * 0.1F; });
    EXPECT_LE(self_check(graph, Engine(lower(graph)), {frames}).near_ties, 2);
}

// Windows at the border count fewer pixels; the zero point of those pixels counts, that of the padding does not.
TEST_F(WindowModel, BordersThatAverageFewerPixels) {
    for (const bool include_pad : {false, true}) {
        b = GraphBuilder();
        const ir::TensorId x = b.quant(b.input("x", {1, 3, 6, 5}), 0.5F, 3, 4, {.is_signed = false});
        const ir::Window window{.kernel = {3, 2}, .strides = {2, 2}, .dilations = {}, .pads = {1, 1, 1, 0},
                                .auto_pad = ir::AutoPad::kNotSet, .ceil_mode = true};
        const ir::Graph graph = b.finish({b.quant(b.op(ir::AveragePool{window, include_pad}, {x}), 0.0917F, 0, 8)});
        Tensor<float> frames({12, 3, 6, 5});
        std::ranges::generate(frames, [&] { return static_cast<float>(pick(-30, 80)) * 0.1F; });
        EXPECT_LE(self_check(graph, Engine(lower(graph)), {frames}).near_ties, 2);
    }
}

// Kernel rows of 1 to 23 pixels have no small common multiple.
TEST_F(WindowModel, TooManyKindsOfBorderAreRefused) {
    const ir::TensorId x = b.quant(b.input("x", {1, 3, 24, 1}), 0.5F, 0, 4);
    const ir::Window window{.kernel = {23, 1}, .strides = {}, .dilations = {}, .pads = {22, 0, 22, 0}};
    const ir::Graph graph = b.finish({b.quant(b.op(ir::AveragePool{window, false}, {x}, "pool1"), 0.1F, 0, 6)});
    try {
        static_cast<void>(lower(graph));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0309: node pool1 (AveragePool): windows at the border average fewer pixels than the others, in too "
                     "many ways; use count_include_pad = 1, or a window that fits the image without padding");
    }
}

}  // namespace
}  // namespace qloom::lower
