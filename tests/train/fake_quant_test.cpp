#include "train/fake_quant.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train/random.h"

namespace qloom::train {
namespace {

QuantiserSpec spec_of(int bits, bool is_signed, bool narrow = false,
                      ScaleSource source = ScaleSource::kLearned) {
    return {.type = {.bits = bits, .is_signed = is_signed, .narrow = narrow}, .source = source};
}

std::vector<float> random_values(std::size_t count, float reach, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> values(count);
    for (float& value : values) {
        value = random.uniform(-reach, reach);
    }
    return values;
}

std::vector<float> quantised(const std::vector<float>& x, float scale, const QuantiserSpec& spec) {
    std::vector<float> y(x.size());
    const std::vector<float> scales{scale};
    fake_quant(x, {1, 1, static_cast<std::int64_t>(x.size())}, scales, level_range(spec), y);
    return y;
}

// QONNX's Quant by its definition, in double: clamp, then round half to even by cases.
double reference_level(double ratio, double lo, double hi) {
    const double clamped = ratio < lo ? lo : (ratio > hi ? hi : ratio);
    const double below = std::floor(clamped);
    const double rest = clamped - below;
    if (rest < 0.5) {
        return below;
    }
    if (rest > 0.5) {
        return below + 1.0;
    }
    return std::fmod(below, 2.0) == 0.0 ? below : below + 1.0;
}

TEST(FakeQuant, LevelsOfEveryWidth) {
    const LevelRange narrow = level_range(spec_of(4, true, true));
    EXPECT_EQ(narrow.lo, -7.0F);
    EXPECT_EQ(narrow.hi, 7.0F);
    const LevelRange wide = level_range(spec_of(4, true));
    EXPECT_EQ(wide.lo, -8.0F);
    EXPECT_EQ(wide.hi, 7.0F);
    const LevelRange positive = level_range(spec_of(4, false));
    EXPECT_EQ(positive.lo, 0.0F);
    EXPECT_EQ(positive.hi, 15.0F);
    const LevelRange ternary = level_range(spec_of(2, true, true));
    EXPECT_EQ(ternary.lo, -1.0F);
    EXPECT_EQ(ternary.hi, 1.0F);
    EXPECT_TRUE(level_range(spec_of(1, true)).bipolar);
    EXPECT_FALSE(level_range(spec_of(1, false)).bipolar);
}

TEST(FakeQuant, ExamplesOfTheHeader) {
    EXPECT_EQ(quantised({0.8F, 0.75F, 9.0F, -0.75F, -1.25F}, 0.5F, spec_of(4, true, true)),
              (std::vector<float>{1.0F, 1.0F, 3.5F, -1.0F, -1.0F}));
    std::vector<float> y(3);
    const std::vector<float> scale{0.5F};
    const std::vector<float> zero{3.0F};
    fake_quant(std::vector<float>{-1.0F, -9.0F, 9.0F}, {1, 1, 3}, scale,
               level_range(spec_of(4, false)), y, zero);
    EXPECT_EQ(y, (std::vector<float>{-1.0F, -1.5F, 6.0F}));
    EXPECT_EQ(quantised({0.1F, -0.1F, 0.0F, -0.0F}, 0.25F, spec_of(1, true)),
              (std::vector<float>{0.25F, -0.25F, 0.25F, 0.25F}));
}

TEST(FakeQuant, AgreesWithTheDefinition) {
    for (int bits = 1; bits <= 8; ++bits) {
        for (const bool is_signed : {false, true}) {
            for (const bool narrow : {false, true}) {
                const QuantiserSpec spec = spec_of(bits, is_signed, narrow);
                if (bits == 1 && (is_signed || narrow)) {
                    continue;  // bipolar has its own example; narrow leaves nothing
                }
                const Range range = spec.type.range();
                // A power of two, so that ties are hit exactly, and another scale.
                for (const float scale : {0.125F, 0.3F}) {
                    std::vector<float> x =
                        random_values(1000, 300.0F * scale, static_cast<std::uint64_t>(bits));
                    for (int half = -40; half <= 40; ++half) {
                        x.push_back(static_cast<float>(half) * 0.5F * scale);
                    }
                    const std::vector<float> y = quantised(x, scale, spec);
                    for (std::size_t i = 0; i < x.size(); ++i) {
                        const double level = reference_level(static_cast<double>(x[i] / scale),
                                                             static_cast<double>(range.lo),
                                                             static_cast<double>(range.hi));
                        ASSERT_EQ(y[i], scale * static_cast<float>(level))
                            << x[i] << " with " << spec.type.text();
                    }
                }
            }
        }
    }
}

TEST(FakeQuant, LevelsAreTheIntegersBehindTheValues) {
    const std::vector<float> x = random_values(100, 2.0F, 5);
    const std::vector<float> scale{0.21F};
    const QuantiserSpec spec = spec_of(4, true, true);
    const std::vector<float> levels = quantised_levels(x, {1, 1, 100}, scale, level_range(spec));
    const std::vector<float> y = quantised(x, scale[0], spec);
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_EQ(levels[i], std::nearbyint(levels[i]));
        EXPECT_EQ(levels[i] * scale[0], y[i]);
    }
}

TEST(FakeQuant, ChannelsHaveScalesOfTheirOwn) {
    const LevelRange levels = level_range(spec_of(4, true, true));
    const std::vector<float> scale{1.0F, 0.5F};
    const std::vector<float> x{0.6F, 0.6F, 9.0F, 9.0F};
    std::vector<float> y(4);
    fake_quant(x, {1, 2, 2}, scale, levels, y);  // weights: rows
    EXPECT_EQ(y, (std::vector<float>{1.0F, 1.0F, 3.5F, 3.5F}));
    fake_quant(x, {2, 2, 1}, scale, levels, y);  // activations: columns
    EXPECT_EQ(y, (std::vector<float>{1.0F, 0.5F, 7.0F, 3.5F}));
}

// Straight through means: with the rounding error c = round(r) - r taken as a constant, the
// function is y(x, s) = s * (clamp(x / s) + c), and its derivatives are the gradients.
// Differentiated numerically here.
TEST(FakeQuant, GradientsAreThoseOfTheStraightThroughSurrogate) {
    for (const QuantiserSpec& spec :
         {spec_of(4, true, true), spec_of(3, false), spec_of(2, true, true)}) {
        const Range range = spec.type.range();
        const auto lo = static_cast<double>(range.lo);
        const auto hi = static_cast<double>(range.hi);
        const auto clamp = [&](double r) { return r < lo ? lo : (r > hi ? hi : r); };
        const float scale = 0.37F;
        const std::vector<float> x = random_values(101, 5.0F, 7);
        const std::vector<float> upstream = random_values(101, 1.0F, 8);
        std::vector<float> gradient = upstream;
        std::vector<float> ds(1);
        const std::vector<float> scales{scale};
        fake_quant_backward(x, gradient, {1, 1, 101}, scales, level_range(spec), ds);
        double expected_ds = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double x0 = static_cast<double>(x[i]);
            const double s0 = static_cast<double>(scale);
            const double c = reference_level(x0 / s0, lo, hi) - clamp(x0 / s0);
            const auto y = [&](double xx, double s) { return s * (clamp(xx / s) + c); };
            const double h = 1e-6;
            const double dx = (y(x0 + h, s0) - y(x0 - h, s0)) / (2.0 * h);
            EXPECT_NEAR(gradient[i], dx * static_cast<double>(upstream[i]), 1e-4) << x[i];
            expected_ds +=
                static_cast<double>(upstream[i]) * (y(x0, s0 + h) - y(x0, s0 - h)) / (2.0 * h);
        }
        EXPECT_NEAR(ds[0], expected_ds, 1e-3 * (1.0 + std::fabs(expected_ds)));
    }
}

