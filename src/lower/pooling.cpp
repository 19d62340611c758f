#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/codes/lower.h"
#include "lower/lowerer.h"
#include "lower/stream_shape.h"
#include "lower/window_axes.h"

namespace qloom::lower {

using network::Reduction;
using network::WindowAxis;

namespace {

// A sum is multiplied by at most this much to make averages of unequally many pixels comparable.
constexpr std::int64_t kMostShares = 1 << 16;

// Of every output pixel: how many pixels of its window lie in the image.
std::vector<std::int64_t> counted_pixels(const std::vector<WindowAxis>& axes,
                                         const Shape& spatial) {
    std::vector<std::int64_t> counts{1};
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        const WindowAxis& window = axes[axis];
        std::vector<std::int64_t> next;
        for (const std::int64_t count : counts) {
            for (std::int64_t o = 0; o < window.outputs(spatial[axis]); ++o) {
                std::int64_t inside = 0;
                for (std::int64_t k = 0; k < window.kernel; ++k) {
                    const std::int64_t i =
                        o * window.stride - window.pad_begin + k * window.dilation;
                    inside += i >= 0 && i < spatial[axis] ? 1 : 0;
                }
                next.push_back(count * inside);
            }
        }
        counts = std::move(next);
    }
    return counts;
}

}  // namespace

void Lowerer::lower_max_pool(const ir::Node& node) {
    // The maximum commutes with whatever rises: it is taken of the integers, and the chain goes on
    // behind it.
    Value x = merged_input(node, node.inputs[0]);
    const std::vector<Direction> rising = directions(x.chain, x.base.channels());
    bool fits = x.base.terms.size() == 1;
    for (std::size_t c = 0; fits && c < rising.size(); ++c) {
        const bool up = x.base.terms[0].scale[c] > 0;
        fits = rising[c] == (up ? Direction::kIncreasing : Direction::kDecreasing) ||
               rising[c] == Direction::kConstant;
    }
    if (!fits) {
        throw Error(code::kUnquantisedActivation, node_label(node),
                    "its input does not rise with the integers that carry it in every channel",
                    "put the quantiser before the pooling");
    }
    const network::StreamId source = x.base.terms[0].stream;
    const Shape spatial = spatial_of(result_.network.stream(source).shape);
    const auto& window = std::get<ir::MaxPool>(node.op).window;
    const std::vector<WindowAxis> axes =
        network_axes(ir::resolve_window(node.name, window, spatial, window.kernel));
    const std::int64_t positions = positions_of(axes);
    const Shape outputs = window_outputs(axes, spatial);
    const std::int64_t channels = x.base.channels();
    const std::vector<Range> pixel_ranges = ranges(source);
    // Padding never wins: it is the least value there is.
    const std::int64_t least = std::ranges::min(pixel_ranges, {}, &Range::lo).lo;
    std::vector<Range> window_ranges = tiled(pixel_ranges, positions);
    for (Range& range : window_ranges) {
        range = has_padding(axes) ? range.united({least, least}) : range;
    }
    Shape shape = outputs;
    shape.push_back(channels * positions);
    const network::StreamId windows =
        add_stream(node.name + "_windows", shape, std::move(window_ranges));
    add_layer(node.name + "_windows", network::SlidingWindow{.axes = axes, .pad_value = least},
              {source}, {windows});
    shape.back() = channels;
    const network::StreamId output =
        add_stream(model_.tensor(node.outputs[0]).name, shape, pixel_ranges);
    add_layer(node.name,
              network::WindowReduce{.reduction = Reduction::kMax, .positions = positions},
              {windows}, {output});
    x.base.terms[0].stream = output;
    for (auto* affine :
         {x.affine ? &*x.affine : nullptr, x.linear_core ? &*x.linear_core : nullptr}) {
        if (affine != nullptr) {
            affine->terms[0].stream = output;
        }
    }
    x.layout = resized(x.layout, outputs, channels);
    if (x.chain.empty()) {
        x.anchor = node.outputs[0];
    }
    record(node, Placement::kHardware, fmt::format("the largest of {} pixels", positions));
    set_value(node.outputs[0], std::move(x));
}

