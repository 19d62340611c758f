#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <filesystem>

// jpeglib.h needs FILE from <cstdio> before it.
#include <jpeglib.h>
#include <png.h>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "data/read_bytes.h"

namespace qloom::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostPixels = 1 << 26;

// (H, W, C) as decoders give it -> (C, H, W).
Image planar(std::int64_t channels, std::int64_t height, std::int64_t width,
             const std::vector<std::uint8_t>& mixed) {
    Image image{channels, height, width, std::vector<std::uint8_t>(mixed.size())};
    const std::int64_t plane = height * width;
    for (std::int64_t pixel = 0; pixel < plane; ++pixel) {
        for (std::int64_t c = 0; c < channels; ++c) {
            image.pixels[static_cast<std::size_t>(c * plane + pixel)] =
                mixed[static_cast<std::size_t>(pixel * channels + c)];
        }
    }
    return image;
}

void check_size(std::int64_t height, std::int64_t width, const std::string& where) {
    if (height < 1 || width < 1 || height > kMostPixels / width) {
        corrupt_file(where, fmt::format("an image of {} x {} pixels", height, width));
    }
}

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& where) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) {
        corrupt_file(where, fmt::format("the PNG file is damaged ({})", png.message));
    }
    const bool grey = (png.format & PNG_FORMAT_FLAG_COLOR) == 0;
    png.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    check_size(png.height, png.width, where);
    std::vector<std::uint8_t> mixed(PNG_IMAGE_SIZE(png));
    // Alpha is laid over black.
    const png_color black{0, 0, 0};
    if (png_image_finish_read(&png, &black, mixed.data(), 0, nullptr) == 0) {
        const std::string message = png.message;
        png_image_free(&png);
        corrupt_file(where, fmt::format("the PNG file is damaged ({})", message));
    }
    return planar(grey ? 1 : 3, png.height, png.width, mixed);
}

// libjpeg reports errors by a call that must not return: it jumps back here.
struct JpegErrors {
    jpeg_error_mgr manager;  // first: libjpeg knows only this part
    std::jmp_buf back;
    std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void jpeg_failed(j_common_ptr info) {
    auto* errors = reinterpret_cast<JpegErrors*>(info->err);
    info->err->format_message(info, errors->message.data());
    std::longjmp(errors->back, 1);
}

// Nothing with a destructor lives in this frame: longjmp would skip it. Returns whether all went
// well.
bool run_jpeg(jpeg_decompress_struct& jpeg, JpegErrors& errors, std::span<const std::uint8_t> bytes,
              std::vector<std::uint8_t>& mixed) {
    if (setjmp(errors.back) != 0) {
        return false;
    }
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (jpeg.image_height == 0 || jpeg.image_width == 0 ||
        static_cast<std::int64_t>(jpeg.image_height) >
            kMostPixels / static_cast<std::int64_t>(jpeg.image_width)) {
        return false;
    }
    jpeg_start_decompress(&jpeg);
    const std::size_t stride = static_cast<std::size_t>(jpeg.output_width) *
                               static_cast<std::size_t>(jpeg.output_components);
    mixed.resize(stride * jpeg.output_height);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = mixed.data() + stride * jpeg.output_scanline;
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
}

Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& where) {
    jpeg_decompress_struct jpeg{};
    JpegErrors errors{};
    jpeg.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = jpeg_failed;
    // Warnings (a file cut off) would be printed and the rest left grey.
    errors.manager.emit_message = [](j_common_ptr info, int level) {
        if (level < 0) {
            jpeg_failed(info);
        }
    };
    std::vector<std::uint8_t> mixed;
    const bool good = run_jpeg(jpeg, errors, bytes, mixed);
    const std::int64_t height = jpeg.output_height;
    const std::int64_t width = jpeg.output_width;
    const std::int64_t channels = jpeg.output_components;
    jpeg_destroy_decompress(&jpeg);
    if (!good) {
        corrupt_file(where, fmt::format("the JPEG file is damaged ({})", errors.message.data()));
    }
    return planar(channels, height, width, mixed);
}

std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
    std::vector<fs::path> result;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
        const bool hidden = entry.path().filename().string().starts_with(".");
        if (!hidden && entry.is_directory() == folders) {
            result.push_back(entry.path());
        }
    }
    std::sort(result.begin(), result.end());
    return result;
}

// Grey pixels as red, green and blue.
void append_as(const Image& image, std::int64_t channels, std::vector<std::uint8_t>& pixels) {
    for (std::int64_t c = 0; c < channels; c += image.channels) {
        pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
    }
}

}  // namespace

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& where) {
    constexpr std::array<std::uint8_t, 4> kPng{0x89, 'P', 'N', 'G'};
    constexpr std::array<std::uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};
    if (bytes.size() > kPng.size() && std::equal(kPng.begin(), kPng.end(), bytes.begin())) {
        return decode_png(bytes, where);
    }
    if (bytes.size() > kJpeg.size() && std::equal(kJpeg.begin(), kJpeg.end(), bytes.begin())) {
        return decode_jpeg(bytes, where);
    }
    throw Error(code::kDatasetMismatch, where, "this is neither a PNG nor a JPEG file",
                "convert it, or take it away");
}

Dataset load_image_folder(const std::string& name, const std::string& directory) {
    const std::vector<fs::path> classes = sorted_entries(directory, true);
    if (classes.empty()) {
        throw Error(code::kDatasetMissing, directory, "there is no folder of images in it",
                    "give a folder with one folder of PNG or JPEG files for every class");
    }
    Dataset result;
    result.name = name;
    std::vector<Image> images;
    fs::path first;
    for (const fs::path& folder : classes) {
        for (const fs::path& file : sorted_entries(folder, false)) {
            Image image = decode_image(read_bytes(file), file.string());
            if (images.empty()) {
                first = file;
            } else if (image.height != images.front().height ||
                       image.width != images.front().width) {
                throw Error(code::kDatasetMismatch, file.string(),
                            fmt::format("the image is {} x {}, but {} is {} x {}", image.height,
                                        image.width, first.string(), images.front().height,
                                        images.front().width),
                            "scale all images to one size");
            }
            images.push_back(std::move(image));
            result.labels.push_back(static_cast<std::int32_t>(result.class_names.size()));
        }
        result.class_names.push_back(folder.filename().string());
    }
    if (images.empty()) {
        throw Error(code::kDatasetMissing, directory, "the folders in it have no images",
                    "give a folder with one folder of PNG or JPEG files for every class");
    }
    std::int64_t channels = 1;
    for (const Image& image : images) {
        channels = std::max(channels, image.channels);
    }
    std::vector<std::uint8_t> pixels;
    for (const Image& image : images) {
        append_as(image, channels, pixels);
    }
    result.classes = static_cast<int>(classes.size());
    result.samples = Tensor<std::uint8_t>(
        {result.size(), channels, images.front().height, images.front().width}, std::move(pixels));
    return result;
}

}  // namespace qloom::data
