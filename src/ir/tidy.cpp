#include "ir/tidy.h"

#include "base/diagnostic.h"
#include "ir/fold_constants.h"
#include "ir/gemm_to_matmul.h"
#include "ir/infer_shapes.h"
#include "ir/move_into_weights.h"
#include "ir/remove_dead_nodes.h"
#include "ir/remove_identities.h"
#include "ir/verify.h"

namespace qloom::ir {

std::span<const TidyPass> tidy_passes() {
    static constexpr TidyPass kPasses[] = {
        {"sort", "order the nodes by data", [](Graph& graph) { graph.sort(); }},
        {"drop-dead-nodes", "remove what no output depends on", remove_dead_nodes},
        {"fold-constants", "compute what does not depend on the inputs", fold_constants},
        {"remove-identities", "remove nodes that change nothing", remove_identities},
        {"gemm-to-matmul", "take Gemm apart into MatMul and Add", gemm_to_matmul},
        {"infer-shapes", "shapes of what Gemm became", infer_shapes},
        {"move-into-weights", "move layout changes from behind weight quantisers to the constants", move_into_weights},
        {"fold-constants-again", "compute what became constant", fold_constants},
        {"remove-dead-nodes", "remove what no output depends on", remove_dead_nodes},
    };
    return kPasses;
}

Graph tidy(Graph graph, const TidyOptions& options) {
    int number = 0;
    for (const TidyPass& pass : tidy_passes()) {
        pass.run(graph);
        const std::string problem = verify(graph);
        QLOOM_ASSERT(problem.empty(), fmt::format("pass {} broke the graph: {}", pass.name, problem));
        ++number;
        if (options.after_pass) {
            options.after_pass(number, pass.name, graph);
        }
        if (pass.name == options.stop_after) {
            break;
        }
    }
    return graph;
}

}  // namespace qloom::ir
