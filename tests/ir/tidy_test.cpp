// Each pass: what it makes of a hand-built graph, what it leaves alone, and equal outputs on random graphs.
#include "ir/tidy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "graph_builder.h"
#include "ir/execute.h"
#include "ir/fold_constants.h"
#include "ir/gemm_to_matmul.h"
#include "ir/infer_shapes.h"
#include "ir/move_into_weights.h"
#include "ir/remove_dead_nodes.h"
#include "ir/remove_identities.h"
#include "ir/verify.h"
#include "random_graph.h"
#include "run_helpers.h"

namespace qloom::ir {
namespace {

std::vector<std::string> names(const Graph& graph) {
    std::vector<std::string> result;
    for (const Node& node : graph.nodes()) {
        result.push_back(node.name);
    }
    return result;
}

using Names = std::vector<std::string>;

template <class Pass>
void expect_equivalence(Pass pass) {
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
        RandomGraph random(seed);
        Graph graph = random.make();
        infer_shapes(graph);
        Graph changed = graph;
        pass(changed);
        ASSERT_EQ(verify(changed), "") << seed;
        const Tensor<float> frames = random.frames(4);
        ASSERT_EQ(Executor(graph).run({frames}), Executor(changed).run({frames})) << seed;
    }
}

// ---- fold_constants ----

TEST(FoldConstants, ShapeArithmeticVanishes) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2, 3});
    const TensorId shape = b.node("shape", ShapeOf{}, {x});
    const TensorId first = b.node("first", Gather{0}, {shape, b.integers("zero", {0})});
    const TensorId all = b.node("all", Concat{0}, {first, b.integers("rest", {-1})});
    Graph graph = b.finish({b.node("r", Reshape{}, {x, all})});
    fold_constants(graph);
    EXPECT_EQ(names(graph), Names{"r"});
    EXPECT_EQ(graph.tensor(graph.nodes()[0].inputs[1]).constant, Value(ints({1, -1})));
    EXPECT_EQ(verify(graph), "");
}

TEST(FoldConstants, QuantisersOfWeightsStay) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 1});
    const TensorId w = b.constant("w", {1, 1}, {0.3F});
    const TensorId scale = b.node("scale", Unary{UnaryKind::kExp}, {b.number("log", 0)});
    const TensorId q = b.node("q", Quant{}, {w, scale, b.number("z", 0), b.number("bits", 4)});
    const TensorId p = b.node("p", BipolarQuant{}, {w, b.number("ps", 1)});
    const TensorId d = b.node("d", DequantizeLinear{}, {b.integers("i", {1}), b.number("ds", 1)});
    const TensorId m = b.node("m", MatMul{}, {x, q});
    const TensorId n = b.node("n", MatMul{}, {m, p});
    Graph graph = b.finish({b.node("o", Binary{}, {n, d})});
    fold_constants(graph);
    EXPECT_EQ(names(graph), (Names{"q", "p", "d", "m", "n", "o"}));
    EXPECT_TRUE(graph.is_constant(scale));  // the scale itself was computed
}

TEST(FoldConstants, HugeResultsAreNotComputed) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 1});
    const TensorId big = b.node("big", Expand{}, {b.number("one", 1), b.integers("s", {1, 1000, 1000, 1000})});
    Graph graph = b.finish({b.node("a", Binary{}, {x, big})});
    fold_constants(graph);
    EXPECT_EQ(names(graph), (Names{"big", "a"}));
}

TEST(FoldConstants, KeepsOutputs) { expect_equivalence(fold_constants); }

// ---- remove_identities ----

TEST(RemoveIdentities, NodesThatChangeNothingVanish) {
    GraphBuilder b;
    TensorId x = b.input("x", {1, 4});
    x = b.node("relu", Unary{UnaryKind::kRelu}, {x});
    x = b.node("identity", Unary{}, {x});
    x = b.node("dropout", Dropout{}, {x});
    x = b.node("cast", Cast{}, {x});
    x = b.node("reshape", Reshape{}, {x, b.integers("shape", {1, 4})});
    x = b.node("flatten", Flatten{}, {x});
    x = b.node("turn", Transpose{{0, 1}}, {x});
    x = b.node("pad", Pad{}, {x, b.integers("pads", {0, 0, 0, 0})});
    x = b.node("slice", Slice{}, {x, b.integers("from", {0}), b.integers("to", {9}), b.integers("axis", {1})});
    x = b.node("cat", Concat{1}, {x});
    x = b.node("split", Split{1}, {x});
    x = b.node("expand", Expand{}, {x, b.integers("wide", {1, 1})});
    x = b.node("resize", Resize{}, {x, TensorId::kNone, b.constant("scales", {2}, {1, 1})});
    Graph graph = b.finish({b.node("tanh", Unary{UnaryKind::kTanh}, {x})});
    infer_shapes(graph);
    remove_identities(graph);
    EXPECT_EQ(names(graph), (Names{"relu", "tanh"}));
    EXPECT_EQ(verify(graph), "");
}

