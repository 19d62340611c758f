// Elementwise operators: float32, one operation of the model is one rounding.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/codes/ir.h"
#include "base/diagnostic.h"
#include "base/rounding.h"
#include "ir/broadcast.h"
#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

template <class F>
Value map_float(const Value& value, F f) {
    Tensor<float> scratch;
    const Tensor<float>& x = as_float(value, scratch);
    Tensor<float> result(x.shape());
    for (std::int64_t i = 0; i < x.size(); ++i) {
        result[i] = f(x[i]);
    }
    return result;
}

// Transcendental functions are computed in double and rounded once: the float nearest to the true value.
template <class F>
Value map_wide(const Value& value, F f) {
    return map_float(value, [f](float x) { return static_cast<float>(f(static_cast<double>(x))); });
}

// Integers keep their type; `f` works on both.
template <class F>
Value map_any(const Value& value, F f) {
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(&value)) {
        Tensor<std::int64_t> result(ints->shape());
        std::ranges::transform(ints->values(), result.begin(), f);
        return result;
    }
    return map_float(value, f);
}

Value map_rounding(const Value& value, RoundingMode mode) {
    if (std::holds_alternative<Tensor<std::int64_t>>(value)) {
        return value;
    }
    return map_float(value, [mode](float x) { return round_value(x, mode); });
}

// Integer arithmetic wraps around instead of being undefined.
std::int64_t wrap(std::uint64_t bits) { return static_cast<std::int64_t>(bits); }

template <class T>
T negative(T x) {
    if constexpr (std::is_integral_v<T>) {
        return wrap(0 - static_cast<std::uint64_t>(x));
    } else {
        return -x;
    }
}

template <class T, class F>
Tensor<T> map2(const Tensor<T>& a, const Tensor<T>& b, const Shape& shape, F f) {
    Tensor<T> result(shape);
    const BroadcastPlan plan(shape, {&a.shape(), &b.shape()});
    const std::int64_t n = plan.row_length();
    const std::int64_t step_a = plan.row_step(0);
    const std::int64_t step_b = plan.row_step(1);
    plan.for_each_row([&](std::int64_t offset, const std::vector<std::int64_t>& from) {
        const T* pa = a.data() + from[0];
        const T* pb = b.data() + from[1];
        T* out = result.data() + offset;
        if (step_a == 1 && step_b == 1) {
            for (std::int64_t i = 0; i < n; ++i) {
                out[i] = f(pa[i], pb[i]);
            }
        } else if (step_a == 1 && step_b == 0) {
            const T right = *pb;
            for (std::int64_t i = 0; i < n; ++i) {
                out[i] = f(pa[i], right);
            }
        } else {
            for (std::int64_t i = 0; i < n; ++i) {
                out[i] = f(pa[i * step_a], pb[i * step_b]);
            }
        }
    });
    return result;
}

Tensor<float> binary_float(BinaryKind kind, const Tensor<float>& a, const Tensor<float>& b, const Shape& shape) {
    switch (kind) {
        case BinaryKind::kAdd: return map2(a, b, shape, [](float x, float y) { return x + y; });
        case BinaryKind::kSub: return map2(a, b, shape, [](float x, float y) { return x - y; });
        case BinaryKind::kMul: return map2(a, b, shape, [](float x, float y) { return x * y; });
        case BinaryKind::kDiv: return map2(a, b, shape, [](float x, float y) { return x / y; });
        case BinaryKind::kPow: return map2(a, b, shape, [](float x, float y) { return std::pow(x, y); });
        case BinaryKind::kMin: return map2(a, b, shape, [](float x, float y) { return y < x || y != y ? y : x; });
        case BinaryKind::kMax: return map2(a, b, shape, [](float x, float y) { return y > x || y != y ? y : x; });
    }
    return {};
}

using Int = std::int64_t;

Tensor<Int> binary_int(const Node& node, BinaryKind kind, const Tensor<Int>& a, const Tensor<Int>& b,
                       const Shape& shape) {
    auto bits = [](Int x) { return static_cast<std::uint64_t>(x); };
    switch (kind) {
        case BinaryKind::kAdd: return map2(a, b, shape, [=](Int x, Int y) { return wrap(bits(x) + bits(y)); });
        case BinaryKind::kSub: return map2(a, b, shape, [=](Int x, Int y) { return wrap(bits(x) - bits(y)); });
        case BinaryKind::kMul: return map2(a, b, shape, [=](Int x, Int y) { return wrap(bits(x) * bits(y)); });
        case BinaryKind::kDiv:
            return map2(a, b, shape, [&node](Int x, Int y) {
                if (y == 0) {
                    throw Error(code::kAttributeInvalid, node_text(node), "divides an integer by 0",
                                "check the shape computation that feeds it");
                }
                return y == -1 ? negative(x) : x / y;
            });
        case BinaryKind::kPow:
            return map2(a, b, shape, [](Int x, Int y) {
                const double power = std::pow(static_cast<double>(x), static_cast<double>(y));
                return power >= -9.2e18 && power <= 9.2e18 ? static_cast<Int>(power) : Int{0};
            });
        case BinaryKind::kMin: return map2(a, b, shape, [](Int x, Int y) { return std::min(x, y); });
        case BinaryKind::kMax: return map2(a, b, shape, [](Int x, Int y) { return std::max(x, y); });
    }
    return {};
}

}  // namespace

