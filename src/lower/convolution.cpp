#include <algorithm>
#include <cmath>

#include "base/codes/lower.h"
#include "lower/lowerer.h"
#include "lower/stream_shape.h"
#include "lower/window_axes.h"

namespace qloom::lower {
namespace {

using network::WindowAxis;

bool is_point(const std::vector<WindowAxis>& axes) {
    return std::ranges::all_of(axes, [](const WindowAxis& axis) { return axis == WindowAxis{}; });
}

// (M, C / g, K...) -> (M, K, C / g).
template <class T>
Tensor<T> position_major(const Tensor<T>& weights) {
    const std::int64_t m = weights.dim(0);
    const std::int64_t c = weights.dim(1);
    const std::int64_t k = weights.size() / (m * c);
    Tensor<T> result({m, k, c});
    for (std::int64_t row = 0; row < m; ++row) {
        for (std::int64_t channel = 0; channel < c; ++channel) {
            for (std::int64_t position = 0; position < k; ++position) {
                result[(row * k + position) * c + channel] =
                    weights[(row * c + channel) * k + position];
            }
        }
    }
    return result;
}

// (C, M / g, K...) of a transposed convolution -> (M, K, C / g) of the convolution it is, kernel
// turned round.
template <class T>
Tensor<T> turned(const Tensor<T>& weights, std::int64_t groups) {
    const std::int64_t c = weights.dim(0);
    const std::int64_t m_group = weights.dim(1);
    const std::int64_t k = weights.size() / (c * m_group);
    const std::int64_t c_group = c / groups;
    Tensor<T> result({m_group * groups, k, c_group});
    for (std::int64_t channel = 0; channel < c; ++channel) {
        for (std::int64_t row = 0; row < m_group; ++row) {
            for (std::int64_t position = 0; position < k; ++position) {
                const std::int64_t m = channel / c_group * m_group + row;
                result[(m * k + (k - 1 - position)) * c_group + channel % c_group] =
                    weights[(channel * m_group + row) * k + position];
            }
        }
    }
    return result;
}

ScaledWeights rows_of(const ScaledWeights& kernel, std::int64_t from, std::int64_t count) {
    const std::int64_t size = kernel.ints.size() / kernel.ints.dim(0);
    Shape shape = kernel.ints.shape();
    shape[0] = count;
    const auto slice = [&](const auto& tensor) {
        using T = std::decay_t<decltype(tensor[0])>;
        return Tensor<T>(shape, std::vector<T>(tensor.begin() + from * size,
                                               tensor.begin() + (from + count) * size));
    };
    return {slice(kernel.ints), slice(kernel.scale)};
}

// (M, K, C) -> (K * C, M), as matrix products take it.
ScaledWeights as_matrix(const ScaledWeights& kernel) {
    const std::int64_t m = kernel.ints.dim(0);
    const std::int64_t columns = kernel.ints.size() / m;
    ScaledWeights result{Tensor<std::int64_t>({columns, m}), Tensor<double>({columns, m})};
    for (std::int64_t row = 0; row < m; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
            result.ints[column * m + row] = kernel.ints[row * columns + column];
            result.scale[column * m + row] = kernel.scale[row * columns + column];
        }
    }
    return result;
}

}  // namespace

Value Lowerer::quantised_input(const ir::Node& node, ir::TensorId id) {
    if (where(id) != Where::kInteger) {
        throw Error(code::kUnsupportedOperator, node_label(node),
                    "its data operand is not a computed value",
                    "use the value as the first operand");
    }
    Value x = merged_input(node, id);
    if (!x.affine) {
        throw Error(code::kUnquantisedActivation, node_label(node),
                    fmt::format("its input passed node {} without a quantiser behind it",
                                x.chain.back().node->name),
                    "quantise the activation (in Brevitas: give it an act_quant)");
    }
    // From here on the value is its affine view: integers times scales.
    x.base = *x.affine;
    x.linear_core = x.affine;
    x.chain.clear();
    x.anchor = id;
    return x;
}

