#include "base/codes/ir.h"
#include "ir/graph.h"

#include <gtest/gtest.h>

#include "base/diagnostic.h"

namespace qloom::ir {
namespace {

TensorId tensor(Graph& graph, const std::string& name) {
    TensorInfo info;
    info.name = name;
    return graph.add_tensor(info);
}

// in -> a -> t1 -> b -> t2 -> c -> out, with the nodes added as c, a, b
struct Chain {
    Graph graph;
    TensorId in = tensor(graph, "in");
    TensorId t1 = tensor(graph, "t1");
    TensorId t2 = tensor(graph, "t2");
    TensorId out = tensor(graph, "out");
    Chain() {
        graph.add_node({"c", Unary{UnaryKind::kTanh}, {t2}, {out}});
        graph.add_node({"a", Unary{UnaryKind::kRelu}, {in}, {t1}});
        graph.add_node({"b", Binary{BinaryKind::kMul}, {t1, t1}, {t2}});
        graph.set_inputs({in});
        graph.set_outputs({out});
    }
};

TEST(Graph, SortOrdersByData) {
    Chain chain;
    chain.graph.sort();
    std::vector<std::string> names;
    for (const Node& node : chain.graph.nodes()) {
        names.push_back(node.name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Graph, SortKeepsAnOrderThatFits) {
    Graph graph;
    const TensorId in = tensor(graph, "in");
    graph.add_node({"z", Unary{}, {in}, {tensor(graph, "o1")}});
    graph.add_node({"a", Unary{}, {in}, {tensor(graph, "o2")}});
    graph.sort();
    EXPECT_EQ(graph.nodes()[0].name, "z");
}

TEST(Graph, CycleIsRefusedWithANodeOfTheCycle) {
    Graph graph;
    const TensorId in = tensor(graph, "in");
    const TensorId a = tensor(graph, "a");
    const TensorId b = tensor(graph, "b");
    const TensorId c = tensor(graph, "c");
    graph.add_node({"after", Unary{}, {b}, {c}});
    graph.add_node({"first", Binary{BinaryKind::kAdd}, {in, b}, {a}});
    graph.add_node({"second", Unary{UnaryKind::kRelu}, {a}, {b}});
    try {
        graph.sort();
        FAIL() << "accepted a cycle";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code::kGraphCyclic);
        EXPECT_STREQ(error.what(),
                     "Q0200: node second: the node needs its own result: the graph has a cycle through it; "
                     "unroll the loop; a recurrent model cannot be compiled");
    }
}

TEST(Graph, ProducersAndConsumers) {
    const Chain chain;
    const Uses uses(chain.graph);
    EXPECT_EQ(chain.graph.producer(chain.t1), NodeId{1});
    EXPECT_EQ(uses.producer(chain.t1), NodeId{1});
    EXPECT_EQ(chain.graph.producer(chain.in), NodeId::kNone);
    EXPECT_EQ(uses.producer(chain.in), NodeId::kNone);
    EXPECT_EQ(chain.graph.consumers(chain.t1), std::vector<NodeId>{NodeId{2}});
    EXPECT_EQ(uses.consumers(chain.t1), std::vector<NodeId>{NodeId{2}});  // once, though it is read twice
    EXPECT_TRUE(uses.consumers(chain.out).empty());
    EXPECT_EQ(uses.producer(TensorId::kNone), NodeId::kNone);
}

TEST(Graph, EraseNodes) {
    Chain chain;
    chain.graph.erase_nodes({true, false, true});
    ASSERT_EQ(chain.graph.nodes().size(), 1U);
    EXPECT_EQ(chain.graph.nodes()[0].name, "a");
}

TEST(Graph, FreshTensorName) {
    Graph graph;
    tensor(graph, "x");
    tensor(graph, "x_1");
    EXPECT_EQ(graph.fresh_tensor_name("x"), "x_2");
    EXPECT_EQ(graph.fresh_tensor_name("y"), "y");
}

TEST(Graph, ConstantsCarryTypeAndShape) {
    Graph graph;
    const TensorId f = graph.add_constant("f", Tensor<float>({2, 3}));
    const TensorId i = graph.add_constant("i", Tensor<std::int64_t>(Shape{}, 7));
    EXPECT_TRUE(graph.is_constant(f));
    EXPECT_FALSE(graph.is_constant(TensorId::kNone));
    EXPECT_EQ(graph.tensor(f).type, ElementType::kFloat32);
    EXPECT_EQ(graph.tensor(i).type, ElementType::kInt64);
    EXPECT_EQ(graph.tensor(f).shape, (Shape{2, 3}));
    EXPECT_EQ(shape_of(*graph.tensor(i).constant), Shape{});
    EXPECT_EQ(graph.find_tensor("i"), i);
    EXPECT_EQ(graph.find_tensor("none"), TensorId::kNone);
}

TEST(Graph, FirstDifferenceNamesWhatDiffers) {
    const Chain a;
    EXPECT_EQ(first_difference(a.graph, Chain().graph), "");
    Chain op;
    op.graph.node(NodeId{1}).op = Unary{UnaryKind::kSigmoid};
    EXPECT_EQ(first_difference(a.graph, op.graph), "operator or attributes differ at node a (Relu against Sigmoid)");
    Chain wired;
    wired.graph.node(NodeId{2}).inputs[1] = wired.in;
    EXPECT_EQ(first_difference(a.graph, wired.graph), "inputs of b: 't1' against 'in'");
    Chain shaped;
    shaped.graph.tensor(shaped.t2).shape = Shape{1};
    EXPECT_EQ(first_difference(a.graph, shaped.graph), "shapes differ at tensor t2");
}

TEST(Ops, NamesAreOnnxNames) {
    EXPECT_EQ(op_name(Quant{}), "Quant");
    EXPECT_EQ(op_name(Unary{UnaryKind::kHardSwish}), "HardSwish");
    EXPECT_EQ(op_name(Parametric{.kind = ParametricKind::kCelu}), "Celu");
    EXPECT_EQ(op_name(Binary{BinaryKind::kDiv}), "Div");
    EXPECT_EQ(op_name(Reduce{.kind = ReduceKind::kMean}), "ReduceMean");
    EXPECT_EQ(op_name(Softmax{.log = true}), "LogSoftmax");
    EXPECT_EQ(op_name(ArgMax{.minimum = true}), "ArgMin");
    EXPECT_EQ(op_name(ShapeOf{}), "Shape");
}

}  // namespace
}  // namespace qloom::ir
