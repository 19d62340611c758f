#include "ptq/rounding.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qloom::ptq {
namespace {

// b (n, columns) becomes a^-1 b, where a = R^T R.
void solve(const Tensor<double>& r, Tensor<double>& b) {
    const std::int64_t n = r.dim(0);
    const std::int64_t columns = b.dim(1);
    const auto eliminate = [&](std::int64_t from, std::int64_t in, double factor) {
        const double* source = b.data() + from * columns;
        double* target = b.data() + in * columns;
        for (std::int64_t c = 0; c < columns; ++c) {
            target[c] -= factor * source[c];
        }
    };
    const auto divide = [&](std::int64_t row) {
        double* values = b.data() + row * columns;
        for (std::int64_t c = 0; c < columns; ++c) {
            values[c] /= r[row * n + row];
        }
    };
    for (std::int64_t i = 0; i < n; ++i) {  // R^T y = b
        divide(i);
        for (std::int64_t k = i + 1; k < n; ++k) {
            eliminate(i, k, r[i * n + k]);
        }
    }
    for (std::int64_t i = n; i-- > 0;) {  // R x = y
        for (std::int64_t k = i + 1; k < n; ++k) {
            eliminate(k, i, r[i * n + k]);
        }
        divide(i);
    }
}

double rounded(double w, const Levels& levels) {
    return static_cast<double>(levels.quantised(static_cast<float>(w)));
}

}  // namespace

bool cholesky(Tensor<double>& a) {
    const std::int64_t n = a.dim(0);
    for (std::int64_t j = 0; j < n; ++j) {
        double* row = a.data() + j * n;
        if (!(row[j] > 0.0)) {
            return false;
        }
        const double pivot = std::sqrt(row[j]);
        for (std::int64_t k = j; k < n; ++k) {
            row[k] /= pivot;
        }
        std::fill(row, row + j, 0.0);
        for (std::int64_t i = j + 1; i < n; ++i) {
            const double factor = row[i];
            double* other = a.data() + i * n;
            if (factor != 0.0) {
                for (std::int64_t k = i; k < n; ++k) {
                    other[k] -= factor * row[k];
                }
            }
        }
    }
    return true;
}

Tensor<double> damped(const Tensor<double>& second, double share) {
    Tensor<double> result = second;
    const std::int64_t n = second.dim(0);
    double trace = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
        trace += second[i * n + i];
    }
    // Inputs that never change anything leave every level equally good; 1 then rounds to nearest.
    const double extra = trace > 0.0 ? share * trace / static_cast<double>(n) : 1.0;
    for (std::int64_t i = 0; i < n; ++i) {
        result[i * n + i] += extra;
    }
    return result;
}

Tensor<double> fitted_weights(const Tensor<double>& w, const Moments& moments, double damping) {
    if (moments.cross.empty()) {
        return w;
    }
    Tensor<double> factor = damped(moments.second, damping);
    if (!cholesky(factor)) {
        return w;
    }
    // Columns of the right-hand side: (cross - second)^T w^T, one a row of w.
    const std::int64_t n = w.dim(1);
    const std::int64_t rows = w.dim(0);
    Tensor<double> change({n, rows});
    for (std::int64_t k = 0; k < n; ++k) {
        for (std::int64_t j = 0; j < n; ++j) {
            const double difference = moments.cross[k * n + j] - moments.second[k * n + j];
            if (difference != 0.0) {
                for (std::int64_t m = 0; m < rows; ++m) {
                    change[j * rows + m] += difference * w[m * n + k];
                }
            }
        }
    }
    solve(factor, change);
    Tensor<double> result = w;
    for (std::int64_t m = 0; m < rows; ++m) {
        for (std::int64_t k = 0; k < n; ++k) {
            result[m * n + k] += change[k * rows + m];
        }
    }
    return result;
}

Tensor<double> round_to_nearest(const Tensor<double>& w, const std::vector<Levels>& levels) {
    Tensor<double> q = w;
    for (std::int64_t m = 0; m < w.dim(0); ++m) {
        for (std::int64_t k = 0; k < w.dim(1); ++k) {
            q[m * w.dim(1) + k] = rounded(w[m * w.dim(1) + k], levels[static_cast<std::size_t>(m)]);
        }
    }
    return q;
}

