#include "base/int_type.h"

#include <gtest/gtest.h>

namespace qloom {
namespace {

TEST(IntType, RangesOfWideAndNarrowTypes) {
    EXPECT_EQ((IntType{4, true}.range()), (Range{-8, 7}));
    EXPECT_EQ((IntType{4, true, true}.range()), (Range{-7, 7}));
    EXPECT_EQ((IntType{4, false}.range()), (Range{0, 15}));
    EXPECT_EQ((IntType{4, false, true}.range()), (Range{0, 14}));
    EXPECT_EQ((IntType{1, false}.range()), (Range{0, 1}));
}

// Sufficient: both ends are held. Minimal: one bit less does not hold one of them.
TEST(IntType, SmallestIsSufficientAndMinimal) {
    for (std::int64_t lo = -70; lo <= 20; ++lo) {
        for (std::int64_t hi = lo; hi <= 70; ++hi) {
            const IntType type = IntType::smallest({lo, hi});
            EXPECT_TRUE(type.range().contains(Range{lo, hi})) << lo << ".." << hi;
            EXPECT_EQ(type.is_signed, lo < 0);
            if (type.bits > 1) {
                IntType less = type;
                --less.bits;
                EXPECT_FALSE(less.range().contains(Range{lo, hi})) << lo << ".." << hi;
            }
        }
    }
}

}  // namespace
}  // namespace qloom
