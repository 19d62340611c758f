// CIFAR-10, CSV, .npz and image folders, written byte by byte from their definitions and read back.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include <jpeglib.h>
#include <png.h>

#include "base/npy.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "data/image_folder.h"
#include "data/npz.h"
#include "test_files.h"

namespace qloom::data {
namespace {

// ---- CIFAR-10
// ------------------------------------------------------------------------------------------------------

Bytes cifar_record(std::uint8_t label, std::uint8_t first_pixel) {
    Bytes record{label};
    for (int i = 0; i < 3072; ++i) {
        record.push_back(static_cast<std::uint8_t>(first_pixel + i % 7));
    }
    return record;
}

TEST(Cifar, ReadsRecords) {
    const TestFolder folder("cifar");
    Bytes two = cifar_record(3, 10);
    const Bytes second = cifar_record(9, 100);
    two.insert(two.end(), second.begin(), second.end());
    folder.write("test_batch.bin", two);
    const Dataset dataset = load("cifar10:test", {.directory = folder.path()});
    EXPECT_EQ(dataset.shape(), (Shape{2, 3, 32, 32}));
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{3, 9}));
    EXPECT_EQ(dataset.class_names[3], "cat");
    EXPECT_EQ(dataset.frames(1, 1)[8], 101.0F);
    for (int i = 1; i <= 5; ++i) {
        folder.write("data_batch_" + std::to_string(i) + ".bin",
                     cifar_record(static_cast<std::uint8_t>(i), 1));
    }
    EXPECT_EQ(load("cifar10:train", {.directory = folder.path()}).labels,
              (std::vector<std::int32_t>{1, 2, 3, 4, 5}));
}

TEST(Cifar, MissingAndDamaged) {
    const TestFolder folder("cifar_bad");
    EXPECT_EQ(error_text([&] { load("cifar10:test", {.directory = folder.path()}); }),
              "Q0801: cifar10: test_batch.bin is not in " + folder.path().string() +
                  "; Debian has no package of it: unpack its binary version into a folder and name "
                  "that with --data-dir");
    Bytes record = cifar_record(3, 1);
    record.pop_back();
    const std::string file = folder.write("test_batch.bin", record);
    EXPECT_EQ(
        error_text([&] { load("cifar10:test", {.directory = folder.path()}); }),
        "Q0802: " + file +
            ": 3072 bytes are no whole number of records of 3073; fetch or install the file again");
    folder.write("test_batch.bin", cifar_record(10, 1));
    EXPECT_EQ(error_text([&] { load("cifar10:test", {.directory = folder.path()}); }),
              "Q0802: " + file +
                  ": record 0 has label 10, 0 to 9 are possible; fetch or install the file again");
}

// ---- CSV
// -----------------------------------------------------------------------------------------------------------

TEST(Csv, ExampleOfTheHeader) {
    const Dataset dataset = parse_csv("x,y,kind\n0.5,1,cat\n2,3,dog\n", "t.csv");
    EXPECT_EQ(dataset.frames(0, 2), Tensor<float>({2, 2}, {0.5F, 1.0F, 2.0F, 3.0F}));
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
}

TEST(Csv, LabelsByNameAndNumberAndWithoutHeader) {
    EXPECT_EQ(parse_csv("kind;a;b\n2; 1e-3 ;-4\r\n0;1;2\n", "t.csv", "kind").labels,
              (std::vector<std::int32_t>{2, 0}));
    const Dataset plain = parse_csv("1,5,6\n0,7,8", "t.csv", "1");
    EXPECT_EQ(plain.classes, 2);
    EXPECT_EQ(plain.frames(1, 1), Tensor<float>({1, 2}, {7.0F, 8.0F}));
    const TestFolder folder("csv");
    const std::string file =
        folder.write("a.csv", Bytes{'a', ',', 'l', '\n', '1', ',', '1', '\n', '2', ',', '0', '\n'});
    EXPECT_EQ(load("csv:" + file).labels, (std::vector<std::int32_t>{1, 0}));
    EXPECT_EQ(load("csv:" + file + ",a").labels, (std::vector<std::int32_t>{1, 2}));
}

TEST(Csv, Errors) {
    const std::string advice =
        "; give one line a sample: numbers and one label, separated by commas";
    const auto error_of = [](const std::string& text, const std::string& label = "") {
        return error_text([&] { parse_csv(text, "t.csv", label); });
    };
    EXPECT_EQ(error_of("\n\n"), "Q0802: t.csv: there is no line in it" + advice);
    EXPECT_EQ(error_of("a,b\n"), "Q0802: t.csv: there is no line behind the header" + advice);
    EXPECT_EQ(error_of("1,2,0\n1,0\n"), "Q0802: t.csv:2: 2 fields, expected 3" + advice);
    EXPECT_EQ(error_of("1,2,0\n1,two,0\n"),
              "Q0802: t.csv:2: \"two\" in field 2 is not a number" + advice);
    EXPECT_EQ(error_of("a,b\n1,0\n", "c"), "Q0803: t.csv: there is no column c; name one of a, b");
    EXPECT_EQ(error_of("1,0\n", "3"),
              "Q0803: t.csv: there is no column 3; name a column by its number, 1 to 2");
}