// The same with a zero point, and with a scale and zero point a channel in both memory orders.
TEST(FakeQuant, GradientsWithZeroPointsOfChannels) {
    const QuantiserSpec spec = spec_of(4, false);
    const LevelRange levels = level_range(spec);
    const std::vector<float> scale{0.37F, 0.2F, 0.5F};
    const std::vector<float> zero{5.0F, 0.0F, 9.0F};
    for (const ChannelLayout layout :
         {ChannelLayout{7, 3, 1}, ChannelLayout{1, 3, 7}, ChannelLayout{2, 3, 4}}) {
        const auto size = static_cast<std::size_t>(layout.size());
        const std::vector<float> x = random_values(size, 6.0F, 17);
        const std::vector<float> upstream = random_values(size, 1.0F, 18);
        std::vector<float> gradient = upstream;
        std::vector<float> y(size);
        std::vector<float> ds(3);
        fake_quant(x, layout, scale, levels, y, zero);
        fake_quant_backward(x, gradient, layout, scale, levels, ds, zero);
        const std::vector<float> found_levels = quantised_levels(x, layout, scale, levels, zero);
        std::vector<double> expected_ds(3, 0.0);
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t c = i / static_cast<std::size_t>(layout.inner) % 3;
            const auto clamp = [&](double r) { return std::min(std::max(r, 0.0), 15.0); };
            const double x0 = static_cast<double>(x[i]);
            const double s0 = static_cast<double>(scale[c]);
            const double z = static_cast<double>(zero[c]);
            const double level = reference_level(x0 / s0 + z, 0.0, 15.0);
            EXPECT_NEAR(y[i], s0 * (level - z), 1e-5);
            EXPECT_EQ(found_levels[i], static_cast<float>(level - z));
            const double rounding = level - clamp(x0 / s0 + z);
            const auto at = [&](double xx, double s) {
                return s * (clamp(xx / s + z) + rounding - z);
            };
            const double h = 1e-6;
            EXPECT_NEAR(
                gradient[i],
                (at(x0 + h, s0) - at(x0 - h, s0)) / (2.0 * h) * static_cast<double>(upstream[i]),
                1e-4);
            expected_ds[c] +=
                static_cast<double>(upstream[i]) * (at(x0, s0 + h) - at(x0, s0 - h)) / (2.0 * h);
        }
        for (std::size_t c = 0; c < 3; ++c) {
            EXPECT_NEAR(ds[c], expected_ds[c], 1e-3 * (1.0 + std::fabs(expected_ds[c])));
        }
    }
}

TEST(FakeQuant, BipolarGradients) {
    const std::vector<float> x{0.5F, -0.5F, 1.5F, -1.5F};
    std::vector<float> gradient{1.0F, 2.0F, 4.0F, 8.0F};
    std::vector<float> ds(1);
    const std::vector<float> scale{0.3F};
    fake_quant_backward(x, gradient, {1, 1, 4}, scale, level_range(spec_of(1, true)), ds);
    EXPECT_EQ(gradient, (std::vector<float>{1.0F, 2.0F, 0.0F, 0.0F}));
    EXPECT_EQ(ds[0], 1.0F - 2.0F + 4.0F - 8.0F);
}

}  // namespace
}  // namespace qloom::train
