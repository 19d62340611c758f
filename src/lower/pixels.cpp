#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/execute.h"
#include "lower/lowerer.h"
#include "lower/stream_shape.h"

namespace qloom::lower {
namespace {

std::vector<std::int64_t> integers_of(const ir::Value& value) {
    return std::visit(
        [](const auto& tensor) {
            std::vector<std::int64_t> result;
            for (const auto element : tensor) {
                result.push_back(static_cast<std::int64_t>(element));
            }
            return result;
        },
        value);
}

void set_stream(Value& value, std::size_t term, network::StreamId stream) {
    for (auto* affine : {&value.base, value.affine ? &*value.affine : nullptr,
                         value.linear_core ? &*value.linear_core : nullptr}) {
        if (affine != nullptr) {
            affine->terms[term].stream = stream;
        }
    }
}

}  // namespace

Value Lowerer::moved(const ir::Node& node, Value value, const network::LayerKind& kind, const Shape& stream_shape,
                     const std::function<std::vector<Range>(const std::vector<Range>&)>& new_ranges) {
    for (std::size_t k = 0; k < value.base.terms.size(); ++k) {
        const network::StreamId source = value.base.terms[k].stream;
        const network::StreamId stream =
            add_stream(fmt::format("{}{}", model_.tensor(node.outputs[0]).name, k > 0 ? fmt::format("_{}", k) : ""),
                       stream_shape, new_ranges(ranges(source)));
        add_layer(node.name, kind, {source}, {stream});
        set_stream(value, k, stream);
    }
    value.layout = reshaped(value.layout, stream_shape);
    if (value.chain.empty()) {
        value.anchor = node.outputs[0];
    }
    return value;
}

void Lowerer::lower_pad(const ir::Node& node) {
    const ir::Value* pads_value = node.inputs.size() > 1 ? constants_.value(node.inputs[1]) : nullptr;
    const ir::Value* fill = node.inputs.size() > 2 ? constants_.value(node.inputs[2]) : nullptr;
    const bool zero_fill =
        fill == nullptr || std::visit([](const auto& tensor) { return tensor[0] == 0; }, *fill);
    if (pads_value == nullptr || !zero_fill || std::get<ir::Pad>(node.op).mode != ir::PadMode::kConstant) {
        to_host_after(node, "only constant padding with zeros is in hardware", "pad with zeros");
        return;
    }
    const std::vector<std::int64_t> pads = integers_of(*pads_value);
    auto [x, zero] = with_zero(node, quantised_input(node, node.inputs[0]));
    const Shape stream_shape = result_.network.stream(x.base.terms[0].stream).shape;
    const std::size_t rank = x.layout.logical.size();
    network::SlidingWindow unit{.axes = std::vector<network::WindowAxis>(stream_shape.size() - 1), .pad_value = zero};
    bool fits = pads.size() == 2 * (rank + 1) && pads[0] == 0 && pads[rank + 1] == 0;
    for (std::size_t axis = 0; fits && axis < rank; ++axis) {
        const std::int64_t begin = pads[axis + 1];
        const std::int64_t end = pads[rank + 2 + axis];
        if (axis == x.layout.channel_axis()) {
            fits = begin == 0 && end == 0;
        } else {
            auto& window = unit.axes[static_cast<std::size_t>(x.layout.axes[axis])];
            window.pad_begin = begin;
            window.pad_end = end;
            fits = begin >= 0 && end >= 0;
        }
    }
    if (!fits) {
        to_host_after(node, "only padding of the spatial axes, by nothing or more, is in hardware", "pad height and width");
        return;
    }
    Shape shape = stream_shape;
    for (std::size_t axis = 0; axis < unit.axes.size(); ++axis) {
        shape[axis] = unit.axes[axis].outputs(stream_shape[axis]);
    }
    const std::int64_t zero_value = zero;
    record(node, Placement::kHardware, "padding");
    set_value(node.outputs[0], moved(node, std::move(x), unit, shape, [zero_value](std::vector<Range> all) {
                  for (Range& range : all) {
                      range = range.united({zero_value, zero_value});
                  }
                  return all;
              }));
}

void Lowerer::lower_resize(const ir::Node& node) {
    const auto& resize = std::get<ir::Resize>(node.op);
    const Shape before = logical_shape(node.inputs[0]);
    const Shape after = logical_shape(node.outputs[0]);
    Value x = value(node.inputs[0]);
    const Shape stream_shape = result_.network.stream(x.base.terms[0].stream).shape;
    network::Upsample unit{.factors = std::vector<std::int64_t>(stream_shape.size() - 1, 1)};
    bool fits = resize.mode == "nearest" && resize.coordinate_transformation != "align_corners" &&
                before.size() == after.size() && x.layout.order.empty();
    Shape shape = stream_shape;
    for (std::size_t axis = 0; fits && axis < before.size(); ++axis) {
        fits = after[axis] % before[axis] == 0;
        if (axis == x.layout.channel_axis()) {
            fits = fits && after[axis] == before[axis];
        } else if (fits) {
            const auto at = static_cast<std::size_t>(x.layout.axes[axis]);
            unit.factors[at] = after[axis] / before[axis];
            shape[at] = after[axis];
        }
    }
    if (!fits) {
        to_host_after(node, "only nearest-neighbour enlargement by whole factors is in hardware",
                      "use mode nearest with integer scales");
        return;
    }
    record(node, Placement::kHardware, "repeated pixels");
    set_value(node.outputs[0],
              moved(node, std::move(x), unit, shape, [](std::vector<Range> all) { return all; }));
}

void Lowerer::lower_depth_to_space(const ir::Node& node) {
    const auto& op = std::get<ir::DepthToSpace>(node.op);
    const std::int64_t blocks = op.block_size * op.block_size;
    Value x = quantised_input(node, node.inputs[0]);
    const std::int64_t channels = x.base.channels() / blocks;
    if (op.column_row_depth) {
        network::PermuteChannels permute;
        for (std::int64_t block = 0; block < blocks; ++block) {
            for (std::int64_t c = 0; c < channels; ++c) {
                permute.order.push_back(c * blocks + block);
            }
        }
        x = permuted(node, std::move(x), permute);
    }
    for (const Term& term : x.base.terms) {
        for (std::size_t i = 0; i < term.scale.size(); ++i) {
            const std::size_t first = i % static_cast<std::size_t>(channels);
            if (term.scale[i] != term.scale[first] || x.base.bias[i] != x.base.bias[first]) {
                to_host_after(node, "the channels that become neighbouring pixels have different scales",
                              "quantise its input with one scale");
                return;
            }
        }
    }
    Shape shape = result_.network.stream(x.base.terms[0].stream).shape;
    if (shape.size() != 3) {
        to_host_after(node, "only images are rearranged in hardware", "use it on (N, C, H, W)");
        return;
    }
    shape = {shape[0] * op.block_size, shape[1] * op.block_size, channels};
    for (Term& term : x.base.terms) {
        term.scale.resize(static_cast<std::size_t>(channels));
    }
    x.base.bias.resize(static_cast<std::size_t>(channels));
    x.affine = x.base;
    x.linear_core = x.base;
    x = moved(node, std::move(x), network::DepthToSpace{.block = op.block_size}, shape,
              [channels](const std::vector<Range>& all) {
                  std::vector<Range> result(all.begin(), all.begin() + channels);
                  for (std::size_t i = 0; i < all.size(); ++i) {
                      Range& range = result[i % result.size()];
                      range = range.united(all[i]);
                  }
                  return result;
              });
    record(node, Placement::kHardware, "channels that become pixels");
    set_value(node.outputs[0], std::move(x));
}

// Blocks of pixels as channels are windows that do not overlap: position (by, bx) of a block, then its channels.
void Lowerer::lower_space_to_depth(const ir::Node& node) {
    const std::int64_t block = std::get<ir::SpaceToDepth>(node.op).block_size;
    const Value x = quantised_input(node, node.inputs[0]);
    if (spatial_of(result_.network.stream(x.base.terms[0].stream).shape).size() != 2) {
        to_host_after(node, "only images are rearranged in hardware", "use it on (N, C, H, W)");
        return;
    }
    Value result = windowed(node, x, std::vector<network::WindowAxis>(2, {.kernel = block, .stride = block}));
    result.anchor = node.outputs[0];
    record(node, Placement::kHardware, "pixels that become channels");
    set_value(node.outputs[0], std::move(result));
}

Value Lowerer::permuted(const ir::Node& node, Value x, const network::PermuteChannels& unit) {
    const auto reordered = [&](const auto& all) {
        std::decay_t<decltype(all)> result;
        for (const std::int64_t from : unit.order) {
            result.push_back(all[static_cast<std::size_t>(from)]);
        }
        return result;
    };
    const Shape shape = result_.network.stream(x.base.terms[0].stream).shape;
    for (Term& term : x.base.terms) {
        term.scale = reordered(term.scale);
    }
    x.base.bias = reordered(x.base.bias);
    x.affine = x.base;
    x.linear_core = x.base;
    return moved(node, std::move(x), unit, shape, [&](const std::vector<Range>& all) { return reordered(all); });
}

// Reshape - Transpose - Reshape and the like: followed on an array of indices until what it does to the elements is a
// permutation of the channels again.
void Lowerer::follow_movement(const ir::Node& node) {
    Movement movement;
    const auto open = movements_.find(node.inputs[0]);
    if (open != movements_.end()) {
        movement = open->second;
    } else {
        movement.source = node.inputs[0];
        const Shape shape = *model_.tensor(movement.source).shape;
        Tensor<float> indices(shape);
        std::iota(indices.begin(), indices.end(), 0.0F);
        movement.indices = std::move(indices);
    }
    std::vector<const ir::Value*> inputs{&movement.indices};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        inputs.push_back(constants_.value(node.inputs[i]));
    }
    movement.indices = std::move(ir::run_node(node, inputs)[0]);
    const Value& source = value(movement.source);
    const Shape logical = logical_shape(node.outputs[0]);
    network::PermuteChannels permute;
    if (logical == source.layout.logical && source.layout.order.empty()) {
        const auto& indices = std::get<Tensor<float>>(movement.indices);
        std::int64_t inner = 1;
        for (std::size_t axis = source.layout.channel_axis() + 1; axis < logical.size(); ++axis) {
            inner *= logical[axis];
        }
        const std::int64_t channels = source.base.channels();
        bool fits = true;
        for (std::int64_t c = 0; c < channels; ++c) {
            permute.order.push_back(static_cast<std::int64_t>(indices[c * inner]) / inner % channels);
        }
        for (std::int64_t i = 0; fits && i < indices.size(); ++i) {
            const std::int64_t c = i / inner % channels;
            fits = static_cast<std::int64_t>(indices[i]) == i + (permute.order[static_cast<std::size_t>(c)] - c) * inner;
        }
        if (!fits) {
            permute.order.clear();
        }
    }
    if (permute.order.empty()) {
        mark_outputs(node, Where::kMoving);
        movements_.insert_or_assign(node.outputs[0], std::move(movement));
        record(node, Placement::kFolded, "part of a rearrangement of channels");
        return;
    }
    record(node, Placement::kHardware, "channels in another order");
    set_value(node.outputs[0], permuted(node, quantised_input(node, movement.source), permute));
}

