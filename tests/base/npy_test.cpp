#include "base/npy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/diagnostic.h"

namespace qloom {
namespace {

// A version 1 file put together by hand, as numpy.save writes it but without its padding.
std::string file_of(const std::string& descr, bool fortran, const std::string& shape, const std::string& data) {
    const std::string header = "{'descr': " + descr + ", 'fortran_order': " + (fortran ? "True" : "False") +
                               ", 'shape': " + shape + ", }\n";
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() & 0xFF);
    bytes += static_cast<char>(header.size() >> 8);
    return bytes + header + data;
}

std::string message_of(const std::string& bytes) {
    try {
        parse_npy(bytes, "x.npy");
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

using Ints = Tensor<std::int64_t>;

TEST(Npy, ReadsIntegersOfEveryWidthAndEndianness) {
    const Ints expected({2}, {1, -2});
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|i1'", false, "(2,)", std::string("\x01\xfe", 2)), "x")), expected);
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'<i2'", false, "(2,)", std::string("\x01\0\xfe\xff", 4)), "x")),
              expected);
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'>i2'", false, "(2,)", std::string("\0\x01\xff\xfe", 4)), "x")),
              expected);
    EXPECT_EQ(std::get<Ints>(
                  parse_npy(file_of("'>i4'", false, "(2,)", std::string("\0\0\0\x01\xff\xff\xff\xfe", 8)), "x")),
              expected);
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|u1'", false, "(1,)", "\xff"), "x")), Ints({1}, {255}));
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'<u4'", false, "(1,)", "\xff\xff\xff\xff"), "x")),
              Ints({1}, {4294967295}));
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|b1'", false, "(2,)", std::string("\x01\0", 2)), "x")),
              Ints({2}, {1, 0}));
}

TEST(Npy, ReadsFloatsOfEveryWidth) {
    const Tensor<float> expected({1}, {1.5F});
    EXPECT_EQ(std::get<Tensor<float>>(parse_npy(file_of("'<f2'", false, "(1,)", std::string("\0\x3e", 2)), "x")),
              expected);
    EXPECT_EQ(std::get<Tensor<float>>(parse_npy(file_of("'<f4'", false, "(1,)", std::string("\0\0\xc0\x3f", 4)), "x")),
              expected);
    EXPECT_EQ(std::get<Tensor<float>>(
                  parse_npy(file_of("'>f8'", false, "(1,)", std::string("\x3f\xf8\0\0\0\0\0\0", 8)), "x")),
              expected);
}

