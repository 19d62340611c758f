#include "base/codes/train.h"
#include "data/idx.h"

#include <gtest/gtest.h>

#include "base/diagnostic.h"
#include "test_files.h"

namespace qloom::data {
namespace {

const Bytes kPlain = idx_bytes({2, 3}, {1, 2, 3, 4, 5, 255});

std::string parse_error(const Bytes& bytes) {
    return error_text([&] { parse_idx(bytes, "f"); });
}

TEST(Idx, ReadsTheExampleOfTheHeader) {
    const Tensor<std::uint8_t> tensor = parse_idx(Bytes{0, 0, 8, 1, 0, 0, 0, 2, 9, 0}, "f");
    EXPECT_EQ(tensor, Tensor<std::uint8_t>({2}, {9, 0}));
}

TEST(Idx, ReadsPlainAndGzipped) {
    const Tensor<std::uint8_t> expected({2, 3}, {1, 2, 3, 4, 5, 255});
    EXPECT_EQ(parse_idx(kPlain, "f"), expected);
    EXPECT_EQ(parse_idx(gzipped(kPlain), "f"), expected);
}

TEST(Idx, RefusesWhatIsNotIdx) {
    EXPECT_EQ(parse_error({}),
              "Q0802: f: this is not an idx file; fetch or install the file again");
    EXPECT_EQ(parse_error({1, 2, 3, 4, 5}),
              "Q0802: f: this is not an idx file; fetch or install the file again");
    EXPECT_EQ(parse_error({0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0}),
              "Q0802: f: element type 0x0d of the idx file is not unsigned byte (0x08); "
              "fetch or install the file again");
    EXPECT_EQ(parse_error({0, 0, 8, 9}),
              "Q0802: f: the idx file has 9 dimensions, 1 to 8 are possible; fetch or install the "
              "file again");
    EXPECT_EQ(parse_error({0, 0, 8, 0}),
              "Q0802: f: the idx file has 0 dimensions, 1 to 8 are possible; fetch or install the "
              "file again");
    EXPECT_EQ(parse_error({0, 0, 8, 1, 0, 0}),
              "Q0802: f: the file ends within its header; fetch or install the file again");
    EXPECT_EQ(parse_error(idx_bytes({0, 3}, {})),
              "Q0802: f: a dimension of the idx file is 0; fetch or install the file again");
}

TEST(Idx, RefusesTruncatedAndOverlongFiles) {
    Bytes cut = kPlain;
    cut.pop_back();
    EXPECT_EQ(parse_error(cut),
              "Q0802: f: the header announces more data than the file of 17 bytes can hold; "
              "fetch or install the file again");
    Bytes packed = gzipped(kPlain);
    packed.resize(packed.size() - 4);
    EXPECT_EQ(parse_error(packed),
              "Q0802: f: the gzip stream ends too early; fetch or install the file again");
    EXPECT_EQ(parse_error(gzipped(idx_bytes({2, 3}, {1, 2, 3}))),
              "Q0802: f: the header announces 6 bytes of data, 3 follow; fetch or install the file "
              "again");
    Bytes longer = kPlain;
    longer.push_back(0);
    EXPECT_EQ(parse_error(longer),
              "Q0802: f: more data follows than the 6 bytes the header announces; fetch or install "
              "the file again");
}

TEST(Idx, RefusesDamagedGzip) {
    Bytes packed = gzipped(kPlain);
    packed[packed.size() - 6] ^= 0x10;  // within the checksum
    EXPECT_EQ(parse_error(packed),
              "Q0802: f: the gzip stream is damaged; fetch or install the file again");
}

// Asking for 4 EiB must be refused before any memory is asked for.
TEST(Idx, RefusesSizesThatCannotBe) {
    EXPECT_EQ(parse_error(idx_bytes({0xffffffffU, 0xffffffffU}, {1})),
              "Q0802: f: the header announces more data than the file of 13 bytes can hold; "
              "fetch or install the file again");
    EXPECT_EQ(
        parse_error(gzipped(idx_bytes({0xffffffffU, 0xffffffffU, 0xffffffffU}, {1}))).substr(0, 57),
        "Q0802: f: the header announces more data than the file of");
}

TEST(Idx, MissingFile) {
    EXPECT_EQ(error_text([] { read_idx("no/such/file"); }),
              "Q0801: no/such/file: the file cannot be read; check the path");
}

// Random damage gives the data or one diagnostic, never a crash; the generator is fixed, so a
// failure repeats.
TEST(Idx, SurvivesMutations) {
    Bytes values(600);
    std::uint32_t state = 1;
    const auto random = [&state](std::uint32_t bound) {
        state = state * 1664525U + 1013904223U;
        return (state >> 8U) % bound;
    };
    for (std::uint8_t& value : values) {
        value = static_cast<std::uint8_t>(random(256));
    }
    const Bytes plain = idx_bytes({6, 10, 10}, values);
    const Bytes packed = gzipped(plain);
    int read = 0;
    int refused = 0;
    for (int round = 0; round < 4000; ++round) {
        Bytes bytes = round % 2 == 0 ? plain : packed;
        const std::uint32_t changes = 1 + random(4);
        for (std::uint32_t change = 0; change < changes; ++change) {
            switch (random(3)) {
                case 0:  // most of what matters is at the front
                    bytes[random(static_cast<std::uint32_t>(std::min<std::size_t>(
                        bytes.size(), 24)))] = static_cast<std::uint8_t>(random(256));
                    break;
                case 1:
                    bytes[random(static_cast<std::uint32_t>(bytes.size()))] ^=
                        static_cast<std::uint8_t>(1U << random(8));
                    break;
                default:
                    bytes.resize(1 + random(static_cast<std::uint32_t>(bytes.size())));
                    break;
            }
        }
        try {
            parse_idx(bytes, "f");
            ++read;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code::kDatasetCorrupt);
            ++refused;
        }
    }
    EXPECT_GT(read, 50);  // a changed pixel of a plain file is not damage
    EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace qloom::data
