#pragma once

#include <string>
#include <vector>

#include "../ir/graph_builder.h"

namespace qloom::onnx {

// Small graphs that together use every operator of the IR, attributes away from their defaults.
inline std::vector<ir::Graph> graphs_of_all_operators() {
    using namespace ir;
    std::vector<Graph> graphs;
    {
        GraphBuilder b;  // elementwise
        TensorId x = b.input("x", {1, 4});
        int n = 0;
        for (const UnaryKind kind :
             {UnaryKind::kIdentity, UnaryKind::kRelu, UnaryKind::kSigmoid, UnaryKind::kTanh, UnaryKind::kAbs,
              UnaryKind::kNeg, UnaryKind::kSqrt, UnaryKind::kExp, UnaryKind::kLog, UnaryKind::kFloor, UnaryKind::kCeil,
              UnaryKind::kRound, UnaryKind::kSign, UnaryKind::kReciprocal, UnaryKind::kErf, UnaryKind::kSoftplus,
              UnaryKind::kSoftsign, UnaryKind::kHardSwish}) {
            x = b.node("u" + std::to_string(n++), Unary{kind}, {x});
        }
        for (const ParametricKind kind :
             {ParametricKind::kLeakyRelu, ParametricKind::kElu, ParametricKind::kSelu, ParametricKind::kHardSigmoid,
              ParametricKind::kThresholdedRelu, ParametricKind::kCelu}) {
            const bool second = kind == ParametricKind::kSelu || kind == ParametricKind::kHardSigmoid;
            x = b.node("p" + std::to_string(n++), Parametric{kind, 0.75F, second ? 0.25F : 0.0F}, {x});
        }
        for (const BinaryKind kind : {BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul, BinaryKind::kDiv,
                                      BinaryKind::kPow, BinaryKind::kMin, BinaryKind::kMax}) {
            const std::string name = "b" + std::to_string(n++);
            x = b.node(name, Binary{kind}, {x, b.number(name + "_c", 2)});
        }
        x = b.node("clip", Clip{}, {x, TensorId::kNone, b.number("top", 6)});
        x = b.node("prelu", PRelu{}, {x, b.constant("slope", {4}, {1, 2, 3, 4})});
        x = b.node("drop", Dropout{}, {x});
        x = b.node("cast", Cast{CastTarget::kBool}, {x});
        x = b.node("not", Unary{UnaryKind::kNot}, {x});
        x = b.node("back", Cast{CastTarget::kFloat32}, {x});
        graphs.push_back(b.finish({x}));
    }
    {
        GraphBuilder b;  // quantisers and products
        TensorId x = b.input("x", {1, 4});
        b.graph().tensor(x).annotation = IntType{4, true};
        x = b.quant("q", x, 0.5F, 4, {.is_signed = false, .narrow = true, .rounding = RoundingMode::kHalfDown}, 1);
        x = b.node("bq", BipolarQuant{}, {x, b.number("bs", 0.5F)});
        x = b.node("t1", Trunc{.rounding = RoundingMode::kCeil},
                   {x, b.number("ts", 1), b.number("tz", 0), b.number("ti", 8), b.number("to", 4)});
        x = b.node("t2", Trunc{.version = 2, .is_signed = false, .narrow = true},
                   {x, b.number("t2s", 1), b.number("t2z", 0), b.number("t2i", 8), b.number("t2q", 2),
                    b.number("t2o", 4)});
        x = b.node("mt", MultiThreshold{2, -1, "BIPOLAR", true}, {x, b.constant("th", {1, 2}, {0, 1})});
        const TensorId zero = b.graph().add_constant("zero", Tensor<std::int64_t>(Shape{}, 3));
        x = b.node("ql", QuantizeLinear{1, {8, true}}, {x, b.number("qs", 0.5F), zero});
        x = b.node("dl", DequantizeLinear{0}, {x, b.number("ds", 0.5F), zero});
        const TensorId weights = b.graph().add_constant("wi", Tensor<std::int64_t>({4, 4}, 7));
        const TensorId w = b.node("dw", DequantizeLinear{1}, {weights, b.constant("ws", {4}, {1, 2, 3, 4})});
        x = b.node("mm", MatMul{}, {x, w});
        x = b.node("gemm", Gemm{0.5F, 2.0F, false, true}, {x, b.constant("gw", {4, 4}, std::vector<float>(16, 1)),
                                                           b.constant("gb", {4}, {1, 2, 3, 4})});
        x = b.node("xnor", XnorPopcountMatMul{}, {x, b.constant("xw", {4, 2}, std::vector<float>(8, 1))});
        graphs.push_back(b.finish({x}));
    }
    {
        GraphBuilder b;  // windows, channels first
        TensorId x = b.input("x", {1, 2, 8, 8});
        Window window;
        window.kernel = {3, 3};
        window.strides = {1, 2};
        window.dilations = {2, 1};
        window.pads = {1, 0, 2, 1};
        x = b.node("conv", Conv{window, 2}, {x, b.constant("w", {4, 1, 3, 3}, std::vector<float>(36, 1)),
                                             b.constant("cb", {4}, {1, 2, 3, 4})});
        Window same;
        same.kernel = {2, 2};
        same.auto_pad = AutoPad::kSameLower;
        x = b.node("max", MaxPool{same}, {x});
        Window ceil;
        ceil.kernel = {2, 2};
        ceil.ceil_mode = true;
        x = b.node("avg", AveragePool{ceil, true}, {x});
        ConvTranspose back;
        back.window.strides = {2, 2};
        back.output_padding = {1, 0};
        back.group = 2;
        x = b.node("deconv", back, {x, b.constant("dw", {4, 2, 2, 2}, std::vector<float>(32, 1))});
        x = b.node("bn", BatchNormalization{0.5F},
                   {x, b.constant("g", {4}, {1, 2, 3, 4}), b.constant("be", {4}, {1, 2, 3, 4}),
                    b.constant("mu", {4}, {1, 2, 3, 4}), b.constant("va", {4}, {1, 2, 3, 4})});
        const TensorId gap = b.node("gap", GlobalAveragePool{}, {x});
        const TensorId gmp = b.node("gmp", GlobalMaxPool{}, {x});
        const TensorId qap = b.node("qap", QuantAvgPool2d{1, 2, 4, 3, true, false}, {x});
        graphs.push_back(b.finish({gap, gmp, qap}));
    }
    {
        GraphBuilder b;  // windows, channels last
        TensorId x = b.input("x", {1, 6, 6, 2});
        Window window;
        window.kernel = {3, 3};
        x = b.node("conv", Conv{window, 1, true},
                   {x, b.constant("w", {4, 2, 3, 3}, std::vector<float>(72, 1))});
        x = b.node("bn", BatchNormalization{0.5F, true},
                   {x, b.constant("g", {4}, {1, 2, 3, 4}), b.constant("be", {4}, {1, 2, 3, 4}),
                    b.constant("mu", {4}, {1, 2, 3, 4}), b.constant("va", {4}, {1, 2, 3, 4})});
        Window pool;
        pool.kernel = {2, 2};
        x = b.node("max", MaxPool{pool, true}, {x});
        Im2Col rows;
        rows.window.kernel = {2, 2};
        rows.window.strides = {1, 1};
        rows.window.dilations = {1, 1};
        rows.window.pads = {1, 0, 0, 1};
        rows.pad_value = -1;
        rows.depthwise = true;
        graphs.push_back(b.finish({b.node("im2col", rows, {x})}));
    }
    {
        GraphBuilder b;  // movement
        const TensorId x = b.input("x", {1, 4, 4, 4});
        TensorId y = b.node("tr", Transpose{{0, 2, 3, 1}}, {x});
        y = b.node("rs", Reshape{true}, {y, b.integers("s", {1, 16, 4})});
        y = b.node("sq", Unsqueeze{}, {y, b.integers("ax", {1})});
        y = b.node("us", Squeeze{}, {y, b.integers("ax2", {1})});
        y = b.node("pad", Pad{PadMode::kEdge}, {y, b.integers("pads", {0, 1, 0, 0, 0, 0})});
        y = b.node("slice", Slice{}, {y, b.integers("from", {0}), b.integers("to", {4}), b.integers("axis", {1}),
                                      b.integers("step", {2})});
        const auto parts = b.nodes("split", Split{1}, {y}, 2);
        y = b.node("cat", Concat{-1}, {parts[1], parts[0]});
        y = b.node("gather", Gather{2}, {y, b.integers("pick", {0, 3})});
        y = b.node("expand", Expand{}, {y, b.integers("wide", {1, 5, 2})});
        y = b.node("flat", Flatten{2}, {y});
        const TensorId d = b.node("d2s", DepthToSpace{2, true}, {x});
        TensorId z = b.node("s2d", SpaceToDepth{2}, {d});
        z = b.node("resize", Resize{"linear", "asymmetric", "ceil"},
                   {z, TensorId::kNone, b.constant("scales", {4}, {1, 1, 2, 2})});
        const TensorId shape = b.node("shape", ShapeOf{}, {x});
        const TensorId fill = b.node("fill", ConstantOfShape{3.0F, true}, {shape});
        graphs.push_back(b.finish({y, z, fill}));
    }
    {
        GraphBuilder b;  // reductions and heads
        const TensorId x = b.input("x", {1, 4, 4});
        std::vector<TensorId> outputs;
        for (const ReduceKind kind : {ReduceKind::kMean, ReduceKind::kSum, ReduceKind::kMax, ReduceKind::kMin}) {
            const std::string name = "r" + std::to_string(static_cast<int>(kind));
            outputs.push_back(b.node(name, Reduce{kind, false}, {x, b.integers(name + "_axes", {1})}));
        }
        outputs.push_back(b.node("soft", Softmax{1, true}, {x}));
        const auto top = b.nodes("top", TopK{1, false, true}, {x, b.integers("k", {2})}, 2);
        outputs.push_back(top[1]);
        outputs.push_back(b.node("am", ArgMax{2, false, true, true}, {x}));
        outputs.push_back(b.nodes("halves", Split{2}, {x}, 2)[0]);
        graphs.push_back(b.finish(outputs));
    }
    {
        GraphBuilder b;  // inputs of several types
        const TensorId x = b.input("x", {1, 4}, ElementType::kInt64);
        b.graph().tensor(x).annotation = IntType{8, false};
        const TensorId y = b.input("y", {4}, ElementType::kBool);
        const TensorId z = b.node("z", Cast{CastTarget::kFloat32}, {x});
        Graph graph = b.finish({z, b.node("n", Unary{UnaryKind::kNot}, {y})});
        graph.metadata = {{"qloom.input_normalisation", "1/255"}, {"a", "b"}};
        graph.name = "types";
        graphs.push_back(std::move(graph));
    }
    return graphs;
}

}  // namespace qloom::onnx
