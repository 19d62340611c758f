#pragma once

#include "ir/graph.h"

namespace qloom::ir {

// Compute every node that does not depend on the model's inputs, and keep the result as a constant.
//   before:  x --> Shape --> Gather --> Concat --> Reshape(x, .)        y = run_node(constants)
//   after:   x ----------------------------------> Reshape(x, [1, 64])
// Requires: sorted nodes; shapes of all inputs known.
// Ensures:  outputs bit-identical; shapes and types of all tensors known; a quantiser of a constant (Quant,
//           BipolarQuant, DequantizeLinear) stays visible, for lowering needs its integers and its scale.
// Ref:      qonnx FoldConstants
void fold_constants(Graph& graph);

}  // namespace qloom::ir
