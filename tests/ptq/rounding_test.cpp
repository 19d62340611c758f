#include "ptq/rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace qloom::ptq {
namespace {

using Matrix = Tensor<double>;

Matrix random_matrix(std::int64_t rows, std::int64_t columns, std::mt19937& rng) {
    std::uniform_real_distribution<double> number(-1.0, 1.0);
    Matrix result({rows, columns});
    for (double& x : result) {
        x = number(rng);
    }
    return result;
}

// x^T y / rows, by loops.
Matrix product_of_samples(const Matrix& x, const Matrix& y) {
    Matrix result({x.dim(1), y.dim(1)});
    for (std::int64_t i = 0; i < x.dim(1); ++i) {
        for (std::int64_t j = 0; j < y.dim(1); ++j) {
            for (std::int64_t r = 0; r < x.dim(0); ++r) {
                result[i * y.dim(1) + j] +=
                    x[r * x.dim(1) + i] * y[r * y.dim(1) + j] / static_cast<double>(x.dim(0));
            }
        }
    }
    return result;
}

// Samples whose columns hang together.
Matrix correlated(std::int64_t rows, std::int64_t columns, std::mt19937& rng) {
    const Matrix source = random_matrix(rows, columns, rng);
    const Matrix mix = random_matrix(columns, columns, rng);
    Matrix result({rows, columns});
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < columns; ++j) {
            result[r * columns + j] = 0.1 * source[r * columns + j];
            for (std::int64_t i = 0; i < columns / 2; ++i) {
                result[r * columns + j] += source[r * columns + i] * mix[i * columns + j];
            }
        }
    }
    return result;
}

// a x = b by Gaussian elimination with pivots.
std::vector<double> solved(Matrix a, std::vector<double> b) {
    const auto n = static_cast<std::int64_t>(b.size());
    for (std::int64_t i = 0; i < n; ++i) {
        std::int64_t pivot = i;
        for (std::int64_t r = i; r < n; ++r) {
            pivot = std::abs(a[r * n + i]) > std::abs(a[pivot * n + i]) ? r : pivot;
        }
        for (std::int64_t k = 0; k < n; ++k) {
            std::swap(a[i * n + k], a[pivot * n + k]);
        }
        std::swap(b[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(pivot)]);
        for (std::int64_t r = i + 1; r < n; ++r) {
            const double factor = a[r * n + i] / a[i * n + i];
            for (std::int64_t k = i; k < n; ++k) {
                a[r * n + k] -= factor * a[i * n + k];
            }
            b[static_cast<std::size_t>(r)] -= factor * b[static_cast<std::size_t>(i)];
        }
    }
    for (std::int64_t i = n; i-- > 0;) {
        for (std::int64_t k = i + 1; k < n; ++k) {
            b[static_cast<std::size_t>(i)] -= a[i * n + k] * b[static_cast<std::size_t>(k)];
        }
        b[static_cast<std::size_t>(i)] /= a[i * n + i];
    }
    return b;
}

double error_of(const std::vector<double>& w, const std::vector<double>& q, const Matrix& second) {
    const auto n = static_cast<std::int64_t>(w.size());
    double error = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            error += (w[static_cast<std::size_t>(i)] - q[static_cast<std::size_t>(i)]) *
                     second[i * n + j] *
                     (w[static_cast<std::size_t>(j)] - q[static_cast<std::size_t>(j)]);
        }
    }
    return error;
}

// The words of the paper: quantise a weight, then move all weights not yet quantised to where they
// make good its error best, by solving for them anew.
std::vector<double> slow_gptq(std::vector<double> w, const Matrix& second, const Levels& levels) {
    const auto n = static_cast<std::int64_t>(w.size());
    std::vector<std::int64_t> left(static_cast<std::size_t>(n));
    std::iota(left.begin(), left.end(), 0);
    std::ranges::stable_sort(left, std::greater<>(),
                             [&](std::int64_t k) { return second[k * n + k]; });
    std::vector<double> q(w.size());
    while (!left.empty()) {
        const std::int64_t k = left.front();
        left.erase(left.begin());
        const auto at = static_cast<std::size_t>(k);
        q[at] = static_cast<double>(levels.quantised(static_cast<float>(w[at])));
        const double error = w[at] - q[at];
        if (left.empty()) {
            break;
        }
        // minimise over d: error^2 h_kk + 2 error h_kF d + d^T h_FF d  ->  h_FF d = -error h_Fk, w
        // moves by -d
        const auto count = static_cast<std::int64_t>(left.size());
        Matrix h({count, count});
        std::vector<double> right;
        for (std::int64_t i = 0; i < count; ++i) {
            right.push_back(error * second[left[static_cast<std::size_t>(i)] * n + k]);
            for (std::int64_t j = 0; j < count; ++j) {
                h[i * count + j] = second[left[static_cast<std::size_t>(i)] * n +
                                          left[static_cast<std::size_t>(j)]];
            }
        }
        const std::vector<double> move = solved(h, right);
        for (std::int64_t i = 0; i < count; ++i) {
            w[static_cast<std::size_t>(left[static_cast<std::size_t>(i)])] +=
                move[static_cast<std::size_t>(i)];
        }
    }
    return q;
}

