// Pooling: windows seen one output at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/kernels.h"

namespace qloom::ir::kernels {
namespace {

// Data seen as (blocks, spatial..., lanes): lanes is C for channels-last data and 1 otherwise.
struct Layout {
    std::int64_t blocks = 1;
    std::int64_t lanes = 1;
};

Layout layout_of(const Shape& x, bool channels_last) {
    return channels_last ? Layout{x[0], x.back()} : Layout{x[0] * x[1], 1};
}

// For every output position: visit(output index, list of input indices inside, window size counting padding),
// indices over the spatial positions alone.
template <class Visit>
void for_each_window(const std::vector<WindowAxis>& axes, Visit visit) {
    std::int64_t outputs = 1;
    for (const WindowAxis& axis : axes) {
        outputs *= axis.output;
    }
    std::vector<std::int64_t> inside;
    std::vector<std::int64_t> next;
    for (std::int64_t o = 0; o < outputs; ++o) {
        inside.assign(1, 0);
        std::int64_t padded = 1;  // taps on the input or its declared padding, but not beyond (ceil mode)
        std::int64_t rest = outputs;
        std::int64_t at = o;
        for (const WindowAxis& axis : axes) {
            rest /= axis.output;
            const std::int64_t start = at / rest * axis.stride - axis.pad_begin;
            at %= rest;
            next.clear();
            std::int64_t counted = 0;
            for (std::int64_t k = 0; k < axis.kernel; ++k) {
                const std::int64_t i = start + k * axis.dilation;
                counted += i < axis.input + axis.pad_end ? 1 : 0;
                if (i >= 0 && i < axis.input) {
                    for (const std::int64_t base : inside) {
                        next.push_back(base * axis.input + i);
                    }
                }
            }
            padded *= counted;
            inside.swap(next);
        }
        visit(o, inside, padded);
    }
}

std::int64_t input_count(const std::vector<WindowAxis>& axes) {
    std::int64_t count = 1;
    for (const WindowAxis& axis : axes) {
        count *= axis.input;
    }
    return count;
}

template <class T>
Tensor<T> max_pool_of(const Tensor<T>& x, const Layout& layout, const std::vector<WindowAxis>& axes,
                      const Shape& shape) {
    Tensor<T> result(shape);
    const std::int64_t inputs = input_count(axes);
    const std::int64_t outputs = layout.blocks == 0 || layout.lanes == 0
                                     ? 0 : result.size() / layout.blocks / layout.lanes;
    for_each_window(axes, [&](std::int64_t o, const std::vector<std::int64_t>& inside, std::int64_t) {
        for (std::int64_t block = 0; block < layout.blocks; ++block) {
            for (std::int64_t lane = 0; lane < layout.lanes; ++lane) {
                T best = std::numeric_limits<T>::lowest();
                for (const std::int64_t i : inside) {
                    best = std::max(best, x[(block * inputs + i) * layout.lanes + lane]);
                }
                result[(block * outputs + o) * layout.lanes + lane] = best;
            }
        }
    });
    return result;
}

}  // namespace

Value max_pool(const MaxPool& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape) {
    return std::visit(
        [&](const auto& x) -> Value { return max_pool_of(x, layout_of(x.shape(), op.channels_last), axes, shape); },
        *in[0]);
}

Value average_pool(const AveragePool& op, const std::vector<WindowAxis>& axes, const Inputs& in,
                   const Shape& shape) {
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    Tensor<float> result(shape);
    const Layout layout = layout_of(x.shape(), false);
    const std::int64_t inputs = input_count(axes);
    const std::int64_t outputs = layout.blocks == 0 ? 0 : result.size() / layout.blocks;
    for_each_window(axes, [&](std::int64_t o, const std::vector<std::int64_t>& inside, std::int64_t padded) {
        const auto count = op.count_include_pad ? padded : static_cast<std::int64_t>(inside.size());
        for (std::int64_t block = 0; block < layout.blocks; ++block) {
            double sum = 0.0;
            for (const std::int64_t i : inside) {
                sum += static_cast<double>(x[block * inputs + i]);
            }
            result[block * outputs + o] = static_cast<float>(sum) / static_cast<float>(count);
        }
    });
    return result;
}

Value global_pool(bool maximum, const Inputs& in, const Shape& shape) {
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    Tensor<float> result(shape);
    const std::int64_t inner = x.size() / std::max<std::int64_t>(1, result.size());
    for (std::int64_t i = 0; i < result.size(); ++i) {
        const float* from = x.data() + i * inner;
        if (maximum) {
            result[i] = *std::max_element(from, from + inner);
        } else {
            double sum = 0.0;
            for (std::int64_t j = 0; j < inner; ++j) {
                sum += static_cast<double>(from[j]);
            }
            result[i] = static_cast<float>(sum) / static_cast<float>(inner);
        }
    }
    return result;
}

Value quant_avg_pool(const QuantAvgPool2d& op, const std::vector<WindowAxis>& axes, const Inputs& in,
                     const Shape& shape) {
    Tensor<float> sx;
    const Tensor<float>& x = as_float(*in[0], sx);
    // The shift leaves output_bits of the widest possible sum of unsigned inputs.
    const std::uint64_t largest = ((std::uint64_t{1} << op.input_bits) - 1) *
                                  static_cast<std::uint64_t>(op.kernel * op.kernel);
    std::int64_t bits = 0;
    while (bits < 64 && (largest >> bits) != 0) {
        ++bits;
    }
    const std::int64_t shift = std::max<std::int64_t>(0, bits - op.output_bits);
    Tensor<float> result(shape);
    const Layout layout = layout_of(x.shape(), op.channels_last);
    const std::int64_t inputs = input_count(axes);
    const std::int64_t outputs = layout.blocks == 0 || layout.lanes == 0
                                     ? 0 : result.size() / layout.blocks / layout.lanes;
    for_each_window(axes, [&](std::int64_t o, const std::vector<std::int64_t>& inside, std::int64_t) {
        for (std::int64_t block = 0; block < layout.blocks; ++block) {
            for (std::int64_t lane = 0; lane < layout.lanes; ++lane) {
                double sum = 0.0;
                for (const std::int64_t i : inside) {
                    sum += static_cast<double>(x[(block * inputs + i) * layout.lanes + lane]);
                }
                const double floored = std::floor(std::nearbyint(sum) / std::exp2(static_cast<double>(shift)));
                result[(block * outputs + o) * layout.lanes + lane] = static_cast<float>(floored);
            }
        }
    });
    return result;
}

}  // namespace qloom::ir::kernels
