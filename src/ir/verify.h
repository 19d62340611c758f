#pragma once

#include <string>

#include "ir/graph.h"

namespace qloom::ir {

// Checks what every graph promises: ids in range, names unique and not empty, one maker a tensor and none for inputs
// and constants, nodes in topological order, every read tensor made, operators with the right number of inputs,
// constants that agree with their tensor's type and shape. A violation is a bug of whoever built the graph.
// Result: "" or the first violation.
std::string verify(const Graph& graph);

}  // namespace qloom::ir
