#include "ir/move_into_weights.h"

#include <algorithm>

#include "ir/infer_shapes.h"
#include "ir/run_node.h"

namespace qloom::ir {
namespace {

bool moves(const Op& op) {
    return std::holds_alternative<Transpose>(op) || std::holds_alternative<Reshape>(op) ||
           std::holds_alternative<Flatten>(op) || std::holds_alternative<Squeeze>(op) ||
           std::holds_alternative<Unsqueeze>(op);
}

std::vector<std::int64_t> full_perm(const Transpose& op, std::size_t rank) {
    if (!op.perm.empty()) {
        return op.perm;
    }
    std::vector<std::int64_t> perm(rank);
    for (std::size_t i = 0; i < rank; ++i) {
        perm[i] = static_cast<std::int64_t>(rank - 1 - i);
    }
    return perm;
}

// A parameter that broadcasts against data of `rank` axes, given all of them.
Value with_rank(const Value& value, std::size_t rank) {
    return std::visit([rank](const auto& x) -> Value {
        Shape shape(rank - x.shape().size(), 1);
        shape.insert(shape.end(), x.shape().begin(), x.shape().end());
        return x.reshaped(std::move(shape));
    }, value);
}

class Mover {
public:
    Mover(Graph& graph, const Node& quantiser, const Node& mover)
        : graph_(graph), quantiser_(quantiser), mover_(mover) {}

    // The quantiser with the movement applied to its constants, or nothing where that is not possible.
    bool make(Node& result) {
        const std::size_t rank = shape_of(constant(0)).size();
        const auto* transpose = std::get_if<Transpose>(&mover_.op);
        result = quantiser_;
        for (std::size_t i = 1; i < quantiser_.inputs.size(); ++i) {
            if (quantiser_.inputs[i] == TensorId::kNone || element_count(shape_of(constant(i))) == 1) {
                // One value for all: it must not have more axes than the data after the movement.
                if (quantiser_.inputs[i] != TensorId::kNone && !shape_of(constant(i)).empty()) {
                    result.inputs[i] = keep(i, std::visit([](const auto& x) -> Value { return x.reshaped(Shape{}); },
                                                          constant(i)));
                }
                continue;
            }
            if (transpose == nullptr) {
                return false;
            }
            if (std::holds_alternative<DequantizeLinear>(quantiser_.op)) {
                continue;  // its parameters lie along an axis, which moves below
            }
            result.inputs[i] = keep(i, moved(with_rank(constant(i), rank)));
        }
        if (auto* linear = std::get_if<DequantizeLinear>(&result.op); linear != nullptr && transpose != nullptr) {
            const std::vector<std::int64_t> perm = full_perm(*transpose, rank);
            const std::int64_t axis = linear->axis < 0 ? linear->axis + static_cast<std::int64_t>(rank) : linear->axis;
            if (const auto at = std::ranges::find(perm, axis); at != perm.end()) {
                linear->axis = at - perm.begin();
            }
        }
        result.inputs[0] = keep(0, moved(constant(0)));
        return true;
    }

private:
    [[nodiscard]] const Value& constant(std::size_t i) const {
        return *graph_.tensor(quantiser_.inputs[i]).constant;
    }
    [[nodiscard]] Value moved(const Value& value) const {
        std::vector<const Value*> inputs{&value};
        for (std::size_t i = 1; i < mover_.inputs.size(); ++i) {
            inputs.push_back(mover_.inputs[i] == TensorId::kNone ? nullptr
                                                                 : &*graph_.tensor(mover_.inputs[i]).constant);
        }
        return run_node(mover_, inputs)[0];
    }
    TensorId keep(std::size_t i, Value value) {
        const TensorInfo& info = graph_.tensor(quantiser_.inputs[i]);
        const std::optional<IntType> annotation = info.annotation;
        const TensorId id =
            graph_.add_constant(graph_.fresh_tensor_name(fmt::format("{}_moved", info.name)), std::move(value));
        graph_.tensor(id).annotation = annotation;
        return id;
    }

    Graph& graph_;
    const Node quantiser_;  // copies: adding to the graph moves its nodes
    const Node mover_;
};

}  // namespace

void move_into_weights(Graph& graph) {
    for (bool changed = true; changed;) {
        changed = false;
        const Uses uses(graph);
        for (std::size_t n = 0; n < graph.nodes().size() && !changed; ++n) {
            const Node& node = graph.nodes()[n];
            if (!moves(node.op)) {
                continue;
            }
            const bool constants = std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](TensorId id) {
                return id == TensorId::kNone || graph.is_constant(id);
            });
            const NodeId maker = uses.producer(node.inputs[0]);
            if (!constants || maker == NodeId::kNone || !is_weight_quantiser(graph.node(maker).op) ||
                !std::ranges::all_of(graph.node(maker).inputs,
                                     [&](TensorId id) { return id == TensorId::kNone || graph.is_constant(id); })) {
                continue;
            }
            Node quantiser;
            if (!Mover(graph, graph.node(maker), node).make(quantiser)) {
                continue;
            }
            // The new quantiser takes the place of the mover; the old one stays for its other readers.
            Node& place = graph.node(NodeId{static_cast<std::int32_t>(n)});
            quantiser.name = graph.fresh_node_name(fmt::format("{}_{}", quantiser.name, place.name));
            quantiser.outputs = place.outputs;
            place = std::move(quantiser);
            changed = true;
        }
    }
}

}  // namespace qloom::ir
