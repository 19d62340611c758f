// Shapes of operators that move, cut and join data.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/codes/ir.h"
#include "ir/broadcast.h"
#include "ir/infer_rules.h"

namespace qloom::ir::rules {
namespace {

Results same_type(const Inputs& in, Shape shape) { return {{in[0].type, std::move(shape), nullptr}}; }

// Beyond every axis, and small enough to calculate with.
constexpr std::int64_t kFar = std::int64_t{1} << 40;

// Number of elements of a shape from a file, or -1 when it is negative or too large.
std::int64_t checked_count(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
        if (size < 0 || (size != 0 && count > kMaxElements / size)) {
            return -1;
        }
        count *= size;
    }
    return count;
}

}  // namespace

Results reshape(const Reshape& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    Shape wanted = in.integers(1, "shape");
    const Shape asked = wanted;
    std::int64_t known = 1;
    std::ptrdiff_t open = -1;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == 0 && !op.allow_zero) {
            if (i >= x.size()) {
                in.mismatch(fmt::format("its shape {} copies axis {} of the data {}", shape_text(asked), i,
                                        shape_text(x)));
            }
            wanted[i] = x[i];
        }
        if (wanted[i] == -1) {
            if (open >= 0) {
                in.bad_attribute(fmt::format("its shape {} leaves two sizes open", shape_text(asked)),
                                 "leave at most one -1");
            }
            open = static_cast<std::ptrdiff_t>(i);
            continue;
        }
        if (wanted[i] < 0) {
            in.bad_attribute(fmt::format("its shape is {}", shape_text(asked)), "sizes are -1, 0 or positive");
        }
        known = wanted[i] != 0 && known > kMaxElements / wanted[i] ? kMaxElements + 1 : known * wanted[i];
    }
    const std::int64_t count = element_count(x);
    if (open >= 0) {
        if (known == 0 || known > kMaxElements || count % known != 0) {
            in.mismatch(fmt::format("the data {} cannot take the shape {}", shape_text(x), shape_text(asked)),
                        "the number of values must stay the same");
        }
        wanted[static_cast<std::size_t>(open)] = count / known;
    } else if (known != count) {
        in.mismatch(fmt::format("the data {} cannot take the shape {}", shape_text(x), shape_text(asked)),
                    "the number of values must stay the same");
    }
    return same_type(in, std::move(wanted));
}

Results flatten(const Flatten& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    const std::int64_t rank = in.rank(0);
    const std::int64_t axis = op.axis == rank ? rank : in.axis(op.axis, rank);
    const auto middle = x.begin() + axis;
    return same_type(in, {element_count(Shape(x.begin(), middle)), element_count(Shape(middle, x.end()))});
}

Results transpose(const Transpose& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    Shape result(x.rbegin(), x.rend());
    if (!op.perm.empty()) {
        if (op.perm.size() != x.size()) {
            in.bad_attribute(fmt::format("perm {} has {} axes, the data {}", shape_text(op.perm), op.perm.size(),
                                         shape_text(x)),
                             "name every axis once");
        }
        std::vector<bool> seen(x.size(), false);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::int64_t from = op.perm[i];
            if (from < 0 || from >= in.rank(0) || seen[static_cast<std::size_t>(from)]) {
                in.bad_attribute(fmt::format("perm {} is not a permutation", shape_text(op.perm)),
                                 "name every axis once");
            }
            seen[static_cast<std::size_t>(from)] = true;
            result[i] = x[static_cast<std::size_t>(from)];
        }
    }
    return same_type(in, std::move(result));
}

Results squeeze(const Inputs& in) {
    const Shape& x = in.shape(0);
    std::vector<bool> drop(x.size(), false);
    if (in.has(1)) {
        for (const std::int64_t axis : in.axes(in.integers(1, "axes"), in.rank(0))) {
            if (x[static_cast<std::size_t>(axis)] != 1) {
                in.mismatch(fmt::format("axis {} of the data {} is not 1", axis, shape_text(x)),
                            "squeeze axes of size 1");
            }
            drop[static_cast<std::size_t>(axis)] = true;
        }
    } else {
        for (std::size_t i = 0; i < x.size(); ++i) {
            drop[i] = x[i] == 1;
        }
    }
    Shape result;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (!drop[i]) {
            result.push_back(x[i]);
        }
    }
    return same_type(in, std::move(result));
}

