#include "ptq/levels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/run_node.h"
#include "networks.h"

namespace qloom::ptq {
namespace {

// The executor's own Quant on a vector.
std::vector<float> reference(const std::vector<float>& x, const Levels& levels) {
    const auto size = static_cast<std::int64_t>(x.size());
    const ir::Value data = Tensor<float>({size}, x);
    const ir::Value scale = Tensor<float>(Shape{}, levels.scale);
    const ir::Value zero = Tensor<float>(Shape{}, levels.zero);
    const ir::Value bits = Tensor<float>(Shape{}, static_cast<float>(levels.type.bits));
    ir::Node node{.name = "q",
                  .op = ir::Quant{.is_signed = levels.type.is_signed, .narrow = levels.type.narrow},
                  .inputs = {},
                  .outputs = {}};
    node.inputs = {ir::TensorId{0}, ir::TensorId{1}, ir::TensorId{2}, ir::TensorId{3}};
    node.outputs = {ir::TensorId{4}};
    return std::get<Tensor<float>>(ir::run_node(node, {&data, &scale, &zero, &bits})[0]).values();
}

std::vector<float> numbers(std::int64_t count, float lo, float hi, std::uint32_t seed) {
    std::mt19937 rng(seed);
    return testing::random_tensor({count}, lo, hi, rng).values();
}

double reference_error(const std::vector<float>& x, const std::vector<float>& wanted,
                       const Levels& levels) {
    const std::vector<float> y = reference(x, levels);
    double error = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) {
        error += std::pow(static_cast<double>(y[i]) - static_cast<double>(wanted[i]), 2.0);
    }
    return error;
}

TEST(Levels, ExamplesOfTheHeader) {
    const Levels narrow{.type = {4, true, true}, .scale = 0.5F, .zero = 0.0F};
    EXPECT_EQ(narrow.quantised(0.8F), 1.0F);
    EXPECT_EQ(narrow.level(0.8F), 2.0F);
    EXPECT_EQ(narrow.quantised(9.0F), 3.5F);
    EXPECT_EQ(narrow.quantised(-9.0F), -3.5F);
    const Levels asymmetric{.type = {4, false}, .scale = 0.1F, .zero = 4.0F};
    EXPECT_EQ(asymmetric.level(-0.3F), 1.0F);
    EXPECT_FLOAT_EQ(asymmetric.quantised(-0.3F), -0.3F);
    EXPECT_FLOAT_EQ(asymmetric.quantised(9.0F), 1.1F);
}

TEST(Levels, AgreeWithTheExecutorBitForBit) {
    const std::vector<float> x = numbers(3000, -3.0F, 3.0F, 1);
    for (const int bits : {2, 3, 4, 8}) {
        for (const bool is_signed : {true, false}) {
            for (const bool narrow : {true, false}) {
                const Levels levels{.type = {bits, is_signed, narrow},
                                    .scale = 0.137F,
                                    .zero = is_signed ? 0.0F : 2.0F};
                const std::vector<float> y = reference(x, levels);
                for (std::size_t i = 0; i < x.size(); ++i) {
                    ASSERT_EQ(levels.quantised(x[i]), y[i]) << x[i] << " " << levels.type.text();
                }
            }
        }
    }
}

TEST(FindLevels, LeastSquaresOverTheWholeGrid) {
    std::mt19937 rng(2);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    for (const IntType type : {IntType{4, true, true}, IntType{3, true}, IntType{4, false}}) {
        Samples samples;
        for (int i = 0; i < 500; ++i) {
            const float x = normal(rng);
            samples.values.push_back(type.is_signed ? x : std::max(0.0F, x));
            samples.targets.push_back(samples.values.back() + 0.1F * normal(rng));
        }
        const Levels found = find_levels(samples, type, {});
        const double least = reference_error(samples.values, samples.targets, found);
        EXPECT_NEAR(squared_error(samples, found), least, 1e-9 * least);
        float largest = 0.0F;
        for (const float x : samples.values) {
            const Range range = type.range();
            largest = std::max(
                largest, x / static_cast<float>(x >= 0 || range.lo == 0 ? range.hi : range.lo));
        }
        for (int step = 10; step <= 100; ++step) {
            Levels other = found;
            other.scale = static_cast<float>(static_cast<double>(largest) * step / 100);
            EXPECT_LE(least, reference_error(samples.values, samples.targets, other) * (1 + 1e-6))
                << step;
        }
        EXPECT_LT(found.scale, largest) << "a normal distribution is clipped at 3 and 4 bits";
    }
}

// Errors that count double move the scale as if the sample stood there twice.
TEST(FindLevels, WeightsCountAsRepetitions) {
    Samples weighted{.values = numbers(60, -1.0F, 1.0F, 3), .targets = {}, .weights = {}};
    Samples repeated;
    for (std::size_t i = 0; i < weighted.values.size(); ++i) {
        weighted.weights.push_back(static_cast<double>(i % 4));
        repeated.values.insert(repeated.values.end(), i % 4, weighted.values[i]);
    }
    repeated.values.push_back(0.0F);
    const float largest =
        *std::ranges::max_element(weighted.values, {}, [](float x) { return std::abs(x); });
    weighted.values.push_back(largest);  // the same grid of candidates
    weighted.weights.push_back(1.0);
    repeated.values.push_back(largest);
    EXPECT_EQ(find_levels(weighted, {3, true, true}, {}).scale,
              find_levels(repeated, {3, true, true}, {}).scale);
}

TEST(FindLevels, MaxAndPercentile) {
    Samples samples;
    for (int i = 1; i <= 100; ++i) {
        samples.values.push_back(static_cast<float>(i % 2 == 0 ? i : -i));
    }
    EXPECT_FLOAT_EQ(find_levels(samples, {4, true, true}, {.rule = ScaleRule::kMax}).scale,
                    100.0F / 7.0F);
    EXPECT_FLOAT_EQ(
        find_levels(samples, {4, true, true}, {.rule = ScaleRule::kPercentile, .percentile = 70.0})
            .scale,
        10.0F);
    EXPECT_FLOAT_EQ(find_levels(samples, {4, true}, {.rule = ScaleRule::kMax}).scale, 100.0F / 7.0F)
        << "-99 fits in -8 levels";
}

TEST(FindLevels, PowersOfTwo) {
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
        const Samples samples{.values = numbers(200, -1.7F, 2.9F, seed)};
        for (const ScaleRule rule : {ScaleRule::kMse, ScaleRule::kMax}) {
            const Levels found =
                find_levels(samples, {4, true}, {.rule = rule, .power_of_two = true});
            const float exponent = std::log2(found.scale);
            EXPECT_EQ(exponent, std::nearbyint(exponent));
            for (const float factor : {0.5F, 2.0F}) {
                Levels other = found;
                other.scale *= factor;
                if (rule == ScaleRule::kMse) {
                    EXPECT_LE(squared_error(samples, found), squared_error(samples, other));
                }
            }
        }
        // The finest power that clips nothing.
        const Levels covering =
            find_levels(samples, {4, true}, {.rule = ScaleRule::kMax, .power_of_two = true});
        EXPECT_LE(*std::ranges::max_element(samples.values), 7.0F * covering.scale);
        EXPECT_GT(std::max(*std::ranges::max_element(samples.values) / 7.0F,
                           -*std::ranges::min_element(samples.values) / 8.0F),
                  covering.scale / 2.0F);
    }
}