void Lowerer::lower_average_pool(const ir::Node& node) {
    const auto& pool = std::get<ir::AveragePool>(node.op);
    Value x = quantised_input(node, node.inputs[0]);
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const std::vector<ir::WindowAxis> geometry =
        ir::resolve_window(node.name, pool.window, spatial, pool.window.kernel);
    const std::vector<WindowAxis> axes = network_axes(geometry);
    // Windows that reach beyond what counts average fewer pixels than the others.
    bool partial = has_padding(axes) && !pool.count_include_pad;
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        partial = partial || axes[axis].pad_end > geometry[axis].pad_end;
    }
    if (partial) {
        Value result = partial_averages(node, std::move(x), geometry, pool.count_include_pad);
        record(node, Placement::kHardware, "sums of windows, times the share of a pixel in each");
        set_value(node.outputs[0], std::move(result));
        return;
    }
    Value result =
        summed_windows(node, std::move(x), axes, static_cast<double>(positions_of(axes)));
    record(node, Placement::kHardware, fmt::format("the sum of {} pixels", positions_of(axes)));
    set_value(node.outputs[0], std::move(result));
}

Value Lowerer::summed_windows(const ir::Node& node, Value x, const std::vector<WindowAxis>& axes,
                              double divisor) {
    const std::int64_t positions = positions_of(axes);
    x = windowed(node, std::move(x), axes);
    const std::int64_t channels = x.base.channels() / positions;
    Value result;
    result.anchor = node.outputs[0];
    for (const Term& term : x.base.terms) {
        std::vector<Range> sums(static_cast<std::size_t>(channels), Range{0, 0});
        for (std::size_t i = 0; i < ranges(term.stream).size(); ++i) {
            sums[i % sums.size()].lo += ranges(term.stream)[i].lo;
            sums[i % sums.size()].hi += ranges(term.stream)[i].hi;
        }
        Shape shape = result_.network.stream(term.stream).shape;
        shape.back() = channels;
        Term sum{add_stream(model_.tensor(node.outputs[0]).name + "_sums", shape, std::move(sums)),
                 {}};
        add_layer(node.name,
                  network::WindowReduce{.reduction = Reduction::kSum, .positions = positions},
                  {term.stream}, {sum.stream});
        for (std::int64_t c = 0; c < channels; ++c) {
            sum.scale.push_back(term.scale[static_cast<std::size_t>(c)] / divisor);
        }
        result.base.terms.push_back(std::move(sum));
        result.layout = resized(x.layout, spatial_of(shape), channels);
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        result.base.bias.push_back(x.base.bias[static_cast<std::size_t>(c)] *
                                   static_cast<double>(positions) / divisor);
    }
    result.affine = result.base;
    result.linear_core = result.base;
    return result;
}

