// Quantisers, in float32 and in QONNX's own order of operations.
#include <algorithm>
#include <cmath>

#include "ir/broadcast.h"
#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

struct Limits {
    float lo = 0.0F;
    float hi = 0.0F;
};

// QONNX computes the limits in float32: at 32 bits they round to powers of two.
Limits limits_of(bool is_signed, bool narrow, float bits) {
    if (is_signed) {
        const float half = std::exp2(bits - 1.0F);
        return {narrow ? -half + 1.0F : -half, half - 1.0F};
    }
    const float full = std::exp2(bits);
    return {0.0F, narrow ? full - 2.0F : full - 1.0F};
}

// Applies f(x, a, b) with a and b spread over x; rows where a and b do not change are the common case.
template <class F>
Tensor<float> map3(const Tensor<float>& x, const Tensor<float>& a, const Tensor<float>& b, F f) {
    Tensor<float> result(x.shape());
    const BroadcastPlan plan(x.shape(), {&a.shape(), &b.shape()});
    const std::int64_t n = plan.row_length();
    const std::int64_t step_a = plan.row_step(0);
    const std::int64_t step_b = plan.row_step(1);
    plan.for_each_row([&](std::int64_t offset, const std::vector<std::int64_t>& from) {
        const float* in = x.data() + offset;
        const float* pa = a.data() + from[0];
        const float* pb = b.data() + from[1];
        float* out = result.data() + offset;
        if (step_a == 0 && step_b == 0) {
            const float va = *pa;
            const float vb = *pb;
            for (std::int64_t i = 0; i < n; ++i) {
                out[i] = f(in[i], va, vb);
            }
        } else {
            for (std::int64_t i = 0; i < n; ++i) {
                out[i] = f(in[i], pa[i * step_a], pb[i * step_b]);
            }
        }
    });
    return result;
}

// Rounds half to even by pushing the fraction out of the mantissa: exact for |v| <= 2^22, and vectorises.
inline float round_small(float v) {
    constexpr float kPush = 12582912.0F;  // 1.5 * 2^23
    return (v + kPush) - kPush;
}

}  // namespace

Value quant(const Quant& op, const Inputs& in) {
    Tensor<float> sx, ss, sz;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float>& scale = as_float(*in[1], ss);
    const Tensor<float>& zero = as_float(*in[2], sz);
    const float bits = scalar(*in[3]);
    if (bits == 1.0F && op.is_signed) {
        return map3(x, scale, zero, [](float v, float s, float z) {
            return ((v / s + z >= 0.0F ? 1.0F : -1.0F) - z) * s;
        });
    }
    const auto [lo, hi] = limits_of(op.is_signed, op.narrow, bits);
    // A NaN is neither above nor below a limit and stays NaN, as in QONNX.
    auto clamp = [lo = lo, hi = hi](float v) {
        v = v > hi ? hi : v;
        return v < lo ? lo : v;
    };
    if (op.rounding == RoundingMode::kHalfEven && bits <= 22.0F) {
        return map3(x, scale, zero,
                    [clamp](float v, float s, float z) { return (round_small(clamp(v / s + z)) - z) * s; });
    }
    return map3(x, scale, zero, [clamp, mode = op.rounding](float v, float s, float z) {
        return (round_value(clamp(v / s + z), mode) - z) * s;
    });
}

Value bipolar_quant(const Inputs& in) {
    Tensor<float> sx, ss;
    const Tensor<float>& scale = as_float(*in[1], ss);
    return map3(as_float(*in[0], sx), scale, scale,
                [](float v, float s, float) { return v >= 0.0F ? s : -s; });
}

Value trunc(const Trunc& op, const Inputs& in) {
    Tensor<float> sx, ss, sz, so;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float>& scale = as_float(*in[1], ss);
    const Tensor<float>& zero = as_float(*in[2], sz);
    if (op.version == 1) {
        const float divisor = std::exp2(scalar(*in[3]) - scalar(*in[4]));
        return map3(x, scale, zero, [divisor, mode = op.rounding](float v, float s, float z) {
            return (round_value(std::nearbyint(v / s + z) / divisor, mode) - z) * s;
        });
    }
    // Version 2: t = 2^round(log2(out_scale / scale)); the zero point is scaled with the values.
    const auto [lo, hi] = limits_of(op.is_signed, op.narrow, scalar(*in[5]));
    const Tensor<float>& out_scale = as_float(*in[4], so);
    Tensor<float> shape_only(x.shape());
    Tensor<float> divisor = map3(shape_only, scale, out_scale, [](float, float s, float o) {
        return std::exp2(std::nearbyint(std::log2(o / s)));
    });
    const Tensor<float> whole = map3(x, scale, zero, [](float v, float s, float z) {
        return std::nearbyint(v / s + z);
    });
    const Tensor<float> level =
        map3(whole, divisor, divisor, [lo = lo, hi = hi, mode = op.rounding](float v, float t, float) {
            v /= t;
            v = v > hi ? hi : v;
            v = v < lo ? lo : v;
            return round_value(v, mode);
        });
    const Tensor<float> centred = map3(level, zero, divisor, [](float v, float z, float t) { return v - z / t; });
    return map3(centred, out_scale, out_scale, [](float v, float o, float) { return v * o; });
}

