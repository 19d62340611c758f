// Operators that move, cut and join data, on floats and integers alike.
#include <algorithm>

#include "ir/broadcast.h"
#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

// Fills a result of `shape` from x, stepping through x by `strides` (per result axis) from `start`.
template <class T>
Tensor<T> strided_copy(const Tensor<T>& x, const Shape& shape, std::int64_t start,
                       const std::vector<std::int64_t>& strides) {
    Tensor<T> result(shape);
    if (result.empty()) {
        return result;
    }
    const std::size_t rank = shape.size();
    if (rank == 0) {
        result[0] = x[start];
        return result;
    }
    std::vector<std::int64_t> position(rank, 0);
    const std::int64_t row = shape[rank - 1];
    const std::int64_t step = strides[rank - 1];
    std::int64_t from = start;
    for (std::int64_t to = 0; to < result.size(); to += row) {
        for (std::int64_t i = 0; i < row; ++i) {
            result[to + i] = x[from + i * step];
        }
        for (std::size_t axis = rank - 1; axis-- > 0;) {
            from += strides[axis];
            if (++position[axis] < shape[axis]) {
                break;
            }
            from -= strides[axis] * shape[axis];
            position[axis] = 0;
        }
    }
    return result;
}

std::vector<std::int64_t> strides_of(const Shape& shape) {
    std::vector<std::int64_t> result(shape.size());
    std::int64_t stride = 1;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
        result[axis] = stride;
        stride *= shape[axis];
    }
    return result;
}

template <class T>
Tensor<T> transpose_of(const Tensor<T>& x, const std::vector<std::int64_t>& perm) {
    const std::vector<std::int64_t> from = strides_of(x.shape());
    Shape shape(perm.size());
    std::vector<std::int64_t> strides(perm.size());
    for (std::size_t i = 0; i < perm.size(); ++i) {
        shape[i] = x.shape()[static_cast<std::size_t>(perm[i])];
        strides[i] = from[static_cast<std::size_t>(perm[i])];
    }
    return strided_copy(x, shape, 0, strides);
}

// Sizes before and after an axis.
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
const Tensor<T>& typed(const Value& value, Tensor<T>& scratch) {
    if constexpr (std::is_same_v<T, float>) {
        return as_float(value, scratch);
    } else {
        return std::get<Tensor<T>>(value);
    }
}

template <class T>
Tensor<T> concat_of(std::int64_t axis, const Inputs& in, const Shape& shape) {
    Tensor<T> result(shape);
    const AroundAxis whole = around(shape, axis);
    std::int64_t at = 0;
    for (const Value* value : in) {
        if (value == nullptr) {
            continue;
        }
        Tensor<T> scratch;
        const Tensor<T>& part = typed(*value, scratch);
        const AroundAxis piece = around(part.shape(), axis);
        const std::int64_t length = piece.size * piece.inner;
        for (std::int64_t o = 0; o < piece.outer; ++o) {
            std::copy(part.data() + o * length, part.data() + (o + 1) * length,
                      result.data() + o * whole.size * whole.inner + at);
        }
        at += length;
    }
    return result;
}

template <class T>
Tensor<T> pad_of(const Tensor<T>& x, PadMode mode, const std::vector<std::int64_t>& pads, T value,
                 const Shape& shape) {
    Tensor<T> result(shape, value);
    const std::size_t rank = shape.size();
    const std::vector<std::int64_t> strides = strides_of(x.shape());
    std::vector<std::int64_t> position(rank, 0);
    for (std::int64_t to = 0; to < result.size(); ++to) {
        std::int64_t from = 0;
        bool inside = true;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const std::int64_t size = x.shape()[axis];
            std::int64_t at = position[axis] - pads[axis];
            if (mode == PadMode::kReflect) {
                at = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
            } else if (mode == PadMode::kEdge) {
                at = std::clamp<std::int64_t>(at, 0, size - 1);
            }
            inside = inside && at >= 0 && at < size;
            from += at * strides[axis];
        }
        if (inside) {
            result[to] = x[from];
        }
        for (std::size_t axis = rank; axis-- > 0;) {
            if (++position[axis] < shape[axis]) {
                break;
            }
            position[axis] = 0;
        }
    }
    return result;
}

}  // namespace

Value reshaped(const Value& value, const Shape& shape) {
    return std::visit([&](const auto& x) -> Value { return x.reshaped(shape); }, value);
}

Value transpose(const std::vector<std::int64_t>& perm, const Value& value) {
    std::vector<std::int64_t> axes = perm;
    if (axes.empty()) {
        for (std::int64_t axis = static_cast<std::int64_t>(shape_of(value).size()); axis-- > 0;) {
            axes.push_back(axis);
        }
    }
    return std::visit([&](const auto& x) -> Value { return transpose_of(x, axes); }, value);
}

