// Reductions and the heads of classifiers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

struct AroundAxis {
    std::int64_t outer = 1;
    std::int64_t size = 1;
    std::int64_t inner = 1;
};

AroundAxis around(const Shape& shape, std::int64_t axis) {
    AroundAxis result;
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(shape.size()) : axis);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        (i < at ? result.outer : i == at ? result.size : result.inner) *= shape[i];
    }
    return result;
}

template <class T>
Tensor<T> reduce_of(const Tensor<T>& x, ReduceKind kind, const std::vector<std::int64_t>& axes, const Shape& shape) {
    // Moves the reduced axes to the end, then reduces rows.
    std::vector<std::int64_t> perm;
    std::int64_t row = 1;
    for (std::int64_t axis = 0; axis < x.rank(); ++axis) {
        if (std::ranges::find(axes, axis) == axes.end()) {
            perm.push_back(axis);
        }
    }
    for (std::int64_t axis = 0; axis < x.rank(); ++axis) {
        if (std::ranges::find(axes, axis) != axes.end()) {
            perm.push_back(axis);
            row *= x.dim(axis);
        }
    }
    const Value moved_value = x.rank() == 0 ? Value(x) : transpose(perm, Value(x));
    const auto& moved = std::get<Tensor<T>>(moved_value);
    Tensor<T> result(shape);
    for (std::int64_t i = 0; i < result.size(); ++i) {
        const T* from = moved.data() + i * row;
        switch (kind) {
            case ReduceKind::kMax: result[i] = *std::max_element(from, from + row); break;
            case ReduceKind::kMin: result[i] = *std::min_element(from, from + row); break;
            case ReduceKind::kSum:
            case ReduceKind::kMean: {
                double sum = 0.0;
                for (std::int64_t j = 0; j < row; ++j) {
                    sum += static_cast<double>(from[j]);
                }
                if (kind == ReduceKind::kMean) {
                    sum = std::is_floating_point_v<T> ? sum : std::trunc(sum / static_cast<double>(row));
                }
                if constexpr (std::is_floating_point_v<T>) {
                    result[i] = static_cast<T>(sum);
                    if (kind == ReduceKind::kMean) {
                        result[i] /= static_cast<T>(row);
                    }
                } else {
                    result[i] = std::abs(sum) < 9.2e18 ? static_cast<T>(sum) : T{0};
                }
                break;
            }
        }
    }
    return result;
}

}  // namespace

Value reduce(ReduceKind kind, const std::vector<std::int64_t>& axes, const Inputs& in, const Shape& shape) {
    return std::visit([&](const auto& x) -> Value { return reduce_of(x, kind, axes, shape); }, *in[0]);
}

Value softmax(const Softmax& op, const Inputs& in) {
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    Tensor<float> result(x.shape());
    const AroundAxis a = around(x.shape(), op.axis);
    for (std::int64_t o = 0; o < a.outer; ++o) {
        for (std::int64_t i = 0; i < a.inner; ++i) {
            const std::int64_t base = o * a.size * a.inner + i;
            float top = -std::numeric_limits<float>::infinity();
            for (std::int64_t k = 0; k < a.size; ++k) {
                top = std::max(top, x[base + k * a.inner]);
            }
            double sum = 0.0;
            for (std::int64_t k = 0; k < a.size; ++k) {
                sum += std::exp(static_cast<double>(x[base + k * a.inner] - top));
            }
            for (std::int64_t k = 0; k < a.size; ++k) {
                const auto shifted = static_cast<double>(x[base + k * a.inner] - top);
                result[base + k * a.inner] =
                    static_cast<float>(op.log ? shifted - std::log(sum) : std::exp(shifted) / sum);
            }
        }
    }
    return result;
}

std::vector<Value> top_k(const TopK& op, const Inputs& in, const Shape& shape) {
    Tensor<std::int64_t> indices(shape);
    Value values = std::visit([&](const auto& x) -> Value {
        auto result = std::decay_t<decltype(x)>(shape);
        const AroundAxis a = around(x.shape(), op.axis);
        const std::int64_t k = around(shape, op.axis).size;
        std::vector<std::int64_t> order(static_cast<std::size_t>(a.size));
        for (std::int64_t o = 0; o < a.outer; ++o) {
            for (std::int64_t i = 0; i < a.inner; ++i) {
                const auto* from = x.data() + o * a.size * a.inner + i;
                std::iota(order.begin(), order.end(), std::int64_t{0});
                // Of equal values the one with the lower index comes first.
                std::ranges::stable_sort(order, [&](std::int64_t left, std::int64_t right) {
                    const auto l = from[left * a.inner];
                    const auto r = from[right * a.inner];
                    return op.largest ? l > r : l < r;
                });
                for (std::int64_t j = 0; j < k; ++j) {
                    const std::int64_t to = (o * k + j) * a.inner + i;
                    indices[to] = order[static_cast<std::size_t>(j)];
                    result[to] = from[indices[to] * a.inner];
                }
            }
        }
        return result;
    }, *in[0]);
    return {std::move(values), std::move(indices)};
}

Value arg_max(const ArgMax& op, const Inputs& in, const Shape& shape) {
    Tensor<std::int64_t> result(shape);
    std::visit([&](const auto& x) {
        const AroundAxis a = around(x.shape(), op.axis);
        for (std::int64_t o = 0; o < a.outer; ++o) {
            for (std::int64_t i = 0; i < a.inner; ++i) {
                const auto* from = x.data() + o * a.size * a.inner + i;
                std::int64_t best = 0;
                for (std::int64_t k = 1; k < a.size; ++k) {
                    const auto value = from[k * a.inner];
                    const auto champion = from[best * a.inner];
                    const bool better = op.minimum ? value < champion : value > champion;
                    if (better || (op.select_last_index && value == champion)) {
                        best = k;
                    }
                }
                result[o * a.inner + i] = best;
            }
        }
    }, *in[0]);
    return result;
}

}  // namespace qloom::ir::kernels
