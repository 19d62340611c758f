#include "ir/verify.h"

#include <unordered_set>

#include "base/diagnostic.h"
#include "ir/infer_node.h"

namespace qloom::ir {
namespace {

std::string verify_tensors(const Graph& graph) {
    std::unordered_set<std::string_view> names;
    for (const TensorInfo& info : graph.tensors()) {
        if (info.name.empty()) {
            return "a tensor has no name";
        }
        if (!names.insert(info.name).second) {
            return fmt::format("two tensors are named {}", info.name);
        }
        if (info.constant) {
            const bool real = std::holds_alternative<Tensor<float>>(*info.constant);
            if (real != (info.type == ElementType::kFloat32)) {
                return fmt::format("constant {} has another element type than its tensor", info.name);
            }
            if (info.shape && *info.shape != shape_of(*info.constant)) {
                return fmt::format("constant {} has another shape than its tensor", info.name);
            }
        }
    }
    return "";
}

std::string verify_nodes(const Graph& graph) {
    const std::size_t tensors = graph.tensors().size();
    std::vector<bool> made(tensors, false);
    for (std::size_t t = 0; t < tensors; ++t) {
        made[t] = graph.tensors()[t].constant.has_value();
    }
    for (const TensorId id : graph.inputs()) {
        if (id == TensorId::kNone || index_of(id) >= tensors) {
            return "an input is no tensor of the graph";
        }
        if (made[index_of(id)]) {
            return fmt::format("input {} is a constant or listed twice", graph.tensor(id).name);
        }
        made[index_of(id)] = true;
    }
    std::unordered_set<std::string_view> names;
    for (const Node& node : graph.nodes()) {
        if (node.name.empty() || !names.insert(node.name).second) {
            return fmt::format("node name '{}' is empty or used twice", node.name);
        }
        try {
            check_arity(node);
        } catch (const Error& error) {
            return error.what();
        }
        if (node.outputs.empty()) {
            return fmt::format("{} has no outputs", node_text(node));
        }
        for (const TensorId id : node.inputs) {
            if (id != TensorId::kNone && (index_of(id) >= tensors || !made[index_of(id)])) {
                return fmt::format("{} reads a tensor nothing before it makes", node_text(node));
            }
        }
        for (const TensorId id : node.outputs) {
            if (id == TensorId::kNone) {
                continue;
            }
            if (index_of(id) >= tensors || made[index_of(id)]) {
                return fmt::format("{} makes a tensor that exists already", node_text(node));
            }
            made[index_of(id)] = true;
        }
    }
    for (const TensorId id : graph.outputs()) {
        if (id == TensorId::kNone || index_of(id) >= tensors || !made[index_of(id)]) {
            return "an output of the graph is made by nothing";
        }
    }
    return "";
}

}  // namespace

std::string verify(const Graph& graph) {
    std::string problem = verify_tensors(graph);
    return problem.empty() ? verify_nodes(graph) : problem;
}

}  // namespace qloom::ir