TEST(RemoveIdentities, WhatDoesSomethingStays) {
    GraphBuilder b;
    TensorId x = b.input("x", {1, 2, 2});
    x = b.node("turn", Transpose{{0, 2, 1}}, {x});
    x = b.node("reversed", Slice{}, {x, b.integers("from", {-1}), b.integers("to", {-9}), b.integers("axis", {1}),
                                     b.integers("step", {-1})});
    x = b.node("pad", Pad{}, {x, b.integers("pads", {0, 0, 1, 0, 0, 0})});
    x = b.node("cast", Cast{CastTarget::kInt64}, {x});
    x = b.node("reshape", Reshape{}, {x, b.integers("shape", {1, 6})});
    Graph graph = b.finish({b.node("n", Unary{UnaryKind::kNeg}, {x})});
    infer_shapes(graph);
    remove_identities(graph);
    EXPECT_EQ(names(graph), (Names{"turn", "reversed", "pad", "cast", "reshape", "n"}));
}

TEST(RemoveIdentities, OutputsKeepTheirNames) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 4});
    const TensorId relu = b.node("relu", Unary{UnaryKind::kRelu}, {x});
    const TensorId out = b.node("identity", Unary{}, {relu});
    const TensorId other = b.node("tanh", Unary{UnaryKind::kTanh}, {relu});
    Graph graph = b.finish({out, other});
    infer_shapes(graph);
    remove_identities(graph);
    EXPECT_EQ(names(graph), (Names{"relu", "tanh"}));
    EXPECT_EQ(graph.tensor(graph.outputs()[0]).name, "identity_out");
    EXPECT_EQ(verify(graph), "");
}

TEST(RemoveIdentities, NodesBetweenInputsAndOutputsStay) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 4});
    const TensorId relu = b.node("relu", Unary{UnaryKind::kRelu}, {x});
    Graph graph = b.finish({b.node("through", Unary{}, {x}), relu, b.node("again", Unary{}, {relu})});
    infer_shapes(graph);
    remove_identities(graph);
    EXPECT_EQ(names(graph), (Names{"relu", "through", "again"}));
    EXPECT_EQ(verify(graph), "");
}

TEST(RemoveIdentities, KeepsOutputValues) { expect_equivalence(remove_identities); }

// ---- gemm_to_matmul ----

TEST(GemmToMatMul, OneStepForEachPart) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    const TensorId w = b.constant("w", {3, 2}, {1, 2, 3, 4, 5, 6});
    const TensorId c = b.constant("c", {3}, {1, 2, 3});
    Graph graph = b.finish({b.node("fc", Gemm{.alpha = 2, .beta = 3, .trans_b = true}, {x, w, c})});
    gemm_to_matmul(graph);
    std::vector<std::string> ops;
    for (const Node& node : graph.nodes()) {
        ops.push_back(op_name(node.op));
    }
    EXPECT_EQ(ops, (Names{"Transpose", "MatMul", "Mul", "Mul", "Add"}));
    EXPECT_EQ(graph.nodes()[1].name, "fc");
    EXPECT_EQ(verify(graph), "");
}

TEST(GemmToMatMul, PlainGemmIsOneProduct) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    Graph graph = b.finish({b.node("fc", Gemm{}, {x, b.constant("w", {2, 1}, {1, 2})})});
    gemm_to_matmul(graph);
    EXPECT_EQ(names(graph), Names{"fc"});
    EXPECT_TRUE(std::holds_alternative<MatMul>(graph.nodes()[0].op));
}

TEST(GemmToMatMul, KeepsOutputs) { expect_equivalence(gemm_to_matmul); }

// ---- move_into_weights ----

