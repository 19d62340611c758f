#include <algorithm>
#include <map>

#include "lower/lowerer.h"

namespace qloom::lower {
namespace {

// Copies parts of a model into a new graph, tensors and nodes each once, in the model's order.
class GraphCut {
public:
    GraphCut(const ir::Graph& model, Constants& constants) : model_(model), constants_(constants) {}

    ir::TensorId tensor(ir::TensorId id) {
        const auto found = copies_.find(id);
        if (found != copies_.end()) {
            return found->second;
        }
        const ir::TensorInfo& info = model_.tensor(id);
        ir::TensorId copy{};
        if (const ir::Value* constant = constants_.value(id)) {
            copy = graph_.add_constant(info.name, *constant);
        } else {
            copy = graph_.add_tensor({.name = info.name,
                                      .type = info.type,
                                      .shape = info.shape,
                                      .constant = std::nullopt,
                                      .annotation = info.annotation});
        }
        copies_.emplace(id, copy);
        return copy;
    }

    void node(ir::NodeId id) {
        ir::Node copy = model_.node(id);
        for (auto* ids : {&copy.inputs, &copy.outputs}) {
            for (ir::TensorId& each : *ids) {
                each = each == ir::TensorId::kNone ? each : tensor(each);
            }
        }
        graph_.add_node(std::move(copy));
    }

    ir::Graph take(const std::vector<ir::TensorId>& inputs, const std::vector<ir::TensorId>& outputs) {
        const auto copied = [&](const std::vector<ir::TensorId>& ids) {
            std::vector<ir::TensorId> result;
            for (const ir::TensorId id : ids) {
                result.push_back(tensor(id));
            }
            return result;
        };
        graph_.set_inputs(copied(inputs));
        graph_.set_outputs(copied(outputs));
        return std::move(graph_);
    }

private:
    const ir::Graph& model_;
    Constants& constants_;
    ir::Graph graph_;
    std::map<ir::TensorId, ir::TensorId> copies_;
};

// The nodes between `from` (exclusive) and `to`, by walking back; stops at tensors for which `is_cut` holds.
template <class IsCut>
void collect(const ir::Graph& model, Constants& constants, ir::TensorId to, const IsCut& is_cut,
             std::set<ir::NodeId>& nodes, std::vector<ir::TensorId>& cuts) {
    if (to == ir::TensorId::kNone || constants.value(to) != nullptr) {
        return;
    }
    const ir::NodeId producer = model.producer(to);
    if (is_cut(to) || producer == ir::NodeId::kNone) {
        if (std::ranges::find(cuts, to) == cuts.end()) {
            cuts.push_back(to);
        }
        return;
    }
    if (!nodes.insert(producer).second) {
        return;
    }
    for (const ir::TensorId input : model.node(producer).inputs) {
        collect(model, constants, input, is_cut, nodes, cuts);
    }
}

}  // namespace

void Lowerer::cut_host_graphs() {
    // Before: from the model's inputs to the tensors that enter the hardware.
    std::vector<ir::TensorId> entering;
    for (const InputBinding& binding : result_.inputs) {
        entering.push_back(model_.find_tensor(binding.tensor));
    }
    std::set<ir::NodeId> head_nodes;
    std::vector<ir::TensorId> head_inputs;
    for (const ir::TensorId id : entering) {
        collect(model_, constants_, id, [](ir::TensorId) { return false; }, head_nodes, head_inputs);
    }
    GraphCut head(model_, constants_);
    for (const ir::NodeId id : head_nodes) {
        head.node(id);
    }
    result_.head = head.take(model_.inputs(), entering);
    result_.head.name = model_.name + "_before";

    // After: from the last scaled integers to the model's outputs. Scales and biases behind them join their own.
    const auto is_scaled_integer = [&](ir::TensorId id) {
        return where(id) == Where::kInteger && (value(id).anchor == id || value(id).affine);
    };
    std::set<ir::NodeId> tail_nodes;
    std::vector<ir::TensorId> cuts;
    for (const ir::TensorId output : model_.outputs()) {
        collect(model_, constants_, output, is_scaled_integer, tail_nodes, cuts);
    }
    GraphCut tail(model_, constants_);
    for (const ir::NodeId id : tail_nodes) {
        tail.node(id);
    }
    result_.tail = tail.take(cuts, model_.outputs());
    result_.tail.name = model_.name + "_after";

    for (const ir::TensorId cut : cuts) {
        if (where(cut) != Where::kInteger) {
            continue;  // a model input the tail reads itself
        }
        const Value& leaving = value(cut);
        const Affine& integers = leaving.anchor == cut ? leaving.base : *leaving.affine;
        OutputBinding binding{.tensor = model_.tensor(cut).name,
                              .terms = {},
                              .bias = integers.bias,
                              .model_shape = *model_.tensor(cut).shape,
                              .order = stream_order(leaving.layout),
                              .integer = index_tensors_.contains(cut)};
        for (const Term& term : integers.terms) {
            binding.terms.push_back({term.stream, term.scale});
            auto& outputs = result_.network.outputs;
            if (std::ranges::find(outputs, term.stream) == outputs.end()) {
                outputs.push_back(term.stream);
            }
        }
        result_.outputs.push_back(std::move(binding));
    }
}

}  // namespace qloom::lower
