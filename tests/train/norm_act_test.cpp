#include "train/norm_act.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "train/random.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kRows = 7;
constexpr std::int64_t kChannels = 5;
constexpr NormActShape kShape{.rows = kRows, .channels = kChannels, .epsilon = 1e-3F};

struct Case {
    std::vector<float> x = std::vector<float>(kRows * kChannels);
    std::vector<float> upstream = std::vector<float>(kRows * kChannels);
    std::vector<float> gamma = std::vector<float>(kChannels);
    std::vector<float> beta = std::vector<float>(kChannels);
    std::vector<float> mean = std::vector<float>(kChannels);
    std::vector<float> variance = std::vector<float>(kChannels);
    ClampRange clamp;
    std::optional<FusedQuantiser> quantiser;

    Case(ClampRange clamp_range, std::optional<FusedQuantiser> fused)
        : clamp(clamp_range), quantiser(fused) {
        Random random(42);
        for (float& value : x) value = random.uniform(-3.0F, 3.0F);
        for (float& value : upstream) value = random.uniform(-1.0F, 1.0F);
        for (float& value : gamma) value = random.uniform(-1.5F, 1.5F);
        for (float& value : beta) value = random.uniform(-0.5F, 0.5F);
        channel_statistics(x, kShape, mean, variance);
    }
    [[nodiscard]] NormParameters norm() const { return {gamma, beta, mean, variance}; }
};

// The forward pass in double, statistics of x included. `offsets` are the rounding errors, taken as
// constants; when `record` is set they are measured instead.
struct Surrogate {
    const Case& c;
    std::vector<double> offsets = std::vector<double>(kRows * kChannels, 0.0);

    std::vector<double> run(const std::vector<double>& x, const std::vector<double>& gamma,
                            const std::vector<double>& beta, double scale, bool record) {
        std::vector<double> y(x.size());
        for (std::size_t ch = 0; ch < kChannels; ++ch) {
            double mean = 0.0;
            double variance = 0.0;
            for (std::size_t r = 0; r < kRows; ++r) mean += x[r * kChannels + ch] / kRows;
            for (std::size_t r = 0; r < kRows; ++r)
                variance += std::pow(x[r * kChannels + ch] - mean, 2.0) / kRows;
            for (std::size_t r = 0; r < kRows; ++r) {
                const std::size_t i = r * kChannels + ch;
                double v = (x[i] - mean) / std::sqrt(variance + 1e-3) * gamma[ch] + beta[ch];
                v = std::fmin(std::fmax(v, static_cast<double>(c.clamp.lo)),
                              static_cast<double>(c.clamp.hi));
                if (c.quantiser) {
                    const double ratio =
                        std::fmin(std::fmax(v / scale, static_cast<double>(c.quantiser->levels.lo)),
                                  static_cast<double>(c.quantiser->levels.hi));
                    if (record) offsets[i] = std::nearbyint(ratio) - ratio;
                    v = scale * (ratio + offsets[i]);
                }
                y[i] = v;
            }
        }
        return y;
    }
};

std::vector<double> widened(const std::vector<float>& values) {
    return {values.begin(), values.end()};
}

