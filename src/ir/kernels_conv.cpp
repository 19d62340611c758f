// Convolutions by unfolding windows into columns and one matrix product a group; accumulated in double, rounded once,
// the bias added in float32 afterwards.
#include <cblas.h>

#include <algorithm>

#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

// Counts through all positions of a box, innermost axis fastest.
class Odometer {
public:
    explicit Odometer(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)), at_(sizes_.size(), 0) {}
    [[nodiscard]] std::int64_t operator[](std::size_t axis) const { return at_[axis]; }
    bool next() {
        for (std::size_t axis = sizes_.size(); axis-- > 0;) {
            if (++at_[axis] < sizes_[axis]) {
                return true;
            }
            at_[axis] = 0;
        }
        return false;
    }

private:
    std::vector<std::int64_t> sizes_;
    std::vector<std::int64_t> at_;
};

enum class Part { kInput, kOutput, kKernel };

std::vector<std::int64_t> sizes_of(const std::vector<WindowAxis>& axes, Part part) {
    std::vector<std::int64_t> result;
    for (const WindowAxis& axis : axes) {
        result.push_back(part == Part::kInput ? axis.input : part == Part::kOutput ? axis.output : axis.kernel);
    }
    return result;
}

std::int64_t count_of(const std::vector<WindowAxis>& axes, Part part) { return element_count(sizes_of(axes, part)); }

// Visits every (kernel tap, output row): the row's outputs [first, last) along the innermost axis read inputs
// `base + (o - first) * stride`; outputs outside read padding.
//   visit(tap, output_row_offset, first, last, base)
template <class Visit>
void for_each_tap_row(const std::vector<WindowAxis>& axes, Visit visit) {
    const WindowAxis& inner = axes.back();
    const std::vector<WindowAxis> outer(axes.begin(), axes.end() - 1);
    Odometer kernel(sizes_of(axes, Part::kKernel));
    std::int64_t tap = 0;
    do {
        const std::int64_t shift = kernel[axes.size() - 1] * inner.dilation - inner.pad_begin;
        // o * stride + shift in [0, input)
        const std::int64_t first =
            shift >= 0 ? 0 : std::min(inner.output, (-shift + inner.stride - 1) / inner.stride);
        const std::int64_t room = inner.input - shift;  // o * stride < room
        const std::int64_t last =
            room <= 0 ? first : std::max(first, std::min(inner.output, (room + inner.stride - 1) / inner.stride));
        Odometer out(sizes_of(outer, Part::kOutput));
        std::int64_t row = 0;
        do {
            std::int64_t base = 0;
            bool inside = true;
            for (std::size_t i = 0; i < outer.size(); ++i) {
                const std::int64_t at =
                    out[i] * outer[i].stride + kernel[i] * outer[i].dilation - outer[i].pad_begin;
                inside = inside && at >= 0 && at < outer[i].input;
                base = base * outer[i].input + at;
            }
            visit(tap, row * inner.output, first, inside ? last : first,
                  base * inner.input + first * inner.stride + shift);
            ++row;
        } while (out.next());
        ++tap;
    } while (kernel.next());
}

// columns (taps, outputs) of one channel plane.
void unfold(const float* plane, const std::vector<WindowAxis>& axes, double* columns) {
    const std::int64_t outputs = count_of(axes, Part::kOutput);
    const std::int64_t width = axes.back().output;
    const std::int64_t stride = axes.back().stride;
    for_each_tap_row(axes, [=](std::int64_t tap, std::int64_t row, std::int64_t first, std::int64_t last,
                               std::int64_t base) {
        double* out = columns + tap * outputs + row;
        std::fill(out, out + first, 0.0);
        for (std::int64_t o = first; o < last; ++o) {
            out[o] = static_cast<double>(plane[base + (o - first) * stride]);
        }
        std::fill(out + last, out + width, 0.0);
    });
}

// Accumulates w[tap] * x directly: for groups of one output channel a matrix product would be mostly overhead.
void accumulate(const float* plane, const std::vector<WindowAxis>& axes, const double* w, double* sums) {
    const std::int64_t stride = axes.back().stride;
    for_each_tap_row(axes, [=](std::int64_t tap, std::int64_t row, std::int64_t first, std::int64_t last,
                               std::int64_t base) {
        double* out = sums + row;
        const double weight = w[tap];
        for (std::int64_t o = first; o < last; ++o) {
            out[o] += weight * static_cast<double>(plane[base + (o - first) * stride]);
        }
    });
}

void add_bias(const Inputs& in, Tensor<float>& result, std::int64_t inner) {
    if (!has(in, 2)) {
        return;
    }
    Tensor<float> scratch;
    const Tensor<float>& bias = as_float(*in[2], scratch);
    for (std::int64_t i = 0; i < result.size(); ++i) {
        result[i] += bias[i / inner % bias.size()];
    }
}

std::vector<std::int64_t> to_first(std::int64_t rank) {
    std::vector<std::int64_t> perm{0, rank - 1};
    for (std::int64_t axis = 1; axis + 1 < rank; ++axis) {
        perm.push_back(axis);
    }
    return perm;
}

std::vector<std::int64_t> to_last(std::int64_t rank) {
    std::vector<std::int64_t> perm{0};
    for (std::int64_t axis = 2; axis < rank; ++axis) {
        perm.push_back(axis);
    }
    perm.push_back(1);
    return perm;
}

}  // namespace

