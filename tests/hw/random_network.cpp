#include "hw/random_network.h"

#include <algorithm>
#include <map>

namespace qloom::testing {
namespace {

using namespace network;  // NOLINT: the kinds of layers are all that this file is about

std::int64_t floor_shift(std::int64_t value, int shift) {
    const std::int64_t divisor = std::int64_t{1} << shift;
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// One frame of every stream.
using Values = std::map<StreamId, std::vector<std::int64_t>>;

struct Meaning {
    const Network& network;
    const Layer& layer;
    Values& values;

    [[nodiscard]] const Stream& in(std::size_t i = 0) const {
        return network.stream(layer.inputs[i]);
    }
    [[nodiscard]] const std::vector<std::int64_t>& x(std::size_t i = 0) const {
        return values.at(layer.inputs[i]);
    }
    std::vector<std::int64_t>& y(std::size_t i = 0) { return values[layer.outputs[i]]; }

    void operator()(const MatrixVector& unit) {
        const std::int64_t width = unit.weights.dim(1);
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t row = 0; row < unit.weights.dim(0); ++row) {
                std::int64_t sum = 0;
                for (std::int64_t column = 0; column < width; ++column) {
                    const std::int64_t value =
                        x()[static_cast<std::size_t>(vector * width + column)];
                    const std::int64_t weight = unit.weights[row * width + column];
                    if (unit.arithmetic == MatrixVector::Arithmetic::kXnorPopcount) {
                        sum += value == weight ? 1 : 0;
                    } else {
                        sum += value * weight;
                    }
                }
                y().push_back(sum);
            }
        }
    }
    void operator()(const Threshold& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const auto rows = static_cast<std::size_t>(unit.thresholds.dim(0));
            const std::size_t row = rows == 1 ? 0 : channel;
            const bool falls = !unit.decreasing.empty() && unit.decreasing[row];
            std::int64_t count = 0;
            for (std::int64_t step = 0; step < unit.thresholds.dim(1); ++step) {
                const std::int64_t limit =
                    unit.thresholds[static_cast<std::int64_t>(row) * unit.thresholds.dim(1) + step];
                if (falls ? value < limit : value >= limit) ++count;
            }
            return unit.out_bias + count;
        });
    }
    void operator()(const Lookup& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::int64_t row =
                unit.table.dim(0) == 1 ? 0 : static_cast<std::int64_t>(channel);
            return unit.table[row * unit.table.dim(1) + value - unit.input_lo];
        });
    }
    void operator()(const Requantize& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::size_t row = unit.mul.size() == 1 ? 0 : channel;
            const std::int64_t sum = unit.mul[row] * value + unit.add[row];
            return std::clamp(floor_shift(sum, unit.shift), unit.lo, unit.hi);
        });
    }
    void operator()(const ChannelAffine& unit) {
        each_channel([&](std::int64_t value, std::size_t channel) {
            const std::size_t row = unit.mul.size() == 1 ? 0 : channel;
            return unit.mul[row] * value + unit.add[row];
        });
    }
    void operator()(const Add& unit) {
        for (std::size_t k = 0; k < x().size(); ++k) {
            std::int64_t sum = 0;
            for (std::size_t i = 0; i < layer.inputs.size(); ++i)
                sum += unit.multipliers[i] * x(i)[k];
            y().push_back(sum);
        }
    }
    void operator()(const Multiply&) {
        for (std::size_t k = 0; k < x().size(); ++k) y().push_back(x(0)[k] * x(1)[k % x(1).size()]);
    }
    void operator()(const Concat&) {
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
                const std::int64_t channels = in(i).channels();
                for (std::int64_t c = 0; c < channels; ++c) {
                    y().push_back(x(i)[static_cast<std::size_t>(vector * channels + c)]);
                }
            }
        }
    }
    void operator()(const Split&) {
        std::size_t at = 0;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
                for (std::int64_t c = 0; c < network.stream(layer.outputs[i]).channels(); ++c)
                    y(i).push_back(x()[at++]);
            }
        }
    }
    void operator()(const Argmax&) {
        std::size_t best = 0;
        for (std::size_t k = 1; k < x().size(); ++k) {
            if (x()[k] > x()[best]) best = k;
        }
        y().push_back(static_cast<std::int64_t>(best));
    }
    void operator()(const Reshape&) { y() = x(); }
    void operator()(const GlobalReduce& unit) {
        const std::int64_t channels = in().channels();
        for (std::int64_t c = 0; c < channels; ++c) {
            std::int64_t sum = 0;
            std::int64_t most = in().range.lo;
            for (std::int64_t pixel = 0; pixel < in().vectors(); ++pixel) {
                const std::int64_t value = x()[static_cast<std::size_t>(pixel * channels + c)];
                sum += value;
                most = std::max(most, value);
            }
            y().push_back(unit.reduction == Reduction::kMax ? most : sum);
        }
    }
    void operator()(const Upsample& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            return pixel(row / rows_of(unit.factors), column / unit.factors.back(), channel);
        });
    }
    void operator()(const InsertPixels& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            if (row % rows_of(unit.factors) != 0 || column % unit.factors.back() != 0)
                return unit.value;
            return pixel(row / rows_of(unit.factors), column / unit.factors.back(), channel);
        });
    }
    void operator()(const PermuteChannels& unit) {
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            return pixel(row, column, unit.order[static_cast<std::size_t>(channel)]);
        });
    }
    void operator()(const DepthToSpace& unit) {
        const std::int64_t channels = network.stream(layer.outputs[0]).channels();
        each_output([&](std::int64_t row, std::int64_t column, std::int64_t channel) {
            const std::int64_t part = row % unit.block * unit.block + column % unit.block;
            return pixel(row / unit.block, column / unit.block, part * channels + channel);
        });
    }
    void operator()(const SlidingWindow& unit) {
        const bool flat = unit.axes.size() == 1;
        const std::int64_t channels = in().channels();
        const std::int64_t height = flat ? 1 : in().shape[0];
        const std::int64_t width = in().shape[flat ? 0 : 1];
        const WindowAxis rows = flat ? WindowAxis{} : unit.axes[0];
        const WindowAxis columns = unit.axes.back();
        for (std::int64_t oy = 0; oy < rows.outputs(height); ++oy) {
            for (std::int64_t ox = 0; ox < columns.outputs(width); ++ox) {
                for (std::int64_t ky = 0; ky < rows.kernel; ++ky) {
                    for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
                        const std::int64_t iy =
                            oy * rows.stride - rows.pad_begin + ky * rows.dilation;
                        const std::int64_t ix =
                            ox * columns.stride - columns.pad_begin + kx * columns.dilation;
                        const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
                        for (std::int64_t c = 0; c < channels; ++c) {
                            const auto at =
                                static_cast<std::size_t>((iy * width + ix) * channels + c);
                            y().push_back(inside ? x()[at] : unit.pad_value);
                        }
                    }
                }
            }
        }
    }
    void operator()(const VectorVector& unit) {
        const std::int64_t positions = unit.weights.dim(1);
        const std::int64_t channels = in().channels() / positions;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t m = 0; m < unit.weights.dim(0); ++m) {
                std::int64_t sum = 0;
                for (std::int64_t k = 0; k < positions; ++k) {
                    sum += unit.weights[m * positions + k] *
                           window_value(vector, k, channels, m / unit.multiplier);
                }
                y().push_back(sum);
            }
        }
    }
    void operator()(const WindowReduce& unit) {
        const std::int64_t channels = in().channels() / unit.positions;
        for (std::int64_t vector = 0; vector < in().vectors(); ++vector) {
            for (std::int64_t c = 0; c < channels; ++c) {
                std::int64_t result = window_value(vector, 0, channels, c);
                for (std::int64_t k = 1; k < unit.positions; ++k) {
                    const std::int64_t value = window_value(vector, k, channels, c);
                    result = unit.reduction == Reduction::kSum ? result + value
                                                               : std::max(result, value);
                }
                y().push_back(result);
            }
        }
    }
    // Images with one row where there is one spatial axis.
    static std::int64_t rows_of(const std::vector<std::int64_t>& factors) {
        return factors.size() > 1 ? factors[0] : 1;
    }
    [[nodiscard]] std::int64_t pixel(std::int64_t row, std::int64_t column,
                                     std::int64_t channel) const {
        const Shape& shape = in().shape;
        const std::int64_t width = shape[shape.size() - 2];
        return x()[static_cast<std::size_t>((row * width + column) * shape.back() + channel)];
    }
    template <class F>
    void each_output(F&& function) {
        const Shape& shape = network.stream(layer.outputs[0]).shape;
        const std::int64_t height = shape.size() > 2 ? shape[0] : 1;
        for (std::int64_t row = 0; row < height; ++row) {
            for (std::int64_t column = 0; column < shape[shape.size() - 2]; ++column) {
                for (std::int64_t c = 0; c < shape.back(); ++c)
                    y().push_back(function(row, column, c));
            }
        }
    }
    [[nodiscard]] std::int64_t window_value(std::int64_t vector, std::int64_t position,
                                            std::int64_t channels, std::int64_t channel) const {
        return x()[static_cast<std::size_t>(vector * in().channels() + position * channels +
                                            channel)];
    }

    template <class F>
    void each_channel(F&& function) {
        const auto channels = static_cast<std::size_t>(in().channels());
        for (std::size_t k = 0; k < x().size(); ++k) y().push_back(function(x()[k], k % channels));
    }
};

}  // namespace