std::pair<Value, std::int64_t> Lowerer::with_zero(const ir::Node& node, Value value) {
    const auto refuse = [&] {
        throw Error(
            code::kUnsupportedShape, node_label(node),
            "the real 0 of its padding is no integer of its input, or another one in every channel",
            "quantise the input of this layer with one zero point");
    };
    if (std::ranges::all_of(value.base.bias, [](double bias) { return bias == 0.0; })) {
        return {std::move(value), 0};
    }
    if (value.base.terms.size() != 1) {
        refuse();
    }
    Term& term = value.base.terms[0];
    const double exact = -value.base.bias[0] / term.scale[0];
    for (std::size_t c = 0; c < term.scale.size(); ++c) {
        if (std::abs(-value.base.bias[c] / term.scale[c] - exact) > 1e-6) {
            refuse();
        }
    }
    if (std::abs(exact - std::nearbyint(exact)) < 1e-6) {
        return {std::move(value), std::llround(exact)};
    }
    if (std::abs(2 * exact - std::nearbyint(2 * exact)) > 1e-6) {
        refuse();
    }
    // Bipolar values are carried as {0, 1}: 0 lies between them. Doubled and shifted they are {-1,
    // +1}, and 0 is 0.
    const std::int64_t shift = -std::llround(2 * exact);
    std::vector<Range> doubled;
    for (const Range range : ranges(term.stream)) {
        doubled.push_back({2 * range.lo + shift, 2 * range.hi + shift});
    }
    const Shape shape = result_.network.stream(term.stream).shape;
    const network::StreamId stream =
        add_stream(model_.tensor(value.anchor).name + "_signed", shape, std::move(doubled));
    add_layer(node.name + "_signed", network::ChannelAffine{.mul = {2}, .add = {shift}},
              {term.stream}, {stream});
    term.stream = stream;
    for (std::size_t c = 0; c < term.scale.size(); ++c) {
        term.scale[c] /= 2;
        value.base.bias[c] = 0.0;
    }
    value.affine = value.base;
    value.linear_core = value.base;
    return {std::move(value), 0};
}

Value Lowerer::windowed(const ir::Node& node, Value x, const std::vector<WindowAxis>& axes) {
    if (is_point(axes)) {
        return x;
    }
    std::int64_t pad_value = 0;
    if (has_padding(axes)) {
        std::tie(x, pad_value) = with_zero(node, std::move(x));
    }
    const std::int64_t positions = positions_of(axes);
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const Shape outputs = window_outputs(axes, spatial);
    for (std::size_t k = 0; k < x.base.terms.size(); ++k) {
        Term& term = x.base.terms[k];
        std::vector<Range> window_ranges = tiled(ranges(term.stream), positions);
        for (Range& range : window_ranges) {
            range = has_padding(axes) ? range.united({pad_value, pad_value}) : range;
        }
        Shape shape = outputs;
        shape.push_back(static_cast<std::int64_t>(window_ranges.size()));
        const network::StreamId stream =
            add_stream(fmt::format("{}_windows{}", node.name, k > 0 ? fmt::format("_{}", k) : ""),
                       shape, window_ranges);
        add_layer(node.name + "_windows",
                  network::SlidingWindow{.axes = axes, .pad_value = pad_value}, {term.stream},
                  {stream});
        term.stream = stream;
        term.scale = tiled(term.scale, positions);
    }
    x.base.bias = tiled(x.base.bias, positions);
    x.affine = x.base;
    x.linear_core = x.base;
    x.layout = resized(x.layout, outputs, x.base.channels());
    return x;
}

