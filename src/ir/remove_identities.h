#pragma once

#include "ir/graph.h"

namespace qloom::ir {

// Remove nodes whose result is their input.
//   before:  x --> Dropout --> t --> Relu --> y        t = x
//   after:   x --------------------> Relu --> y
// Identity, Dropout, Cast to the same type, Reshape / Flatten / Squeeze / Unsqueeze / Expand / Resize to the same
// shape, Transpose that keeps the order, Pad by nothing, Slice of everything, Concat of one, Split into one.
// Requires: shapes inferred.
// Ensures:  outputs bit-identical; the graph's outputs keep their names (a node between an input, a constant or
//           another output and an output of the graph stays).
void remove_identities(Graph& graph);

}  // namespace qloom::ir
