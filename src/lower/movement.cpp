#include <algorithm>
#include <numeric>

#include "lower/lowerer.h"
#include "lower/stream_shape.h"

namespace qloom::lower {
namespace {

// For every logical element (row-major), the stream element that carries it.
std::vector<std::int64_t> element_map(const Layout& layout) {
    const std::int64_t count = element_count(layout.logical);
    if (layout.logical.size() == 1) {
        std::vector<std::int64_t> map = layout.order;
        if (map.empty()) {
            map.resize(static_cast<std::size_t>(count));
            std::iota(map.begin(), map.end(), std::int64_t{0});
        }
        return map;
    }
    const std::size_t rank = layout.logical.size();
    Shape stream(rank);
    for (std::size_t axis = 0; axis < rank; ++axis) {
        stream[static_cast<std::size_t>(layout.axes[axis])] = layout.logical[axis];
    }
    std::vector<std::int64_t> stride(rank, 1);
    for (std::size_t axis = rank; axis-- > 1;) {
        stride[axis - 1] = stride[axis] * stream[axis];
    }
    std::vector<std::int64_t> map(static_cast<std::size_t>(count));
    std::vector<std::int64_t> index(rank, 0);
    for (std::int64_t& element : map) {
        element = 0;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            element += index[axis] * stride[static_cast<std::size_t>(layout.axes[axis])];
        }
        for (std::size_t axis = rank; axis-- > 0;) {
            if (++index[axis] < layout.logical[axis]) {
                break;
            }
            index[axis] = 0;
        }
    }
    return map;
}

bool is_identity(const std::vector<std::int64_t>& map) {
    for (std::size_t i = 0; i < map.size(); ++i) {
        if (map[i] != static_cast<std::int64_t>(i)) {
            return false;
        }
    }
    return true;
}

void tile(Affine& affine, std::int64_t times) {
    for (Term& term : affine.terms) {
        term.scale = tiled(term.scale, times);
    }
    affine.bias = tiled(affine.bias, times);
}

}  // namespace

std::vector<std::int64_t> stream_order(const Layout& layout) {
    const std::vector<std::int64_t> map = element_map(layout);
    if (is_identity(map)) {
        return {};
    }
    std::vector<std::int64_t> inverse(map.size());
    for (std::size_t logical = 0; logical < map.size(); ++logical) {
        inverse[static_cast<std::size_t>(map[logical])] = static_cast<std::int64_t>(logical);
    }
    return inverse;
}

void Lowerer::lower_movement(const ir::Node& node) {
    const Value& from = value(node.inputs[0]);
    const Shape logical = logical_shape(node.outputs[0]);
    const std::size_t rank = from.layout.logical.size();
    if (index_tensors_.contains(node.inputs[0])) {
        to_host_after(node, "it works on an index", "");
        return;
    }
    Value result = from;
    if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
        // Only the model's view of the stream turns; the stream stays as it is.
        std::vector<std::int64_t> perm = transpose->perm;
        for (std::size_t i = 0; perm.empty() && i <= rank; ++i) {
            perm.push_back(static_cast<std::int64_t>(rank - i));
        }
        if (perm.size() != rank + 1 || perm[0] != 0) {
            to_host_after(node, "it moves the frame axis", "keep axis 0 as the batch");
            return;
        }
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const auto source = static_cast<std::size_t>(perm[axis + 1] - 1);
            result.layout.logical[axis] = from.layout.logical[source];
            result.layout.axes[axis] = from.layout.axes[source];
        }
        record(node, Placement::kFolded, "a change of view, no hardware");
        set_value(node.outputs[0], std::move(result));
        return;
    }
    if (logical == from.layout.logical) {
        record(node, Placement::kFolded, "changes nothing");
        set_value(node.outputs[0], std::move(result));
        return;
    }
    const bool to_vector = std::ranges::count_if(logical, [](std::int64_t size) { return size != 1; }) <= 1;
    if (!to_vector) {
        follow_movement(node);
        return;
    }
    const std::int64_t count = element_count(logical);
    const std::int64_t pixels = count / from.base.channels();
    std::vector<std::int64_t> order = element_map(from.layout);
    if (is_identity(order)) {
        order.clear();
    }
    // The one axis that is left becomes the channels; axes of size 1 keep the model's rank.
    result.layout = {.logical = logical, .axes = {}, .order = {}};
    const auto wide = static_cast<std::size_t>(std::ranges::max_element(logical) - logical.begin());
    int next = 0;
    for (std::size_t axis = 0; axis < logical.size(); ++axis) {
        result.layout.axes.push_back(axis == wide ? static_cast<int>(logical.size()) - 1 : next++);
    }
    if (logical.size() == 1) {
        result.layout.order = order;
    } else if (!order.empty()) {
        to_host_after(node, "a flattened feature map keeps one axis in hardware", "flatten to (frames, features)");
        return;
    }
    Shape shape(logical.size(), 1);
    shape.back() = count;
    for (std::size_t k = 0; k < result.base.terms.size(); ++k) {
        const network::StreamId source = from.base.terms[k].stream;
        const network::StreamId stream =
            add_stream(model_.tensor(node.outputs[0]).name + (k > 0 ? fmt::format("_{}", k) : ""), shape,
                       tiled(ranges(source), pixels));
        add_layer(node.name, network::Reshape{}, {source}, {stream});
        for (auto* affine : {&result.base, result.affine ? &*result.affine : nullptr,
                             result.linear_core ? &*result.linear_core : nullptr}) {
            if (affine != nullptr) {
                affine->terms[k].stream = stream;
            }
        }
    }
    tile(result.base, pixels);
    if (result.affine) {
        tile(*result.affine, pixels);
    }
    if (result.linear_core) {
        tile(*result.linear_core, pixels);
    }
    if (result.chain.empty()) {
        result.anchor = node.outputs[0];
    }
    record(node, Placement::kFolded, "the same elements in another shape, no hardware");
    set_value(node.outputs[0], std::move(result));
}

}  // namespace qloom::lower