// ---- .npz
// ----------------------------------------------------------------------------------------------------------

void append(Bytes& bytes, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
}

Bytes deflated(const std::string& content) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    Bytes result(content.size() + 100);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = result.data();
    stream.avail_out = static_cast<uInt>(result.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    result.resize(stream.total_out);
    deflateEnd(&stream);
    return result;
}

// A zip archive by its definition: local headers with data, the central directory, the end record.
Bytes zip_of(const std::vector<std::pair<std::string, std::string>>& files, bool deflate_them) {
    Bytes bytes;
    Bytes directory;
    for (const auto& [name, content] : files) {
        const Bytes data = deflate_them ? deflated(content) : Bytes(content.begin(), content.end());
        const auto checksum = static_cast<std::uint32_t>(crc32(
            0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
        const auto offset = static_cast<std::uint32_t>(bytes.size());
        const auto fields = [&](Bytes& target) {
            append(target, 20, 2);                    // version needed
            append(target, 0, 2);                     // flags
            append(target, deflate_them ? 8 : 0, 2);  // method
            append(target, 0, 4);                     // time and date
            append(target, checksum, 4);
            append(target, static_cast<std::uint32_t>(data.size()), 4);
            append(target, static_cast<std::uint32_t>(content.size()), 4);
            append(target, static_cast<std::uint32_t>(name.size()), 2);
            append(target, 0, 2);  // extra field
        };
        append(bytes, 0x04034b50, 4);
        fields(bytes);
        bytes.insert(bytes.end(), name.begin(), name.end());
        bytes.insert(bytes.end(), data.begin(), data.end());
        append(directory, 0x02014b50, 4);
        append(directory, 20, 2);  // version made by
        fields(directory);
        append(directory, 0, 2);  // comment
        append(directory, 0, 2);  // disk
        append(directory, 0, 2);  // internal attributes
        append(directory, 0, 4);  // external attributes
        append(directory, offset, 4);
        directory.insert(directory.end(), name.begin(), name.end());
    }
    const auto start = static_cast<std::uint32_t>(bytes.size());
    bytes.insert(bytes.end(), directory.begin(), directory.end());
    append(bytes, 0x06054b50, 4);
    append(bytes, 0, 4);
    append(bytes, static_cast<std::uint32_t>(files.size()), 2);
    append(bytes, static_cast<std::uint32_t>(files.size()), 2);
    append(bytes, static_cast<std::uint32_t>(directory.size()), 4);
    append(bytes, start, 4);
    append(bytes, 0, 2);
    return bytes;
}

std::vector<std::pair<std::string, std::string>> two_arrays(const std::string& x,
                                                            const std::string& y) {
    return {
        {x + ".npy", serialise_npy(Tensor<std::int64_t>({2, 2}, {1, 2, 3, 4}), NpyType::kUint8)},
        {y + ".npy", serialise_npy(Tensor<std::int64_t>({2}, {0, 1}))}};
}

TEST(Npz, StoredAndDeflated) {
    const TestFolder folder("npz");
    for (const bool deflate_them : {false, true}) {
        const std::string file = folder.write("a.npz", zip_of(two_arrays("x", "y"), deflate_them));
        const Dataset dataset = load("npz:" + file);
        EXPECT_TRUE(dataset.is_bytes());
        EXPECT_EQ(dataset.frames(1, 1), Tensor<float>({1, 2}, {3, 4}));
        EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1}));
    }
    const std::string named = folder.write("b.npz", zip_of(two_arrays("images", "classes"), true));
    EXPECT_EQ(load("npz:" + named + ",images,classes").classes, 2);
    EXPECT_EQ(
        error_text([&] { load("npz:" + named); }),
        "Q0803: npz:" + named + ": there is no array x; name two of classes, images: npz:FILE,X,Y");
}

TEST(Npz, Damaged) {
    const Bytes good = zip_of(two_arrays("x", "y"), true);
    const auto error_of = [](const Bytes& bytes) {
        return error_text([&] { parse_npz(bytes, "a.npz"); });
    };
    EXPECT_EQ(
        error_of(Bytes(50, 7)),
        "Q0802: a.npz: this is not a .npz file (a zip archive); fetch or install the file again");
    Bytes flipped = good;
    flipped[45] ^= 0xff;  // within the data of x
    EXPECT_EQ(error_of(flipped).substr(0, 15), "Q0802: a.npz: t");
    // No byte that is changed or missing does more than give an error.
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes bad = good;
        bad[i] ^= 0x5a;
        error_of(bad);
        error_of(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i)));
    }
}

// ---- images
// --------------------------------------------------------------------------------------------------------

