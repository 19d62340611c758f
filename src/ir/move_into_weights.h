#pragma once

#include "ir/graph.h"

namespace qloom::ir {

// Move a change of layout from behind a weight's quantiser to the constant before it.
//   before:  W --> Quant(s) --> Transpose --> MatMul        T(Q(W; s)) = Q(T(W); T(s))
//   after:   T(W) --> Quant(T(s)) ----------> MatMul
// Transpose, Reshape, Flatten, Squeeze and Unsqueeze behind Quant, BipolarQuant and DequantizeLinear of a constant.
// Requires: shapes inferred; the quantiser's parameters constant; for the operators other than Transpose, one scale and
//           zero point for the whole tensor.
// Ensures:  outputs bit-identical; the other readers of the quantiser keep theirs.
// Ref:      qonnx FoldTransposeIntoQuantInit
void move_into_weights(Graph& graph);

}  // namespace qloom::ir