void check(const Case& c) {
    const double scale = c.quantiser ? static_cast<double>(c.quantiser->scale) : 1.0;
    Surrogate surrogate{c};
    const std::vector<double> expected =
        surrogate.run(widened(c.x), widened(c.gamma), widened(c.beta), scale, true);
    std::vector<float> y(c.x.size());
    norm_act_forward(c.x, kShape, c.norm(), c.clamp, c.quantiser, y);
    for (std::size_t i = 0; i < y.size(); ++i) {
        EXPECT_NEAR(y[i], expected[i], 1e-5) << i;
    }

    std::vector<float> dx(c.x.size());
    std::vector<float> dgamma(kChannels);
    std::vector<float> dbeta(kChannels);
    NormActGradients gradients{.dx = dx, .dgamma = dgamma, .dbeta = dbeta};
    norm_act_backward(c.x, c.upstream, kShape, c.norm(), c.clamp, c.quantiser, gradients);
    // Numerically, one argument after the other.
    const auto loss = [&](const std::vector<double>& x, const std::vector<double>& gamma,
                          const std::vector<double>& beta, double s) {
        const std::vector<double> out = surrogate.run(x, gamma, beta, s, false);
        double sum = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i)
            sum += out[i] * static_cast<double>(c.upstream[i]);
        return sum;
    };
    const double h = 1e-6;
    const auto derivative = [&](std::vector<double> values, std::size_t i,
                                const std::function<double(const std::vector<double>&)>& f) {
        values[i] += h;
        const double above = f(values);
        values[i] -= 2.0 * h;
        return (above - f(values)) / (2.0 * h);
    };
    const auto x = widened(c.x);
    const auto gamma = widened(c.gamma);
    const auto beta = widened(c.beta);
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(dx[i],
                    derivative(x, i, [&](const auto& v) { return loss(v, gamma, beta, scale); }),
                    2e-4)
            << i;
    }
    for (std::size_t i = 0; i < kChannels; ++i) {
        EXPECT_NEAR(dgamma[i],
                    derivative(gamma, i, [&](const auto& v) { return loss(x, v, beta, scale); }),
                    2e-4);
        EXPECT_NEAR(dbeta[i],
                    derivative(beta, i, [&](const auto& v) { return loss(x, gamma, v, scale); }),
                    2e-4);
    }
    if (c.quantiser) {
        const double ds =
            (loss(x, gamma, beta, scale + h) - loss(x, gamma, beta, scale - h)) / (2.0 * h);
        EXPECT_NEAR(gradients.dscale, ds, 1e-3);
    }
}

TEST(NormAct, StatisticsOfTheHeader) {
    const std::vector<float> x{0.0F, 10.0F, 2.0F, 10.0F};
    std::vector<float> mean(2);
    std::vector<float> variance(2);
    channel_statistics(x, {.rows = 2, .channels = 2}, mean, variance);
    EXPECT_EQ(mean, (std::vector<float>{1.0F, 10.0F}));
    EXPECT_EQ(variance, (std::vector<float>{1.0F, 0.0F}));
}

TEST(NormAct, NormAlone) { check(Case({}, std::nullopt)); }
TEST(NormAct, Relu) { check(Case({.lo = 0.0F}, std::nullopt)); }
TEST(NormAct, HardTanh) { check(Case({.lo = -1.0F, .hi = 1.0F}, std::nullopt)); }
TEST(NormAct, QuantisedRelu) {
    check(Case({.lo = 0.0F}, FusedQuantiser{.scale = 0.13F, .levels = {.lo = 0.0F, .hi = 7.0F}}));
}
TEST(NormAct, QuantisedHardTanh) {
    check(Case({.lo = -1.0F, .hi = 1.0F},
               FusedQuantiser{.scale = 0.3F, .levels = {.lo = -3.0F, .hi = 3.0F}}));
}
TEST(NormAct, QuantisedIdentity) {
    check(Case({}, FusedQuantiser{.scale = 0.2F, .levels = {.lo = -7.0F, .hi = 7.0F}}));
}

// Signs pass the gradient inside [-1, 1] of the normalised value; their scale sees the signs.
TEST(NormAct, Bipolar) {
    const std::vector<float> x{-2.0F, 0.5F, 0.25F, -1.0F};
    const std::vector<float> upstream{1.0F, 1.0F, 1.0F, 1.0F};
    const std::vector<float> one{1.0F};
    const std::vector<float> zero{0.0F};
    const NormActShape shape{.rows = 4, .channels = 1, .epsilon = 0.0F};
    const FusedQuantiser quantiser{.scale = 0.5F,
                                   .levels = {.lo = -1.0F, .hi = 1.0F, .bipolar = true}};
    std::vector<float> y(4);
    norm_act_forward(x, shape, {one, zero, zero, one}, {}, quantiser, y);
    EXPECT_EQ(y, (std::vector<float>{-0.5F, 0.5F, 0.5F, -0.5F}));
    std::vector<float> dx(4);
    std::vector<float> dgamma(1);
    std::vector<float> dbeta(1);
    NormActGradients gradients{.dx = dx, .dgamma = dgamma, .dbeta = dbeta};
    norm_act_backward(x, upstream, shape, {one, zero, zero, one}, {}, quantiser, gradients);
    EXPECT_EQ(dbeta[0], 3.0F);  // all but -2
    EXPECT_EQ(dgamma[0], 0.5F + 0.25F - 1.0F);
    EXPECT_EQ(gradients.dscale, 0.0F);  // two of each sign
}

}  // namespace
}  // namespace qloom::train
