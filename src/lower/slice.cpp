#include <algorithm>
#include <optional>

#include "ir/run_node.h"
#include "lower/lowerer.h"
#include "lower/stream_shape.h"

namespace qloom::lower {
namespace {

// Elements first, first + step, ... of an axis, `count` of them.
struct Taken {
    std::int64_t first = 0;
    std::int64_t step = 1;
    std::int64_t count = 1;
};

// What is taken of every axis, read off the numbers of the elements that were taken of a tensor of
// shape `from` (row-major). Nothing where that is not a rising sequence.
std::optional<std::vector<Taken>> taken_of_axes(const Tensor<float>& numbers, const Shape& from) {
    std::vector<Taken> result(from.size());
    if (numbers.size() == 0) {
        return std::nullopt;
    }
    std::vector<std::int64_t> stride(from.size(), 1);        // of the whole
    std::vector<std::int64_t> taken_stride(from.size(), 1);  // of what is taken
    for (std::size_t axis = from.size(); axis-- > 1;) {
        stride[axis - 1] = stride[axis] * from[axis];
        taken_stride[axis - 1] = taken_stride[axis] * numbers.dim(axis);
    }
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
        Taken& one = result[axis];
        one.count = numbers.dim(axis);
        const auto at = [&](std::int64_t i) {
            return static_cast<std::int64_t>(numbers[i * taken_stride[axis]]) / stride[axis] %
                   from[axis];
        };
        one.first = at(0);
        one.step = one.count > 1 ? at(1) - at(0) : 1;
        if (one.step < 1) {
            return std::nullopt;
        }
    }
    return result;
}

bool is_whole(const Taken& taken, std::int64_t size) {
    return taken.step == 1 && taken.count == size;
}

}  // namespace

void Lowerer::lower_slice(const ir::Node& node) {
    Value x = merged_input(node, node.inputs[0]);
    const auto refuse = [&] {
        to_host_after(node,
                      "only parts of quantised values are cut out in hardware, forwards, and of "
                      "channels side by side",
                      "quantise the value before it; slice channels with step 1 and pixels with a "
                      "positive step");
    };
    std::vector<const ir::Value*> inputs;
    for (const ir::TensorId input : node.inputs) {
        inputs.push_back(input == ir::TensorId::kNone ? nullptr : constants_.value(input));
    }
    if (!x.affine || x.affine->terms.size() != 1 || !x.layout.order.empty() ||
        std::ranges::count(inputs, nullptr) >
            1 + std::ranges::count(node.inputs, ir::TensorId::kNone)) {
        refuse();
        return;
    }
    // Which elements it takes, seen on their own numbers.
    Shape shape{1};
    shape.insert(shape.end(), x.layout.logical.begin(), x.layout.logical.end());
    Tensor<float> numbers(shape);
    if (numbers.size() >= std::int64_t{1} << 24) {  // beyond, floats are no longer whole numbers
        refuse();
        return;
    }
    for (std::int64_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<float>(i);
    }
    const ir::Value operand = std::move(numbers);
    inputs[0] = &operand;
    const std::vector<ir::Value> sliced = ir::run_node(node, inputs);
    const auto taken = taken_of_axes(std::get<Tensor<float>>(sliced[0]), shape);
    const std::size_t channel_axis = x.layout.channel_axis();
    if (!taken || (*taken)[0].count != 1 || (*taken)[channel_axis + 1].step != 1) {
        refuse();
        return;
    }
    x.base = *x.affine;
    x.chain.clear();
    std::vector<network::WindowAxis> steps(x.layout.logical.size() - 1);
    std::vector<std::string> what;
    for (std::size_t axis = 0; axis < x.layout.logical.size(); ++axis) {
        const Taken& one = (*taken)[axis + 1];
        const std::int64_t size = x.layout.logical[axis];
        if (is_whole(one, size)) {
            continue;
        }
        what.push_back(fmt::format("{} of {} {}", one.count, size,
                                   axis == channel_axis ? "channels" : "pixels"));
        // Up to the last one that is taken; the steps come behind.
        const std::int64_t end = one.first + (one.count - 1) * one.step + 1;
        x = cut(node, std::move(x), axis, one.first, end);
        if (axis != channel_axis) {
            steps[static_cast<std::size_t>(x.layout.axes[axis])].stride = one.step;
        }
    }
    x = windowed(node, std::move(x), steps);
    x.anchor = node.outputs[0];
    x.affine = x.base;
    x.linear_core = x.base;
    record(node, what.empty() ? Placement::kFolded : Placement::kHardware,
           what.empty() ? "takes everything" : fmt::format("{}", fmt::join(what, ", ")));
    set_value(node.outputs[0], std::move(x));
}

// A split of the stream into what lies before, what is wanted, and what lies behind. Rows and
// columns are channels of a stream whose inner axes are taken together, which costs nothing:
//   (H, W, C) -> (H, W C) -> split -> (H, w C) -> (H, w, C)
Value Lowerer::cut(const ir::Node& node, Value x, std::size_t logical_axis, std::int64_t from,
                   std::int64_t to) {
    const auto axis = static_cast<std::size_t>(x.layout.axes[logical_axis]);
    const network::StreamId source = x.base.terms[0].stream;
    const Shape shape = result_.network.stream(source).shape;
    const std::int64_t size = shape[axis];
    if (from == 0 && to == size) {
        return x;
    }
    const std::string& name = model_.tensor(node.outputs[0]).name;
    std::int64_t inner = 1;  // elements of one step along the axis
    for (std::size_t i = axis + 1; i < shape.size(); ++i) {
        inner *= shape[i];
    }
    const bool over_channels = axis + 1 == shape.size();
    Shape flat(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
    flat.push_back(size * inner);
    network::StreamId whole = source;
    std::vector<Range> flat_ranges = ranges(source);
    if (!over_channels) {
        flat_ranges = tiled(flat_ranges, size * inner / shape.back());
        whole = add_stream(name + "_flat", flat, flat_ranges);
        add_layer(node.name + "_flat", network::Reshape{}, {source}, {whole});
    }
    std::vector<network::StreamId> parts;
    network::StreamId wanted = network::StreamId::kNone;
    for (const auto& [begin, end] : {std::pair{std::int64_t{0}, from}, {from, to}, {to, size}}) {
        if (begin == end) {
            continue;
        }
        flat.back() = (end - begin) * inner;
        parts.push_back(add_stream(
            name + (begin == from ? "_part"
                    : begin == 0  ? "_before"
                                  : "_behind"),
            flat, {flat_ranges.begin() + begin * inner, flat_ranges.begin() + end * inner}));
        if (begin == from) {
            wanted = parts.back();
        }
    }
    add_layer(node.name, network::Split{}, {whole}, parts);
    Shape part_shape = shape;
    part_shape[axis] = to - from;
    if (!over_channels) {
        const network::StreamId pixels = add_stream(name, part_shape, ranges(source));
        add_layer(node.name + "_pixels", network::Reshape{}, {wanted}, {pixels});
        wanted = pixels;
    } else {
        const auto part_of = [&](const std::vector<double>& all) {
            return std::vector<double>(all.begin() + from, all.begin() + to);
        };
        x.base.terms[0].scale = part_of(x.base.terms[0].scale);
        x.base.bias = part_of(x.base.bias);
    }
    x.base.terms[0].stream = wanted;
    x.layout = reshaped(std::move(x.layout), part_shape);
    return x;
}

}  // namespace qloom::lower