// A window of n counted pixels gives sum / n = (sum * (L / n)) / L, L the least common multiple of
// all n. The whole number L / n of every output pixel comes from a second path through the same
// windows: ones are counted and looked up.
//   x --+--> windows --> sum ------------------------> * --> y       real y = scale / L * integer y
//   + bias
//       +--> 1 --> windows --> n --> table L / n ----->+
// Pixels that do not count are the integer 0, whatever the zero point: the bias is that of the
// pixels that do.
Value Lowerer::partial_averages(const ir::Node& node, Value x,
                                const std::vector<ir::WindowAxis>& geometry,
                                bool count_include_pad) {
    std::vector<WindowAxis> axes = network_axes(geometry);
    if (count_include_pad) {
        std::vector<WindowAxis> counted;
        for (std::size_t axis = 0; axis < axes.size(); ++axis) {
            counted.push_back(
                {.pad_begin = geometry[axis].pad_begin, .pad_end = geometry[axis].pad_end});
            axes[axis].pad_begin = 0;
            axes[axis].pad_end =
                std::max(axes[axis].pad_end - geometry[axis].pad_end, std::int64_t{0});
        }
        x = windowed(node, std::move(x), counted);
    }
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const std::vector<std::int64_t> counts = counted_pixels(axes, spatial);
    const Range count_range{std::ranges::min(counts), std::ranges::max(counts)};
    std::int64_t common = 1;
    for (const std::int64_t count : counts) {
        if (count == 0) {
            throw Error(code::kUnsupportedShape, node_label(node),
                        "a window of it lies in the padding altogether", "use less padding");
        }
        common = std::lcm(common, count);
        if (common > kMostShares) {
            throw Error(
                code::kUnsupportedShape, node_label(node),
                "windows at the border average fewer pixels than the others, in too many ways",
                "use count_include_pad = 1, or a window that fits the image without padding");
        }
    }
    network::Lookup shares{.table = Tensor<std::int64_t>({1, count_range.hi - count_range.lo + 1}),
                           .input_lo = count_range.lo};
    for (const std::int64_t count : counts) {
        shares.table[count - count_range.lo] = common / count;
    }

    const std::int64_t channels = x.base.channels();
    const std::int64_t positions = positions_of(axes);
    const auto per_channel = [channels](Range range) {
        return std::vector<Range>(static_cast<std::size_t>(channels), range);
    };
    const std::string output = model_.tensor(node.outputs[0]).name;
    const network::StreamId source = x.base.terms[0].stream;
    Shape pixels = result_.network.stream(source).shape;
    const network::StreamId ones = add_stream(output + "_ones", pixels, per_channel({1, 1}));
    add_layer(node.name + "_ones", network::ChannelAffine{.mul = {0}, .add = {1}}, {source},
              {ones});
    // Sums over the windows of a stream whose sums lie in `sums`; what lies outside is 0.
    const auto sum_of = [&](network::StreamId stream, const std::string& name,
                            std::vector<Range> sums) {
        std::vector<Range> window_ranges = tiled(ranges(stream), positions);
        for (Range& range : window_ranges) {
            range = range.united({0, 0});
        }
        Shape shape = window_outputs(axes, spatial);
        shape.push_back(channels * positions);
        const network::StreamId windows =
            add_stream(name + "_windows", shape, std::move(window_ranges));
        add_layer(name + "_windows", network::SlidingWindow{.axes = axes, .pad_value = 0}, {stream},
                  {windows});
        shape.back() = channels;
        const network::StreamId result = add_stream(name + "_sums", shape, std::move(sums));
        add_layer(name + "_sums",
                  network::WindowReduce{.reduction = Reduction::kSum, .positions = positions},
                  {windows}, {result});
        return result;
    };
    const network::StreamId count = sum_of(ones, output + "_ones", per_channel(count_range));
    Shape shape = result_.network.stream(count).shape;
    const network::StreamId share = add_stream(
        output + "_shares", shape, per_channel({common / count_range.hi, common / count_range.lo}));
    add_layer(node.name + "_shares", shares, {count}, {share});

    Value result;
    result.anchor = node.outputs[0];
    result.base.bias = x.base.bias;
    for (const Term& term : x.base.terms) {
        const std::vector<Range> pixel_ranges = ranges(term.stream);
        std::vector<Range> sums;
        std::vector<Range> products;
        for (const Range range : pixel_ranges) {
            sums.push_back({std::min(range.lo * count_range.lo, range.lo * count_range.hi),
                            std::max(range.hi * count_range.lo, range.hi * count_range.hi)});
            products.push_back({range.lo * common, range.hi * common});
        }
        const network::StreamId sum = sum_of(term.stream, output, std::move(sums));
        Term average{add_stream(output + "_averages", shape, std::move(products)), term.scale};
        add_layer(node.name, network::Multiply{}, {sum, share}, {average.stream});
        for (double& scale : average.scale) {
            scale /= static_cast<double>(common);
        }
        result.base.terms.push_back(std::move(average));
    }
    result.layout = resized(x.layout, spatial_of(shape), channels);
    result.affine = result.base;
    result.linear_core = result.base;
    return result;
}

// y = floor(sum / 2^shift) on real integers: a sum of windows and a step function.
void Lowerer::lower_quantised_average_pool(const ir::Node& node) {
    const auto& pool = std::get<ir::QuantAvgPool2d>(node.op);
    Value x = quantised_input(node, node.inputs[0]);
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const std::vector<WindowAxis> axes(spatial.size(),
                                       WindowAxis{.kernel = pool.kernel, .stride = pool.stride});
    Value sum = summed_windows(node, std::move(x), axes, 1.0);
    if (sum.base.terms.size() != 1) {
        throw Error(code::kUnquantisedActivation, node_label(node),
                    "its input is not one quantised value", "put the quantiser before the pooling");
    }
    const auto largest = (std::uint64_t{1} << pool.input_bits) *
                             static_cast<std::uint64_t>(pool.kernel * pool.kernel) -
                         static_cast<std::uint64_t>(pool.kernel * pool.kernel);
    const int shift =
        std::max(0, static_cast<int>(std::bit_width(largest)) - static_cast<int>(pool.output_bits));
    const std::vector<double> scale = sum.base.terms[0].scale;
    const std::vector<double> bias = sum.base.bias;
    const LevelGrid grid{
        .scale = std::vector<double>(scale.size(), 1.0),
        .bias = std::vector<double>(scale.size(), 0.0),
        .range = IntType{static_cast<int>(pool.output_bits), pool.is_signed}.range()};
    StepInput input{.ranges = ranges(sum.base.terms[0].stream),
                    .directions = {},
                    .slope = {},
                    .offset = {},
                    .level_range = grid.range,
                    .where = node_label(node)};
    for (std::size_t c = 0; c < scale.size(); ++c) {
        input.directions.push_back(scale[c] > 0 ? Direction::kIncreasing : Direction::kDecreasing);
        input.slope.push_back(std::ldexp(scale[c], -shift));
        input.offset.push_back(std::ldexp(bias[c], -shift) - 0.5);
    }
    const LevelFunction levels = [&](const std::vector<std::int64_t>& integers) {
        std::vector<std::int64_t> result(integers.size());
        for (std::size_t i = 0; i < integers.size(); ++i) {
            const std::size_t c = i % scale.size();
            const double real =
                std::nearbyint(scale[c] * static_cast<double>(integers[i]) + bias[c]);
            result[i] = static_cast<std::int64_t>(std::floor(std::ldexp(real, -shift)));
        }
        return result;
    };
    emit_step(node, sum, find_step_function(input, levels), grid);
}

