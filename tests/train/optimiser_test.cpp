#include "train/optimiser.h"

#include <gtest/gtest.h>

#include <cmath>

namespace qloom::train {
namespace {

const std::vector<double> kStart{0.5, -1.0, 2.0};
constexpr std::int64_t kDecayed = 2;
constexpr int kSteps = 5;

// Any gradient that changes with step and parameter.
double gradient_at(int step, std::size_t i) {
    return std::sin(static_cast<double>(step) + 2.0 * static_cast<double>(i));
}

std::vector<float> run(const TrainingSpec& spec, double rate) {
    FlatOptimiser optimiser(spec, 3, kDecayed);
    std::vector<float> parameters(kStart.begin(), kStart.end());
    for (int step = 0; step < kSteps; ++step) {
        std::vector<float> gradient(3);
        for (std::size_t i = 0; i < 3; ++i) {
            gradient[i] = static_cast<float>(gradient_at(step, i));
        }
        optimiser.step(parameters, gradient, rate);
    }
    EXPECT_EQ(optimiser.steps(), kSteps);
    return parameters;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 1e-5) << i;
    }
}

TEST(FlatOptimiser, SgdWithMomentum) {
    TrainingSpec spec{.optimiser = Optimiser::kSgd};
    spec.momentum = 0.9;
    spec.weight_decay = 0.1;
    std::vector<double> p = kStart;
    std::vector<double> m(3);
    for (int step = 0; step < kSteps; ++step) {
        for (std::size_t i = 0; i < 3; ++i) {
            const double g = gradient_at(step, i) + (i < kDecayed ? 0.1 * p[i] : 0.0);
            m[i] = 0.9 * m[i] + g;
            p[i] -= 0.05 * m[i];
        }
    }
    expect_near(run(spec, 0.05), p);
}

// Both forms of weight decay, by the formulas of their papers.
TEST(FlatOptimiser, AdamAndAdamW) {
    for (const Optimiser kind : {Optimiser::kAdam, Optimiser::kAdamW}) {
        TrainingSpec spec{.optimiser = kind};
        spec.weight_decay = 0.2;
        std::vector<double> p = kStart;
        std::vector<double> m(3);
        std::vector<double> v(3);
        for (int step = 0; step < kSteps; ++step) {
            for (std::size_t i = 0; i < 3; ++i) {
                const double decay = i < kDecayed ? 0.2 : 0.0;
                const double g =
                    gradient_at(step, i) + (kind == Optimiser::kAdam ? decay * p[i] : 0.0);
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                const double m_hat = m[i] / (1.0 - std::pow(0.9, step + 1));
                const double v_hat = v[i] / (1.0 - std::pow(0.999, step + 1));
                if (kind == Optimiser::kAdamW) {
                    p[i] -= 0.05 * decay * p[i];
                }
                p[i] -= 0.05 * m_hat / (std::sqrt(v_hat) + 1e-8);
            }
        }
        expect_near(run(spec, 0.05), p);
    }
}

}  // namespace
}  // namespace qloom::train
