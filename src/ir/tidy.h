#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace qloom::ir {

struct TidyPass {
    std::string_view name;
    std::string_view summary;
    void (*run)(Graph&);
};

// The passes of tidy in the order they run.
std::span<const TidyPass> tidy_passes();

struct TidyOptions {
    // Called after every pass with its number (from 1), its name and the graph: for dumps.
    std::function<void(int number, std::string_view name, const Graph& graph)> after_pass;
    // Stop after the pass of this name; "" runs all.
    std::string stop_after;
};

// The graph as lowering wants it: shapes and types of all tensors known, no shape arithmetic, no identities, no Gemm,
// no dead nodes; every product's weights are a constant or a quantiser of a constant. Outputs are bit-identical to the
// given graph's. Throws Error where the model's shapes or parameters make no sense.
Graph tidy(Graph graph, const TidyOptions& options = {});

}  // namespace qloom::ir
