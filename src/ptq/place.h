#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "ptq/layer.h"

namespace qloom::ptq {

// Why a tensor is quantised.
enum class Role {
    kInput,       // a model input, or what elementwise operators make of it
    kActivation,  // before a layer, a pool, an addition, a concatenation
    kAverage,     // the average of a whole image: few values, which many bits cost little
    kCurved,      // before a function that rises and falls, which becomes a table
};

// A tensor that gets a quantiser.
struct Spot {
    ir::TensorId tensor = ir::TensorId::kNone;
    Role role = Role::kActivation;
    bool for_all =
        false;  // every reader reads levels; else elementwise operators still read the real values
    int join =
        -1;  // spots of one join have one scale: the operands of additions and concatenations
};

// Where activations are quantised, so that every layer, pool, addition and concatenation works on
// integers, and what follows the last layer stays real. Elementwise operators are never quantised
// apart: lowering makes one threshold layer of them and the quantiser behind them.
struct Plan {
    std::vector<Spot> spots;  // in the order in which their tensors are made
    std::vector<std::vector<int>>
        reads;                // by node and input: the spot that it reads through, or -1
    std::vector<bool> first;  // by layer: works on the model's input
    std::vector<bool> last;   // by layer: no layer follows
};

// Requires: a prepared graph and its layers. Throws kPtqOperatorUnplaced naming the operator that
// stands in the way.
Plan place(const ir::Graph& graph, const std::vector<Layer>& layers);

}  // namespace qloom::ptq
