#include "ir/remove_identities.h"

#include <algorithm>

namespace qloom::ir {
namespace {

class Check {
public:
    Check(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}

    [[nodiscard]] bool same_shape() const {
        const std::optional<Shape>& from = graph_.tensor(node_.inputs[0]).shape;
        return from.has_value() && from == graph_.tensor(node_.outputs[0]).shape;
    }
    [[nodiscard]] bool same_type() const {
        return graph_.tensor(node_.inputs[0]).type == graph_.tensor(node_.outputs[0]).type;
    }
    [[nodiscard]] bool keeps_order(const Transpose& op) const {
        return !op.perm.empty() && std::ranges::is_sorted(op.perm);
    }
    // Whether all integers of constant input i satisfy the test; an absent input does.
    template <class Test>
    [[nodiscard]] bool all_integers(std::size_t i, Test test) const {
        if (i >= node_.inputs.size() || node_.inputs[i] == TensorId::kNone) {
            return true;
        }
        const std::optional<Value>& value = graph_.tensor(node_.inputs[i]).constant;
        const auto* ints = value ? std::get_if<Tensor<std::int64_t>>(&*value) : nullptr;
        return ints != nullptr && std::ranges::all_of(ints->values(), test);
    }

    [[nodiscard]] bool operator()(const Unary& op) const { return op.kind == UnaryKind::kIdentity; }
    [[nodiscard]] bool operator()(const Dropout&) const { return true; }
    [[nodiscard]] bool operator()(const Cast&) const { return same_type(); }
    [[nodiscard]] bool operator()(const Reshape&) const { return same_shape(); }
    [[nodiscard]] bool operator()(const Flatten&) const { return same_shape(); }
    [[nodiscard]] bool operator()(const Squeeze&) const { return same_shape(); }
    [[nodiscard]] bool operator()(const Unsqueeze&) const { return same_shape(); }
    [[nodiscard]] bool operator()(const Expand&) const { return same_shape(); }
    [[nodiscard]] bool operator()(const Transpose& op) const { return keeps_order(op); }
    [[nodiscard]] bool operator()(const Pad&) const {
        return all_integers(1, [](std::int64_t pad) { return pad == 0; });
    }
    [[nodiscard]] bool operator()(const Slice&) const {
        return same_shape() && all_integers(4, [](std::int64_t step) { return step > 0; });
    }
    [[nodiscard]] bool operator()(const Resize&) const {
        if (!same_shape()) {
            return false;
        }
        if (node_.inputs.size() > 3) {
            return true;  // sizes equal to the input's: the scale is 1
        }
        const std::optional<Value>& value = graph_.tensor(node_.inputs[2]).constant;
        const auto* scales = value ? std::get_if<Tensor<float>>(&*value) : nullptr;
        return scales != nullptr && std::ranges::all_of(scales->values(), [](float scale) { return scale == 1.0F; });
    }
    [[nodiscard]] bool operator()(const Concat&) const { return node_.inputs.size() == 1; }
    [[nodiscard]] bool operator()(const Split&) const { return node_.outputs.size() == 1 && same_shape(); }

    // Everything else computes something.
    [[nodiscard]] bool operator()(const Quant&) const { return false; }
    [[nodiscard]] bool operator()(const BipolarQuant&) const { return false; }
    [[nodiscard]] bool operator()(const Trunc&) const { return false; }
    [[nodiscard]] bool operator()(const MultiThreshold&) const { return false; }
    [[nodiscard]] bool operator()(const QuantizeLinear&) const { return false; }
    [[nodiscard]] bool operator()(const DequantizeLinear&) const { return false; }
    [[nodiscard]] bool operator()(const MatMul&) const { return false; }
    [[nodiscard]] bool operator()(const Gemm&) const { return false; }
    [[nodiscard]] bool operator()(const XnorPopcountMatMul&) const { return false; }
    [[nodiscard]] bool operator()(const Conv&) const { return false; }
    [[nodiscard]] bool operator()(const ConvTranspose&) const { return false; }
    [[nodiscard]] bool operator()(const BatchNormalization&) const { return false; }
    [[nodiscard]] bool operator()(const MaxPool&) const { return false; }
    [[nodiscard]] bool operator()(const AveragePool&) const { return false; }
    [[nodiscard]] bool operator()(const GlobalAveragePool&) const { return false; }
    [[nodiscard]] bool operator()(const GlobalMaxPool&) const { return false; }
    [[nodiscard]] bool operator()(const QuantAvgPool2d&) const { return false; }
    [[nodiscard]] bool operator()(const Im2Col&) const { return false; }
    [[nodiscard]] bool operator()(const Parametric&) const { return false; }
    [[nodiscard]] bool operator()(const Clip&) const { return false; }
    [[nodiscard]] bool operator()(const PRelu&) const { return false; }
    [[nodiscard]] bool operator()(const Binary&) const { return false; }
    [[nodiscard]] bool operator()(const Gather&) const { return false; }
    [[nodiscard]] bool operator()(const DepthToSpace&) const { return false; }
    [[nodiscard]] bool operator()(const SpaceToDepth&) const { return false; }
    [[nodiscard]] bool operator()(const ShapeOf&) const { return false; }
    [[nodiscard]] bool operator()(const ConstantOfShape&) const { return false; }
    [[nodiscard]] bool operator()(const Reduce&) const { return false; }
    [[nodiscard]] bool operator()(const Softmax&) const { return false; }
    [[nodiscard]] bool operator()(const TopK&) const { return false; }
    [[nodiscard]] bool operator()(const ArgMax&) const { return false; }

private:
    const Graph& graph_;
    const Node& node_;
};

}  // namespace

void remove_identities(Graph& graph) {
    std::vector<bool> erase(graph.nodes().size(), false);
    std::vector<bool> is_output(graph.tensors().size(), false);
    for (const TensorId id : graph.outputs()) {
        is_output[index_of(id)] = true;
    }
    std::vector<NodeId> producer(graph.tensors().size(), NodeId::kNone);  // kept up to date while nodes vanish
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        for (const TensorId id : graph.nodes()[n].outputs) {
            if (id != TensorId::kNone) {
                producer[index_of(id)] = NodeId{static_cast<std::int32_t>(n)};
            }
        }
    }
    auto replace_readers = [&graph](TensorId from, TensorId to) {
        for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
            std::ranges::replace(graph.node(NodeId{static_cast<std::int32_t>(n)}).inputs, from, to);
        }
    };
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node& node = graph.nodes()[n];
        if (node.outputs.size() != 1 || node.outputs[0] == TensorId::kNone ||
            !std::visit(Check(graph, node), node.op)) {
            continue;
        }
        const TensorId from = node.inputs[0];
        const TensorId to = node.outputs[0];
        // What is known of one name of the tensor is known of the other.
        std::optional<IntType>& from_annotation = graph.tensor(from).annotation;
        std::optional<IntType>& to_annotation = graph.tensor(to).annotation;
        (from_annotation ? to_annotation : from_annotation) = from_annotation ? from_annotation : to_annotation;
        if (!is_output[index_of(to)]) {
            erase[n] = true;
            replace_readers(to, from);
            continue;
        }
        // The result is an output of the graph and keeps its name: let the maker of the input write it directly.
        const NodeId maker = producer[index_of(from)];
        if (maker == NodeId::kNone || is_output[index_of(from)]) {
            continue;
        }
        erase[n] = true;
        std::ranges::replace(graph.node(maker).outputs, from, to);
        producer[index_of(to)] = maker;
        replace_readers(from, to);
    }
    graph.erase_nodes(erase);
}

}  // namespace qloom::ir