Value Lowerer::depthwise(const ir::Node& node, const Value& windows, const ScaledWeights& kernel) {
    const std::int64_t rows = kernel.ints.dim(0);
    const std::int64_t positions = kernel.ints.dim(1);
    const std::int64_t channels = windows.base.channels() / positions;
    const std::int64_t multiplier = rows / channels;
    Value result;
    result.anchor = node.outputs[0];
    result.base.bias.assign(static_cast<std::size_t>(rows), 0.0);
    for (const Term& term : windows.base.terms) {
        network::VectorVector unit;
        unit.multiplier = multiplier;
        unit.weights = Tensor<std::int32_t>({rows, positions});
        Term output;
        std::vector<Range> sums;
        Range weight_range{-1, 0};
        unit.bipolar_weights = true;
        for (std::int64_t m = 0; m < rows; ++m) {
            const std::int64_t c = m / multiplier;
            Range sum{0, 0};
            const double scale = kernel.scale[m * positions];
            for (std::int64_t k = 0; k < positions; ++k) {
                const std::int64_t weight = kernel.ints[m * positions + k];
                const Range range = ranges(term.stream)[static_cast<std::size_t>(k * channels + c)];
                sum.lo += std::min(weight * range.lo, weight * range.hi);
                sum.hi += std::max(weight * range.lo, weight * range.hi);
                unit.weights[m * positions + k] = static_cast<std::int32_t>(weight);
                unit.bipolar_weights = unit.bipolar_weights && (weight == 1 || weight == -1);
                weight_range = weight_range.united({weight, weight});
                if (kernel.scale[m * positions + k] != scale) {
                    throw Error(code::kFloatWeights, node_label(node),
                                "the scales of its weights differ inside a kernel",
                                "use one weight scale, or one a output channel");
                }
            }
            sums.push_back(sum);
            output.scale.push_back(term.scale[static_cast<std::size_t>(c)] * scale);
        }
        unit.weight_type = IntType::smallest(weight_range);
        Shape shape = result_.network.stream(term.stream).shape;
        shape.back() = rows;
        output.stream = add_stream(model_.tensor(node.outputs[0]).name, shape, std::move(sums));
        add_layer(node.name, std::move(unit), {term.stream}, {output.stream});
        result.base.terms.push_back(std::move(output));
    }
    for (std::int64_t m = 0; m < rows; ++m) {
        for (std::int64_t k = 0; k < positions; ++k) {
            const std::int64_t i = m * positions + k;
            result.base.bias[static_cast<std::size_t>(m)] +=
                windows.base.bias[static_cast<std::size_t>(k * channels + m / multiplier)] *
                kernel.scale[i] * static_cast<double>(kernel.ints[i]);
        }
    }
    result.layout =
        resized(windows.layout,
                spatial_of(result_.network.stream(result.base.terms[0].stream).shape), rows);
    result.affine = result.base;
    result.linear_core = result.base;
    record(node, Placement::kHardware, fmt::format("a depthwise unit of {} channels", rows));
    return result;
}

Value Lowerer::convolved(const ir::Node& node, const Value& x, const std::vector<WindowAxis>& axes,
                         const ScaledWeights& kernel, std::int64_t groups) {
    const std::int64_t rows = kernel.ints.dim(0);
    const std::int64_t channels = x.base.channels();
    if (groups == 1) {
        return multiply_matrix(node, windowed(node, x, axes), as_matrix(kernel));
    }
    if (groups == channels) {
        return depthwise(node, windowed(node, x, axes), kernel);
    }
    // By groups: split, a convolution each, and the results side by side.
    if (x.base.terms.size() != 1) {
        throw Error(code::kUnquantisedActivation, node_label(node),
                    "a convolution by groups takes one quantised value",
                    "quantise the sum before it");
    }
    const network::StreamId source = x.base.terms[0].stream;
    std::vector<network::StreamId> parts;
    std::vector<Value> values;
    const std::int64_t group_channels = channels / groups;
    for (std::int64_t group = 0; group < groups; ++group) {
        const std::int64_t from = group * group_channels;
        const auto slice = [&](const auto& all) {
            return std::decay_t<decltype(all)>(all.begin() + from,
                                               all.begin() + from + group_channels);
        };
        Shape shape = result_.network.stream(source).shape;
        shape.back() = group_channels;
        Value part;
        part.anchor = x.anchor;
        parts.push_back(
            add_stream(fmt::format("{}_group{}", node.name, group), shape, slice(ranges(source))));
        part.base = {.terms = {{parts.back(), slice(x.base.terms[0].scale)}},
                     .bias = slice(x.base.bias)};
        part.affine = part.base;
        part.linear_core = part.base;
        part.layout = resized(x.layout, spatial_of(shape), group_channels);
        values.push_back(std::move(part));
    }
    add_layer(node.name + "_split", network::Split{}, {source}, parts);
    Value result;
    Term term;
    std::vector<network::StreamId> streams;
    std::vector<Range> all_ranges;
    for (std::int64_t group = 0; group < groups; ++group) {
        const ScaledWeights own = rows_of(kernel, group * (rows / groups), rows / groups);
        const Value part = multiply_matrix(
            node, windowed(node, std::move(values[static_cast<std::size_t>(group)]), axes),
            as_matrix(own));
        if (part.base.terms.size() != 1) {
            throw Error(code::kFloatWeights, node_label(node),
                        "the scales of its input differ inside a group", "use one input scale");
        }
        streams.push_back(part.base.terms[0].stream);
        const auto& part_ranges = ranges(streams.back());
        all_ranges.insert(all_ranges.end(), part_ranges.begin(), part_ranges.end());
        term.scale.insert(term.scale.end(), part.base.terms[0].scale.begin(),
                          part.base.terms[0].scale.end());
        result.base.bias.insert(result.base.bias.end(), part.base.bias.begin(),
                                part.base.bias.end());
        result.layout = part.layout;
    }
    Shape shape = result_.network.stream(streams[0]).shape;
    shape.back() = rows;
    term.stream =
        add_stream(model_.tensor(node.outputs[0]).name + "_groups", shape, std::move(all_ranges));
    add_layer(node.name + "_join", network::Concat{}, streams, {term.stream});
    result.anchor = node.outputs[0];
    result.layout = resized(result.layout, spatial_of(shape), rows);
    result.base.terms = {std::move(term)};
    result.affine = result.base;
    result.linear_core = result.base;
    return result;
}