const Tensor<float>& as_float(const Value& value, Tensor<float>& scratch) {
    if (const auto* floats = std::get_if<Tensor<float>>(&value)) {
        return *floats;
    }
    const auto& ints = std::get<Tensor<std::int64_t>>(value);
    scratch = Tensor<float>(ints.shape());
    std::ranges::transform(ints.values(), scratch.begin(), [](std::int64_t x) { return static_cast<float>(x); });
    return scratch;
}

float scalar(const Value& value) {
    Tensor<float> scratch;
    return as_float(value, scratch)[0];
}

std::vector<std::int64_t> integers(const Value& value) {
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(&value)) {
        return ints->values();
    }
    std::vector<std::int64_t> result;
    for (const float x : std::get<Tensor<float>>(value)) {
        result.push_back(x >= -9.2e18F && x <= 9.2e18F ? static_cast<std::int64_t>(x) : 0);
    }
    return result;
}

Wide widen(const Value& value) {
    return std::visit([](const auto& tensor) {
        Wide result(tensor.values().size());
        std::ranges::transform(tensor.values(), result.begin(), [](auto x) { return static_cast<double>(x); });
        return result;
    }, value);
}

Value unary(const Unary& op, const Inputs& in) {
    const Value& x = *in[0];
    switch (op.kind) {
        case UnaryKind::kIdentity: return x;
        case UnaryKind::kRelu:
            return map_any(x, [](auto v) { return v < 0 ? decltype(v){0} : v; });
        case UnaryKind::kSigmoid: return map_wide(x, [](double v) { return 1.0 / (1.0 + std::exp(-v)); });
        case UnaryKind::kTanh: return map_wide(x, [](double v) { return std::tanh(v); });
        case UnaryKind::kAbs:
            return map_any(x, [](auto v) { return v < 0 ? negative(v) : v; });
        case UnaryKind::kNeg: return map_any(x, [](auto v) { return negative(v); });
        case UnaryKind::kSqrt: return map_float(x, [](float v) { return std::sqrt(v); });
        case UnaryKind::kExp: return map_wide(x, [](double v) { return std::exp(v); });
        case UnaryKind::kLog: return map_wide(x, [](double v) { return std::log(v); });
        case UnaryKind::kFloor: return map_rounding(x, RoundingMode::kFloor);
        case UnaryKind::kCeil: return map_rounding(x, RoundingMode::kCeil);
        case UnaryKind::kRound: return map_rounding(x, RoundingMode::kHalfEven);
        case UnaryKind::kSign:
            return map_any(x, [](auto v) { return static_cast<decltype(v)>((v > 0) - (v < 0)); });
        case UnaryKind::kReciprocal: return map_float(x, [](float v) { return 1.0F / v; });
        case UnaryKind::kErf: return map_wide(x, [](double v) { return std::erf(v); });
        case UnaryKind::kSoftplus:
            return map_wide(x, [](double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v))); });
        case UnaryKind::kSoftsign: return map_float(x, [](float v) { return v / (1.0F + std::abs(v)); });
        case UnaryKind::kHardSwish:
            return map_float(x, [](float v) { return v * std::clamp(v * (1.0F / 6.0F) + 0.5F, 0.0F, 1.0F); });
        case UnaryKind::kNot: {
            Tensor<std::int64_t> result(shape_of(x));
            std::ranges::transform(integers(x), result.begin(), [](std::int64_t v) { return v == 0 ? 1 : 0; });
            return result;
        }
    }
    return x;
}