TEST(FindLevels, NothingToQuantise) {
    EXPECT_EQ(find_levels({.values = {0.0F, 0.0F}}, {4, true}, {}).scale, 1.0F);
    EXPECT_EQ(find_levels({.values = {}}, {4, true}, {.rule = ScaleRule::kPercentile}).scale, 1.0F);
    EXPECT_EQ(find_asymmetric_levels({.values = {0.0F}}, 4, {}).scale, 1.0F);
}

TEST(SharedLevels, OneScaleTheLeastSumOfErrors) {
    const std::vector<Samples> samples{{.values = numbers(300, 0.0F, 4.0F, 5)},
                                       {.values = numbers(300, -2.0F, 1.0F, 6)}};
    const std::vector<IntType> types{{4, false}, {5, true}};
    const std::vector<Levels> found = find_shared_levels(samples, types, {});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].scale, found[1].scale);
    EXPECT_EQ(found[0].type, types[0]);
    EXPECT_EQ(found[1].type, types[1]);
    const auto error = [&](float scale) {
        double sum = 0.0;
        for (std::size_t i = 0; i < 2; ++i) {
            Levels levels = found[i];
            levels.scale = scale;
            sum += reference_error(samples[i].values, samples[i].values, levels);
        }
        return sum;
    };
    // The scale at which both just reach their largest values, and shares of it.
    const double reaching =
        std::max({static_cast<double>(*std::ranges::max_element(samples[0].values)) / 15.0,
                  static_cast<double>(*std::ranges::max_element(samples[1].values)) / 15.0,
                  static_cast<double>(*std::ranges::min_element(samples[1].values)) / -16.0});
    for (int step = 10; step <= 100; ++step) {
        EXPECT_LE(error(found[0].scale),
                  error(static_cast<float>(reaching * step / 100)) * (1 + 1e-6))
            << step;
    }
}