Results unsqueeze(const Inputs& in) {
    const std::vector<std::int64_t> given = in.integers(1, "axes");
    const std::int64_t rank = in.rank(0) + static_cast<std::int64_t>(given.size());
    Shape result(static_cast<std::size_t>(rank), 0);
    for (const std::int64_t axis : in.axes(given, rank)) {
        result[static_cast<std::size_t>(axis)] = -1;
    }
    std::size_t next = 0;
    for (std::int64_t& size : result) {
        size = size == -1 ? 1 : in.shape(0)[next++];
    }
    return same_type(in, std::move(result));
}

Results concat(const Concat& op, const Inputs& in) {
    Shape result = in.shape(0);
    const auto axis = static_cast<std::size_t>(in.axis(op.axis, in.rank(0)));
    bool real = in[0].type == ElementType::kFloat32;
    for (std::size_t i = 1; i < in.count() && in.has(i); ++i) {
        Shape other = in.shape(i);
        real = real || in[i].type == ElementType::kFloat32;
        const std::int64_t size = other.size() == result.size() ? other[axis] : 0;
        if (other.size() == result.size()) {
            other[axis] = result[axis];
        }
        if (other != result) {
            in.mismatch(fmt::format("inputs 0 and {} have shapes {} and {}", i, shape_text(in.shape(0)),
                                    shape_text(in.shape(i))),
                        fmt::format("all axes but axis {} must agree", axis));
        }
        result[axis] += size;
    }
    return {{real ? ElementType::kFloat32 : in[0].type, std::move(result), nullptr}};
}

std::vector<std::int64_t> split_sizes(const Split&, const Inputs& in, std::int64_t size) {
    if (in.has(1)) {
        const std::vector<std::int64_t> sizes = in.integers(1, "split");
        std::int64_t sum = 0;
        for (const std::int64_t part : sizes) {
            if (part < 0 || part > size) {
                in.bad_attribute(fmt::format("split {} does not divide {} values", shape_text(sizes), size),
                                 "the parts must add up to the axis");
            }
            sum += part;
            if (sum > size) {
                break;
            }
        }
        if (sum != size || sizes.empty()) {
            in.bad_attribute(fmt::format("split {} does not divide {} values", shape_text(sizes), size),
                             "the parts must add up to the axis");
        }
        return sizes;
    }
    const auto parts = static_cast<std::int64_t>(std::max<std::size_t>(1, in.node().outputs.size()));
    const std::int64_t each = (size + parts - 1) / parts;  // the last part may be smaller
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), each);
    sizes.back() = size - each * (parts - 1);
    if (sizes.back() < 0) {
        in.bad_attribute(fmt::format("{} values cannot be split into {} parts", size, parts), "use fewer parts");
    }
    return sizes;
}

Results split(const Split& op, const Inputs& in) {
    const auto axis = static_cast<std::size_t>(in.axis(op.axis, in.rank(0)));
    Results results;
    for (const std::int64_t size : split_sizes(op, in, in.shape(0)[axis])) {
        Shape shape = in.shape(0);
        shape[axis] = size;
        results.push_back({in[0].type, std::move(shape), nullptr});
    }
    return results;
}

