#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/npy.h"

namespace qloom::data {

// The arrays of a .npz file, which is a zip archive of .npy files (stored or deflated), by name
// without ".npy". Archives beyond 4 GiB are refused. Throws kDatasetMissing, kDatasetCorrupt and
// the errors of base/npy.h.
std::map<std::string, NpyArray> read_npz(const std::string& file);

// The same from memory; `where` names the source in messages.
std::map<std::string, NpyArray> parse_npz(std::span<const std::uint8_t> bytes,
                                          const std::string& where);

}  // namespace qloom::data
