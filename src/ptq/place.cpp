#include "ptq/place.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/codes/ptq.h"
#include "ptq/prepare.h"

namespace qloom::ptq {
namespace {

template <class... T>
bool holds_any(const ir::Op& op) {
    return (std::holds_alternative<T>(op) || ...);
}

bool is_zero_pad(const ir::Graph& graph, const ir::Node& node) {
    const auto* pad = std::get_if<ir::Pad>(&node.op);
    if (pad == nullptr || pad->mode != ir::PadMode::kConstant) {
        return false;
    }
    if (node.inputs.size() < 3 || node.inputs[2] == ir::TensorId::kNone) {
        return true;
    }
    const auto& value = graph.tensor(node.inputs[2]).constant;
    return value && std::visit([](const auto& x) { return x.size() == 1 && x[0] == 0; }, *value);
}

// Operators that only move values: levels in, the same levels out.
bool moves_values(const ir::Graph& graph, const ir::Node& node) {
    if (const auto* resize = std::get_if<ir::Resize>(&node.op)) {
        return resize->mode == "nearest";
    }
    return holds_any<ir::Reshape, ir::Flatten, ir::Transpose, ir::Squeeze, ir::Unsqueeze, ir::Split,
                     ir::Slice, ir::DepthToSpace, ir::SpaceToDepth>(node.op) ||
           is_zero_pad(graph, node);
}

bool picks_maximum(const ir::Op& op) {
    const auto* reduce = std::get_if<ir::Reduce>(&op);
    return holds_any<ir::MaxPool, ir::GlobalMaxPool>(op) ||
           (reduce != nullptr && reduce->kind == ir::ReduceKind::kMax);
}

bool averages_image(const ir::Op& op) {
    const auto* reduce = std::get_if<ir::Reduce>(&op);
    return holds_any<ir::GlobalAveragePool>(op) ||
           (reduce != nullptr &&
            (reduce->kind == ir::ReduceKind::kMean || reduce->kind == ir::ReduceKind::kSum));
}

class Placer {
public:
    Placer(const ir::Graph& graph, const std::vector<Layer>& layers)
        : graph_(graph),
          layers_(layers),
          tensors_(graph.tensors().size()),
          spot_(graph.tensors().size(), -1) {}

    Plan run() {
        for (const ir::TensorId input : graph_.inputs()) {
            Facts& facts = tensors_[index_of(input)];
            facts = {.origins = {input}, .chain = {{input, false}}, .from_input = true};
        }
        for (const Layer& layer : layers_) {
            layer_nodes_.insert(layer.node);
        }
        for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
            visit(static_cast<ir::NodeId>(n));
        }
        order_spots();
        plan_.first.assign(layers_.size(), false);
        plan_.last.assign(layers_.size(), true);
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            plan_.first[i] = tensors_[index_of(layers_[i].input)].from_input;
            for (const std::size_t before : tensors_[index_of(layers_[i].input)].layers) {
                plan_.last[before] = false;
            }
        }
        return std::move(plan_);
    }

private:
    struct Link {
        ir::TensorId tensor = ir::TensorId::kNone;
        bool bent = false;  // made by an operator that is not affine
        friend bool operator==(const Link&, const Link&) = default;
    };
    struct Facts {
        std::vector<ir::TensorId> origins =
            {};  // the tensors whose quantisers would make this one levels
        std::vector<Link> chain =
            {};  // where its elementwise operators start, what they made, this one last
        bool from_input = false;                 // no layer lies before it
        ir::NodeId blocked = ir::NodeId::kNone;  // an operator before it that integers cannot pass
        std::set<std::size_t> layers = {};       // the layers before it
    };

    [[nodiscard]] Facts& facts(ir::TensorId id) { return tensors_[index_of(id)]; }