std::vector<SliceAxis> slice_axes(const Inputs& in) {
    const std::vector<std::int64_t> starts = in.integers(1, "starts");
    const std::vector<std::int64_t> ends = in.integers(2, "ends");
    std::vector<std::int64_t> axes(starts.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
        axes[i] = static_cast<std::int64_t>(i);
    }
    if (in.has(3)) {
        axes = in.integers(3, "axes");
    }
    std::vector<std::int64_t> steps(starts.size(), 1);
    if (in.has(4)) {
        steps = in.integers(4, "steps");
    }
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
        in.bad_attribute(fmt::format("it has {} starts, {} ends, {} axes and {} steps", starts.size(), ends.size(),
                                     axes.size(), steps.size()),
                         "give one of each for every sliced axis");
    }
    axes = in.axes(axes, in.rank(0));
    std::vector<SliceAxis> result;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const std::int64_t size = in.shape(0)[static_cast<std::size_t>(axes[i])];
        const std::int64_t step = std::clamp(steps[i], -kFar, kFar);
        if (step == 0) {
            in.bad_attribute("a step is 0", "a step is positive or negative");
        }
        auto resolve = [size](std::int64_t at) {
            at = std::clamp(at, -kFar, kFar);  // INT64_MAX means "to the end"
            return at < 0 ? at + size : at;
        };
        SliceAxis slice{.axis = axes[i], .start = resolve(starts[i]), .step = step, .count = 0};
        std::int64_t end = resolve(ends[i]);
        if (step > 0) {
            slice.start = std::clamp<std::int64_t>(slice.start, 0, size);
            end = std::clamp<std::int64_t>(end, 0, size);
            slice.count = std::max<std::int64_t>(0, (end - slice.start + step - 1) / step);
        } else {
            slice.start = std::clamp<std::int64_t>(slice.start, 0, std::max<std::int64_t>(0, size - 1));
            end = std::clamp<std::int64_t>(end, -1, size - 1);
            slice.count = size == 0 ? 0 : std::max<std::int64_t>(0, (slice.start - end - step - 1) / -step);
        }
        result.push_back(slice);
    }
    return result;
}

Results slice(const Inputs& in) {
    Shape result = in.shape(0);
    for (const SliceAxis& slice : slice_axes(in)) {
        result[static_cast<std::size_t>(slice.axis)] = slice.count;
    }
    return same_type(in, std::move(result));
}

Results gather(const Gather& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    const std::int64_t axis = in.axis(op.axis, in.rank(0));
    if (in[1].value != nullptr) {
        const std::int64_t size = x[static_cast<std::size_t>(axis)];
        for (const std::int64_t index : in.integers(1, "indices")) {
            if (index < -size || index >= size) {
                in.bad_attribute(fmt::format("index {} is outside axis {} of the data {}", index, axis, shape_text(x)),
                                 fmt::format("legal: {} to {}", -size, size - 1));
            }
        }
    }
    Shape result(x.begin(), x.begin() + axis);
    result.insert(result.end(), in.shape(1).begin(), in.shape(1).end());
    result.insert(result.end(), x.begin() + axis + 1, x.end());
    return same_type(in, std::move(result));
}

std::vector<std::int64_t> pad_amounts(const Inputs& in) {
    const std::vector<std::int64_t> pads = in.integers(1, "pads");
    if (pads.size() != 2 * in.shape(0).size()) {
        in.bad_attribute(fmt::format("it has {} pads for the data {}", pads.size(), shape_text(in.shape(0))),
                         "give a begin and an end for every axis");
    }
    return pads;
}

Results pad(const Pad& op, const Inputs& in) {
    const std::vector<std::int64_t> pads = pad_amounts(in);
    Shape result = in.shape(0);
    for (std::size_t i = 0; i < result.size(); ++i) {
        const std::int64_t begin = pads[i];
        const std::int64_t end = pads[i + result.size()];
        const std::int64_t size = result[i];
        if (std::max(begin, end) > kMaxElements || std::min(begin, end) < -size || begin + end < -size) {
            in.bad_attribute(fmt::format("it pads axis {} of size {} by {} and {}", i, size, begin, end),
                             "a crop must leave the axis at 0 or more values");
        }
        const bool bad_reflect = op.mode == PadMode::kReflect && std::max(begin, end) >= std::max<std::int64_t>(size, 1);
        if (bad_reflect || (op.mode == PadMode::kEdge && size == 0 && std::max(begin, end) > 0)) {
            in.bad_attribute(fmt::format("it mirrors {} and {} values of an axis of size {}", begin, end, size),
                             "pad by less than the size of the axis");
        }
        result[i] = size + begin + end;
    }
    if (in.has(2) && element_count(in.shape(2)) != 1) {
        in.mismatch(fmt::format("its padding value has shape {}", shape_text(in.shape(2))), "give one number");
    }
    return same_type(in, std::move(result));
}