std::vector<double> row_of(const Matrix& matrix, std::int64_t row) {
    return {matrix.begin() + row * matrix.dim(1), matrix.begin() + (row + 1) * matrix.dim(1)};
}

TEST(Cholesky, FactorsAndRefuses) {
    std::mt19937 rng(1);
    const Matrix x = random_matrix(30, 7, rng);
    const Matrix a = product_of_samples(x, x);
    Matrix r = a;
    ASSERT_TRUE(cholesky(r));
    for (std::int64_t i = 0; i < 7; ++i) {
        for (std::int64_t j = 0; j < 7; ++j) {
            double sum = 0.0;
            for (std::int64_t k = 0; k < 7; ++k) {
                sum += r[k * 7 + i] * r[k * 7 + j];
            }
            EXPECT_NEAR(sum, a[i * 7 + j], 1e-12);
            EXPECT_TRUE(j >= i || r[i * 7 + j] == 0.0);
        }
    }
    Matrix indefinite({2, 2}, {1.0, 2.0, 2.0, 1.0});
    EXPECT_FALSE(cholesky(indefinite));
}

TEST(Damped, AddsAShareOfTheMeanDiagonal) {
    const Matrix a({2, 2}, {1.0, 0.5, 0.5, 3.0});
    EXPECT_EQ(damped(a, 0.1), Matrix({2, 2}, {1.2, 0.5, 0.5, 3.2}));
    EXPECT_EQ(damped(Matrix({2, 2}), 0.1), Matrix({2, 2}, {1.0, 0.0, 0.0, 1.0}));
}

TEST(FittedWeights, SolveTheNormalEquations) {
    std::mt19937 rng(2);
    const Matrix z = correlated(60, 5, rng);
    Matrix x = z;
    for (double& value : x) {
        value = std::round(value * 2.0) / 2.0 + 0.05;
    }
    const Matrix w = random_matrix(3, 5, rng);
    const Moments moments{.second = product_of_samples(x, x), .cross = product_of_samples(z, x)};
    const Matrix v = fitted_weights(w, moments, 1e-9);
    // least squares over the samples themselves: (X^T X) v = X^T (Z w)
    for (std::int64_t m = 0; m < 3; ++m) {
        std::vector<double> right(5, 0.0);
        for (std::int64_t r = 0; r < 60; ++r) {
            double y = 0.0;
            for (std::int64_t k = 0; k < 5; ++k) {
                y += z[r * 5 + k] * w[m * 5 + k];
            }
            for (std::int64_t k = 0; k < 5; ++k) {
                right[static_cast<std::size_t>(k)] += x[r * 5 + k] * y / 60.0;
            }
        }
        const std::vector<double> expected = solved(moments.second, right);
        for (std::int64_t k = 0; k < 5; ++k) {
            EXPECT_NEAR(v[m * 5 + k], expected[static_cast<std::size_t>(k)], 1e-6);
        }
    }
    EXPECT_EQ(fitted_weights(w, {.second = moments.second, .cross = {}}, 0.01), w);
    const Matrix same =
        fitted_weights(w, {.second = moments.second, .cross = moments.second}, 0.01);
    for (std::int64_t i = 0; i < w.size(); ++i) {
        EXPECT_NEAR(same[i], w[i], 1e-12);
    }
}

TEST(RoundGptq, ExampleOfTheHeader) {
    const Matrix second({2, 2}, {1.0, 0.9, 0.9, 1.0});
    const Matrix w({1, 2}, {0.4, 0.4});
    const std::vector<Levels> levels{{.type = {4, true, true}, .scale = 1.0F, .zero = 0.0F}};
    const Matrix nearest = round_to_nearest(w, levels);
    EXPECT_EQ(nearest, Matrix({1, 2}, {0.0, 0.0}));
    EXPECT_NEAR(row_errors(w, nearest, second)[0], 0.608, 1e-12);
    const Matrix q = round_gptq(w, second, levels);
    EXPECT_EQ(q[0] + q[1], 1.0);
    EXPECT_NEAR(row_errors(w, q, second)[0], 0.088, 1e-12);
}