StreamId NetworkBuilder::stream(const std::string& name, const Shape& shape, Range range) {
    return network_.add_stream(
        {.name = name, .shape = shape, .type = IntType::smallest(range), .range = range});
}

StreamId NetworkBuilder::emit(const std::string& name, LayerKind kind,
                              const std::vector<StreamId>& inputs, const Shape& shape,
                              Range range) {
    const StreamId out = stream(name + "_out", shape, range);
    network_.layers.push_back(
        {.name = name, .kind = std::move(kind), .inputs = inputs, .outputs = {out}});
    return out;
}

StreamId NetworkBuilder::input(const std::string& name, const Shape& shape, Range range) {
    const StreamId id = stream(name, shape, range);
    network_.inputs.push_back(id);
    return id;
}

StreamId NetworkBuilder::dense_of(StreamId x, MatrixVector layer) {
    const Range in = at(x).range;
    Range range{0, 0};
    Range weights{0, 0};
    const std::int64_t width = layer.weights.dim(1);
    for (std::int64_t row = 0; row < layer.weights.dim(0); ++row) {
        Range sum{0, 0};
        for (std::int64_t column = 0; column < width; ++column) {
            const std::int64_t w = layer.weights[row * width + column];
            weights = weights.united({w, w});
            sum.lo += std::min(w * in.lo, w * in.hi);
            sum.hi += std::max(w * in.lo, w * in.hi);
        }
        range = row == 0 ? sum : range.united(sum);
    }
    if (layer.arithmetic == MatrixVector::Arithmetic::kXnorPopcount) range = {0, width};
    layer.weight_type = IntType::smallest({std::min<std::int64_t>(weights.lo, -1), weights.hi});
    Shape shape = at(x).shape;
    shape.back() = layer.weights.dim(0);
    return emit(fresh("fc"), std::move(layer), {x}, shape, range);
}

