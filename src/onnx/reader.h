#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace qloom::onnx {

// Reads an ONNX file: standard operators of opsets 7 to 21 and the quantisation dialects of the domains
// qonnx.custom_op.general, qonnx.custom_op.channels_last, onnx.brevitas and finn.custom_op.general.
//
// What old opsets keep in attributes (axes of Squeeze, limits of Clip, ...) becomes constant inputs; Constant nodes
// become constants; operators with any number of inputs (Sum, Min, ...) become chains. The frame axis (axis 0 of an
// input of two or more axes) is set to 1 whatever the file says. The result is sorted; shapes are not inferred.
// Throws Error for every file that is not such a model.
ir::Graph read_model(const std::filesystem::path& path);

// The same from memory; `name` stands for the file in messages.
ir::Graph parse_model(std::string_view bytes, const std::string& name);

}  // namespace qloom::onnx
