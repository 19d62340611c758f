#pragma once

#include "ir/graph.h"

namespace qloom::ptq {

// A tidied float graph as the other steps want it, computing the same but for the rounding of
// folded factors:
//   MatMul(W) - BatchNormalization   ->  MatMul(W') - Add(b')        W' = W * f,  b' = b * f + a
//   per output channel, Conv(W) - Mul(c) - Add(b)        ->  Conv(W', b')                with f and
//   a of the operators behind the layer MaxPool - Relu                   ->  Relu - MaxPool for
//   every rising function: pools then work on levels
// Ensures: every layer with constant weights has weights and a bias that no other node reads; a
// MatMul is read by
//          its bias alone; the graph's inputs and outputs keep their names.
ir::Graph prepare(ir::Graph graph);

// How an elementwise operator with one computed operand bends its input.
enum class Curve {
    kNone,      // not such an operator
    kAffine,    // y = a x + b per channel
    kMonotone,  // never turns round
    kCurved,    // falls and rises: HardSwish
};
Curve curve_of(const ir::Graph& graph, const ir::Node& node);

}  // namespace qloom::ptq
