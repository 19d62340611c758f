// Resize: nearest and linear, with ONNX' ways of mapping an output position to the input.
#include <algorithm>
#include <cmath>

#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

// Position of output `o` on an input axis, in float32 as runtimes compute it.
float source_position(const std::string& transformation, std::int64_t o, std::int64_t input, std::int64_t output,
                      float scale) {
    const auto at = static_cast<float>(o);
    if (transformation == "asymmetric") {
        return at / scale;
    }
    if (transformation == "align_corners") {
        return output == 1 ? 0.0F : at * static_cast<float>(input - 1) / static_cast<float>(output - 1);
    }
    if (transformation == "tf_half_pixel_for_nn") {
        return (at + 0.5F) / scale;
    }
    if (transformation == "pytorch_half_pixel" && output == 1) {
        return 0.0F;
    }
    return (at + 0.5F) / scale - 0.5F;  // half_pixel
}

float nearest(const std::string& mode, float at) {
    if (mode == "floor") {
        return std::floor(at);
    }
    if (mode == "ceil") {
        return std::ceil(at);
    }
    if (mode == "round_prefer_ceil") {
        return std::floor(at + 0.5F);
    }
    return std::ceil(at - 0.5F);  // round_prefer_floor
}

// One output position of one axis: (1 - weight) * x[low] + weight * x[high].
struct Tap {
    std::int64_t low = 0;
    std::int64_t high = 0;
    float weight = 0.0F;
};

std::vector<Tap> taps_of(const Resize& op, std::int64_t input, std::int64_t output, float scale) {
    std::vector<Tap> result(static_cast<std::size_t>(output));
    for (std::int64_t o = 0; o < output; ++o) {
        Tap& tap = result[static_cast<std::size_t>(o)];
        const float at = source_position(op.coordinate_transformation, o, input, output, scale);
        const float top = static_cast<float>(input - 1);
        if (input == output && scale == 1.0F) {
            tap.low = tap.high = o;
        } else if (op.mode == "nearest") {
            tap.low = tap.high = static_cast<std::int64_t>(std::clamp(nearest(op.nearest_mode, at), 0.0F, top));
        } else {
            const float inside = std::clamp(at, 0.0F, top);
            tap.low = static_cast<std::int64_t>(std::floor(inside));
            tap.high = std::min(tap.low + 1, input - 1);
            tap.weight = inside - static_cast<float>(tap.low);
        }
    }
    return result;
}

// Resizes one axis of (outer, input, inner).
template <class T>
Tensor<T> resize_axis(const Tensor<T>& x, std::size_t axis, const std::vector<Tap>& taps) {
    Shape shape = x.shape();
    std::int64_t outer = 1;
    std::int64_t inner = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
    }
    const std::int64_t input = shape[axis];
    shape[axis] = static_cast<std::int64_t>(taps.size());
    Tensor<T> result(shape);
    T* to = result.data();
    for (std::int64_t o = 0; o < outer; ++o) {
        for (const Tap& tap : taps) {
            const T* low = x.data() + (o * input + tap.low) * inner;
            const T* high = x.data() + (o * input + tap.high) * inner;
            for (std::int64_t i = 0; i < inner; ++i) {
                if (tap.weight == 0.0F) {
                    *to++ = low[i];
                } else {
                    *to++ = static_cast<T>((1.0F - tap.weight) * static_cast<float>(low[i]) +
                                           tap.weight * static_cast<float>(high[i]));
                }
            }
        }
    }
    return result;
}

}  // namespace

Value resize(const Resize& op, const Inputs& in, const Shape& shape) {
    const Shape from = shape_of(*in[0]);
    std::vector<float> scales;
    const bool by_size = has(in, 3) && element_count(shape_of(*in[3])) != 0;
    if (!by_size && has(in, 2)) {
        Tensor<float> scratch;
        scales = as_float(*in[2], scratch).values();
    }
    Value result = *in[0];
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
        const float scale =
            by_size ? static_cast<float>(shape[axis]) / static_cast<float>(from[axis]) : scales[axis];
        if (scale == 1.0F && shape[axis] == from[axis]) {
            continue;
        }
        const std::vector<Tap> taps = taps_of(op, from[axis], shape[axis], scale);
        result = std::visit([&](const auto& x) -> Value { return resize_axis(x, axis, taps); }, result);
    }
    return result;
}

}  // namespace qloom::ir::kernels
