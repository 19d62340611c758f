#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/tensor.h"

namespace qloom::data {

// Reads an idx file of unsigned bytes (the format of the MNIST family), gzipped or plain.
//   bytes 0, 1: 0    byte 2: 8 (unsigned byte)    byte 3: rank    then rank big-endian uint32
//   dimensions, then data 00 00 08 01  00 00 00 02  09 00   ->   shape {2}, values {9, 0}
// Throws kDatasetMissing when the file cannot be read, kDatasetCorrupt when its contents are not
// exactly that.
Tensor<std::uint8_t> read_idx(const std::filesystem::path& path);

// The same from memory; `where` names the source in messages.
Tensor<std::uint8_t> parse_idx(std::span<const std::uint8_t> bytes, const std::string& where);

}  // namespace qloom::data
