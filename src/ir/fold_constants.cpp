#include "ir/fold_constants.h"

#include <algorithm>

#include "ir/infer_shapes.h"

namespace qloom::ir {

void fold_constants(Graph& graph) {
    std::vector<std::optional<Value>> values = infer_constants(graph, true);
    std::vector<bool> erase(graph.nodes().size(), false);
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node& node = graph.nodes()[n];
        erase[n] = std::ranges::all_of(node.outputs, [&](TensorId id) {
            return id == TensorId::kNone || values[index_of(id)].has_value();
        });
        if (!erase[n]) {
            continue;
        }
        for (const TensorId id : node.outputs) {
            if (id != TensorId::kNone) {
                graph.tensor(id).constant = std::move(*values[index_of(id)]);
            }
        }
    }
    graph.erase_nodes(erase);
}

}  // namespace qloom::ir