Value concat(std::int64_t axis, const Inputs& in, const Shape& shape) {
    const bool real = std::ranges::any_of(in, [](const Value* value) {
        return value != nullptr && std::holds_alternative<Tensor<float>>(*value);
    });
    if (real) {
        return concat_of<float>(axis, in, shape);
    }
    return concat_of<std::int64_t>(axis, in, shape);
}

std::vector<Value> split(std::int64_t axis, const Inputs& in, const std::vector<Shape>& shapes) {
    std::vector<Value> results;
    std::int64_t at = 0;
    const AroundAxis whole = around(shape_of(*in[0]), axis);
    for (const Shape& shape : shapes) {
        const std::int64_t length = around(shape, axis).size * whole.inner;
        results.push_back(std::visit([&](const auto& x) -> Value {
            auto part = std::decay_t<decltype(x)>(shape);
            for (std::int64_t o = 0; o < whole.outer; ++o) {
                const auto* from = x.data() + o * whole.size * whole.inner + at;
                std::copy(from, from + length, part.data() + o * length);
            }
            return part;
        }, *in[0]));
        at += length;
    }
    return results;
}

Value slice(const std::vector<Step>& steps, const Inputs& in, const Shape& shape) {
    std::vector<std::int64_t> strides = strides_of(shape_of(*in[0]));
    std::int64_t start = 0;
    for (std::size_t axis = 0; axis < steps.size(); ++axis) {
        start += steps[axis].start * strides[axis];
        strides[axis] *= steps[axis].step;
    }
    return std::visit([&](const auto& x) -> Value { return strided_copy(x, shape, start, strides); }, *in[0]);
}

Value gather(std::int64_t axis, const Inputs& in, const Shape& shape) {
    const std::vector<std::int64_t> indices = integers(*in[1]);
    const AroundAxis whole = around(shape_of(*in[0]), axis);
    return std::visit([&](const auto& x) -> Value {
        auto result = std::decay_t<decltype(x)>(shape);
        auto* to = result.data();
        for (std::int64_t o = 0; o < whole.outer; ++o) {
            for (const std::int64_t index : indices) {
                const std::int64_t at = index < 0 ? index + whole.size : index;
                const auto* from = x.data() + (o * whole.size + at) * whole.inner;
                to = std::copy(from, from + whole.inner, to);
            }
        }
        return result;
    }, *in[0]);
}

Value pad(PadMode mode, const std::vector<std::int64_t>& pads, const Inputs& in, const Shape& shape) {
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(in[0])) {
        return pad_of(*ints, mode, pads, has(in, 2) ? integers(*in[2]).front() : 0, shape);
    }
    return pad_of(std::get<Tensor<float>>(*in[0]), mode, pads, has(in, 2) ? scalar(*in[2]) : 0.0F, shape);
}

Value depth_to_space(const DepthToSpace& op, const Inputs& in, const Shape& shape) {
    const std::int64_t b = op.block_size;
    const std::int64_t c = shape[1];
    const std::int64_t h = shape[2] / b;
    const std::int64_t w = shape[3] / b;
    // DCR: channels are (b, b, C); CRD: (C, b, b). Both end as (N, C, H, b, W, b).
    const Value six = reshaped(*in[0], op.column_row_depth ? Shape{shape[0], c, b, b, h, w}
                                                           : Shape{shape[0], b, b, c, h, w});
    return reshaped(transpose(op.column_row_depth ? std::vector<std::int64_t>{0, 1, 4, 2, 5, 3}
                                                  : std::vector<std::int64_t>{0, 3, 4, 1, 5, 2},
                              six),
                    shape);
}

Value space_to_depth(const SpaceToDepth& op, const Inputs& in, const Shape& shape) {
    const std::int64_t b = op.block_size;
    const Shape& x = shape_of(*in[0]);
    const Value six = reshaped(*in[0], {x[0], x[1], x[2] / b, b, x[3] / b, b});
    return reshaped(transpose({0, 3, 5, 1, 2, 4}, six), shape);
}

Value expand(const Inputs& in, const Shape& shape) {
    const Shape& from = shape_of(*in[0]);
    std::vector<std::int64_t> strides(shape.size(), 0);
    const std::vector<std::int64_t> own = strides_of(from);
    for (std::size_t i = 0; i < from.size(); ++i) {
        strides[shape.size() - from.size() + i] = from[i] == 1 ? 0 : own[i];
    }
    return std::visit([&](const auto& x) -> Value { return strided_copy(x, shape, 0, strides); }, *in[0]);
}

}  // namespace qloom::ir::kernels
