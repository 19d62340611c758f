#include "base/rounding.h"

#include <gtest/gtest.h>

namespace qloom {
namespace {

// The table of the QONNX documentation: columns UP, DOWN, CEIL, FLOOR, HALF_UP, HALF_DOWN, HALF_EVEN.
TEST(Rounding, DocumentedTable) {
    struct Row {
        float value;
        float up, down, ceil, floor, half_up, half_down, half_even;
    };
    const Row rows[] = {
        {5.5F, 6, 5, 6, 5, 6, 5, 6},       {2.5F, 3, 2, 3, 2, 3, 2, 2},       {1.6F, 2, 1, 2, 1, 2, 2, 2},
        {1.1F, 2, 1, 2, 1, 1, 1, 1},       {1.0F, 1, 1, 1, 1, 1, 1, 1},       {-1.0F, -1, -1, -1, -1, -1, -1, -1},
        {-1.1F, -2, -1, -1, -2, -1, -1, -1}, {-1.6F, -2, -1, -1, -2, -2, -2, -2}, {-2.5F, -3, -2, -2, -3, -3, -2, -2},
        {-5.5F, -6, -5, -5, -6, -6, -5, -6},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(round_value(row.value, RoundingMode::kUp), row.up) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kDown), row.down) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kCeil), row.ceil) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kFloor), row.floor) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kHalfUp), row.half_up) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kHalfDown), row.half_down) << row.value;
        EXPECT_EQ(round_value(row.value, RoundingMode::kHalfEven), row.half_even) << row.value;
    }
}

TEST(Rounding, NamesRoundTripInAnyCase) {
    for (const RoundingMode mode :
         {RoundingMode::kHalfEven, RoundingMode::kCeil, RoundingMode::kFloor, RoundingMode::kUp, RoundingMode::kDown,
          RoundingMode::kHalfUp, RoundingMode::kHalfDown}) {
        RoundingMode parsed{};
        EXPECT_TRUE(parse_rounding_mode(rounding_mode_name(mode), parsed));
        EXPECT_EQ(parsed, mode);
    }
    RoundingMode parsed{};
    EXPECT_TRUE(parse_rounding_mode("round_to_zero", parsed));
    EXPECT_EQ(parsed, RoundingMode::kDown);
    EXPECT_FALSE(parse_rounding_mode("STOCHASTIC", parsed));
}

}  // namespace
}  // namespace qloom
