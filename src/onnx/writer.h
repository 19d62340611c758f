#pragma once

#include <filesystem>
#include <string>

#include "ir/graph.h"

namespace qloom::onnx {

// The graph as an ONNX file with QONNX quantisers (domain qonnx.custom_op.general), opset 14 or what its operators
// need. Equal graphs give equal bytes; parse_model gives an equal graph back (ir::first_difference).
std::string serialise_model(const ir::Graph& graph);

// Throws kModelUnwritable when the file cannot be written.
void write_model(const ir::Graph& graph, const std::filesystem::path& path);

}  // namespace qloom::onnx