TEST(RoundGptq, EqualsTheSlowWordsOfThePaper) {
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
        std::mt19937 rng(seed);
        const Matrix x = correlated(40, 8, rng);
        const Matrix second = damped(product_of_samples(x, x), 0.01);
        const Matrix w = random_matrix(4, 8, rng);
        std::vector<Levels> levels;
        for (int m = 0; m < 4; ++m) {
            levels.push_back({.type = {3 + m % 2, true, true},
                              .scale = 0.2F + 0.05F * static_cast<float>(m),
                              .zero = 0.0F});
        }
        const Matrix q = round_gptq(w, second, levels);
        for (std::int64_t m = 0; m < 4; ++m) {
            const std::vector<double> expected =
                slow_gptq(row_of(w, m), second, levels[static_cast<std::size_t>(m)]);
            for (std::int64_t k = 0; k < 8; ++k) {
                EXPECT_EQ(q[m * 8 + k], expected[static_cast<std::size_t>(k)])
                    << "seed " << seed << " " << m << " " << k;
            }
            EXPECT_NEAR(row_errors(w, q, second)[static_cast<std::size_t>(m)],
                        error_of(row_of(w, m), expected, second), 1e-12);
        }
    }
}

// Between round-to-nearest and the best of all levels, found by trying all.
TEST(RoundGptq, BetterThanNearestAndClosedByDescent) {
    double nearest_sum = 0.0;
    double gptq_sum = 0.0;
    double descended_sum = 0.0;
    double from_nearest_sum = 0.0;
    double best_sum = 0.0;
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
        std::mt19937 rng(seed);
        const Matrix x = correlated(40, 5, rng);
        const Matrix second = damped(product_of_samples(x, x), 0.01);
        const Matrix w = random_matrix(1, 5, rng);
        const std::vector<Levels> levels{{.type = {3, true, true}, .scale = 0.35F, .zero = 0.0F}};
        const Matrix nearest = round_to_nearest(w, levels);
        const Matrix q = round_gptq(w, second, levels);
        Matrix descended = q;
        descend(descended, w, second, levels, 10);
        double best = 1e300;
        std::vector<double> levels_now(5);
        for (int code = 0; code < 7 * 7 * 7 * 7 * 7; ++code) {
            int rest = code;
            for (double& level : levels_now) {
                level = static_cast<double>(0.35F * static_cast<float>(rest % 7 - 3));
                rest /= 7;
            }
            best = std::min(best, error_of(row_of(w, 0), levels_now, second));
        }
        const double error = row_errors(w, descended, second)[0];
        EXPECT_LE(error, row_errors(w, q, second)[0] + 1e-15);
        EXPECT_GE(error, best - 1e-12);
        for (const double value : descended) {
            EXPECT_LE(std::abs(value), 3.0 * 0.35 + 1e-6);
        }
        Matrix from_nearest = nearest;
        descend(from_nearest, w, second, levels, 10);
        from_nearest_sum += row_errors(w, from_nearest, second)[0];
        nearest_sum += row_errors(w, nearest, second)[0];
        gptq_sum += row_errors(w, q, second)[0];
        descended_sum += error;
        best_sum += best;
    }
    EXPECT_LT(gptq_sum, 0.6 * nearest_sum);
    EXPECT_LE(descended_sum, gptq_sum);
    EXPECT_LT(from_nearest_sum, 0.8 * nearest_sum);
    EXPECT_LT(descended_sum, 1.7 * best_sum);
}

// Uncorrelated inputs leave nothing to make good.
TEST(RoundGptq, IsNearestWhereInputsAreUncorrelated) {
    std::mt19937 rng(3);
    const Matrix w = random_matrix(3, 6, rng);
    Matrix second({6, 6});
    for (std::int64_t i = 0; i < 6; ++i) {
        second[i * 6 + i] = static_cast<double>(1 + i);
    }
    const std::vector<Levels> levels(3, {.type = {4, true, true}, .scale = 0.15F, .zero = 0.0F});
    EXPECT_EQ(round_gptq(w, second, levels), round_to_nearest(w, levels));
    Matrix not_definite({6, 6}, -1.0);
    EXPECT_EQ(round_gptq(w, not_definite, levels), round_to_nearest(w, levels));
}

}  // namespace
}  // namespace qloom::ptq