TEST(MoveIntoWeights, TransposeTurnsWeightsAndScales) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 3});
    const TensorId w = b.constant("w", {2, 3}, {1, 2, 3, 4, 5, 6});
    const TensorId scale = b.constant("scale", {2, 1}, {1, 2});
    const TensorId q = b.node("q", Quant{}, {w, scale, b.number("z", 0), b.number("bits", 4)});
    const TensorId t = b.node("t", Transpose{{1, 0}}, {q});
    Graph graph = b.finish({b.node("m", MatMul{}, {x, t})});
    infer_shapes(graph);
    move_into_weights(graph);
    remove_dead_nodes(graph);
    EXPECT_EQ(names(graph), (Names{"q_t", "m"}));
    const Node& quantiser = graph.nodes()[0];
    EXPECT_EQ(graph.tensor(quantiser.inputs[0]).constant, Value(Floats({3, 2}, {1, 4, 2, 5, 3, 6})));
    EXPECT_EQ(graph.tensor(quantiser.inputs[1]).constant, Value(Floats({1, 2}, {1, 2})));
    EXPECT_EQ(verify(graph), "");
}

TEST(MoveIntoWeights, DequantizeLinearMovesItsAxis) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 3});
    const TensorId w = b.graph().add_constant("w", Ints({2, 3}, {1, 2, 3, 4, 5, 6}));
    const TensorId d = b.node("d", DequantizeLinear{.axis = 0}, {w, b.constant("scale", {2}, {1, 10})});
    Graph graph = b.finish({b.node("m", MatMul{}, {x, b.node("t", Transpose{}, {d})})});
    infer_shapes(graph);
    const Graph before = graph;
    move_into_weights(graph);
    remove_dead_nodes(graph);
    ASSERT_EQ(names(graph), (Names{"d_t", "m"}));
    EXPECT_EQ(std::get<DequantizeLinear>(graph.nodes()[0].op).axis, 1);
    const Floats frame({1, 3}, {1, 2, 3});
    EXPECT_EQ(Executor(graph).run({frame}), Executor(before).run({frame}));
}

TEST(MoveIntoWeights, ReshapeOfOneScaleMovesAndOtherReadersKeepTheirs) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 6});
    const TensorId q = b.quant("q", b.constant("w", {2, 3}, {1, 2, 3, 4, 5, 6}), 1, 4);
    const TensorId r = b.node("r", Reshape{}, {q, b.integers("s", {6, 1})});
    const TensorId m = b.node("m", MatMul{}, {x, r});
    Graph graph = b.finish({m, b.node("other", Unary{UnaryKind::kNeg}, {q})});
    infer_shapes(graph);
    move_into_weights(graph);
    EXPECT_EQ(names(graph), (Names{"q", "q_r", "m", "other"}));
    EXPECT_EQ(verify(graph), "");
}

TEST(MoveIntoWeights, ReshapeOfScalesPerChannelStays) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 6});
    const TensorId q = b.node("q", Quant{}, {b.constant("w", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                             b.constant("scale", {2, 1}, {1, 2}), b.number("z", 0),
                                             b.number("bits", 4)});
    Graph graph = b.finish({b.node("m", MatMul{}, {x, b.node("r", Reshape{}, {q, b.integers("s", {6, 1})})})});
    infer_shapes(graph);
    move_into_weights(graph);
    EXPECT_EQ(names(graph), (Names{"q", "r", "m"}));
}

TEST(MoveIntoWeights, ActivationsStay) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    Graph graph = b.finish({b.node("t", Transpose{{1, 0}}, {b.quant("q", x, 1, 4)})});
    infer_shapes(graph);
    move_into_weights(graph);
    EXPECT_EQ(names(graph), (Names{"q", "t"}));
}

TEST(MoveIntoWeights, KeepsOutputs) { expect_equivalence(move_into_weights); }

// ---- remove_dead_nodes ----

TEST(RemoveDeadNodes, OnlyWhatOutputsNeedStays) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 4});
    const TensorId dead = b.node("dead", Unary{UnaryKind::kTanh}, {x});
    b.node("deader", Unary{UnaryKind::kTanh}, {dead});
    const auto top = b.nodes("top", TopK{}, {x, b.integers("k", {1})}, 2);
    Graph graph = b.finish({top[1]});
    remove_dead_nodes(graph);
    EXPECT_EQ(names(graph), Names{"top"});
    EXPECT_EQ(graph.nodes()[0].outputs, (std::vector<TensorId>{TensorId::kNone, top[1]}));
    EXPECT_EQ(verify(graph), "");
}

