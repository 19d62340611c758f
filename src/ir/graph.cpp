#include "ir/graph.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_set>

#include "base/codes/ir.h"
#include "base/diagnostic.h"

namespace qloom::ir {

const Shape& shape_of(const Value& value) {
    return std::visit([](const auto& tensor) -> const Shape& { return tensor.shape(); }, value);
}

TensorId Graph::add_tensor(TensorInfo info) {
    QLOOM_ASSERT(!info.name.empty(), "a tensor has a name");
    tensors_.push_back(std::move(info));
    return TensorId{static_cast<std::int32_t>(tensors_.size() - 1)};
}

TensorId Graph::add_constant(std::string tensor_name, Value value) {
    TensorInfo info;
    info.name = std::move(tensor_name);
    info.type = std::holds_alternative<Tensor<float>>(value) ? ElementType::kFloat32 : ElementType::kInt64;
    info.shape = shape_of(value);
    info.constant = std::move(value);
    return add_tensor(std::move(info));
}

NodeId Graph::add_node(Node node) {
    for (const auto* ids : {&node.inputs, &node.outputs}) {
        for (const TensorId id : *ids) {
            QLOOM_ASSERT(id == TensorId::kNone || index_of(id) < tensors_.size(), "a node names tensors of its graph");
        }
    }
    nodes_.push_back(std::move(node));
    return NodeId{static_cast<std::int32_t>(nodes_.size() - 1)};
}

TensorId Graph::find_tensor(std::string_view tensor_name) const {
    const auto found = std::ranges::find(tensors_, tensor_name, &TensorInfo::name);
    return found == tensors_.end() ? TensorId::kNone
                                   : TensorId{static_cast<std::int32_t>(found - tensors_.begin())};
}

NodeId Graph::producer(TensorId id) const {
    if (id == TensorId::kNone) {
        return NodeId::kNone;
    }
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        if (std::ranges::find(nodes_[n].outputs, id) != nodes_[n].outputs.end()) {
            return NodeId{static_cast<std::int32_t>(n)};
        }
    }
    return NodeId::kNone;
}

std::vector<NodeId> Graph::consumers(TensorId id) const {
    std::vector<NodeId> result;
    for (std::size_t n = 0; id != TensorId::kNone && n < nodes_.size(); ++n) {
        if (std::ranges::find(nodes_[n].inputs, id) != nodes_[n].inputs.end()) {
            result.push_back(NodeId{static_cast<std::int32_t>(n)});
        }
    }
    return result;
}

void Graph::erase_nodes(const std::vector<bool>& erase) {
    QLOOM_ASSERT(erase.size() == nodes_.size(), "one flag a node");
    std::size_t kept = 0;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        if (!erase[n]) {
            if (kept != n) {
                nodes_[kept] = std::move(nodes_[n]);
            }
            ++kept;
        }
    }
    nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(kept), nodes_.end());
}

void Graph::sort() {
    const Uses uses(*this);
    std::vector<std::size_t> waiting(nodes_.size(), 0);  // distinct producers a node still waits for
    std::vector<std::vector<std::size_t>> followers(nodes_.size());
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        std::vector<NodeId> before;
        for (const TensorId id : nodes_[n].inputs) {
            if (const NodeId maker = uses.producer(id); maker != NodeId::kNone) {
                before.push_back(maker);
            }
        }
        std::ranges::sort(before);
        before.erase(std::unique(before.begin(), before.end()), before.end());
        waiting[n] = before.size();
        for (const NodeId maker : before) {
            followers[index_of(maker)].push_back(n);
        }
    }
    // Kahn's algorithm, always the earliest ready node: a graph in order stays as it is.
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        if (waiting[n] == 0) {
            ready.push(n);
        }
    }
    std::vector<std::size_t> order;
    while (!ready.empty()) {
        const std::size_t n = ready.top();
        ready.pop();
        order.push_back(n);
        for (const std::size_t follower : followers[n]) {
            if (--waiting[follower] == 0) {
                ready.push(follower);
            }
        }
    }
    if (order.size() != nodes_.size()) {
        // Nodes that merely follow a cycle wait as well: walk back along waiting nodes until one repeats.
        std::size_t n = 0;
        while (waiting[n] == 0) {
            ++n;
        }
        std::vector<bool> seen(nodes_.size(), false);
        while (!seen[n]) {
            seen[n] = true;
            for (const TensorId id : nodes_[n].inputs) {
                const NodeId maker = uses.producer(id);
                if (maker != NodeId::kNone && waiting[index_of(maker)] != 0) {
                    n = index_of(maker);
                    break;
                }
            }
        }
        throw Error(code::kGraphCyclic, "node " + nodes_[n].name,
                    "the node needs its own result: the graph has a cycle through it",
                    "unroll the loop; a recurrent model cannot be compiled");
    }
    std::vector<Node> sorted;
    sorted.reserve(nodes_.size());
    for (const std::size_t n : order) {
        sorted.push_back(std::move(nodes_[n]));
    }
    nodes_ = std::move(sorted);
}

