#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qloom::data {

// A whole file. Throws kDatasetMissing when it cannot be opened, kDatasetCorrupt when it cannot be
// read to its end.
std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path);

// Throws kDatasetCorrupt with the usual advice.
[[noreturn]] void corrupt_file(const std::string& where, const std::string& what);

}  // namespace qloom::data
