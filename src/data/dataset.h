#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tensor.h"

namespace qloom::data {

// Labelled samples in memory, kept as compactly as the files hold them.
struct Dataset {
    std::string name;  // as it was asked for: "fashion-mnist:test"
    // (N, sample_shape...): bytes 0..255 of image files, or floats of .npy files.
    std::variant<Tensor<std::uint8_t>, Tensor<float>> samples;
    std::vector<std::int32_t> labels;  // N values in 0..classes-1
    int classes = 0;
    std::vector<std::string> class_names;  // `classes` names, or empty

    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
    [[nodiscard]] const Shape& shape() const;  // of all samples, axis 0 is N
    [[nodiscard]] Shape sample_shape() const;  // {28, 28}
    [[nodiscard]] std::int64_t sample_size() const { return element_count(sample_shape()); }
    [[nodiscard]] bool is_bytes() const { return samples.index() == 0; }

    // Samples [first, first + count) as floats of shape (count, sample_shape...); bytes become
    // 0..255.
    [[nodiscard]] Tensor<float> frames(std::int64_t first, std::int64_t count) const;
};

struct LoadOptions {
    std::filesystem::path directory =
        {};  // of idx files and CIFAR-10; empty: where the Debian package installs them
    std::optional<std::int64_t> limit = {};  // keep only the first samples
};

// Loads a dataset by its specification:
//   fashion-mnist:train, mnist:train, ...:test   the four idx files of that name
//   cifar10:train, cifar10:test                  its binary version
//   idx:IMAGES,LABELS                            idx files, gzipped or not
//   npy:X.npy,Y.npy                              X of shape (N, ...), Y of N integers
//   npz:FILE or npz:FILE,X,Y                     the same in one archive, as arrays x and y or of
//   other names images:DIR                                   a folder of PNG or JPEG files for
//   every class csv:FILE or csv:FILE,COLUMN                  numbers and a label a line, the last
//   column or another one
// Throws kDatasetUnknown, kDatasetMissing, kDatasetCorrupt or kDatasetMismatch.
Dataset load(const std::string& specification, const LoadOptions& options = {});

// The specifications with a name, for help texts: {"fashion-mnist:train", ...}.
std::vector<std::string> named_datasets();

}  // namespace qloom::data