Value multi_threshold(const MultiThreshold& op, const Inputs& in) {
    Tensor<float> sx, st;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float>& thresholds = as_float(*in[1], st);
    const std::int64_t steps = thresholds.dim(1);
    const bool last = op.channels_last || (x.rank() != 2 && x.rank() != 4);
    const std::int64_t channels = last ? x.dim(-1) : x.dim(1);
    std::int64_t inner = 1;  // values of one channel that follow each other
    for (std::int64_t axis = 2; !last && axis < x.rank(); ++axis) {
        inner *= x.dim(axis);
    }
    // Sorted rows are counted by bisection; an unsorted one, which no tool makes, one by one.
    std::vector<char> sorted(static_cast<std::size_t>(thresholds.dim(0)));
    for (std::int64_t row = 0; row < thresholds.dim(0); ++row) {
        const float* t = thresholds.data() + row * steps;
        sorted[static_cast<std::size_t>(row)] = std::is_sorted(t, t + steps) && !std::isnan(steps > 0 ? t[0] : 0.0F);
    }
    Tensor<float> result(x.shape());
    // The output is scaled in double, as numpy does with Python's numbers, and rounded once.
    const double scale = static_cast<double>(op.out_scale);
    const double bias = static_cast<double>(op.out_bias);
    for (std::int64_t i = 0; i < x.size(); ++i) {
        const std::int64_t channel = thresholds.dim(0) == 1 ? 0 : i / inner % channels;
        const float* t = thresholds.data() + channel * steps;
        const float v = x[i];
        std::int64_t count = 0;
        if (sorted[static_cast<std::size_t>(channel)] && !std::isnan(v)) {
            count = std::upper_bound(t, t + steps, v) - t;
        } else {
            count = std::count_if(t, t + steps, [v](float limit) { return v >= limit; });
        }
        result[i] = static_cast<float>(scale * static_cast<double>(count) + bias);
    }
    return result;
}

namespace {

// Per-tensor and per-axis parameters of (De)QuantizeLinear as a shape that broadcasts.
Tensor<float> along_axis(const Tensor<float>& parameter, std::int64_t axis, std::int64_t rank) {
    if (parameter.size() == 1) {
        return parameter.reshaped(Shape{});
    }
    Shape shape(static_cast<std::size_t>(rank), 1);
    shape[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)] = parameter.size();
    return parameter.reshaped(std::move(shape));
}

}  // namespace

Value quantize_linear(const QuantizeLinear& op, const Inputs& in) {
    Tensor<float> sx, ss, sz(Shape{}, 0.0F);
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float> scale = along_axis(as_float(*in[1], ss), op.axis, x.rank());
    const Tensor<float> zero = along_axis(has(in, 2) ? as_float(*in[2], sz) : sz, op.axis, x.rank());
    const Range range = op.type.range();
    const auto lo = static_cast<float>(range.lo);
    const auto hi = static_cast<float>(range.hi);
    return map3(x, scale, zero, [lo, hi](float v, float s, float z) {
        v = std::nearbyint(v / s) + z;  // ONNX rounds first and saturates last
        v = v > hi ? hi : v;
        return v < lo ? lo : v;
    });
}

Value dequantize_linear(const DequantizeLinear& op, const Inputs& in) {
    Tensor<float> sx, ss, sz(Shape{}, 0.0F);
    const Tensor<float>& x = as_float(*in[0], sx);
    const Tensor<float> scale = along_axis(as_float(*in[1], ss), op.axis, x.rank());
    const Tensor<float> zero = along_axis(has(in, 2) ? as_float(*in[2], sz) : sz, op.axis, x.rank());
    return map3(x, scale, zero, [](float v, float s, float z) { return (v - z) * s; });
}

}  // namespace qloom::ir::kernels
