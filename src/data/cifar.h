#pragma once

#include <filesystem>

#include "data/dataset.h"

namespace qloom::data {

// CIFAR-10 in its binary version: data_batch_1.bin .. data_batch_5.bin, or test_batch.bin, in
// `directory` or a folder cifar-10-batches-bin there. A record is a label 0..9 and 3 planes (red,
// green, blue) of 32 x 32 bytes. Samples are (3, 32, 32). Throws kDatasetMissing, kDatasetCorrupt.
Dataset load_cifar10(bool training, const std::filesystem::path& directory);

}  // namespace qloom::data
