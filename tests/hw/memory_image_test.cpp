#include "hw/memory_image.h"

#include <gtest/gtest.h>

namespace qloom::hw {
namespace {

TEST(MemoryImage, WritesExactlyItsWords) {
    MemoryImage image("m", 6, 3);
    image.set(0, 0, 4, 0x9);
    image.set(0, 4, 2, 3);
    image.set(2, 1, 3, -1);
    EXPECT_EQ(image.text(), "39\n00\n0e\n");
}

TEST(MemoryImage, FieldsCrossLimbs) {
    MemoryImage image("m", 130, 1);
    image.set(0, 60, 8, 0xA5);  // bits 60..67
    image.set(0, 126, 4, -7);   // 9: bits 126..129
    EXPECT_EQ(image.text(), "2400000000000000a5000000000000000\n");
}

TEST(MemoryImage, TakesFullWords) {
    MemoryImage image("m", 64, 1);
    image.set(0, 0, 64, -2);
    EXPECT_EQ(image.text(), "fffffffffffffffe\n");
}

}  // namespace
}  // namespace qloom::hw