void Lowerer::lower_product(const ir::Node& node) {
    const auto pixels = [&](const Value& value) {
        return element_count(spatial_of(result_.network.stream(value.base.terms[0].stream).shape));
    };
    Value a = quantised_input(node, node.inputs[0]);
    Value b = quantised_input(node, node.inputs[1]);
    if (pixels(a) < pixels(b)) {
        std::swap(a, b);
    }
    const bool broadcast = pixels(a) != pixels(b);
    const bool plain = std::ranges::all_of(a.base.bias, [](double bias) { return bias == 0.0; });
    if (a.base.terms.size() != 1 || b.base.terms.size() != 1 || a.base.channels() != b.base.channels() ||
        (broadcast && (pixels(b) != 1 || !plain)) || a.layout.axes != b.layout.axes || !a.layout.order.empty() ||
        !b.layout.order.empty()) {
        to_host_after(node, "only products of two quantised values of one shape, or with one factor a channel, are in hardware",
                      "quantise both operands without zero point");
        return;
    }
    const auto& ranges_a = ranges(a.base.terms[0].stream);
    const auto& ranges_b = ranges(b.base.terms[0].stream);
    const auto channels = static_cast<std::size_t>(a.base.channels());
    Value result;
    result.anchor = node.outputs[0];
    result.layout = a.layout;
    Term product;
    Term only_a{a.base.terms[0].stream, {}};
    Term only_b{b.base.terms[0].stream, {}};
    std::vector<Range> product_ranges;
    bool needs_a = false;
    bool needs_b = false;
    for (std::size_t c = 0; c < channels; ++c) {
        const double scale_a = a.base.terms[0].scale[c];
        const double scale_b = b.base.terms[0].scale[c];
        product.scale.push_back(scale_a * scale_b);
        only_a.scale.push_back(scale_a * b.base.bias[c]);
        only_b.scale.push_back(scale_b * a.base.bias[c]);
        result.base.bias.push_back(a.base.bias[c] * b.base.bias[c]);
        needs_a = needs_a || only_a.scale.back() != 0.0;
        needs_b = needs_b || only_b.scale.back() != 0.0;
        const std::int64_t corners[] = {ranges_a[c].lo * ranges_b[c].lo, ranges_a[c].lo * ranges_b[c].hi,
                                        ranges_a[c].hi * ranges_b[c].lo, ranges_a[c].hi * ranges_b[c].hi};
        product_ranges.push_back({*std::ranges::min_element(corners), *std::ranges::max_element(corners)});
    }
    product.stream = add_stream(model_.tensor(node.outputs[0]).name, result_.network.stream(only_a.stream).shape,
                                std::move(product_ranges));
    add_layer(node.name, network::Multiply{}, {only_a.stream, only_b.stream}, {product.stream});
    result.base.terms.push_back(std::move(product));
    if (needs_a) {
        result.base.terms.push_back(std::move(only_a));
    }
    if (needs_b) {
        result.base.terms.push_back(std::move(only_b));
    }
    result.affine = result.base;
    result.linear_core = result.base;
    record(node, Placement::kHardware, "an integer product of two streams");
    set_value(node.outputs[0], std::move(result));
}

}  // namespace qloom::lower
