#include "ir/remove_dead_nodes.h"

#include <algorithm>

namespace qloom::ir {

void remove_dead_nodes(Graph& graph) {
    std::vector<bool> wanted(graph.tensors().size(), false);
    for (const TensorId id : graph.outputs()) {
        wanted[index_of(id)] = true;
    }
    auto is_wanted = [&wanted](TensorId id) { return id != TensorId::kNone && wanted[index_of(id)]; };
    std::vector<bool> erase(graph.nodes().size(), true);
    for (std::size_t n = graph.nodes().size(); n-- > 0;) {
        Node& node = graph.node(NodeId{static_cast<std::int32_t>(n)});
        erase[n] = std::ranges::none_of(node.outputs, is_wanted);
        if (erase[n]) {
            continue;
        }
        std::ranges::replace_if(node.outputs, [&](TensorId id) { return !is_wanted(id); }, TensorId::kNone);
        for (const TensorId id : node.inputs) {
            if (id != TensorId::kNone) {
                wanted[index_of(id)] = true;
            }
        }
    }
    graph.erase_nodes(erase);
}

}  // namespace qloom::ir