TEST(AsymmetricLevels, ZeroIsExactAndShiftedRangesGain) {
    std::vector<float> x = numbers(1000, -3.0F, 6.0F, 7);
    for (float& v : x) {
        v = v * std::min(std::max(v + 3.0F, 0.0F), 6.0F) / 6.0F;  // HardSwish: -0.375 to 6
    }
    const Samples samples{.values = x};
    const Levels asymmetric = find_asymmetric_levels(samples, 4, {});
    EXPECT_FALSE(asymmetric.type.is_signed);
    EXPECT_EQ(asymmetric.quantised(0.0F), 0.0F);
    EXPECT_EQ(asymmetric.zero, std::nearbyint(asymmetric.zero));
    EXPECT_GT(asymmetric.zero, 0.0F);
    EXPECT_LT(squared_error(samples, asymmetric),
              0.5 * squared_error(samples, find_levels(samples, {4, true}, {})));
}

TEST(ExactLevels, BytesAndTheirShares) {
    std::vector<float> bytes;
    std::vector<float> shares;
    for (int i = 0; i < 200; ++i) {
        bytes.push_back(static_cast<float>(i * 37 % 256));
        shares.push_back(bytes.back() / 255.0F);
    }
    const auto byte_levels = find_exact_levels({.values = bytes}, 8);
    ASSERT_TRUE(byte_levels);
    EXPECT_EQ(*byte_levels, (Levels{.type = {8, false}, .scale = 1.0F, .zero = 0.0F}));
    const auto share_levels = find_exact_levels({.values = shares}, 8);
    ASSERT_TRUE(share_levels);
    EXPECT_EQ(share_levels->scale, 1.0F / 255.0F);
    EXPECT_FALSE(find_exact_levels({.values = bytes}, 7)) << "255 is no level of 7 bits";
}

TEST(ExactLevels, OtherGridsOnlyWhenTheyAreReached) {
    std::vector<float> grid;
    for (int i = -100; i < 100; ++i) {
        grid.push_back(0.03F * static_cast<float>(i));
    }
    const auto found = find_exact_levels({.values = grid}, 8);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->type.is_signed);
    EXPECT_NEAR(found->scale, 0.03F, 1e-7F);
    for (const float value : grid) {
        EXPECT_NEAR(found->quantised(value), value, 1e-5F);
    }
    EXPECT_FALSE(find_exact_levels({.values = {0.0F, 0.5F, -0.5F}}, 8))
        << "three values say nothing about what lies between";
    EXPECT_FALSE(find_exact_levels({.values = numbers(100, -1.0F, 1.0F, 8)}, 8));
    EXPECT_FALSE(find_exact_levels({.values = {0.0F}}, 8));
}

}  // namespace
}  // namespace qloom::ptq