Tensor<double> round_gptq(const Tensor<double>& w, const Tensor<double>& second,
                          const std::vector<Levels>& levels) {
    const std::int64_t rows = w.dim(0);
    const std::int64_t n = w.dim(1);
    // The last column is taken first: variances ascend.
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::int64_t k) { return second[k * n + k]; });
    Tensor<double> r({n, n});
    for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            r[i * n + j] =
                second[order[static_cast<std::size_t>(i)] * n + order[static_cast<std::size_t>(j)]];
        }
    }
    if (!cholesky(r)) {
        return round_to_nearest(w, levels);
    }
    Tensor<double> q = w;
    Tensor<double> errors({n, rows});  // w - q, columns first, so that all rows are worked at once
    std::vector<double> wanted(static_cast<std::size_t>(rows));
    for (std::int64_t j = n; j-- > 0;) {
        const std::int64_t column = order[static_cast<std::size_t>(j)];
        std::ranges::fill(wanted, 0.0);
        for (std::int64_t k = j + 1; k < n; ++k) {
            const double factor = r[j * n + k];
            const double* error = errors.data() + k * rows;
            for (std::int64_t m = 0; m < rows; ++m) {
                wanted[static_cast<std::size_t>(m)] += factor * error[m];
            }
        }
        for (std::int64_t m = 0; m < rows; ++m) {
            const auto at = static_cast<std::size_t>(m);
            const double value = w[m * n + column];
            const double chosen = rounded(value + wanted[at] / r[j * n + j], levels[at]);
            q[m * n + column] = chosen;
            errors[j * rows + m] = value - chosen;
        }
    }
    return q;
}

void descend(Tensor<double>& q, const Tensor<double>& w, const Tensor<double>& second,
             const std::vector<Levels>& levels, int sweeps) {
    const std::int64_t n = w.dim(1);
    std::vector<double> slope(static_cast<std::size_t>(n));  // second (w - q)
    for (std::int64_t m = 0; m < w.dim(0); ++m) {
        const Levels& grid = levels[static_cast<std::size_t>(m)];
        const Range range = grid.type.range();
        const auto step = static_cast<double>(grid.scale);
        double* row = q.data() + m * n;
        std::ranges::fill(slope, 0.0);
        for (std::int64_t k = 0; k < n; ++k) {
            const double error = w[m * n + k] - row[k];
            for (std::int64_t j = 0; j < n; ++j) {
                slope[static_cast<std::size_t>(j)] += error * second[k * n + j];
            }
        }
        bool moved = true;
        for (int sweep = 0; sweep < sweeps && moved; ++sweep) {
            moved = false;
            for (std::int64_t k = 0; k < n; ++k) {
                const double gradient = slope[static_cast<std::size_t>(k)];
                const double up = gradient > 0.0 ? 1.0 : -1.0;
                // One level towards the slope changes the error by step^2 * curvature - 2 * step *
                // |slope|.
                const double gain =
                    2.0 * step * std::abs(gradient) - step * step * second[k * n + k];
                const double level = std::nearbyint(row[k] / step) + up;
                if (gain <= 1e-12 * step * step * second[k * n + k] ||
                    level < static_cast<double>(range.lo) ||
                    level > static_cast<double>(range.hi)) {
                    continue;
                }
                const double next = rounded(level * step, grid);
                const double change = next - row[k];
                row[k] = next;
                for (std::int64_t j = 0; j < n; ++j) {
                    slope[static_cast<std::size_t>(j)] -= change * second[k * n + j];
                }
                moved = true;
            }
        }
    }
}

std::vector<double> row_errors(const Tensor<double>& w, const Tensor<double>& q,
                               const Tensor<double>& second) {
    const std::int64_t n = w.dim(1);
    std::vector<double> errors;
    for (std::int64_t m = 0; m < w.dim(0); ++m) {
        double error = 0.0;
        for (std::int64_t k = 0; k < n; ++k) {
            const double left = w[m * n + k] - q[m * n + k];
            double right = 0.0;
            for (std::int64_t j = 0; j < n; ++j) {
                right += second[k * n + j] * (w[m * n + j] - q[m * n + j]);
            }
            error += left * right;
        }
        errors.push_back(error);
    }
    return errors;
}

}  // namespace qloom::ptq
