#include "hw/network_builder.h"

#include <algorithm>

namespace qloom::testing {

using namespace network;  // NOLINT: the kinds of layers are all that this file is about

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

}  // namespace qloom::testing