namespace {

template <class Named>
std::string fresh_name(const std::vector<Named>& all, const std::string& base) {
    std::unordered_set<std::string_view> taken;
    for (const Named& one : all) {
        if (one.name.starts_with(base)) {
            taken.insert(one.name);
        }
    }
    std::string result = base;
    for (int suffix = 1; taken.contains(result); ++suffix) {
        result = fmt::format("{}_{}", base, suffix);
    }
    return result;
}

}  // namespace

std::string Graph::fresh_tensor_name(const std::string& base) const { return fresh_name(tensors_, base); }

std::string Graph::fresh_node_name(const std::string& base) const { return fresh_name(nodes_, base); }

Uses::Uses(const Graph& graph) : producers_(graph.tensors().size(), NodeId::kNone), consumers_(graph.tensors().size()) {
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const NodeId node{static_cast<std::int32_t>(n)};
        for (const TensorId id : graph.nodes()[n].outputs) {
            if (id != TensorId::kNone) {
                producers_[index_of(id)] = node;
            }
        }
        for (const TensorId id : graph.nodes()[n].inputs) {
            if (id != TensorId::kNone &&
                (consumers_[index_of(id)].empty() || consumers_[index_of(id)].back() != node)) {
                consumers_[index_of(id)].push_back(node);
            }
        }
    }
}

NodeId Uses::producer(TensorId id) const { return id == TensorId::kNone ? NodeId::kNone : producers_[index_of(id)]; }

const std::vector<NodeId>& Uses::consumers(TensorId id) const {
    QLOOM_ASSERT(id != TensorId::kNone, "an absent tensor has no consumers");
    return consumers_[index_of(id)];
}

namespace {

// What a tensor is, by name: ids may differ between equal graphs.
std::string name_of(const Graph& graph, TensorId id) {
    return id == TensorId::kNone ? std::string() : graph.tensor(id).name;
}

std::string tensor_difference(const TensorInfo& a, const TensorInfo& b) {
    if (a.type != b.type) {
        return "element types differ at tensor " + a.name;
    }
    if (a.shape != b.shape) {
        return "shapes differ at tensor " + a.name;
    }
    if (a.annotation != b.annotation) {
        return "annotations differ at tensor " + a.name;
    }
    if (a.constant != b.constant) {
        return "constants differ at tensor " + a.name;
    }
    return "";
}

std::string list_difference(const Graph& a, const std::vector<TensorId>& ids_a, const Graph& b,
                            const std::vector<TensorId>& ids_b, const std::string& what) {
    if (ids_a.size() != ids_b.size()) {
        return fmt::format("{}: {} against {}", what, ids_a.size(), ids_b.size());
    }
    for (std::size_t i = 0; i < ids_a.size(); ++i) {
        if (name_of(a, ids_a[i]) != name_of(b, ids_b[i])) {
            return fmt::format("{}: '{}' against '{}'", what, name_of(a, ids_a[i]), name_of(b, ids_b[i]));
        }
        if (ids_a[i] != TensorId::kNone) {
            if (std::string text = tensor_difference(a.tensor(ids_a[i]), b.tensor(ids_b[i])); !text.empty()) {
                return text;
            }
        }
    }
    return "";
}

}  // namespace

std::string first_difference(const Graph& a, const Graph& b) {
    if (a.name != b.name) {
        return fmt::format("names: '{}' against '{}'", a.name, b.name);
    }
    if (a.metadata != b.metadata) {
        return "metadata differ";
    }
    if (std::string text = list_difference(a, a.inputs(), b, b.inputs(), "inputs"); !text.empty()) {
        return text;
    }
    if (std::string text = list_difference(a, a.outputs(), b, b.outputs(), "outputs"); !text.empty()) {
        return text;
    }
    if (a.nodes().size() != b.nodes().size()) {
        return fmt::format("number of nodes: {} against {}", a.nodes().size(), b.nodes().size());
    }
    for (std::size_t n = 0; n < a.nodes().size(); ++n) {
        const Node& left = a.nodes()[n];
        const Node& right = b.nodes()[n];
        if (left.name != right.name) {
            return fmt::format("node {}: '{}' against '{}'", n, left.name, right.name);
        }
        if (left.op != right.op) {
            return fmt::format("operator or attributes differ at node {} ({} against {})", left.name,
                               op_name(left.op), op_name(right.op));
        }
        if (std::string text = list_difference(a, left.inputs, b, right.inputs, "inputs of " + left.name);
            !text.empty()) {
            return text;
        }
        if (std::string text = list_difference(a, left.outputs, b, right.outputs, "outputs of " + left.name);
            !text.empty()) {
            return text;
        }
    }
    return "";
}

}  // namespace qloom::ir
