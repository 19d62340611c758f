// Shapes of matrix products, convolutions, normalisation and pooling.
#include "base/codes/ir.h"
#include "ir/broadcast.h"
#include "ir/infer_rules.h"
#include "ir/window.h"

namespace qloom::ir::rules {
namespace {

// The spatial part of (N, C, spatial...) or (N, spatial..., C).
Shape spatial_of(const Shape& shape, bool channels_last) {
    return channels_last ? Shape(shape.begin() + 1, shape.end() - 1) : Shape(shape.begin() + 2, shape.end());
}

Shape with_spatial(std::int64_t frames, std::int64_t channels, const std::vector<WindowAxis>& axes,
                   bool channels_last) {
    Shape result{frames};
    if (!channels_last) {
        result.push_back(channels);
    }
    for (const WindowAxis& axis : axes) {
        result.push_back(axis.output);
    }
    if (channels_last) {
        result.push_back(channels);
    }
    return result;
}

std::int64_t channels_of(const Shape& shape, bool channels_last) { return channels_last ? shape.back() : shape[1]; }

void check_bias(const Inputs& in, std::int64_t channels) {
    if (in.has(2) && in.shape(2) != Shape{channels}) {
        in.mismatch(fmt::format("its bias has shape {}, it has {} output channels", shape_text(in.shape(2)), channels),
                    "give one bias an output channel");
    }
}

}  // namespace

Results matmul(const Inputs& in) {
    Shape a = in.shape(0);
    Shape b = in.shape(1);
    if (a.empty() || b.empty()) {
        in.mismatch("an operand is a single number", "use Mul to multiply by a number");
    }
    const bool vector_a = a.size() == 1;
    const bool vector_b = b.size() == 1;
    if (vector_a) {
        a.insert(a.begin(), 1);
    }
    if (vector_b) {
        b.push_back(1);
    }
    const std::int64_t inner = a.back();
    const std::int64_t rows = a[a.size() - 2];
    const std::int64_t columns = b.back();
    const std::optional<Shape> batch =
        broadcast_shapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
    if (inner != b[b.size() - 2] || !batch) {
        in.mismatch(fmt::format("its operands have shapes {} and {}, which do not multiply", shape_text(in.shape(0)),
                                shape_text(in.shape(1))),
                    "the last axis of the first must equal the last but one of the second");
    }
    Shape result = *batch;
    if (!vector_a) {
        result.push_back(rows);
    }
    if (!vector_b) {
        result.push_back(columns);
    }
    return float_result(std::move(result));
}

Results gemm(const Gemm& op, const Inputs& in) {
    in.require_rank(0, 2, 2);
    in.require_rank(1, 2, 2);
    const std::int64_t rows = in.shape(0)[op.trans_a ? 1 : 0];
    const std::int64_t inner_a = in.shape(0)[op.trans_a ? 0 : 1];
    const std::int64_t inner_b = in.shape(1)[op.trans_b ? 1 : 0];
    const std::int64_t columns = in.shape(1)[op.trans_b ? 0 : 1];
    if (inner_a != inner_b) {
        in.mismatch(fmt::format("its operands have shapes {}{} and {}{}, which do not multiply",
                                shape_text(in.shape(0)), op.trans_a ? " (transposed)" : "", shape_text(in.shape(1)),
                                op.trans_b ? " (transposed)" : ""));
    }
    Shape result{rows, columns};
    if (in.has(2) && !broadcasts_into(in.shape(2), result)) {
        in.mismatch(fmt::format("its addend has shape {}, the product {}", shape_text(in.shape(2)),
                                shape_text(result)));
    }
    return float_result(std::move(result));
}

Results conv(const Conv& op, const Inputs& in) {
    in.require_rank(0, 3, 5);
    in.require_rank(1, in.rank(0), in.rank(0));
    const Shape& x = in.shape(0);
    const Shape& w = in.shape(1);
    const std::int64_t channels = channels_of(x, op.channels_last);
    if (op.group < 1 || channels % op.group != 0 || w[0] % op.group != 0) {
        in.bad_attribute(fmt::format("group {} does not divide {} input and {} output channels", op.group, channels,
                                     w[0]),
                         "choose a common divisor of both");
    }
    if (w[1] != channels / op.group) {
        in.mismatch(fmt::format("its weights {} take {} channels a group, the data {} has {}", shape_text(w), w[1],
                                shape_text(x), channels / op.group));
    }
    check_bias(in, w[0]);
    const auto axes = resolve_window(in.where(), op.window, spatial_of(x, op.channels_last),
                                     Shape(w.begin() + 2, w.end()));
    double unfolded = static_cast<double>(w[1]);
    for (const WindowAxis& axis : axes) {
        unfolded *= static_cast<double>(axis.kernel) * static_cast<double>(axis.output);
    }
    if (unfolded > static_cast<double>(kMaxElements) / 4) {
        throw Error(code::kTensorTooLarge, in.where(),
                    fmt::format("its windows hold {:.0f} values in all for weights {} and data {}", unfolded,
                                shape_text(w), shape_text(x)),
                    "check the shapes that feed it");
    }
    return float_result(with_spatial(x[0], w[0], axes, op.channels_last));
}

Results conv_transpose(const ConvTranspose& op, const Inputs& in) {
    in.require_rank(0, 3, 5);
    in.require_rank(1, in.rank(0), in.rank(0));
    const Shape& x = in.shape(0);
    const Shape& w = in.shape(1);
    if (op.group < 1 || x[1] % op.group != 0) {
        in.bad_attribute(fmt::format("group {} does not divide {} input channels", op.group, x[1]),
                         "choose a divisor of the channels");
    }
    if (w[0] != x[1]) {
        in.mismatch(fmt::format("its weights {} take {} channels, the data {} has {}", shape_text(w), w[0],
                                shape_text(x), x[1]));
    }
    if (w[1] > kMaxElements / op.group) {
        in.bad_attribute(fmt::format("group {} times {} outputs is too many", op.group, w[1]), "check the weights");
    }
    const std::int64_t channels = w[1] * op.group;
    check_bias(in, channels);
    const auto axes =
        resolve_transposed_window(in.where(), op, spatial_of(x, false), Shape(w.begin() + 2, w.end()));
    return float_result(with_spatial(x[0], channels, axes, false));
}

Results batch_normalization(const BatchNormalization& op, const Inputs& in) {
    in.require_rank(0, op.channels_last ? 1 : 2);
    const std::int64_t channels = channels_of(in.shape(0), op.channels_last);
    static constexpr const char* kNames[] = {"", "scale", "bias", "mean", "variance"};
    for (std::size_t i = 1; i < 5; ++i) {
        if (in.shape(i) != Shape{channels}) {
            in.mismatch(fmt::format("its {} has shape {}, the data {} has {} channels", kNames[i],
                                    shape_text(in.shape(i)), shape_text(in.shape(0)), channels),
                        "give one value a channel");
        }
    }
    return float_result(in.shape(0));
}

Results pool(const Window& window, bool channels_last, const Inputs& in) {
    in.require_rank(0, 3, 5);
    const Shape& x = in.shape(0);
    if (window.kernel.empty()) {
        in.bad_attribute("it has no kernel_shape", "export the pool with its kernel size");
    }
    const auto axes = resolve_window(in.where(), window, spatial_of(x, channels_last), {});
    for (const WindowAxis& axis : axes) {
        if (axis.pad_begin >= axis.reach() || axis.pad_end >= axis.reach()) {
            throw Error(code::kWindowInvalid, in.where(),
                        fmt::format("padding {} and {} is not smaller than the kernel's reach of {}: some windows "
                                    "would see padding alone",
                                    axis.pad_begin, axis.pad_end, axis.reach()),
                        "use less padding");
        }
    }
    return {{in[0].type, with_spatial(x[0], channels_of(x, channels_last), axes, channels_last), nullptr}};
}

Results global_pool(const Inputs& in) {
    in.require_rank(0, 3);
    Shape result = in.shape(0);
    if (element_count(result) == 0) {
        in.mismatch(fmt::format("the data is empty: {}", shape_text(result)), "give it a spatial size");
    }
    std::fill(result.begin() + 2, result.end(), 1);
    return float_result(std::move(result));
}

Results quant_avg_pool(const QuantAvgPool2d& op, const Inputs& in) {
    in.require_rank(0, 4, 4);
    if (op.input_bits < 1 || op.input_bits > 32 || op.output_bits < 1 || op.output_bits > 32) {
        throw Error(code::kQuantParameter, in.where(),
                    fmt::format("its bit widths are {} and {}", op.input_bits, op.output_bits),
                    "a bit width must be a whole number from 1 to 32");
    }
    Window window;
    window.kernel = {op.kernel, op.kernel};
    window.strides = {op.stride, op.stride};
    Results results = pool(window, op.channels_last, in);
    if (op.kernel > 4096) {
        in.bad_attribute(fmt::format("its kernel is {}", op.kernel), "use a kernel of at most 4096");
    }
    results[0].type = ElementType::kFloat32;
    return results;
}

Results im2col(const Im2Col& op, const Inputs& in) {
    in.require_rank(0, 4, 4);
    const Shape& x = in.shape(0);
    if (op.window.kernel.empty()) {
        in.bad_attribute("it has no kernel_size", "export it with its kernel size");
    }
    const auto axes = resolve_window(in.where(), op.window, spatial_of(x, true), {});
    std::int64_t taps = 1;
    for (const WindowAxis& axis : axes) {
        taps *= axis.kernel;  // at most 2^60
    }
    if (x[3] != 0 && taps > kMaxElements / x[3]) {
        in.bad_attribute(fmt::format("a window of {} values is too large", taps), "use a smaller kernel");
    }
    return float_result(with_spatial(x[0], taps * x[3], axes, true));
}

}  // namespace qloom::ir::rules
