#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "onnx/proto.h"

namespace qloom::onnx {

// The newest version of the standard domain that the operator's written form needs.
std::int64_t opset_of(const ir::Node& node);

// Appends the node to the file's graph: operator, domain, attributes, inputs and outputs by name. Writes what
// NodeReader reads back to the same operator.
void write_node(const ir::Graph& graph, const ir::Node& node, ::onnx::GraphProto& proto);

}  // namespace qloom::onnx