Bytes png_of(std::uint32_t format, std::uint32_t width, std::uint32_t height, const Bytes& pixels) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = format;
    png_alloc_size_t size = 0;
    EXPECT_NE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr), 0);
    Bytes bytes(size);
    EXPECT_NE(png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr),
              0);
    bytes.resize(size);
    return bytes;
}

Bytes jpeg_of(int width, int height, const Bytes& rgb) {
    jpeg_compress_struct jpeg{};
    jpeg_error_mgr errors{};
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    unsigned char* memory = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&jpeg, &memory, &size);
    jpeg.image_width = static_cast<JDIMENSION>(width);
    jpeg.image_height = static_cast<JDIMENSION>(height);
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        auto* row = const_cast<JSAMPROW>(rgb.data() +
                                         static_cast<std::size_t>(width) * 3 * jpeg.next_scanline);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    Bytes bytes(memory, memory + size);
    std::free(memory);
    return bytes;
}

class Images : public testing::Test {
protected:
    Images() {
        std::filesystem::create_directories(folder_.path() / "cat");
        std::filesystem::create_directories(folder_.path() / "dog");
    }
    [[nodiscard]] std::string specification() const { return "images:" + folder_.path().string(); }
    const TestFolder folder_{"images"};
};

TEST_F(Images, PngInColourAndGrey) {
    folder_.write("cat/a.png", png_of(PNG_FORMAT_RGB, 2, 1, {1, 2, 3, 4, 5, 6}));
    folder_.write("dog/b.png", png_of(PNG_FORMAT_GRAY, 2, 1, {7, 8}));
    const Dataset dataset = load(specification());
    EXPECT_EQ(dataset.shape(), (Shape{2, 3, 1, 2}));
    EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(dataset.frames(0, 2).values(),
              (std::vector<float>{1, 4, 2, 5, 3, 6, 7, 8, 7, 8, 7, 8}));
    std::filesystem::remove(folder_.path() / "cat/a.png");
    folder_.write("cat/a.png", png_of(PNG_FORMAT_GRAY, 2, 1, {1, 2}));
    EXPECT_EQ(load(specification()).shape(), (Shape{2, 1, 1, 2}));
}

TEST_F(Images, Jpeg) {
    Bytes rgb;
    for (int i = 0; i < 64; ++i) {
        rgb.insert(rgb.end(), {200, 100, 50});
    }
    folder_.write("cat/a.jpg", jpeg_of(8, 8, rgb));
    folder_.write("dog/b.png", png_of(PNG_FORMAT_RGB, 8, 8, rgb));
    const Dataset dataset = load(specification());
    for (std::int64_t i = 0; i < 192; ++i) {
        EXPECT_NEAR(dataset.frames(0, 1)[i], dataset.frames(1, 1)[i], 3.0F);
    }
}

TEST_F(Images, Errors) {
    EXPECT_EQ(error_text([&] { load(specification()); }),
              "Q0801: " + folder_.path().string() +
                  ": the folders in it have no images; give a folder with one folder of PNG or "
                  "JPEG files for every class");
    EXPECT_EQ(error_text([&] { load(specification() + "/cat"); }),
              "Q0801: " + folder_.path().string() +
                  "/cat: there is no folder of images in it; give a folder with one folder of PNG "
                  "or JPEG files for every "
                  "class");
    const std::string first = folder_.write("cat/a.png", png_of(PNG_FORMAT_GRAY, 2, 1, {1, 2}));
    const std::string second = folder_.write("dog/b.png", png_of(PNG_FORMAT_GRAY, 1, 2, {1, 2}));
    EXPECT_EQ(error_text([&] { load(specification()); }),
              "Q0803: " + second + ": the image is 2 x 1, but " + first +
                  " is 1 x 2; scale all images to one size");
    const std::string text = folder_.write("cat/a.txt", Bytes{'h', 'e', 'l', 'l', 'o'});
    EXPECT_EQ(
        error_text([&] { load(specification()); }),
        "Q0803: " + text + ": this is neither a PNG nor a JPEG file; convert it, or take it away");
}

// Cut off anywhere, a picture gives an error and nothing worse.
TEST(DecodeImage, CutOff) {
    Bytes noise;
    for (int i = 0; i < 3 * 16 * 16; ++i) {
        noise.push_back(static_cast<std::uint8_t>(i * 37 % 251));
    }
    for (const Bytes& whole : {png_of(PNG_FORMAT_RGB, 16, 16, noise), jpeg_of(16, 16, noise)}) {
        EXPECT_EQ(decode_image(whole, "whole").pixels.size(), noise.size());
        for (std::size_t size = 4; size + 20 < whole.size(); size += 7) {
            const std::string text = error_text([&] { decode_image({whole.data(), size}, "cut"); });
            EXPECT_EQ(text.substr(0, 4), "Q080") << size;
        }
    }
}

}  // namespace
}  // namespace qloom::data
