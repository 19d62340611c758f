// Quantisers against their definitions, worked by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "run_helpers.h"

namespace qloom::ir {
namespace {

Floats quant(const Quant& op, std::vector<float> x, float scale, float zero, float bits) {
    return runf(op, {vec(std::move(x)), num(scale), num(zero), num(bits)});
}

TEST(RunQuant, RoundsHalfToEvenAndClampsFirst) {
    // x / 0.5 = -9, -2.5, -1.5, 0.5, 2.5, 7.4, 9 in INT4
    EXPECT_EQ(quant({}, {-4.5F, -1.25F, -0.75F, 0.25F, 1.25F, 3.7F, 4.5F}, 0.5F, 0, 4),
              vec({-4.0F, -1.0F, -1.0F, 0.0F, 1.0F, 3.5F, 3.5F}));
}

TEST(RunQuant, ClampBeforeRoundMattersForCeil) {
    // 7.4 clamps to 7 first; rounding up first would give 8, then 7: the same. -8.6 clamps to -8: CEIL keeps it.
    EXPECT_EQ(quant({.rounding = RoundingMode::kCeil}, {7.4F, 6.2F, -8.6F, -7.9F}, 1, 0, 4), vec({7, 7, -8, -7}));
    EXPECT_EQ(quant({.rounding = RoundingMode::kFloor}, {7.4F, 6.8F, -8.6F, -7.1F}, 1, 0, 4), vec({7, 6, -8, -8}));
}

TEST(RunQuant, EveryRoundingMode) {
    struct Case {
        RoundingMode mode;
        std::vector<float> of_half;  // 2.5, -2.5, 2.6, -2.4
    };
    for (const Case& c : {Case{RoundingMode::kHalfEven, {2, -2, 3, -2}}, Case{RoundingMode::kCeil, {3, -2, 3, -2}},
                          Case{RoundingMode::kFloor, {2, -3, 2, -3}}, Case{RoundingMode::kUp, {3, -3, 3, -3}},
                          Case{RoundingMode::kDown, {2, -2, 2, -2}}, Case{RoundingMode::kHalfUp, {3, -3, 3, -2}},
                          Case{RoundingMode::kHalfDown, {2, -2, 3, -2}}}) {
        EXPECT_EQ(quant({.rounding = c.mode}, {2.5F, -2.5F, 2.6F, -2.4F}, 1, 0, 4), vec(c.of_half))
            << rounding_mode_name(c.mode);
    }
}

TEST(RunQuant, RangesOfSignedNarrowAndUnsigned) {
    const std::vector<float> far{-1000, 1000};
    EXPECT_EQ(quant({.is_signed = true, .narrow = false}, far, 1, 0, 4), vec({-8, 7}));
    EXPECT_EQ(quant({.is_signed = true, .narrow = true}, far, 1, 0, 4), vec({-7, 7}));
    EXPECT_EQ(quant({.is_signed = false, .narrow = false}, far, 1, 0, 4), vec({0, 15}));
    EXPECT_EQ(quant({.is_signed = false, .narrow = true}, far, 1, 0, 4), vec({0, 14}));
    EXPECT_EQ(quant({.is_signed = false}, far, 1, 0, 1), vec({0, 1}));
    EXPECT_EQ(quant({.is_signed = true, .narrow = true}, far, 1, 0, 2), vec({-1, 1}));
    // At 32 bits float32 cannot tell 2^31 - 1 from 2^31.
    EXPECT_EQ(quant({}, {-1e20F, 1e20F}, 1, 0, 32), vec({-2147483648.0F, 2147483648.0F}));
}

TEST(RunQuant, OneSignedBitIsBipolar) {
    EXPECT_EQ(quant({}, {-3, -0.1F, 0, 0.1F, 5}, 0.5F, 0, 1), vec({-0.5F, -0.5F, 0.5F, 0.5F, 0.5F}));
    EXPECT_EQ(runf(BipolarQuant{}, {vec({-3, -0.0F, 0, 5}), num(0.5F)}), vec({-0.5F, 0.5F, 0.5F, 0.5F}));
}

TEST(RunQuant, ZeroPoint) {
    // q = round(clamp(x + 3, 0, 15)); y = q - 3
    EXPECT_EQ(quant({.is_signed = false}, {-10, -3, 0, 1.5F, 20}, 1, 3, 4), vec({-3, -3, 0, 1, 12}));
}

TEST(RunQuant, PerChannelScaleBroadcasts) {
    const Floats x({1, 2, 2}, {1, 2, 3, 4});
    const Floats scale({2, 1}, {1, 2});
    EXPECT_EQ(runf(Quant{}, {x, scale, num(0), num(8)}), Floats({1, 2, 2}, {1, 2, 4, 4}));
    EXPECT_EQ(runf(Quant{}, {x, vec({1, 2}), num(0), num(8)}), Floats({1, 2, 2}, {1, 2, 3, 4}));
}

TEST(RunQuant, FastRoundingEqualsNearbyint) {
    std::vector<float> values;
    for (int i = -4000; i <= 4000; ++i) {
        values.push_back(static_cast<float>(i) * 0.25F);
        values.push_back(std::nextafter(static_cast<float>(i) + 0.5F, 1e9F));
        values.push_back(std::nextafter(static_cast<float>(i) + 0.5F, -1e9F));
    }
    const Floats got = quant({}, values, 1, 0, 16);
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(got[static_cast<std::int64_t>(i)], std::nearbyint(values[i])) << values[i];
    }
}

TEST(RunQuant, NanStaysNan) {
    EXPECT_TRUE(std::isnan(quant({}, {std::numeric_limits<float>::quiet_NaN()}, 1, 0, 4)[0]));
}

TEST(RunTrunc, VersionOneDividesByAPowerOfTwo) {
    // 8 bit in, 4 bit out: floor(round(x / s) / 16) * s
    EXPECT_EQ(runf(Trunc{}, {vec({0.5F * 31, 0.5F * 32, 0.5F * -1}), num(0.5F), num(0), num(8), num(4)}),
              vec({0.5F, 1.0F, -0.5F}));
    EXPECT_EQ(runf(Trunc{.rounding = RoundingMode::kHalfEven}, {vec({24, 25, 40}), num(1), num(0), num(8), num(4)}),
              vec({2, 2, 2}));
}

TEST(RunTrunc, VersionTwoScalesByTheRatioOfScales) {
    // scale 1 -> 4: t = 4; clamp to INT3 (-4..3) before rounding down
    EXPECT_EQ(runf(Trunc{.version = 2}, {vec({7, 8, 100, -5, -100}), num(1), num(0), num(8), num(4), num(3)}),
              vec({4, 8, 12, -8, -16}));
    // zero point 8 becomes 2 in steps of 4
    EXPECT_EQ(runf(Trunc{.version = 2, .is_signed = false}, {vec({0, 4, -8}), num(1), num(8), num(8), num(4), num(4)}),
              vec({0, 4, -8}));
}

TEST(RunMultiThreshold, CountsThresholdsReached) {
    const Floats thresholds({1, 3}, {0, 1, 2});
    EXPECT_EQ(runf(MultiThreshold{}, {Floats({1, 4}, {-1, 0, 1.5F, 9}), thresholds}), Floats({1, 4}, {0, 1, 2, 3}));
    EXPECT_EQ(runf(MultiThreshold{.out_scale = 2, .out_bias = -1}, {Floats({1, 2}, {-1, 0}), Floats({1, 1}, {0})}),
              Floats({1, 2}, {-1, 1}));
}

TEST(RunMultiThreshold, ChannelsByLayout) {
    const Floats thresholds({2, 1}, {0, 10});
    EXPECT_EQ(runf(MultiThreshold{}, {Floats({1, 2, 1, 2}, {5, 5, 5, 15}), thresholds}),
              Floats({1, 2, 1, 2}, {1, 1, 0, 1}));
    EXPECT_EQ(runf(MultiThreshold{.channels_last = true}, {Floats({1, 1, 2, 2}, {5, 5, 15, 15}), thresholds}),
              Floats({1, 1, 2, 2}, {1, 0, 1, 1}));
    // three axes: QONNX takes the last for the channels
    EXPECT_EQ(runf(MultiThreshold{}, {Floats({1, 1, 2}, {5, 5}), thresholds}), Floats({1, 1, 2}, {1, 0}));
}

TEST(RunMultiThreshold, UnsortedThresholdsAreCountedToo) {
    EXPECT_EQ(runf(MultiThreshold{}, {Floats({1, 1}, {1}), Floats({1, 3}, {2, 0, 1})}), Floats({1, 1}, {2}));
}

TEST(RunQuantizeLinear, RoundsThenAddsThenSaturates) {
    const QuantizeLinear uint8{.axis = 1, .type = {8, false}};
    EXPECT_EQ(runf(uint8, {vec({-1, 0.25F, 0.75F, 200}), num(0.5F), Value(Ints(Shape{}, 1))}), vec({0, 1, 3, 255}));
    const QuantizeLinear int8{.axis = 1, .type = {8, true}};
    EXPECT_EQ(runf(int8, {Floats({1, 2}, {1, 1}), vec({1, 0.5F})}), Floats({1, 2}, {1, 2}));
}

TEST(RunDequantizeLinear, PerTensorAndPerAxis) {
    EXPECT_EQ(runf(DequantizeLinear{}, {ints({1, -2}), num(0.5F), Value(Ints(Shape{}, 1))}), vec({0, -1.5F}));
    EXPECT_EQ(runf(DequantizeLinear{.axis = 0}, {Ints({2, 2}, {1, 2, 3, 4}), vec({1, 10})}),
              Floats({2, 2}, {1, 2, 30, 40}));
}

TEST(RunQuant, ParametersThatMakeNoSenseAreRefused) {
    const std::string scale = "; a scale must be a positive finite number; check the quantiser's statistics in training";
    EXPECT_EQ(refusal(Quant{}, {vec({1}), num(0), num(0), num(4)}), "Q0204: node n (Quant): its scale is 0" + scale);
    EXPECT_EQ(refusal(Quant{}, {vec({1}), num(-1), num(0), num(4)}), "Q0204: node n (Quant): its scale is -1" + scale);
    EXPECT_EQ(refusal(Quant{}, {vec({1}), num(std::nanf("")), num(0), num(4)}),
              "Q0204: node n (Quant): its scale is nan" + scale);
    const std::string bits = "; a bit width must be a whole number from 1 to 32";
    for (const char* text : {"0", "-3", "2.5", "33"}) {
        EXPECT_EQ(refusal(Quant{}, {vec({1}), num(1), num(0), num(std::stof(text))}),
                  std::string("Q0204: node n (Quant): its bit width is ") + text + bits);
    }
    EXPECT_EQ(refusal(Quant{}, {vec({1}), num(1), num(std::nanf("")), num(4)}),
              "Q0204: node n (Quant): its zero point is nan; a zero point must be an integer that the bit width can "
              "hold");
    EXPECT_EQ(refusal(Quant{}, {vec({1}), num(1), num(0), vec({4, 4})}),
              "Q0204: node n (Quant): its bit width has shape [2]; give one bit width for the whole tensor");
    EXPECT_EQ(refusal(Quant{.is_signed = false, .narrow = true}, {vec({1}), num(1), num(0), num(1)}),
              "Q0204: node n (Quant): it is unsigned, narrow and has 1 bit: its only value is 0; export it without "
              "narrow range, or with more bits");
    EXPECT_EQ(refusal(Quant{}, {vec({1, 2}), vec({1, 2, 3}), num(0), num(4)}),
              "Q0201: node n (Quant): its scale has shape [3], the data [2]; give one value in all, or one a channel "
              "shaped to broadcast");
}

}  // namespace
}  // namespace qloom::ir
