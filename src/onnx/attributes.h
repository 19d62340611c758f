#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace qloom::onnx {

// The attributes of a node as its ONNX file would have them, in the file's order: {"kernel_shape",
// "3, 3"}. Numbers are written shortest, lists with commas.
std::vector<std::pair<std::string, std::string>> attribute_texts(const ir::Graph& graph,
                                                                 const ir::Node& node);

}  // namespace qloom::onnx
