#pragma once

#include <string>

#include "base/npy.h"
#include "data/dataset.h"

namespace qloom::data {

// A dataset `name` of samples (N, ...) and N integer labels from 0, each a .npy file. Integers
// 0..255 are kept as bytes. Throws kDatasetMismatch, and the errors of base/npy.h.
Dataset load_npy_pair(const std::string& name, const std::string& samples_file,
                      const std::string& labels_file);

// The same of arrays in memory; the files' names are for messages.
Dataset pair_arrays(const std::string& name, NpyArray samples, const NpyArray& labels,
                    const std::string& samples_file, const std::string& labels_file);

}  // namespace qloom::data
