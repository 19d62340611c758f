#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "ir/execute.h"
#include "lower/lowerer.h"
#include "lower/stream_shape.h"

namespace qloom::lower {
namespace {

constexpr double kSameRatio = 1e-9;
constexpr std::int64_t kLargestRatio = 1024;

// The affine of a value again from its base through its chain.
void recompute_affines(Value& value) {
    value.affine = value.base;
    value.linear_core = value.base;
    for (const ChainStep& step : value.chain) {
        value.affine = value.affine ? step_affine(*value.affine, step, false) : std::nullopt;
        value.linear_core = value.linear_core ? step_affine(*value.linear_core, step, true) : std::nullopt;
    }
}

// Integers m_k with scale_k[c] = unit[c] * m_k for every channel, or nothing.
std::optional<std::vector<std::int64_t>> integer_ratios(const std::vector<Term>& terms) {
    std::size_t smallest = 0;
    for (std::size_t k = 1; k < terms.size(); ++k) {
        if (std::abs(terms[k].scale[0]) < std::abs(terms[smallest].scale[0])) {
            smallest = k;
        }
    }
    std::vector<std::int64_t> ratios;
    for (const Term& term : terms) {
        const double first = term.scale[0] / terms[smallest].scale[0];
        const auto whole = static_cast<std::int64_t>(std::llround(first));
        if (!(std::abs(first) <= static_cast<double>(kLargestRatio)) || whole == 0) {
            return std::nullopt;
        }
        for (std::size_t c = 0; c < term.scale.size(); ++c) {
            const double ratio = term.scale[c] / terms[smallest].scale[c];
            if (!(std::abs(ratio - static_cast<double>(whole)) <= kSameRatio * std::abs(ratio))) {
                return std::nullopt;
            }
        }
        ratios.push_back(whole);
    }
    return ratios;
}

}  // namespace

Value Lowerer::merged(const ir::Node& node, Value value) {
    if (value.base.terms.size() < 2) {
        return value;
    }
    const auto ratios = integer_ratios(value.base.terms);
    if (!ratios) {
        return value;
    }
    std::vector<network::StreamId> operands;
    std::vector<Range> sums(static_cast<std::size_t>(value.base.channels()), Range{0, 0});
    Term unit;
    for (std::size_t k = 0; k < ratios->size(); ++k) {
        const Term& term = value.base.terms[k];
        operands.push_back(term.stream);
        for (std::size_t c = 0; c < sums.size(); ++c) {
            const Range range = ranges(term.stream)[c];
            const std::int64_t a = (*ratios)[k] * range.lo;
            const std::int64_t b = (*ratios)[k] * range.hi;
            sums[c].lo += std::min(a, b);
            sums[c].hi += std::max(a, b);
        }
        if ((*ratios)[k] == 1) {
            unit.scale = term.scale;
        }
    }
    const Shape shape = result_.network.stream(operands[0]).shape;
    unit.stream = add_stream(model_.tensor(value.anchor).name + "_sum", shape, std::move(sums));
    add_layer(node.name + "_add", network::Add{.multipliers = *ratios}, operands, {unit.stream});
    value.base.terms = {std::move(unit)};
    recompute_affines(value);
    return value;
}

Value Lowerer::merged_input(const ir::Node& node, ir::TensorId id) {
    Value& stored = values_.at(id);
    stored = merged(node, std::move(stored));
    return stored;
}

void Lowerer::lower_addition(const ir::Node& node) {
    const auto& binary = std::get<ir::Binary>(node.op);
    const Value& a = value(node.inputs[0]);
    const Value& b = value(node.inputs[1]);
    const bool is_sum = binary.kind == ir::BinaryKind::kAdd || binary.kind == ir::BinaryKind::kSub;
    if (!is_sum || index_tensors_.contains(node.inputs[0]) || index_tensors_.contains(node.inputs[1])) {
        to_host_after(node, "this operator of two values has no hardware form", "use Add, Sub or Concat");
        return;
    }
    if (!a.affine || !b.affine) {
        const Value& which = a.affine ? b : a;
        to_host_after(node, fmt::format("node {} is not quantised before this addition", which.chain.back().node->name),
                      "quantise the operand of the addition");
        return;
    }
    if (!(a.layout == b.layout)) {
        if (lower_broadcast_addition(node)) {
            return;
        }
        to_host_after(node, fmt::format("its operands have shapes {} and {}", shape_text(a.layout.logical),
                                        shape_text(b.layout.logical)),
                      "add values of one shape");
        return;
    }
    set_value(node.outputs[0], sum_of(node, *a.affine, *b.affine, a.layout));
}

Value Lowerer::sum_of(const ir::Node& node, const Affine& a, const Affine& b, const Layout& layout) {
    Value result;
    result.anchor = node.outputs[0];
    result.layout = layout;
    result.base = a;
    const double sign = std::get<ir::Binary>(node.op).kind == ir::BinaryKind::kSub ? -1.0 : 1.0;
    for (std::size_t c = 0; c < result.base.bias.size(); ++c) {
        result.base.bias[c] += sign * b.bias[c];
    }
    for (Term term : b.terms) {
        for (double& scale : term.scale) {
            scale *= sign;
        }
        const auto same = std::ranges::find(result.base.terms, term.stream, &Term::stream);
        if (same == result.base.terms.end()) {
            result.base.terms.push_back(std::move(term));
        } else {
            for (std::size_t c = 0; c < term.scale.size(); ++c) {
                same->scale[c] += term.scale[c];
            }
        }
    }
    result.affine = result.base;
    result.linear_core = result.base;
    record(node, Placement::kHardware, "an integer addition");
    return result;
}

// One operand is a value a channel, the same for all pixels: it is repeated, then added.
bool Lowerer::lower_broadcast_addition(const ir::Node& node) {
    std::array<Value, 2> operands{value(node.inputs[0]), value(node.inputs[1])};
    const auto pixels = [](const Value& operand) {
        return element_count(operand.layout.logical) / operand.base.channels();
    };
    const std::size_t narrow = pixels(operands[0]) == 1 ? 0 : 1;
    const Value& wide = operands[1 - narrow];
    Value& one = operands[narrow];
    if (pixels(one) != 1 || one.layout.axes != wide.layout.axes || one.base.channels() != wide.base.channels() ||
        !one.layout.order.empty() || !wide.layout.order.empty()) {
        return false;
    }
    const Shape shape = result_.network.stream(wide.affine->terms[0].stream).shape;
    one.base = *one.affine;
    one.chain.clear();
    one = moved(node, std::move(one), network::Upsample{.factors = spatial_of(shape)}, shape,
                [](std::vector<Range> all) { return all; });
    one.affine = one.base;
    set_value(node.outputs[0], sum_of(node, *operands[0].affine, *operands[1].affine, wide.layout));
    return true;
}

void Lowerer::lower_concat(const ir::Node& node) {
    std::vector<Value> parts;
    for (const ir::TensorId input : node.inputs) {
        if (where(input) != Where::kInteger || index_tensors_.contains(input)) {
            to_host_after(node, "it joins a hardware value with a host value", "quantise every operand");
            return;
        }
        parts.push_back(merged_input(node, input));
        if (!parts.back().affine || parts.back().affine->terms.size() != 1) {
            to_host_after(node, "an operand is not quantised before this concatenation", "quantise every operand");
            return;
        }
    }
    const std::size_t axis_count = parts[0].layout.logical.size();
    const std::int64_t axis = std::get<ir::Concat>(node.op).axis;
    const auto model_rank = static_cast<std::int64_t>(axis_count) + 1;
    const auto logical_axis = static_cast<std::size_t>((axis < 0 ? axis + model_rank : axis) - 1);
    Value result;
    result.anchor = node.outputs[0];
    result.layout = parts[0].layout;
    bool fits = logical_axis == result.layout.channel_axis();
    result.layout.logical[result.layout.channel_axis()] = 0;
    std::vector<network::StreamId> streams;
    std::vector<Range> all_ranges;
    Term term;
    bool reordered = false;
    for (const Value& part : parts) {
        reordered = reordered || !part.layout.order.empty();
        fits = fits && part.layout.axes == result.layout.axes;
    }
    for (const Value& part : parts) {
        const Affine& affine = *part.affine;
        const std::int64_t before = result.layout.logical[result.layout.channel_axis()];
        for (std::int64_t k = 0; reordered && k < affine.channels(); ++k) {
            if (result.layout.order.size() != static_cast<std::size_t>(before + k)) {
                result.layout.order.resize(static_cast<std::size_t>(before + k));
            }
            result.layout.order.push_back(
                before + (part.layout.order.empty() ? k : part.layout.order[static_cast<std::size_t>(k)]));
        }
        result.layout.logical[result.layout.channel_axis()] += affine.channels();
        streams.push_back(affine.terms[0].stream);
        const std::vector<Range>& part_ranges = ranges(streams.back());
        all_ranges.insert(all_ranges.end(), part_ranges.begin(), part_ranges.end());
        term.scale.insert(term.scale.end(), affine.terms[0].scale.begin(), affine.terms[0].scale.end());
        result.base.bias.insert(result.base.bias.end(), affine.bias.begin(), affine.bias.end());
    }
    if (!fits) {
        to_host_after(node, "only concatenation over channels is in hardware", "concatenate along the channel axis");
        return;
    }
    Shape shape = result_.network.stream(streams[0]).shape;
    shape.back() = static_cast<std::int64_t>(all_ranges.size());
    term.stream = add_stream(model_.tensor(node.outputs[0]).name, shape, std::move(all_ranges));
    add_layer(node.name, network::Concat{}, streams, {term.stream});
    result.base.terms.push_back(std::move(term));
    result.affine = result.base;
    result.linear_core = result.base;
    record(node, Placement::kHardware, fmt::format("a concatenation of {} streams", streams.size()));
    set_value(node.outputs[0], std::move(result));
}

void Lowerer::lower_split(const ir::Node& node) {
    const Value whole = merged_input(node, node.inputs[0]);
    const auto& layout = whole.layout;
    const std::int64_t axis = std::get<ir::Split>(node.op).axis;
    const auto model_rank = static_cast<std::int64_t>(layout.logical.size()) + 1;
    const auto logical_axis = static_cast<std::size_t>((axis < 0 ? axis + model_rank : axis) - 1);
    if (!whole.affine || whole.affine->terms.size() != 1 || logical_axis != layout.channel_axis() ||
        !layout.order.empty()) {
        to_host_after(node, "only quantised values are split in hardware, and only over channels",
                      "quantise the value before the split");
        return;
    }
    const Affine& affine = *whole.affine;
    const network::StreamId source = affine.terms[0].stream;
    std::vector<network::StreamId> streams;
    std::int64_t at = 0;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        const bool wanted = node.outputs[i] != ir::TensorId::kNone;
        QLOOM_ASSERT(wanted, "every part of a split is named");
        const Shape logical = logical_shape(node.outputs[i]);
        const std::int64_t count = logical[layout.channel_axis()];
        const auto slice = [&](const auto& all) {
            return std::decay_t<decltype(all)>(all.begin() + at, all.begin() + at + count);
        };
        Shape shape = result_.network.stream(source).shape;
        shape.back() = count;
        const network::StreamId stream = add_stream(model_.tensor(node.outputs[i]).name, shape, slice(ranges(source)));
        streams.push_back(stream);
        Value part;
        part.anchor = node.outputs[i];
        part.layout = layout;
        part.layout.logical = logical;
        part.base = {.terms = {{stream, slice(affine.terms[0].scale)}}, .bias = slice(affine.bias)};
        part.affine = part.base;
        part.linear_core = part.base;
        set_value(node.outputs[i], std::move(part));
        at += count;
    }
    add_layer(node.name, network::Split{}, {source}, streams);
    record(node, Placement::kHardware, fmt::format("a split into {} streams", streams.size()));
}

}  // namespace qloom::lower