TEST(Npy, FortranOrderIsTurned) {
    // [[1, 2, 3], [4, 5, 6]] column by column
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|u1'", true, "(2, 3)", "\x01\x04\x02\x05\x03\x06"), "x")),
              Ints({2, 3}, {1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ScalarsAndEmptyArrays) {
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|u1'", false, "()", "\x07"), "x")), Ints(Shape{}, 7));
    EXPECT_EQ(std::get<Ints>(parse_npy(file_of("'|u1'", false, "(0, 4)", ""), "x")), Ints(Shape{0, 4}));
}

TEST(Npy, HeaderVersions) {
    const std::string one = file_of("'|u1'", false, "(1,)", "\x07");
    const std::string header = one.substr(10, one.size() - 11);
    for (const char version : {'\x02', '\x03'}) {
        std::string bytes("\x93NUMPY", 6);
        bytes += version;
        bytes += '\0';
        bytes += static_cast<char>(header.size());
        bytes += std::string(3, '\0');
        EXPECT_EQ(std::get<Ints>(parse_npy(bytes + header + "\x07", "x")), Ints({1}, {7}));
    }
}

TEST(Npy, WhatIsWrittenIsRead) {
    const NpyArray floats = Tensor<float>({2, 2}, {1.0F, -2.5F, 0.0F, 1e30F});
    const NpyArray ints = Ints({3}, {-128, 0, 127});
    EXPECT_EQ(parse_npy(serialise_npy(floats), "x"), floats);
    EXPECT_EQ(parse_npy(serialise_npy(ints), "x"), ints);
    for (const NpyType type : {NpyType::kInt64, NpyType::kInt32, NpyType::kInt16, NpyType::kInt8}) {
        EXPECT_EQ(parse_npy(serialise_npy(ints, type), "x"), ints);
    }
    EXPECT_EQ(parse_npy(serialise_npy(Ints(Shape{}, 255), NpyType::kUint8), "x"), NpyArray(Ints(Shape{}, 255)));
    EXPECT_EQ(serialise_npy(floats).find('\n') % 64, 63U);  // the data are aligned
    const auto path = std::filesystem::temp_directory_path() / "qloom_npy_test.npy";
    write_npy(path, ints);
    EXPECT_EQ(read_npy(path), ints);
    std::filesystem::remove(path);
}

TEST(Npy, BadFilesAreRefusedWithAReason) {
    const std::string good = file_of("'<f4'", false, "(2,)", std::string(8, '\0'));
    EXPECT_EQ(message_of(""), "Q0011: x.npy: the file is empty; save it again with numpy.save");
    EXPECT_EQ(message_of("P5 28 28"), "Q0011: x.npy: this is not a .npy file (it does not begin with \\x93NUMPY); "
                                      "save it again with numpy.save");
    EXPECT_EQ(message_of("PK\x03\x04"), "Q0011: x.npy: this is a zip archive (.npz), not a .npy file; "
                                        "save it again with numpy.save");
    EXPECT_EQ(message_of(good.substr(0, 30)),
              "Q0011: x.npy: the file ends inside its header; save it again with numpy.save");
    EXPECT_EQ(message_of(good.substr(0, good.size() - 1)),
              "Q0013: x.npy: its shape [2] of 4-byte values does not match the 7 bytes of data; "
              "the file is cut off or damaged: save it again with numpy.save");
    EXPECT_EQ(message_of(file_of("'<f4'", false, "(9000000000000000000, 9)", "")),
              "Q0013: x.npy: its shape [9000000000000000000, 9] of 4-byte values does not match the 0 bytes of data; "
              "the file is cut off or damaged: save it again with numpy.save");
    EXPECT_EQ(message_of(file_of("'<c8'", false, "(1,)", std::string(8, '\0'))),
              "Q0012: x.npy: its element type is '<c8'; save plain numbers: float32, float64, bool or integers");
    EXPECT_EQ(message_of(file_of("'<u8'", false, "(1,)", std::string(8, '\xff'))),
              "Q0012: x.npy: it holds 18446744073709551615, beyond the range of int64; save smaller integers");
    EXPECT_EQ(message_of(file_of("'<f4'", false, "(-1,)", "")),
              "Q0011: x.npy: its header's shape is not a tuple of sizes; save it again with numpy.save");
}

TEST(Npy, FilesThatCannotBeOpened) {
    const auto folder = std::filesystem::temp_directory_path();
    try {
        read_npy(folder / "qloom_no_such_file.npy");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.what(), "Q0010: " + (folder / "qloom_no_such_file.npy").string() +
                                    ": cannot be opened: No such file or directory; name an existing .npy file");
    }
    try {
        read_npy(folder);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.what(), "Q0010: " + folder.string() + ": this is a folder; name a .npy file");
    }
    try {
        write_npy(folder / "qloom_no_such_folder" / "x.npy", Ints({1}, {1}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.what(), "Q0014: " + (folder / "qloom_no_such_folder" / "x.npy").string() +
                                    ": cannot be written: No such file or directory; "
                                    "name a file in a folder that exists and that you may write to");
    }
}

TEST(Npy, DamagedFilesNeverCrash) {
    std::mt19937 random(7);
    const std::string good = serialise_npy(Tensor<float>({3, 5}, 1.0F));
    int accepted = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = good;
        for (std::uint32_t flips = random() % 4 + 1; flips > 0; --flips) {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        if (random() % 3 == 0) {
            bytes.resize(random() % bytes.size());
        }
        try {
            parse_npy(bytes, "x.npy");
            ++accepted;
        } catch (const Error&) {
        }
    }
    EXPECT_GT(accepted, 0);  // flips in the data are no damage
    EXPECT_LT(accepted, 3000);
}

}  // namespace
}  // namespace qloom