Value Lowerer::reduced(const ir::Node& node, Value x, Reduction reduction, bool mean) {
    if (reduction == Reduction::kMax &&
        (x.base.terms.size() != 1 ||
         std::ranges::any_of(x.base.terms[0].scale, [](double scale) { return scale <= 0; }))) {
        throw Error(code::kUnquantisedActivation, node_label(node), "its input is not one quantised value",
                    "put the quantiser before the pooling");
    }
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const std::int64_t pixels = element_count(spatial);
    const bool sum = reduction == Reduction::kSum;
    for (Term& term : x.base.terms) {
        Shape shape(spatial.size(), 1);
        shape.push_back(x.base.channels());
        std::vector<Range> all = ranges(term.stream);
        for (std::size_t c = 0; sum && c < all.size(); ++c) {
            all[c] = {all[c].lo * pixels, all[c].hi * pixels};
            term.scale[c] /= mean ? static_cast<double>(pixels) : 1.0;
        }
        const network::StreamId stream = add_stream(model_.tensor(node.outputs[0]).name, shape, std::move(all));
        add_layer(node.name, network::GlobalReduce{.reduction = reduction}, {term.stream}, {stream});
        term.stream = stream;
    }
    for (double& bias : x.base.bias) {
        bias *= sum && !mean ? static_cast<double>(pixels) : 1.0;
    }
    x.layout = resized(x.layout, Shape(spatial.size(), 1), x.base.channels());
    x.affine = x.base;
    x.linear_core = x.base;
    x.anchor = node.outputs[0];
    record(node, Placement::kHardware, "one value a channel from all pixels");
    return x;
}

void Lowerer::lower_global_pool(const ir::Node& node, Reduction reduction) {
    set_value(node.outputs[0], reduced(node, quantised_input(node, node.inputs[0]), reduction, true));
}

void Lowerer::lower_reduce(const ir::Node& node) {
    const auto& op = std::get<ir::Reduce>(node.op);
    const Layout layout = value(node.inputs[0]).layout;
    const auto rank = static_cast<std::int64_t>(layout.logical.size()) + 1;
    std::set<std::int64_t> axes;
    if (const ir::Value* given = node.inputs.size() > 1 ? constants_.value(node.inputs[1]) : nullptr) {
        for (const std::int64_t axis : std::get<Tensor<std::int64_t>>(*given)) {
            axes.insert(axis < 0 ? axis + rank : axis);
        }
    }
    std::set<std::int64_t> spatial;
    for (std::int64_t axis = 1; axis < rank; ++axis) {
        if (static_cast<std::size_t>(axis - 1) != layout.channel_axis()) {
            spatial.insert(axis);
        }
    }
    if (axes != spatial || spatial.empty() || !layout.order.empty() || op.kind == ir::ReduceKind::kMin) {
        to_host_after(node, "only the sum, mean or maximum over all pixels is in hardware",
                      "reduce over height and width, or keep it at the end of the model");
        return;
    }
    const Reduction reduction = op.kind == ir::ReduceKind::kMax ? Reduction::kMax : Reduction::kSum;
    Value result = reduced(node, quantised_input(node, node.inputs[0]), reduction, op.kind == ir::ReduceKind::kMean);
    if (!op.keep_dims) {
        for (Term& term : result.base.terms) {
            const network::StreamId stream = add_stream(model_.tensor(node.outputs[0]).name + "_flat",
                                                        {result.base.channels()}, ranges(term.stream));
            add_layer(node.name + "_flat", network::Reshape{}, {term.stream}, {stream});
            term.stream = stream;
        }
        result.layout = Layout::vector(result.base.channels());
        result.affine = result.base;
        result.linear_core = result.base;
    }
    set_value(node.outputs[0], std::move(result));
}

}  // namespace qloom::lower
