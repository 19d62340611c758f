#pragma once

#include "ir/graph.h"

namespace qloom::ir {

// Take Gemm apart.
//   before:  Gemm(A, B, C; alpha, beta, transA, transB) --> y        y = alpha * op(A) op(B) + beta * C
//   after:   MatMul(op(A), op(B)) --> [Mul(alpha)] --> [Add([Mul(beta)] C)] --> y
// Requires: nothing; op(.) becomes a Transpose node, which later passes move into constants.
// Ensures:  outputs bit-identical to the executor's Gemm, which rounds after each of these steps.
// Ref:      qonnx GemmToMatMul
void gemm_to_matmul(Graph& graph);

}  // namespace qloom::ir