    void visit(ir::NodeId id) {
        const ir::Node& node = graph_.node(id);
        std::vector<ir::TensorId> data;
        for (const ir::TensorId input : node.inputs) {
            if (input != ir::TensorId::kNone && !graph_.is_constant(input)) {
                data.push_back(input);
            }
        }
        if (data.empty()) {
            return;
        }
        Facts result;
        result.from_input = true;
        for (const ir::TensorId input : data) {
            const Facts& before = facts(input);
            result.from_input = result.from_input && before.from_input;
            result.layers.insert(before.layers.begin(), before.layers.end());
            if (before.blocked != ir::NodeId::kNone && result.blocked == ir::NodeId::kNone) {
                result.blocked = before.blocked;
            }
        }
        const bool is_layer = layer_nodes_.contains(id);
        if (is_layer && result.blocked != ir::NodeId::kNone) {
            const ir::Node& blocking = graph_.node(result.blocked);
            throw Error(
                code::kPtqOperatorUnplaced, label_of(blocking),
                fmt::format("{} follows it, and what this operator gives has no integer form",
                            label_of(node)),
                "replace the operator, or move it behind the last layer with weights");
        }
        if (!is_layer && holds_any<ir::MatMul, ir::Gemm, ir::Conv, ir::ConvTranspose>(node.op)) {
            throw Error(code::kPtqOperatorUnplaced, label_of(node),
                        data.size() > 1 ? "it multiplies two computed tensors"
                                        : "its weights are not its second operand, a constant "
                                          "matrix or a channels-first kernel",
                        "give the layer constant weights in the usual place");
        }
        if (result.blocked != ir::NodeId::kNone) {
            finish(node, result, {});
            return;
        }
        if (is_layer) {
            require(data[0], false);
            result.from_input = false;
            for (std::size_t i = 0; i < layers_.size(); ++i) {
                if (layers_[i].node == id) {
                    result.layers.insert(i);
                }
            }
            finish(node, result, {});
        } else if (const Curve curve = curve_of(graph_, node); curve != Curve::kNone) {
            visit_elementwise(node, data[0], curve, result);
        } else if (moves_values(graph_, node)) {
            result.chain = facts(data[0]).chain;
            finish(node, result, facts(data[0]).origins);
        } else if (picks_maximum(node.op)) {
            require(data[0], false);
            finish(node, result, facts(data[0]).origins);
        } else if (averages_image(node.op) || std::holds_alternative<ir::AveragePool>(node.op)) {
            require(data[0], false);
            finish(node, result, {});
            if (averages_image(node.op)) {
                averages_.insert(node.outputs[0]);
            }
        } else if (std::holds_alternative<ir::Concat>(node.op)) {
            std::vector<ir::TensorId> origins;
            for (const ir::TensorId input : data) {
                require(input, true);
                origins.insert(origins.end(), facts(input).origins.begin(),
                               facts(input).origins.end());
            }
            join(origins);
            finish(node, result, origins);
        } else if (std::holds_alternative<ir::Binary>(node.op)) {
            visit_binary(id, node, result);
        } else {
            result.blocked = id;
            finish(node, result, {});
        }
    }

    void visit_elementwise(const ir::Node& node, ir::TensorId data, Curve curve, Facts& result) {
        if (curve == Curve::kCurved) {
            require(data, false, Role::kCurved);
        }
        result.chain = is_levels(data) ? std::vector<Link>{{data, false}} : facts(data).chain;
        finish(node, result, {}, curve != Curve::kAffine);
    }

    // Two computed operands.
    void visit_binary(ir::NodeId id, const ir::Node& node, Facts& result) {
        const ir::TensorId a = node.inputs[0];
        const ir::TensorId b = node.inputs[1];
        const ir::BinaryKind kind = std::get<ir::Binary>(node.op).kind;
        const bool sum = kind == ir::BinaryKind::kAdd || kind == ir::BinaryKind::kSub;
        if (const ir::TensorId argument = argument_of(node); argument != ir::TensorId::kNone) {
            // x * sigmoid(x): a function of x, which becomes a table.
            require(argument, false, Role::kCurved);
            result.chain = {{argument, false}};
            finish(node, result, {}, true);
            return;
        }
        if (!sum && kind != ir::BinaryKind::kMul) {
            result.blocked = id;
            finish(node, result, {});
            return;
        }
        require(a, sum);
        require(b, sum);
        if (sum) {
            std::vector<ir::TensorId> origins = facts(a).origins;
            origins.insert(origins.end(), facts(b).origins.begin(), facts(b).origins.end());
            join(origins);
        }
        finish(node, result, {});
    }

    // Empty `origins`: the outputs are real values of their own.
    void finish(const ir::Node& node, const Facts& result, const std::vector<ir::TensorId>& origins,
                bool bent = false) {
        for (const ir::TensorId output : node.outputs) {
            if (output == ir::TensorId::kNone) {
                continue;
            }
            Facts& made = facts(output);
            made = result;
            made.origins = origins.empty() ? std::vector<ir::TensorId>{output} : origins;
            made.chain.push_back({output, bent});
        }
    }

    [[nodiscard]] bool is_levels(ir::TensorId id) {
        return std::ranges::all_of(
            facts(id).origins, [&](ir::TensorId origin) { return spot_[index_of(origin)] >= 0; });
    }

