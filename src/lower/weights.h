#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "ir/graph.h"

namespace qloom::lower {

// A constant as integers with scales: real[i] = ints[i] * scale[i], elementwise under one shape.
struct ScaledWeights {
    Tensor<std::int64_t> ints;
    Tensor<double> scale;
};

// Evaluates constant operands: folds what only depends on constants, weight quantisers included, and finds the integers
// behind weights.
class Constants {
public:
    explicit Constants(const ir::Graph& graph);

    // The float (or int64) value of a tensor that depends on constants only; nullptr otherwise.
    const ir::Value* value(ir::TensorId id);

    // The integers and scales of a constant tensor: from the weight quantiser behind it (through transposes and
    // reshapes), or from the values themselves when they are integers. nullopt when they are plain floats.
    std::optional<ScaledWeights> weights(ir::TensorId id);

private:
    std::optional<ScaledWeights> from_quantiser(const ir::Node& node);

    const ir::Graph& graph_;
    std::vector<ir::NodeId> producer_;
    std::vector<std::optional<ir::Value>> folded_;
    std::vector<char> state_;  // 0 not tried, 1 constant, 2 not constant
};

// Integer levels and scales of a quantiser node applied to a constant, broadcast to the constant's shape. Levels have
// the zero point taken off. nullopt when the node is no quantiser.
std::optional<ScaledWeights> quantised_constant(const ir::Node& node, const std::vector<const ir::Value*>& inputs);

}  // namespace qloom::lower