StreamId NetworkBuilder::dense(StreamId x, std::int64_t outputs, Range weights) {
    MatrixVector layer;
    layer.weights = Tensor<std::int32_t>(Shape{outputs, at(x).channels()});
    for (auto& w : layer.weights) w = static_cast<std::int32_t>(uniform(weights.lo, weights.hi));
    return dense_of(x, std::move(layer));
}

StreamId NetworkBuilder::dense_bipolar(StreamId x, std::int64_t outputs) {
    MatrixVector layer;
    layer.weights = Tensor<std::int32_t>(Shape{outputs, at(x).channels()});
    for (auto& w : layer.weights) w = uniform(0, 1) == 0 ? -1 : 1;
    layer.bipolar_weights = true;
    return dense_of(x, std::move(layer));
}

StreamId NetworkBuilder::dense_xnor(StreamId x, std::int64_t outputs) {
    MatrixVector layer;
    layer.arithmetic = MatrixVector::Arithmetic::kXnorPopcount;
    layer.bipolar_weights = true;
    layer.weights = Tensor<std::int32_t>(Shape{outputs, at(x).channels()});
    for (auto& w : layer.weights) w = static_cast<std::int32_t>(uniform(0, 1));
    return dense_of(x, std::move(layer));
}

StreamId NetworkBuilder::threshold(StreamId x, std::int64_t steps, ThresholdOptions options) {
    const Range in = at(x).range;
    const std::int64_t rows = options.shared ? 1 : at(x).channels();
    Threshold layer;
    layer.out_bias = options.bias;
    layer.thresholds = Tensor<std::int64_t>(Shape{rows, steps});
    for (std::int64_t row = 0; row < rows; ++row) {
        auto* begin = layer.thresholds.data() + row * steps;
        // "Always" (in.lo) and "never" (in.hi + 1) come too.
        for (std::int64_t step = 0; step < steps; ++step) begin[step] = uniform(in.lo, in.hi + 1);
        std::sort(begin, begin + steps);
        if (options.falling) layer.decreasing.push_back(uniform(0, 1) == 1);
    }
    return emit(fresh("act"), std::move(layer), {x}, at(x).shape,
                {options.bias, options.bias + steps});
}