void Lowerer::add_bias(const ir::Node& node, Value& value, std::size_t input) {
    if (input >= node.inputs.size() || node.inputs[input] == ir::TensorId::kNone) {
        return;
    }
    const ir::Value* bias = constants_.value(node.inputs[input]);
    if (bias == nullptr) {
        throw Error(code::kUnsupportedOperator, node_label(node), "its bias is not constant",
                    "use a constant bias");
    }
    for (std::size_t m = 0; m < value.base.bias.size(); ++m) {
        value.base.bias[m] += std::visit(
            [m](const auto& tensor) {
                return static_cast<double>(tensor[static_cast<std::int64_t>(m)]);
            },
            *bias);
    }
    value.affine = value.base;
    value.linear_core = value.base;
}

void Lowerer::lower_conv(const ir::Node& node) {
    const auto& conv = std::get<ir::Conv>(node.op);
    const Value x = quantised_input(node, node.inputs[0]);
    const std::optional<ScaledWeights> weights = constants_.weights(node.inputs[1]);
    if (!weights) {
        const bool constant = constants_.value(node.inputs[1]) != nullptr;
        throw Error(
            constant ? code::kFloatWeights : code::kUnsupportedOperator, node_label(node),
            constant ? "its weights are floats, not quantised" : "its weights are not constant",
            constant ? "quantise the model (qloom quantize), or train it with quantised weights"
                     : "use constant weights");
    }
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const Shape kernel_shape(weights->ints.shape().begin() + 2, weights->ints.shape().end());
    const std::vector<WindowAxis> axes =
        network_axes(ir::resolve_window(node.name, conv.window, spatial, kernel_shape));
    const ScaledWeights kernel{position_major(weights->ints), position_major(weights->scale)};
    Value result = convolved(node, x, axes, kernel, conv.group);
    add_bias(node, result, 2);
    set_value(node.outputs[0], std::move(result));
}

