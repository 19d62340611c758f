#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/dataset.h"

namespace qloom::data {

// A folder with a folder of images for every class: DIR/cat/1.png, DIR/dog/x.jpg. Classes are the
// folders in alphabetical order, samples the files in alphabetical order. All images have one size;
// samples are (3, H, W), or (1, H, W) when every image is grey. Throws kDatasetMissing,
// kDatasetCorrupt, kDatasetMismatch; files that are neither PNG nor JPEG are kDatasetMismatch.
Dataset load_image_folder(const std::string& name, const std::string& directory);

// One decoded image, (channels, H, W) with 1 or 3 channels; alpha is dropped, 16 bits become 8.
struct Image {
    std::int64_t channels = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::vector<std::uint8_t> pixels;
};

// PNG or JPEG by its first bytes. Throws kDatasetCorrupt, kDatasetMismatch.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& where);

}  // namespace qloom::data