StreamId NetworkBuilder::lookup(StreamId x, Range values, bool shared) {
    const Range in = at(x).range;
    Lookup layer;
    layer.input_lo = in.lo;
    layer.table = Tensor<std::int64_t>(
        Shape{shared ? 1 : at(x).channels(), static_cast<std::int64_t>(in.count())});
    for (auto& value : layer.table) value = uniform(values.lo, values.hi);
    return emit(fresh("table"), std::move(layer), {x}, at(x).shape, values);
}

StreamId NetworkBuilder::requantize(StreamId x, int shift, Range out, bool shared) {
    Requantize layer;
    layer.shift = shift;
    layer.lo = out.lo;
    layer.hi = out.hi;
    const std::int64_t rows = shared ? 1 : at(x).channels();
    for (std::int64_t row = 0; row < rows; ++row) {
        layer.mul.push_back(uniform(-200, 200));
        layer.add.push_back(
            uniform(-(std::int64_t{1} << shift) * 20, (std::int64_t{1} << shift) * 20));
    }
    return emit(fresh("requant"), std::move(layer), {x}, at(x).shape, out);
}

StreamId NetworkBuilder::affine(StreamId x, bool shared) {
    ChannelAffine layer;
    const Range in = at(x).range;
    Range range{0, 0};
    const std::int64_t rows = shared ? 1 : at(x).channels();
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t mul = uniform(-9, 9);
        const std::int64_t add = uniform(-100, 100);
        layer.mul.push_back(mul);
        layer.add.push_back(add);
        const Range one{std::min(mul * in.lo, mul * in.hi) + add,
                        std::max(mul * in.lo, mul * in.hi) + add};
        range = row == 0 ? one : range.united(one);
    }
    return emit(fresh("scale"), std::move(layer), {x}, at(x).shape, range);
}

StreamId NetworkBuilder::add(const std::vector<StreamId>& xs,
                             const std::vector<std::int64_t>& multipliers) {
    Range range{0, 0};
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const Range in = at(xs[i]).range;
        range.lo += std::min(multipliers[i] * in.lo, multipliers[i] * in.hi);
        range.hi += std::max(multipliers[i] * in.lo, multipliers[i] * in.hi);
    }
    return emit(fresh("sum"), Add{multipliers}, xs, at(xs[0]).shape, range);
}

StreamId NetworkBuilder::multiply(StreamId a, StreamId b) {
    const Range x = at(a).range;
    const Range y = at(b).range;
    const auto corners = {x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi};
    return emit(fresh("product"), Multiply{}, {a, b}, at(a).shape,
                {std::min(corners), std::max(corners)});
}

StreamId NetworkBuilder::concat(const std::vector<StreamId>& xs) {
    Shape shape = at(xs[0]).shape;
    Range range = at(xs[0]).range;
    for (std::size_t i = 1; i < xs.size(); ++i) {
        shape.back() += at(xs[i]).channels();
        range = range.united(at(xs[i]).range);
    }
    return emit(fresh("concat"), Concat{}, xs, shape, range);
}

std::vector<StreamId> NetworkBuilder::split(StreamId x, const std::vector<std::int64_t>& channels) {
    const std::string name = fresh("split");
    Layer layer{.name = name, .kind = Split{}, .inputs = {x}, .outputs = {}};
    for (std::size_t i = 0; i < channels.size(); ++i) {
        Shape shape = at(x).shape;
        shape.back() = channels[i];
        layer.outputs.push_back(stream(name + "_out" + std::to_string(i), shape, at(x).range));
    }
    network_.layers.push_back(layer);
    return layer.outputs;
}

StreamId NetworkBuilder::argmax(StreamId x) {
    return emit(fresh("argmax"), Argmax{}, {x}, {1}, {0, at(x).channels() - 1});
}

