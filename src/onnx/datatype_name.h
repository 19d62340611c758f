#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/int_type.h"

namespace qloom::onnx {

// FINN's names of integer types: INT<n>, UINT<n>, BINARY, BIPOLAR and TERNARY. Nothing for the others (FLOAT32,
// FIXED<...>, SCALEDINT<...>), which say nothing about integers. BIPOLAR and TERNARY are both read as -1..1.
std::optional<IntType> parse_datatype_name(std::string_view name);

// The name of a type: "INT8", "UINT4", "TERNARY" for -1..1. Narrow ranges have no other name in FINN.
std::string datatype_name(IntType type);

}  // namespace qloom::onnx
