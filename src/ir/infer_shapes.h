#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace qloom::ir {

// Infer the type and shape of every tensor, nodes taken in order.
//   before:  x [1, 784] --> MatMul(w [784, 64]) --> y (?)
//   after:   x [1, 784] --> MatMul(w [784, 64]) --> y [1, 64] float
// Requires: sorted nodes; shapes of all inputs known.
// Ensures:  TensorInfo::shape and ::type set for every tensor a node makes; throws naming the node where operands do
//           not fit or a shape depends on data. Shapes computed inside the graph (Shape, Gather, Concat, ...) are
//           followed by running those nodes.
void infer_shapes(Graph& graph);

// The same, and the values of all tensors that do not depend on the model's inputs, by tensor index; empty where
// unknown. With `keep_weight_quantisers`, a quantiser of a constant (Quant, BipolarQuant, DequantizeLinear) counts as
// unknown, so that lowering still sees it.
std::vector<std::optional<Value>> infer_constants(Graph& graph, bool keep_weight_quantisers);

// True for the operators that infer_constants leaves alone: Quant, BipolarQuant, DequantizeLinear.
bool is_weight_quantiser(const Op& op);

}  // namespace qloom::ir