StreamId NetworkBuilder::global_reduce(StreamId x, Reduction reduction) {
    Shape shape(at(x).shape.size(), 1);
    shape.back() = at(x).channels();
    const std::int64_t count = reduction == Reduction::kSum ? at(x).vectors() : 1;
    return emit(fresh("reduce"), GlobalReduce{reduction}, {x}, shape,
                {at(x).range.lo * count, at(x).range.hi * count});
}

StreamId NetworkBuilder::upsample(StreamId x, const std::vector<std::int64_t>& factors) {
    Shape shape = at(x).shape;
    for (std::size_t axis = 0; axis < factors.size(); ++axis) shape[axis] *= factors[axis];
    return emit(fresh("upsample"), Upsample{factors}, {x}, shape, at(x).range);
}

StreamId NetworkBuilder::insert_pixels(StreamId x, const std::vector<std::int64_t>& factors,
                                       std::int64_t value) {
    Shape shape = at(x).shape;
    for (std::size_t axis = 0; axis < factors.size(); ++axis)
        shape[axis] = (shape[axis] - 1) * factors[axis] + 1;
    return emit(fresh("insert"), InsertPixels{factors, value}, {x}, shape,
                at(x).range.united({value, value}));
}

StreamId NetworkBuilder::permute(StreamId x) {
    std::vector<std::int64_t> order;
    for (std::int64_t c = 0; c < at(x).channels(); ++c) order.push_back(c);
    std::shuffle(order.begin(), order.end(), random_);
    return emit(fresh("permute"), PermuteChannels{order}, {x}, at(x).shape, at(x).range);
}

StreamId NetworkBuilder::depth_to_space(StreamId x, std::int64_t block) {
    Shape shape = at(x).shape;
    shape[0] *= block;
    shape[1] *= block;
    shape[2] /= block * block;
    return emit(fresh("depth"), DepthToSpace{block}, {x}, shape, at(x).range);
}

StreamId NetworkBuilder::windows(StreamId x, const std::vector<WindowAxis>& axes,
                                 std::int64_t pad_value) {
    const Shape in = at(x).shape;
    SlidingWindow layer{.axes = axes, .pad_value = pad_value};
    Shape shape;
    Range range = at(x).range;
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        shape.push_back(axes[axis].outputs(in[axis]));
        if (axes[axis].pad_begin + axes[axis].pad_end > 0)
            range = range.united({pad_value, pad_value});
    }
    shape.push_back(layer.positions() * in.back());
    return emit(fresh("windows"), std::move(layer), {x}, shape, range);
}

WindowAxis NetworkBuilder::random_axis(std::int64_t size) {
    for (;;) {
        const WindowAxis axis{.kernel = uniform(1, 4),
                              .stride = uniform(1, 3),
                              .dilation = uniform(0, 2) == 0 ? 2 : 1,
                              .pad_begin = uniform(0, 1) == 0 ? 0 : uniform(0, 3),
                              .pad_end = uniform(0, 1) == 0 ? 0 : uniform(0, 3)};
        const std::int64_t reach = (axis.kernel - 1) * axis.dilation + 1;
        if (reach <= size + axis.pad_begin + axis.pad_end) return axis;
    }
}

StreamId NetworkBuilder::depthwise_of(StreamId x, VectorVector layer) {
    const Range in = at(x).range;
    Range range{0, 0};
    Range weights{-1, 0};
    for (std::int64_t m = 0; m < layer.weights.dim(0); ++m) {
        Range sum{0, 0};
        for (std::int64_t k = 0; k < layer.weights.dim(1); ++k) {
            const std::int64_t w = layer.weights[m * layer.weights.dim(1) + k];
            weights = weights.united({w, w});
            sum.lo += std::min(w * in.lo, w * in.hi);
            sum.hi += std::max(w * in.lo, w * in.hi);
        }
        range = m == 0 ? sum : range.united(sum);
    }
    layer.weight_type = IntType::smallest(weights);
    Shape shape = at(x).shape;
    shape.back() = layer.weights.dim(0);
    return emit(fresh("dw"), std::move(layer), {x}, shape, range);
}

StreamId NetworkBuilder::depthwise(StreamId x, std::int64_t positions, std::int64_t multiplier,
                                   Range weights) {
    VectorVector layer;
    layer.multiplier = multiplier;
    layer.weights =
        Tensor<std::int32_t>(Shape{at(x).channels() / positions * multiplier, positions});
    for (auto& w : layer.weights) w = static_cast<std::int32_t>(uniform(weights.lo, weights.hi));
    return depthwise_of(x, std::move(layer));
}

