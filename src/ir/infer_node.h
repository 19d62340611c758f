#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace qloom::ir {

// What is known of a tensor before anything runs: its type and shape, and its value where that is constant.
struct TensorFacts {
    ElementType type = ElementType::kFloat32;
    Shape shape;
    const Value* value = nullptr;
};

// Types and shapes of a node's outputs from facts about its inputs (nullptr for an absent optional input). Checks
// everything an operator requires of its inputs and attributes, so that the kernels need not: throws an Error naming
// the node when operands do not fit, an attribute makes no sense, or a shape depends on data.
// One entry per output of the node, at least one.
std::vector<TensorFacts> infer_node(const Node& node, const std::vector<const TensorFacts*>& inputs);

// "node conv1 (Conv)": how diagnostics name a node.
std::string node_text(const Node& node);

// The fewest and most inputs an operator takes; inputs before `least` may not be absent.
struct Arity {
    std::size_t least = 1;
    std::size_t most = 1;
    std::size_t outputs = 1;  // at most
};
Arity arity_of(const Op& op);

// Throws kInputCount when the node has too few or too many inputs or outputs, or lacks one it needs.
void check_arity(const Node& node);

// Tensors beyond this many elements are refused instead of being allocated.
constexpr std::int64_t kMaxElements = (std::int64_t{1} << 31) - 1;

}  // namespace qloom::ir