    // Makes a tensor levels. An input declared as integers needs no quantiser in front of a layer.
    void require(ir::TensorId id, bool joins, Role role = Role::kActivation) {
        for (const ir::TensorId origin : facts(id).origins) {
            int& spot = spot_[index_of(origin)];
            const bool given = graph_.tensor(origin).annotation.has_value() &&
                               std::ranges::find(graph_.inputs(), origin) != graph_.inputs().end();
            if (spot < 0 && given && !joins && role == Role::kActivation) {
                continue;
            }
            if (spot < 0) {
                spot = static_cast<int>(plan_.spots.size());
                Role actual = role;
                if (role == Role::kActivation) {
                    actual = facts(origin).from_input     ? Role::kInput
                             : averages_.contains(origin) ? Role::kAverage
                                                          : Role::kActivation;
                }
                plan_.spots.push_back({.tensor = origin, .role = actual});
            }
            Spot& at = plan_.spots[static_cast<std::size_t>(spot)];
            if (role == Role::kCurved) {
                at.for_all = true;
                at.role = at.role == Role::kInput ? Role::kInput : Role::kCurved;
            }
        }
    }

    void join(const std::vector<ir::TensorId>& origins) {
        int shared = -1;
        for (const ir::TensorId origin : origins) {
            shared = std::max(shared,
                              plan_.spots[static_cast<std::size_t>(spot_[index_of(origin)])].join);
        }
        shared = shared < 0 ? joins_++ : shared;
        for (const ir::TensorId origin : origins) {
            const int old = plan_.spots[static_cast<std::size_t>(spot_[index_of(origin)])].join;
            for (Spot& spot : plan_.spots) {
                if (spot.tensor == origin || (old >= 0 && spot.join == old)) {
                    spot.join = shared;
                }
            }
        }
    }

    // Spots in the order of their tensors, and who reads them.
    void order_spots() {
        std::vector<ir::TensorId> made = graph_.inputs();
        for (const ir::Node& node : graph_.nodes()) {
            made.insert(made.end(), node.outputs.begin(), node.outputs.end());
        }
        std::vector<Spot> ordered;
        for (const ir::TensorId id : made) {
            if (id != ir::TensorId::kNone && spot_[index_of(id)] >= 0) {
                ordered.push_back(plan_.spots[static_cast<std::size_t>(spot_[index_of(id)])]);
                spot_[index_of(id)] = static_cast<int>(ordered.size()) - 1;
            }
        }
        plan_.spots = std::move(ordered);
        for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
            const ir::Node& node = graph_.nodes()[n];
            const bool real = curve_of(graph_, node) != Curve::kNone || reads_reals(node);
            std::vector<int> reads;
            for (const ir::TensorId input : node.inputs) {
                const int spot = input == ir::TensorId::kNone ? -1 : spot_[index_of(input)];
                reads.push_back(
                    spot >= 0 && (!real || plan_.spots[static_cast<std::size_t>(spot)].for_all)
                        ? spot
                        : -1);
            }
            plan_.reads.push_back(std::move(reads));
        }
    }

    // Where both operands are elementwise functions of one tensor, not both affine: the last such
    // tensor.
    [[nodiscard]] ir::TensorId argument_of(const ir::Node& binary) {
        const std::vector<Link>& a = facts(binary.inputs[0]).chain;
        const std::vector<Link>& b = facts(binary.inputs[1]).chain;
        const auto [end_a, end_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
        const bool bent = std::any_of(end_a, a.end(), [](const Link& link) { return link.bent; }) ||
                          std::any_of(end_b, b.end(), [](const Link& link) { return link.bent; });
        return end_a == a.begin() || !bent ? ir::TensorId::kNone : (end_a - 1)->tensor;
    }

    // What takes real values, and is not elementwise: such a function, and what the host computes.
    [[nodiscard]] bool reads_reals(const ir::Node& node) {
        if (holds_any<ir::Softmax, ir::TopK, ir::ArgMax>(node.op)) {
            return true;
        }
        return std::holds_alternative<ir::Binary>(node.op) &&
               argument_of(node) != ir::TensorId::kNone;
    }

    const ir::Graph& graph_;
    const std::vector<Layer>& layers_;
    std::vector<Facts> tensors_;
    std::vector<int> spot_;  // by tensor
    std::set<ir::NodeId> layer_nodes_;
    std::set<ir::TensorId> averages_;
    int joins_ = 0;
    Plan plan_;
};

}  // namespace

Plan place(const ir::Graph& graph, const std::vector<Layer>& layers) {
    return Placer(graph, layers).run();
}

}  // namespace qloom::ptq
