#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "base/tensor.h"

namespace qloom {

// What a .npy file holds, widened: f2, f4 and f8 become float; bool, i1..i8 and u1..u8 become int64.
using NpyArray = std::variant<Tensor<float>, Tensor<std::int64_t>>;

// Reads NumPy's array file: header versions 1 to 3, C and Fortran order, little and big endian. Throws Error (kNpy...)
// with the file's name for what cannot be read; nothing is allocated for more data than the file holds.
NpyArray read_npy(const std::filesystem::path& path);
// The same from memory; `name` stands for the file in messages.
NpyArray parse_npy(std::string_view bytes, const std::string& name);

// The element type of a written file.
enum class NpyType { kFloat32, kInt64, kInt32, kInt16, kInt8, kUint8, kBool };

// The bytes of a version 1 file in C order, little endian. Integers that `type` cannot hold are a programmer error.
std::string serialise_npy(const NpyArray& array, NpyType type);
// float for floats, int64 for integers.
std::string serialise_npy(const NpyArray& array);

void write_npy(const std::filesystem::path& path, const NpyArray& array);
void write_npy(const std::filesystem::path& path, const NpyArray& array, NpyType type);

}  // namespace qloom