StreamId NetworkBuilder::depthwise_bipolar(StreamId x, std::int64_t positions) {
    VectorVector layer;
    layer.bipolar_weights = true;
    layer.weights = Tensor<std::int32_t>(Shape{at(x).channels() / positions, positions});
    for (auto& w : layer.weights) w = uniform(0, 1) == 0 ? -1 : 1;
    return depthwise_of(x, std::move(layer));
}

StreamId NetworkBuilder::reduce_of(StreamId x, WindowReduce layer) {
    Range range = at(x).range;
    if (layer.reduction == Reduction::kSum)
        range = {range.lo * layer.positions, range.hi * layer.positions};
    Shape shape = at(x).shape;
    shape.back() /= layer.positions;
    return emit(fresh("pool"), layer, {x}, shape, range);
}

StreamId NetworkBuilder::window_max(StreamId x, std::int64_t positions) {
    return reduce_of(x, {.reduction = Reduction::kMax, .positions = positions});
}

StreamId NetworkBuilder::window_sum(StreamId x, std::int64_t positions) {
    return reduce_of(x, {.reduction = Reduction::kSum, .positions = positions});
}

StreamId NetworkBuilder::reshape(StreamId x, const Shape& shape) {
    return emit(fresh("reshape"), Reshape{}, {x}, shape, at(x).range);
}

Network NetworkBuilder::finish(const std::vector<StreamId>& outputs) {
    network_.outputs = outputs;
    verify(network_);
    return network_;
}

std::vector<Tensor<std::int64_t>> random_inputs(const Network& network, std::int64_t frames,
                                                std::uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Tensor<std::int64_t>> inputs;
    for (const StreamId id : network.inputs) {
        const Stream& stream = network.stream(id);
        Shape shape{frames};
        shape.insert(shape.end(), stream.shape.begin(), stream.shape.end());
        Tensor<std::int64_t> tensor(shape);
        std::uniform_int_distribution<std::int64_t> distribution(stream.range.lo, stream.range.hi);
        for (std::int64_t k = 0; k < tensor.size(); ++k) {
            const std::int64_t frame = k / stream.elements();
            tensor[k] = frame == 0   ? stream.range.lo
                        : frame == 1 ? stream.range.hi
                                     : distribution(random);
        }
        inputs.push_back(std::move(tensor));
    }
    return inputs;
}

std::vector<Tensor<std::int64_t>> reference_run(const Network& network,
                                                const std::vector<Tensor<std::int64_t>>& inputs) {
    const std::int64_t frames = inputs.at(0).dim(0);
    std::vector<Tensor<std::int64_t>> outputs;
    for (const StreamId id : network.outputs) {
        Shape shape{frames};
        const Shape& one = network.stream(id).shape;
        shape.insert(shape.end(), one.begin(), one.end());
        outputs.emplace_back(shape);
    }
    for (std::int64_t frame = 0; frame < frames; ++frame) {
        Values values;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::int64_t size = inputs[i].size() / frames;
            const auto* begin = inputs[i].data() + frame * size;
            values[network.inputs[i]] = {begin, begin + size};
        }
        for (const Layer& layer : network.layers)
            std::visit(Meaning{network, layer, values}, layer.kind);
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const auto& value = values.at(network.outputs[i]);
            std::ranges::copy(value,
                              outputs[i].data() + frame * static_cast<std::int64_t>(value.size()));
        }
    }
    return outputs;
}

