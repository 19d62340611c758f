#pragma once

#include <vector>

#include "ir/graph.h"

namespace qloom::ir {

// Runs one operator on values: the meaning of every operator of ir::Graph, in float32 as ONNX Runtime and QONNX
// compute it (products accumulate in double and round once). Absent optional inputs are nullptr; outputs come in
// order, one for each output the node names and at least one. Shapes are free: a node of a model with one frame may be
// given many, and an elementwise node any shapes that broadcast. Throws Error where the inputs do not fit the operator.
std::vector<Value> run_node(const Node& node, const std::vector<const Value*>& inputs);

// The same with a constant second operand (weights of MatMul, Gemm, Conv, ConvTranspose) widened to double once by the
// caller; `weights` may be null.
std::vector<Value> run_node(const Node& node, const std::vector<const Value*>& inputs,
                            const std::vector<double>* weights);

}  // namespace qloom::ir