void Lowerer::lower_conv_transpose(const ir::Node& node) {
    const auto& conv = std::get<ir::ConvTranspose>(node.op);
    auto [x, zero] = with_zero(node, quantised_input(node, node.inputs[0]));
    const std::optional<ScaledWeights> weights = constants_.weights(node.inputs[1]);
    if (!weights) {
        throw Error(code::kFloatWeights, node_label(node), "its weights are floats, not quantised",
                    "quantise the model (qloom quantize), or train it with quantised weights");
    }
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const Shape kernel_shape(weights->ints.shape().begin() + 2, weights->ints.shape().end());
    const std::vector<ir::WindowAxis> transposed =
        ir::resolve_transposed_window(node.name, conv, spatial, kernel_shape);
    std::vector<std::int64_t> factors;
    std::vector<WindowAxis> axes;
    Shape inserted;
    for (std::size_t axis = 0; axis < transposed.size(); ++axis) {
        const ir::WindowAxis& geometry = transposed[axis];
        factors.push_back(geometry.stride);
        inserted.push_back((spatial[axis] - 1) * geometry.stride + 1);
        WindowAxis window{.kernel = geometry.kernel, .stride = 1, .dilation = geometry.dilation};
        window.pad_begin = geometry.reach() - 1 - geometry.pad_begin;
        window.pad_end =
            geometry.output - 1 + geometry.reach() - inserted.back() - window.pad_begin;
        axes.push_back(window);
        if (window.pad_begin < 0 || window.pad_end < 0) {
            throw Error(code::kUnsupportedShape, node_label(node),
                        "it crops more than its kernel reaches", "use less padding");
        }
    }
    const bool spread =
        std::ranges::any_of(factors, [](std::int64_t factor) { return factor > 1; });
    if (spread) {
        for (Term& term : x.base.terms) {
            Shape shape = inserted;
            shape.push_back(x.base.channels());
            std::vector<Range> wide = ranges(term.stream);
            for (Range& range : wide) {
                range = range.united({zero, zero});
            }
            const network::StreamId stream =
                add_stream(node.name + "_spread", shape, std::move(wide));
            add_layer(node.name + "_spread",
                      network::InsertPixels{.factors = factors, .value = zero}, {term.stream},
                      {stream});
            term.stream = stream;
        }
        x.affine = x.base;
        x.layout = resized(x.layout, inserted, x.base.channels());
    }
    const ScaledWeights kernel{turned(weights->ints, conv.group),
                               turned(weights->scale, conv.group)};
    Value result = convolved(node, x, axes, kernel, conv.group);
    add_bias(node, result, 2);
    set_value(node.outputs[0], std::move(result));
}

void Lowerer::lower_im2col(const ir::Node& node) {
    const auto& op = std::get<ir::Im2Col>(node.op);
    Value x = quantised_input(node, node.inputs[0]);
    const Shape spatial = spatial_of(result_.network.stream(x.base.terms[0].stream).shape);
    const std::vector<WindowAxis> axes = network_axes(ir::resolve_window(node.name, op.window, spatial, {}));
    // Padding with a number is padding with zero of what is that much less.
    const auto shift = [&](double by) {
        for (double& bias : x.base.bias) {
            bias += by;
        }
        x.affine = x.base;
        x.linear_core = x.base;
    };
    const auto pad = static_cast<double>(op.pad_value);
    shift(-pad);
    x = windowed(node, std::move(x), axes);
    shift(pad);
    x.anchor = node.outputs[0];
    record(node, Placement::kHardware, fmt::format("windows of {} pixels", positions_of(axes)));
    set_value(node.outputs[0], std::move(x));
}

std::optional<ScaledWeights> Lowerer::depthwise_kernel(const Value& windows, const ScaledWeights& matrix) const {
    std::int64_t positions = 0;
    for (const Term& term : windows.base.terms) {
        const auto maker = std::ranges::find_if(result_.network.layers, [&](const network::Layer& layer) {
            return std::holds_alternative<network::SlidingWindow>(layer.kind) && layer.outputs[0] == term.stream;
        });
        if (maker == result_.network.layers.end()) {
            return std::nullopt;
        }
        positions = std::get<network::SlidingWindow>(maker->kind).positions();
    }
    const std::int64_t rows = matrix.ints.dim(1);
    if (positions == 0 || windows.base.channels() % positions != 0) {
        return std::nullopt;
    }
    const std::int64_t channels = windows.base.channels() / positions;
    if (channels == 1 || rows % channels != 0) {
        return std::nullopt;
    }
    const std::int64_t multiplier = rows / channels;
    ScaledWeights kernel{Tensor<std::int64_t>({rows, positions, 1}), Tensor<double>({rows, positions, 1}, 1.0)};
    for (std::int64_t i = 0; i < matrix.ints.size(); ++i) {
        const std::int64_t column = i / rows;
        const std::int64_t m = i % rows;
        if (column % channels == m / multiplier) {
            kernel.ints[m * positions + column / channels] = matrix.ints[i];
            kernel.scale[m * positions + column / channels] = matrix.scale[i];
        } else if (matrix.ints[i] != 0) {
            return std::nullopt;
        }
    }
    return kernel;
}

}  // namespace qloom::lower