RandomDesign random_design(std::uint32_t seed) {
    NetworkBuilder build(seed);
    const auto dimension = [&] { return build.uniform(1, 3) * build.uniform(1, 6); };
    std::vector<StreamId> streams;
    const std::int64_t inputs = build.uniform(1, 2);
    std::int64_t width = dimension();
    for (std::int64_t i = 0; i < inputs; ++i) {
        const std::int64_t bits = build.uniform(1, 8);
        const bool is_signed = bits > 1 && build.uniform(0, 1) == 1;
        const std::int64_t count = std::int64_t{1} << bits;
        streams.push_back(
            build.input("x" + std::to_string(i), {width},
                        is_signed ? Range{-count / 2, count / 2 - 1} : Range{0, count - 1}));
    }
    // Everything in `streams` is `width` wide; each step makes a new stream from old ones.
    const auto pick = [&] {
        return streams[static_cast<std::size_t>(
            build.uniform(0, static_cast<std::int64_t>(streams.size()) - 1))];
    };
    const std::int64_t steps = build.uniform(2, 5);
    for (std::int64_t step = 0; step < steps; ++step) {
        const auto narrow = [&](StreamId x) {
            return build.threshold(x, build.uniform(1, 17),
                                   {.bias = build.uniform(-8, 2),
                                    .shared = build.uniform(0, 3) == 0,
                                    .falling = build.uniform(0, 1) == 1});
        };
        switch (build.uniform(0, 6)) {
            case 0:
            case 1: {
                const std::int64_t bits = build.uniform(2, 6);
                const std::int64_t top = std::int64_t{1} << (bits - 1);
                streams.push_back(narrow(build.dense(pick(), width, {-top, top - 1})));
                break;
            }
            case 2:
                streams.push_back(narrow(build.dense_bipolar(pick(), width)));
                break;
            case 3:
                streams.push_back(narrow(
                    build.add({pick(), pick()}, {build.uniform(-3, 3), build.uniform(1, 3)})));
                break;
            case 4:
                streams.push_back(build.requantize(pick(), 5, {-20, 30}, build.uniform(0, 1) == 1));
                break;
            case 5: {
                const auto joined = build.concat({pick(), pick()});
                const auto parts = build.split(joined, {width, width});
                streams.push_back(parts[static_cast<std::size_t>(build.uniform(0, 1))]);
                break;
            }
            case 6: {
                const std::int64_t wider = dimension();
                const auto hidden = narrow(build.dense(pick(), wider, {-2, 1}));
                streams = {narrow(build.dense(hidden, width, {-2, 1})),
                           narrow(build.dense(hidden, width, {-1, 1}))};
                break;
            }
        }
    }
    std::vector<StreamId> outputs{streams.back()};
    if (build.uniform(0, 2) == 0) outputs.push_back(build.argmax(pick()));
    return {.network = build.finish(outputs),
            .target_ii = 1 + build.uniform(1, 4) * build.uniform(1, 40)};
}

RandomDesign random_convolutions(std::uint32_t seed) {
    NetworkBuilder build(seed);
    const bool flat = build.uniform(0, 3) == 0;
    Shape shape{build.uniform(3, 8)};
    if (!flat) shape.push_back(build.uniform(3, 8));
    shape.push_back(build.uniform(1, 2) * build.uniform(1, 3));
    StreamId x = build.input("x", shape, {0, (std::int64_t{1} << build.uniform(1, 8)) - 1});
    std::int64_t largest = element_count(shape);
    const std::int64_t layers = build.uniform(1, 3);
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        std::vector<WindowAxis> axes;
        std::int64_t positions = 1;
        std::int64_t windows = 1;
        for (std::size_t axis = 0; axis + 1 < shape.size(); ++axis) {
            axes.push_back(build.random_axis(shape[axis]));
            positions *= axes.back().kernel;
            shape[axis] = axes.back().outputs(shape[axis]);
            windows *= shape[axis];
        }
        const StreamId view = build.windows(x, axes, 0);
        largest = std::max(largest, windows * positions * shape.back());
        switch (build.uniform(0, 4)) {
            case 0:
                x = build.window_max(view, positions);
                break;
            case 1:
                x = build.window_sum(view, positions);
                break;
            case 2: {
                const std::int64_t multiplier = build.uniform(1, 2);
                x = build.threshold(build.depthwise(view, positions, multiplier, {-4, 3}),
                                    build.uniform(1, 7));
                shape.back() *= multiplier;
                break;
            }
            default:
                shape.back() = build.uniform(1, 6);
                x = build.threshold(build.dense(view, shape.back(), {-4, 3}), build.uniform(1, 15));
                largest = std::max(largest, windows * positions);
        }
    }
    return {.network = build.finish({x}), .target_ii = largest * build.uniform(1, 3)};
}

Network tutorial_network(bool with_argmax) {
    NetworkBuilder build(7);
    StreamId x = build.input("image", {784}, {0, 255});
    x = build.threshold(build.dense(x, 64, {-7, 7}), 15);
    x = build.threshold(build.dense(x, 64, {-7, 7}), 15);
    x = build.dense(x, 10, {-7, 7});
    if (with_argmax) x = build.argmax(x);
    return build.finish({x});
}

}  // namespace qloom::testing