TEST(RemoveDeadNodes, KeepsOutputs) { expect_equivalence(remove_dead_nodes); }

// ---- tidy ----

TEST(Tidy, KeepsOutputsAndLeavesNoGemm) {
    for (std::uint32_t seed = 100; seed < 160; ++seed) {
        RandomGraph random(seed);
        const Graph graph = random.make();
        const Graph tidied = tidy(graph);
        const Uses uses(tidied);
        for (const Node& node : tidied.nodes()) {
            EXPECT_FALSE(std::holds_alternative<Gemm>(node.op));
            EXPECT_FALSE(std::holds_alternative<ShapeOf>(node.op));
            if (std::holds_alternative<MatMul>(node.op)) {
                const NodeId maker = uses.producer(node.inputs[1]);
                EXPECT_TRUE(maker == NodeId::kNone || is_weight_quantiser(tidied.node(maker).op)) << node.name;
            }
            for (const TensorId id : node.outputs) {
                EXPECT_TRUE(id == TensorId::kNone || tidied.tensor(id).shape.has_value());
            }
        }
        const Tensor<float> frames = random.frames(3);
        ASSERT_EQ(Executor(graph).run({frames}), Executor(tidied).run({frames})) << seed;
    }
}

TEST(Tidy, IsDoneAfterOneRound) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const Graph once = tidy(RandomGraph(seed).make());
        EXPECT_EQ(first_difference(once, tidy(once)), "") << seed;
    }
}

TEST(Tidy, CallsBackAfterEveryPassAndStopsWhereAsked) {
    Names seen;
    TidyOptions options;
    options.after_pass = [&seen](int number, std::string_view name, const Graph&) {
        EXPECT_EQ(static_cast<std::size_t>(number), seen.size() + 1);
        seen.emplace_back(name);
    };
    tidy(RandomGraph(1).make(), options);
    Names listed;
    for (const TidyPass& pass : tidy_passes()) {
        listed.emplace_back(pass.name);
        EXPECT_FALSE(pass.summary.empty());
    }
    EXPECT_EQ(seen, listed);
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()).size(), listed.size());
    seen.clear();
    options.stop_after = "fold-constants";
    tidy(RandomGraph(1).make(), options);
    EXPECT_EQ(seen.back(), "fold-constants");
    EXPECT_LT(seen.size(), listed.size());
}

// ---- verify ----

TEST(Verify, NamesWhatIsBroken) {
    auto graph = [] {
        GraphBuilder b;
        const TensorId x = b.input("x", {1});
        return b.finish({b.node("b", Unary{}, {b.node("a", Unary{}, {x})})});
    };
    EXPECT_EQ(verify(graph()), "");
    Graph swapped = graph();
    std::swap(swapped.node(NodeId{0}), swapped.node(NodeId{1}));
    EXPECT_EQ(verify(swapped), "node b (Identity) reads a tensor nothing before it makes");
    Graph twice = graph();
    twice.node(NodeId{1}).outputs = twice.node(NodeId{0}).outputs;
    EXPECT_EQ(verify(twice), "node b (Identity) makes a tensor that exists already");
    Graph named = graph();
    named.node(NodeId{1}).name = "a";
    EXPECT_EQ(verify(named), "node name 'a' is empty or used twice");
    Graph tensors = graph();
    tensors.tensor(TensorId{1}).name = "x";
    EXPECT_EQ(verify(tensors), "two tensors are named x");
    Graph unmade = graph();
    unmade.erase_nodes({false, true});
    EXPECT_EQ(verify(unmade), "an output of the graph is made by nothing");
    Graph constant = graph();
    constant.add_constant("c", Floats({1}));
    constant.tensor(constant.find_tensor("c")).shape = Shape{2};
    EXPECT_EQ(verify(constant), "constant c has another shape than its tensor");
    Graph missing = graph();
    missing.node(NodeId{1}).inputs.clear();
    EXPECT_THAT(verify(missing), testing::HasSubstr("Q0207: node b (Identity): has 0 inputs"));
}

}  // namespace
}  // namespace qloom::ir