Value parametric(const Parametric& op, const Inputs& in) {
    const Value& x = *in[0];
    const float alpha = op.alpha;
    const float beta = op.beta;
    const auto wide_alpha = static_cast<double>(alpha);
    switch (op.kind) {
        case ParametricKind::kLeakyRelu: return map_float(x, [=](float v) { return v >= 0.0F ? v : alpha * v; });
        case ParametricKind::kElu:
            return map_wide(x, [=](double v) { return v >= 0.0 ? v : wide_alpha * std::expm1(v); });
        case ParametricKind::kSelu:
            return map_wide(x, [=, gamma = static_cast<double>(beta)](double v) {
                return gamma * (v > 0.0 ? v : wide_alpha * std::expm1(v));
            });
        case ParametricKind::kHardSigmoid:
            return map_float(x, [=](float v) { return std::clamp(alpha * v + beta, 0.0F, 1.0F); });
        case ParametricKind::kThresholdedRelu: return map_float(x, [=](float v) { return v > alpha ? v : 0.0F; });
        case ParametricKind::kCelu:
            return map_wide(x, [=](double v) {
                return std::max(0.0, v) + std::min(0.0, wide_alpha * std::expm1(v / wide_alpha));
            });
    }
    return x;
}

Value clip(const Inputs& in) {
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(in[0])) {
        const std::int64_t lo =
            has(in, 1) ? integers(*in[1]).front() : std::numeric_limits<std::int64_t>::min();
        const std::int64_t hi =
            has(in, 2) ? integers(*in[2]).front() : std::numeric_limits<std::int64_t>::max();
        Tensor<std::int64_t> result(ints->shape());
        std::ranges::transform(ints->values(), result.begin(),
                               [=](std::int64_t v) { return std::min(std::max(v, lo), hi); });
        return result;
    }
    const float lo = has(in, 1) ? scalar(*in[1]) : -std::numeric_limits<float>::infinity();
    const float hi = has(in, 2) ? scalar(*in[2]) : std::numeric_limits<float>::infinity();
    return map_float(*in[0], [=](float v) {
        v = v < lo ? lo : v;
        return v > hi ? hi : v;
    });
}

Value prelu(const Inputs& in) {
    Tensor<float> sx, ss;
    const Tensor<float>& x = as_float(*in[0], sx);
    return map2(x, as_float(*in[1], ss), x.shape(), [](float v, float slope) { return v < 0.0F ? v * slope : v; });
}

Value binary(const Node& node, BinaryKind kind, const Inputs& in, const Shape& shape) {
    const auto* a = std::get_if<Tensor<std::int64_t>>(in[0]);
    const auto* b = std::get_if<Tensor<std::int64_t>>(in[1]);
    if (a != nullptr && b != nullptr) {
        return binary_int(node, kind, *a, *b, shape);
    }
    Tensor<float> sa, sb;
    return binary_float(kind, as_float(*in[0], sa), as_float(*in[1], sb), shape);
}

Value batch_normalization(const BatchNormalization& op, const Inputs& in) {
    Tensor<float> sx, sg, sb, sm, sv;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float>& gamma = as_float(*in[1], sg);
    const Tensor<float>& beta = as_float(*in[2], sb);
    const Tensor<float>& mean = as_float(*in[3], sm);
    const Tensor<float>& variance = as_float(*in[4], sv);
    const std::int64_t channels = gamma.size();
    std::vector<float> scale(static_cast<std::size_t>(channels));
    std::vector<float> shift(static_cast<std::size_t>(channels));
    for (std::int64_t c = 0; c < channels; ++c) {
        const auto i = static_cast<std::size_t>(c);
        scale[i] = gamma[c] / std::sqrt(variance[c] + op.epsilon);
        shift[i] = beta[c] - mean[c] * scale[i];
    }
    std::int64_t inner = 1;
    for (std::int64_t axis = 2; !op.channels_last && axis < x.rank(); ++axis) {
        inner *= x.dim(axis);
    }
    Tensor<float> result(x.shape());
    std::int64_t at = 0;
    while (at < x.size()) {
        for (std::size_t c = 0; c < scale.size(); ++c) {
            for (std::int64_t i = 0; i < inner; ++i, ++at) {
                result[at] = x[at] * scale[c] + shift[c];
            }
        }
    }
    return result;
}

Value cast(CastTarget to, const Inputs& in) {
    switch (to) {
        case CastTarget::kFloat32: {
            Tensor<float> scratch;
            return as_float(*in[0], scratch);
        }
        case CastTarget::kInt64:
            return Tensor<std::int64_t>(shape_of(*in[0]), integers(*in[0]));
        case CastTarget::kBool:
            return std::visit([](const auto& x) -> Value {
                Tensor<std::int64_t> result(x.shape());
                std::ranges::transform(x.values(), result.begin(), [](auto v) { return v != 0 ? 1 : 0; });
                return result;
            }, *in[0]);
    }
    return *in[0];
}

}  // namespace qloom::ir::kernels
