#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace qloom::ir {

// Whether a graph may run on F frames stacked along axis 0 of every tensor that depends on its inputs, with the same
// results as frame by frame. Conservative: decided from shapes and constants, operator by operator.
// Requires: shapes inferred; `depends` by tensor index.
// Result:   "" when it may, otherwise the reason with the node's name.
std::string why_not_frame_batchable(const Graph& graph, const std::vector<bool>& depends,
                                    const std::vector<const Value*>& constants);

}  // namespace qloom::ir
