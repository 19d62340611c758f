#pragma once

#include <string>

#include "ir/graph.h"
#include "onnx/proto.h"

namespace qloom::onnx {

// The data of a tensor in the file. `where` names the tensor in diagnostics. Nothing is allocated before the announced
// shape was compared with the bytes that are there.
ir::Value read_tensor(const ::onnx::TensorProto& proto, const std::string& where);

// How a type of the file is carried in the IR; throws for strings, complex numbers and the like.
ir::ElementType element_type_of(std::int32_t data_type, const std::string& where);

// The integer type a file's type holds; nothing for floats, bools and int64 (which holds shapes, not data).
std::optional<IntType> integer_type_of(std::int32_t data_type);

// The file's type for an integer type of the IR: the narrowest of the standard ones that holds it.
std::int32_t data_type_of(IntType type);

// "INT8" for TensorProto::INT8.
std::string data_type_name(std::int32_t data_type);

// Writes data as `data_type` (a float or integer type of the standard) in little-endian raw form.
void write_tensor(const ir::Value& value, const std::string& name, std::int32_t data_type,
                  ::onnx::TensorProto& proto);

}  // namespace qloom::onnx