Results resize(const Resize& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    if (op.mode != "nearest" && op.mode != "linear") {
        in.bad_attribute(fmt::format("mode '{}' is not supported", op.mode), "use nearest or linear");
    }
    static const std::vector<std::string> kTransformations{"half_pixel", "pytorch_half_pixel", "align_corners",
                                                           "asymmetric", "tf_half_pixel_for_nn"};
    if (std::ranges::find(kTransformations, op.coordinate_transformation) == kTransformations.end()) {
        in.bad_attribute(fmt::format("coordinate transformation '{}' is not supported", op.coordinate_transformation),
                         fmt::format("use one of {}", fmt::join(kTransformations, ", ")));
    }
    static const std::vector<std::string> kNearest{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    if (std::ranges::find(kNearest, op.nearest_mode) == kNearest.end()) {
        in.bad_attribute(fmt::format("nearest mode '{}' is not supported", op.nearest_mode),
                         fmt::format("use one of {}", fmt::join(kNearest, ", ")));
    }
    if (std::ranges::find(x, 0) != x.end()) {
        in.mismatch(fmt::format("the data is empty: {}", shape_text(x)), "give it a size");
    }
    Shape result = x;
    if (in.has(3) && element_count(in.shape(3)) != 0) {
        result = in.integers(3, "sizes");
        if (result.size() != x.size() || checked_count(result) < 0 || std::ranges::find(result, 0) != result.end()) {
            in.bad_attribute(fmt::format("sizes {} do not fit the data {}", shape_text(result), shape_text(x)),
                             "give one positive size an axis");
        }
    } else if (in.has(2)) {
        const std::vector<float> scales = in.floats(2, "scales");
        if (scales.size() != x.size()) {
            in.bad_attribute(fmt::format("it has {} scales for the data {}", scales.size(), shape_text(x)),
                             "give one scale an axis");
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            const float size = std::floor(static_cast<float>(x[i]) * scales[i]);
            if (!(scales[i] > 0.0F) || !(size >= 1.0F) || size > static_cast<float>(kMaxElements)) {
                in.bad_attribute(fmt::format("scale {} of axis {} makes no sense for size {}", scales[i], i, x[i]),
                                 "give positive scales that leave at least one value");
            }
            result[i] = static_cast<std::int64_t>(size);
        }
    } else {
        in.bad_attribute("it has neither scales nor sizes", "export it with constant scales");
    }
    return same_type(in, std::move(result));
}

Results depth_to_space(const DepthToSpace& op, const Inputs& in) {
    in.require_rank(0, 4, 4);
    const Shape& x = in.shape(0);
    const std::int64_t b = op.block_size;
    if (b < 1 || b > 1024 || x[1] % (b * b) != 0) {
        in.bad_attribute(fmt::format("block size {} does not fit {} channels", b, x[1]),
                         "the channels must be a multiple of its square");
    }
    return same_type(in, {x[0], x[1] / (b * b), x[2] * b, x[3] * b});
}

Results space_to_depth(const SpaceToDepth& op, const Inputs& in) {
    in.require_rank(0, 4, 4);
    const Shape& x = in.shape(0);
    const std::int64_t b = op.block_size;
    if (b < 1 || b > 1024 || x[2] % b != 0 || x[3] % b != 0) {
        in.bad_attribute(fmt::format("block size {} does not divide {} and {}", b, x[2], x[3]),
                         "height and width must be multiples of it");
    }
    return same_type(in, {x[0], x[1] * b * b, x[2] / b, x[3] / b});
}

Results constant_of_shape(const ConstantOfShape& op, const Inputs& in) {
    Shape shape = in.integers(0, "shape");
    if (checked_count(shape) < 0) {
        throw Error(code::kTensorTooLarge, in.where(), fmt::format("it makes a tensor of shape {}", shape_text(shape)),
                    "check the shapes and scales that feed it");
    }
    return {{op.is_int64 ? ElementType::kInt64 : ElementType::kFloat32, std::move(shape), nullptr}};
}

Results expand(const Inputs& in) {
    const Shape wanted = in.integers(1, "shape");
    if (std::ranges::any_of(wanted, [](std::int64_t size) { return size < 0; })) {
        in.bad_attribute(fmt::format("its shape is {}", shape_text(wanted)), "give positive sizes");
    }
    std::optional<Shape> shape = broadcast_shapes(in.shape(0), wanted);
    if (!shape) {
        in.mismatch(fmt::format("the data {} does not spread over {}", shape_text(in.shape(0)), shape_text(wanted)));
    }
    return same_type(in, std::move(*shape));
}

}  // namespace qloom::ir::rules