Value conv(const Conv& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape,
           const Wide* weights) {
    if (op.channels_last) {
        const auto rank = static_cast<std::int64_t>(shape.size());
        const Value x = transpose(to_first(rank), *in[0]);
        Inputs first = in;
        first[0] = &x;
        Conv plain = op;
        plain.channels_last = false;
        Shape first_shape;
        for (const std::int64_t axis : to_first(rank)) {
            first_shape.push_back(shape[static_cast<std::size_t>(axis)]);
        }
        return transpose(to_last(rank), conv(plain, axes, first, first_shape, weights));
    }
    // x (N, C, in...)  w (M, C/G, taps...)  y (N, M, out...)
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Wide own = weights == nullptr ? widen(*in[1]) : Wide{};
    const double* w = weights == nullptr ? own.data() : weights->data();
    const std::int64_t group_inputs = x.dim(1) / op.group;
    const std::int64_t group_outputs = shape[1] / op.group;
    const std::int64_t taps = count_of(axes, Part::kKernel);
    const std::int64_t inputs = count_of(axes, Part::kInput);
    const std::int64_t outputs = count_of(axes, Part::kOutput);
    Tensor<float> result(shape);
    std::vector<double> columns;
    if (group_outputs > 1) {
        columns.resize(static_cast<std::size_t>(group_inputs * taps * outputs));
    }
    std::vector<double> sums(static_cast<std::size_t>(group_outputs * outputs));
    for (std::int64_t block = 0; block < x.dim(0) * op.group; ++block) {
        const std::int64_t group = block % op.group;
        const float* planes = x.data() + block * group_inputs * inputs;
        const double* filter = w + group * group_outputs * group_inputs * taps;
        std::ranges::fill(sums, 0.0);
        if (group_outputs == 1) {
            for (std::int64_t c = 0; c < group_inputs; ++c) {
                accumulate(planes + c * inputs, axes, filter + c * taps, sums.data());
            }
        } else if (group_inputs > 0) {
            for (std::int64_t c = 0; c < group_inputs; ++c) {
                unfold(planes + c * inputs, axes, columns.data() + c * taps * outputs);
            }
            const auto m = static_cast<int>(group_outputs);
            const auto k = static_cast<int>(group_inputs * taps);
            const auto n = static_cast<int>(outputs);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0, filter, k, columns.data(), n, 0.0,
                        sums.data(), n);
        }
        std::ranges::transform(sums, result.data() + block * group_outputs * outputs,
                               [](double v) { return static_cast<float>(v); });
    }
    add_bias(in, result, outputs);
    return result;
}

Value conv_transpose(const ConvTranspose& op, const std::vector<WindowAxis>& axes, const Inputs& in,
                     const Shape& shape, const Wide* weights) {
    // x (N, C, in...)  w (C, M/G, taps...)  y (N, M, out...): input i adds w[k] * x[i] to output
    // i * stride - pad_begin + k * dilation.
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    const Wide own = weights == nullptr ? widen(*in[1]) : Wide{};
    const double* w = weights == nullptr ? own.data() : weights->data();
    const std::int64_t group_inputs = x.dim(1) / op.group;
    const std::int64_t group_outputs = shape[1] / op.group;
    const std::int64_t taps = count_of(axes, Part::kKernel);
    const std::int64_t inputs = count_of(axes, Part::kInput);
    const std::int64_t outputs = count_of(axes, Part::kOutput);
    // The same walk as a convolution with input and output exchanged.
    std::vector<WindowAxis> swapped = axes;
    for (WindowAxis& axis : swapped) {
        std::swap(axis.input, axis.output);
    }
    const std::int64_t stride = swapped.back().stride;
    Tensor<float> result(shape);
    std::vector<double> sums(static_cast<std::size_t>(outputs));
    for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane) {
        const std::int64_t frame = plane / shape[1];
        const std::int64_t m = plane % shape[1];
        const std::int64_t group = m / group_outputs;
        std::ranges::fill(sums, 0.0);
        for (std::int64_t i = 0; i < group_inputs; ++i) {
            const std::int64_t channel = group * group_inputs + i;
            const float* from = x.data() + (frame * x.dim(1) + channel) * inputs;
            const double* filter = w + (channel * group_outputs + m % group_outputs) * taps;
            for_each_tap_row(swapped, [&](std::int64_t tap, std::int64_t row, std::int64_t first, std::int64_t last,
                                          std::int64_t base) {
                const double weight = filter[tap];
                for (std::int64_t o = first; o < last; ++o) {
                    sums[static_cast<std::size_t>(base + (o - first) * stride)] +=
                        weight * static_cast<double>(from[row + o]);
                }
            });
        }
        std::ranges::transform(sums, result.data() + plane * outputs, [](double v) { return static_cast<float>(v); });
    }
    add_bias(in, result, outputs);
    return result;
}

Value im2col(const Im2Col& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape) {
    // x (N, H, W, C) -> (N, OH, OW, KH * KW * C), channels fastest
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    const std::int64_t channels = x.dim(3);
    Tensor<float> result(shape, op.pad_value);
    const std::int64_t window = shape[3];
    const std::int64_t inputs = count_of(axes, Part::kInput);
    const std::int64_t outputs = count_of(axes, Part::kOutput);
    const std::int64_t stride = axes.back().stride;
    for (std::int64_t frame = 0; frame < x.dim(0); ++frame) {
        for_each_tap_row(axes, [&](std::int64_t tap, std::int64_t row, std::int64_t first, std::int64_t last,
                                   std::int64_t base) {
            for (std::int64_t o = first; o < last; ++o) {
                const float* from = x.data() + (frame * inputs + base + (o - first) * stride) * channels;
                std::copy(from, from + channels,
                          result.data() + (frame * outputs + row + o) * window + tap * channels);
            }
        });
    }
    return result;
}

}  // namespace qloom::ir::kernels
