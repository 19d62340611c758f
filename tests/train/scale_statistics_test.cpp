#include "train/scale_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "train/random.h"

namespace qloom::train {
namespace {

QuantiserSpec spec_of(int bits, bool is_signed, bool narrow, ScaleSource source) {
    return {.type = {.bits = bits, .is_signed = is_signed, .narrow = narrow}, .source = source};
}

std::vector<float> random_values(std::size_t count, float lo, float hi, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> values(count);
    for (float& value : values) {
        value = random.uniform(lo, hi);
    }
    return values;
}

ChannelLayout whole(const std::vector<float>& x) {
    return {1, 1, static_cast<std::int64_t>(x.size())};
}

std::vector<float> quantised(const std::vector<float>& x, float scale, float zero,
                             const QuantiserSpec& spec) {
    std::vector<float> y(x.size());
    const std::vector<float> scales{scale};
    const std::vector<float> zeros{zero};
    fake_quant(x, whole(x), scales, level_range(spec), y, zeros);
    return y;
}

double squared_error(const std::vector<float>& x, const std::vector<float>& y) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        sum += std::pow(static_cast<double>(x[i] - y[i]), 2.0);
    }
    return sum;
}

TEST(StatisticsScale, MaxAndMeanSigma) {
    const std::vector<float> x{-3.5F, 1.0F};
    EXPECT_EQ(statistics_scale(x, {1, 1, 2}, spec_of(4, true, true, ScaleSource::kMax)),
              std::vector<float>{0.5F});
    QuantiserSpec sigma = spec_of(4, true, true, ScaleSource::kMeanSigma);
    sigma.sigmas = 2.0;
    // |x| has mean 2.25 and sigma 1.25: (2.25 + 2 * 1.25) / 7.
    EXPECT_FLOAT_EQ(statistics_scale(x, {1, 1, 2}, sigma)[0], 4.75F / 7.0F);
    QuantiserSpec constant = spec_of(4, true, true, ScaleSource::kConstant);
    constant.constant = 0.0625;
    EXPECT_EQ(statistics_scale(x, {1, 1, 2}, constant), std::vector<float>{0.0625F});
    EXPECT_FLOAT_EQ(statistics_scale(x, {1, 1, 2}, spec_of(1, true, false, ScaleSource::kMse))[0],
                    2.25F);
}

TEST(StatisticsScale, OneAChannelAndNeverZero) {
    const std::vector<float> x{7.0F, -1.0F, 0.0F, 0.0F};
    const QuantiserSpec spec = spec_of(4, true, true, ScaleSource::kMax);
    EXPECT_EQ(statistics_scale(x, {1, 2, 2}, spec), (std::vector<float>{1.0F, 1.0F}));
    EXPECT_EQ(statistics_scale(x, {2, 2, 1}, spec), (std::vector<float>{1.0F, 1.0F / 7.0F}));
    for (const ScaleSource source :
         {ScaleSource::kLearned, ScaleSource::kMse, ScaleSource::kMeanSigma}) {
        EXPECT_EQ(
            statistics_scale(std::vector<float>{0.0F}, {1, 1, 1}, spec_of(4, true, true, source)),
            std::vector<float>{1.0F});
    }
}

// Brute force over a fine grid finds no scale that is clearly better.
TEST(StatisticsScale, MseIsNearTheOptimum) {
    for (const int bits : {2, 3, 4, 8}) {
        const QuantiserSpec spec = spec_of(bits, true, true, ScaleSource::kMse);
        std::vector<float> x = random_values(500, -1.0F, 1.0F, 3);
        for (float& value : x) {
            value = value * value * value;  // most values small, a few large
        }
        const auto error = [&](float scale) {
            return squared_error(x, quantised(x, scale, 0.0F, spec));
        };
        double best = 1e300;
        for (int step = 1; step <= 4000; ++step) {
            best = std::min(best, error(static_cast<float>(step) / 2000.0F));
        }
        EXPECT_LE(error(statistics_scale(x, {1, 1, 500}, spec)[0]), best * 1.05) << bits;
    }
}

