#include "ir/gemm_to_matmul.h"

namespace qloom::ir {
namespace {

// A step of the replacement: adds a node that makes a new tensor, or the Gemm's own result when it is the last.
class Steps {
public:
    Steps(Graph& graph, const Node& gemm) : graph_(graph), gemm_(gemm) {}

    TensorId add(const std::string& role, Op op, std::vector<TensorId> inputs) {
        TensorInfo info;
        info.name = graph_.fresh_tensor_name(fmt::format("{}_{}", gemm_.name, role));
        // The product keeps the Gemm's name, so that reports speak of the layer the user knows.
        const std::string node_name =
            role == "product" ? gemm_.name : graph_.fresh_node_name(fmt::format("{}_{}", gemm_.name, role));
        const TensorId result = graph_.add_tensor(std::move(info));
        graph_.add_node({node_name, std::move(op), std::move(inputs), {result}});
        return result;
    }
    TensorId number(const std::string& role, float value) {
        return graph_.add_constant(graph_.fresh_tensor_name(fmt::format("{}_{}", gemm_.name, role)),
                                   Tensor<float>(Shape{}, value));
    }

private:
    Graph& graph_;
    const Node& gemm_;
};

}  // namespace

void gemm_to_matmul(Graph& graph) {
    const std::size_t count = graph.nodes().size();
    std::vector<bool> erase;
    for (std::size_t n = 0; n < count; ++n) {
        const Node node = graph.nodes()[n];
        const auto* gemm = std::get_if<Gemm>(&node.op);
        erase.push_back(gemm != nullptr);
        if (gemm == nullptr) {
            continue;
        }
        Steps steps(graph, node);
        TensorId a = node.inputs[0];
        TensorId b = node.inputs[1];
        if (gemm->trans_a) {
            a = steps.add("a", Transpose{{1, 0}}, {a});
        }
        if (gemm->trans_b) {
            b = steps.add("b", Transpose{{1, 0}}, {b});
        }
        TensorId result = steps.add("product", MatMul{}, {a, b});
        if (gemm->alpha != 1.0F) {
            result = steps.add("scaled", Binary{BinaryKind::kMul}, {result, steps.number("alpha", gemm->alpha)});
        }
        if (node.inputs.size() > 2 && node.inputs[2] != TensorId::kNone) {
            TensorId addend = node.inputs[2];
            if (gemm->beta != 1.0F) {
                addend = steps.add("addend", Binary{BinaryKind::kMul}, {addend, steps.number("beta", gemm->beta)});
            }
            steps.add("sum", Binary{BinaryKind::kAdd}, {result, addend});
        }
        // The last step is the one that makes the Gemm's result.
        Node& last = graph.node(NodeId{static_cast<std::int32_t>(graph.nodes().size() - 1)});
        last.outputs = node.outputs;
    }
    erase.resize(graph.nodes().size(), false);
    graph.erase_nodes(erase);
    graph.sort();
}

}  // namespace qloom::ir
