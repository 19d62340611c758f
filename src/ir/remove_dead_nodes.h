#pragma once

#include "ir/graph.h"

namespace qloom::ir {

// Remove nodes no output of the graph depends on.
//   before:  x --> Relu --> y (output),   x --> Tanh --> t
//   after:   x --> Relu --> y (output)
// Requires: sorted nodes.
// Ensures:  outputs bit-identical; outputs of the remaining nodes that nothing reads become absent.
void remove_dead_nodes(Graph& graph);

}  // namespace qloom::ir