// The examples of the header.
TEST(StatisticsScale, Percentile) {
    const std::vector<float> x{1.0F, -2.0F, 3.0F, 4.0F};
    QuantiserSpec spec = spec_of(4, true, true, ScaleSource::kPercentile);
    for (const auto& [percentile, value] :
         {std::pair{75.0, 3.0F}, {76.0, 4.0F}, {50.0, 2.0F}, {100.0, 4.0F}}) {
        spec.percentile = percentile;
        EXPECT_FLOAT_EQ(statistics_scale(x, whole(x), spec)[0], value / 7.0F) << percentile;
    }
}

TEST(StatisticsScale, PowerOfTwo) {
    EXPECT_EQ(power_of_two(0.3F, ScaleSource::kMax), 0.5F);
    EXPECT_EQ(power_of_two(0.3F, ScaleSource::kMse), 0.25F);
    EXPECT_EQ(power_of_two(0.25F, ScaleSource::kMax), 0.25F);
    EXPECT_EQ(power_of_two(0.25F, ScaleSource::kLearned), 0.25F);
    QuantiserSpec spec = spec_of(4, true, true, ScaleSource::kMax);
    spec.power_of_two = true;
    const std::vector<float> x{-3.6F, 1.0F};
    EXPECT_EQ(statistics_scale(x, whole(x), spec), std::vector<float>{1.0F});  // 3.6 / 7 = 0.51
}

TEST(StatisticsScale, Asymmetric) {
    QuantiserSpec spec = spec_of(4, false, false, ScaleSource::kMax);
    spec.asymmetric = true;
    const std::vector<float> x{-1.0F, 2.0F};
    const ScaleAndZero found = scale_statistics(x, whole(x), spec);
    EXPECT_FLOAT_EQ(found.scale[0], 0.2F);
    EXPECT_EQ(found.zero, std::vector<float>{5.0F});
    // 0 is always a level of its own, also where no value is below or above it.
    const ScaleAndZero positive = scale_statistics(std::vector<float>{1.5F, 3.0F}, {1, 1, 2}, spec);
    EXPECT_FLOAT_EQ(positive.scale[0], 0.2F);
    EXPECT_EQ(positive.zero, std::vector<float>{0.0F});
    const ScaleAndZero negative =
        scale_statistics(std::vector<float>{-1.5F, -3.0F}, {1, 1, 2}, spec);
    EXPECT_EQ(negative.zero, std::vector<float>{15.0F});
}

// Every source, over signed and unsigned levels, leaves an error no larger than a few times that of
// the best pair of scale and zero point, which a grid finds.
TEST(StatisticsScale, AsymmetricIsSensible) {
    const std::vector<float> x = random_values(400, -0.4F, 1.3F, 11);
    for (const bool is_signed : {false, true}) {
        for (const ScaleSource source :
             {ScaleSource::kMax, ScaleSource::kPercentile, ScaleSource::kMeanSigma,
              ScaleSource::kMse, ScaleSource::kLearned}) {
            for (const bool power : {false, true}) {
                QuantiserSpec spec = spec_of(4, is_signed, false, source);
                spec.asymmetric = true;
                spec.power_of_two = power;
                const LevelRange levels = level_range(spec);
                double best = 1e300;
                for (float zero = levels.lo; zero <= levels.hi; zero += 1.0F) {
                    for (int step = 1; step <= 100; ++step) {
                        const float scale = power ? std::exp2(static_cast<float>(step - 50))
                                                  : 0.004F * static_cast<float>(step);
                        best = std::min(best, squared_error(x, quantised(x, scale, zero, spec)));
                    }
                }
                const ScaleAndZero found = scale_statistics(x, whole(x), spec);
                EXPECT_EQ(found.zero[0], std::nearbyint(found.zero[0]));
                EXPECT_LE(squared_error(x, quantised(x, found.scale[0], found.zero[0], spec)),
                          4.2 * best)
                    << static_cast<int>(source) << power;
            }
        }
    }
}

}  // namespace
}  // namespace qloom::train
