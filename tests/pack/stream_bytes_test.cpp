#include "pack/stream_bytes.h"

#include <gtest/gtest.h>

namespace qloom::pack {
namespace {

using Bytes = std::vector<std::uint8_t>;

hw::Port port(IntType type, std::int64_t elements, std::int64_t elements_per_beat, int element_bits,
              int data_bits) {
    return {.name = "s_axis_0",
            .stream = "x",
            .type = type,
            .elements = elements,
            .elements_per_beat = elements_per_beat,
            .beats = elements / elements_per_beat,
            .element_bits = element_bits,
            .data_bits = data_bits};
}

network::Frames frames(const Shape& shape, std::vector<float> values) {
    Tensor<float> tensor(shape);
    std::ranges::copy(values, tensor.begin());
    return tensor;
}

TEST(StreamBytes, BytesStayAsTheyAre) {
    const hw::Port it = port({.bits = 8}, 4, 1, 8, 8);
    EXPECT_EQ(frame_bytes(it), 4);
    EXPECT_EQ(stream_bytes(it, frames({2, 4}, {1, 2, 3, 255, 0, 7, 8, 128})),
              (Bytes{1, 2, 3, 255, 0, 7, 8, 128}));
}

TEST(StreamBytes, NarrowElementsArePacked) {
    EXPECT_EQ(stream_bytes(port({.bits = 4}, 4, 2, 4, 8), frames({1, 4}, {1, 2, 3, 4})),
              (Bytes{0x21, 0x43}));
    // Three of three bits a beat: 0b0_110_010_101, in two bytes.
    const hw::Port odd = port({.bits = 3}, 6, 3, 3, 16);
    EXPECT_EQ(frame_bytes(odd), 4);
    EXPECT_EQ(stream_bytes(odd, frames({1, 6}, {5, 2, 6, 7, 7, 7})),
              (Bytes{0x95, 0x01, 0xff, 0x01}));
}

TEST(StreamBytes, NegativeNumbersAreTwosComplement) {
    EXPECT_EQ(
        stream_bytes(port({.bits = 4, .is_signed = true}, 2, 2, 4, 8), frames({1, 2}, {-1, -8})),
        (Bytes{0x8f}));
    EXPECT_EQ(stream_bytes(port({.bits = 10, .is_signed = true}, 1, 1, 16, 16),
                           frames({2, 1}, {-2, 300})),
              (Bytes{0xfe, 0xff, 0x2c, 0x01}));
}

TEST(StreamBytes, ABeatWiderThanItsElementsIsPaddedWithZeros) {
    EXPECT_EQ(stream_bytes(port({.bits = 5}, 2, 1, 5, 8), frames({1, 2}, {31, 1})),
              (Bytes{0x1f, 0x01}));
}

}  // namespace
}  // namespace qloom::pack
