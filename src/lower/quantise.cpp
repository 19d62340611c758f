#include <algorithm>
#include <cmath>

#include "base/codes/lower.h"
#include "lower/join.h"
#include "lower/lowerer.h"

namespace qloom::lower {
namespace {

double first_number(const ir::Value& value) {
    return std::visit([](const auto& tensor) { return static_cast<double>(tensor[0]); }, value);
}

RoundingMode rounding_of(const ir::Op& op) {
    if (const auto* quant = std::get_if<ir::Quant>(&op)) {
        return quant->rounding;
    }
    if (const auto* trunc = std::get_if<ir::Trunc>(&op)) {
        return trunc->rounding;
    }
    return RoundingMode::kHalfEven;
}

// Where round(x) steps, relative to floor(x + 1/2): what a multiply-add-shift must add.
double rounding_offset(RoundingMode mode) {
    switch (mode) {
        case RoundingMode::kFloor:
            return -0.5;
        case RoundingMode::kCeil:
        case RoundingMode::kUp:
            return 0.5;
        case RoundingMode::kHalfEven:
        case RoundingMode::kDown:
        case RoundingMode::kHalfUp:
        case RoundingMode::kHalfDown:
            return 0.0;
    }
    return 0.0;
}

bool uniform(const std::vector<double>& numbers) {
    return std::ranges::all_of(numbers, [&](double number) { return number == numbers[0]; });
}

}  // namespace

std::optional<LevelGrid> Lowerer::grid_of(const ir::Node& node, const Layout& layout, std::int64_t channels) {
    const auto constant = [&](std::size_t input) -> const ir::Value* {
        return input < node.inputs.size() ? constants_.value(node.inputs[input]) : nullptr;
    };
    const auto per_channel = [&](std::size_t input) -> std::optional<std::vector<double>> {
        const ir::Value* found = constant(input);
        return found == nullptr ? std::nullopt : channel_constant(*found, layout, channels);
    };
    const auto count = static_cast<std::size_t>(channels);
    LevelGrid grid;
    if (const auto* quant = std::get_if<ir::Quant>(&node.op)) {
        const auto scale = per_channel(1);
        const auto zero = per_channel(2);
        const ir::Value* bits = constant(3);
        if (!scale || !zero || bits == nullptr) {
            return std::nullopt;
        }
        const int width = static_cast<int>(first_number(*bits));
        grid.scale = *scale;
        grid.bias.resize(count);
        const bool bipolar = width == 1 && quant->is_signed;
        for (std::size_t c = 0; c < count; ++c) {
            grid.bias[c] = bipolar ? -(*scale)[c] : -(*zero)[c] * (*scale)[c];
            grid.scale[c] *= bipolar ? 2.0 : 1.0;
        }
        grid.range = bipolar ? Range{0, 1} : IntType{width, quant->is_signed, quant->narrow}.range();
        return grid;
    }
    if (std::holds_alternative<ir::BipolarQuant>(node.op)) {
        const auto scale = per_channel(1);
        if (!scale) {
            return std::nullopt;
        }
        for (const double s : *scale) {
            grid.scale.push_back(2.0 * s);
            grid.bias.push_back(-s);
        }
        grid.range = {0, 1};
        return grid;
    }
    if (const auto* trunc = std::get_if<ir::Trunc>(&node.op)) {
        const auto scale = per_channel(1);
        const auto zero = per_channel(2);
        const auto out_scale = trunc->version == 2 ? per_channel(4) : scale;
        const ir::Value* bits = constant(trunc->version == 2 ? 5 : 4);
        if (!scale || !zero || !out_scale || bits == nullptr) {
            return std::nullopt;
        }
        grid.scale = *out_scale;
        for (std::size_t c = 0; c < count; ++c) {
            const double step = std::exp2(std::round(std::log2((*out_scale)[c] / (*scale)[c])));
            grid.bias.push_back(trunc->version == 2 ? -(*zero)[c] / step * (*out_scale)[c] : -(*zero)[c] * (*scale)[c]);
        }
        // Version 1 does not clip: the range is what its input reaches, at most this.
        const int width = static_cast<int>(first_number(*bits));
        grid.range = IntType{width, true, false}.range();
        return grid;
    }
    if (const auto* thresholds = std::get_if<ir::MultiThreshold>(&node.op)) {
        grid.scale.assign(count, static_cast<double>(thresholds->out_scale));
        grid.bias.assign(count, static_cast<double>(thresholds->out_bias));
        const ir::Value* table = constant(1);
        if (table == nullptr) {
            return std::nullopt;
        }
        grid.range = {0, ir::shape_of(*table).back()};
        return grid;
    }
    if (const std::optional<Range> range = qcdq_range(node)) {
        const auto scale = per_channel(1);
        const bool has_zero = node.inputs.size() > 2 && node.inputs[2] != ir::TensorId::kNone;
        const auto zero = has_zero ? per_channel(2) : std::optional(std::vector<double>(count, 0.0));
        if (!scale || !zero) {
            return std::nullopt;
        }
        grid.scale = *scale;
        for (std::size_t c = 0; c < count; ++c) {
            grid.bias.push_back(-(*zero)[c] * (*scale)[c]);
        }
        grid.range = *range;
        return grid;
    }
    return std::nullopt;
}

std::optional<Range> Lowerer::qcdq_range(const ir::Node& node) const {
    if (!std::holds_alternative<ir::DequantizeLinear>(node.op)) {
        return std::nullopt;
    }
    std::optional<Range> clip;
    ir::NodeId before = model_.producer(node.inputs[0]);
    if (before != ir::NodeId::kNone && std::holds_alternative<ir::Clip>(model_.node(before).op)) {
        const ir::Node& clipping = model_.node(before);
        const auto bound = [&](std::size_t input, double otherwise) {
            const bool given = input < clipping.inputs.size() && model_.is_constant(clipping.inputs[input]);
            return given ? first_number(*model_.tensor(clipping.inputs[input]).constant) : otherwise;
        };
        clip = Range{static_cast<std::int64_t>(std::ceil(bound(1, -2147483648.0))),
                     static_cast<std::int64_t>(std::floor(bound(2, 2147483647.0)))};
        before = model_.producer(clipping.inputs[0]);
    }
    if (before == ir::NodeId::kNone) {
        return std::nullopt;
    }
    const auto* quantise = std::get_if<ir::QuantizeLinear>(&model_.node(before).op);
    if (quantise == nullptr) {
        return std::nullopt;
    }
    const Range type = quantise->type.range();
    return clip ? Range{std::max(type.lo, clip->lo), std::min(type.hi, clip->hi)} : type;
}

Value Lowerer::quantised_value(const ir::Node& node, const Value& from, network::StreamId stream,
                               const LevelGrid& grid) const {
    Value result;
    result.anchor = node.outputs[0];
    result.base = {.terms = {{stream, grid.scale}}, .bias = grid.bias};
    result.affine = result.base;
    result.linear_core = result.base;
    result.layout = from.layout;
    return result;
}

void Lowerer::add_hardware_input(const ir::Node& node) {
    const ir::TensorId output = node.outputs[0];
    const Layout layout = default_layout(output);
    Shape shape(layout.logical.size());
    for (std::size_t axis = 0; axis < layout.logical.size(); ++axis) {
        shape[static_cast<std::size_t>(layout.axes[axis])] = layout.logical[axis];
    }
    const std::int64_t channels = shape.back();
    const std::optional<LevelGrid> grid = grid_of(node, layout, channels);
    if (!grid) {
        throw Error(code::kQuantiserNotConstant, node_label(node),
                    "its scale, zero point and bit width are not constants (one number, or one a channel)",
                    "export the model in evaluation mode, with constant quantiser parameters");
    }
    const network::StreamId stream =
        add_stream(model_.tensor(output).name, shape, std::vector<Range>(static_cast<std::size_t>(channels), grid->range));
    result_.network.inputs.push_back(stream);
    InputBinding binding{.tensor = model_.tensor(output).name,
                         .scale = grid->scale[0],
                         .bias = grid->bias[0],
                         .channel_scale = {},
                         .channel_bias = {},
                         .stream = stream,
                         .model_shape = *model_.tensor(output).shape,
                         .order = stream_order(layout),
                         .assumed = false};
    if (!uniform(grid->scale) || !uniform(grid->bias)) {
        binding.channel_scale = grid->scale;
        binding.channel_bias = grid->bias;
    }
    result_.inputs.push_back(std::move(binding));
    Value from;
    from.layout = layout;
    set_value(output, quantised_value(node, from, stream, *grid));
    record(node, Placement::kHostBefore, "quantises the input, on the host");
}

void Lowerer::lower_quantiser(const ir::Node& node) {
    const Value& data = value(node.inputs[0]);
    std::optional<ChainStep> step = chain_step(node, 0);
    const std::optional<LevelGrid> grid = grid_of(node, data.layout, data.base.channels());
    if (!step || !grid) {
        throw Error(code::kQuantiserNotConstant, node_label(node),
                    "its scale, zero point and bit width are not constants (one number, or one a channel)",
                    "export the model in evaluation mode, with constant quantiser parameters");
    }
    // Where the operands of a sum are integer multiples of one scale, a plain integer addition is all it takes.
    Value chained = merged_input(node, node.inputs[0]);
    chained.chain.push_back(std::move(*step));
    if (chained.base.terms.size() == 1) {
        quantise_single(node, std::move(chained), *grid);
    } else {
        quantise_joined(node, std::move(chained), *grid);
    }
}

void Lowerer::quantise_single(const ir::Node& node, Value chained, const LevelGrid& grid) {
    const network::StreamId stream = chained.base.terms[0].stream;
    const auto channels = static_cast<std::size_t>(chained.base.channels());
    StepInput input{.ranges = ranges(stream),
                    .directions = directions(chained.chain, static_cast<std::int64_t>(channels)),
                    .slope = {},
                    .offset = {},
                    .level_range = grid.range,
                    .where = node_label(node)};
    for (std::size_t c = 0; c < channels; ++c) {
        // A negative scale of the level grid turns the direction of the levels.
        if (grid.scale[c] < 0 || chained.base.terms[0].scale[c] < 0) {
            const bool flip = (grid.scale[c] < 0) != (chained.base.terms[0].scale[c] < 0);
            if (flip && input.directions[c] == Direction::kIncreasing) {
                input.directions[c] = Direction::kDecreasing;
            } else if (flip && input.directions[c] == Direction::kDecreasing) {
                input.directions[c] = Direction::kIncreasing;
            }
        }
    }
    if (chained.linear_core) {
        const Affine& core = *chained.linear_core;
        for (std::size_t c = 0; c < channels; ++c) {
            input.slope.push_back(core.terms[0].scale[c] / grid.scale[c]);
            input.offset.push_back((core.bias[c] - grid.bias[c]) / grid.scale[c] + rounding_offset(rounding_of(node.op)));
        }
    }
    emit_step(node, chained, find_step_function(input, level_function(chained, grid)), grid);
}

void Lowerer::emit_step(const ir::Node& node, const Value& from, StepFunction function, const LevelGrid& grid) {
    const network::StreamId stream = from.base.terms[0].stream;
    if (const auto* identity = std::get_if<StepIdentity>(&function.kind)) {
        Value result = quantised_value(node, from, stream, grid);
        for (std::size_t c = 0; c < grid.scale.size(); ++c) {
            result.base.bias[c] += grid.scale[c] * static_cast<double>(identity->offset);
        }
        result.affine = result.base;
        result.linear_core = result.base;
        record(node, Placement::kFolded, "changes no value here");
        set_value(node.outputs[0], std::move(result));
        return;
    }
    const Shape shape = result_.network.stream(stream).shape;
    network::StreamId input = stream;
    network::LayerKind kind;
    std::string what;
    if (std::holds_alternative<StepTable>(function.kind)) {
        StepTable table = std::get<StepTable>(std::move(function.kind));
        what = fmt::format("a table of {} segments a channel", table.levels.table.dim(1));
        input = add_stream(model_.tensor(node.outputs[0]).name + "_segments", shape, table.segment_ranges);
        add_layer(node.name + "_segments", std::move(table.segments), {stream}, {input});
        function.kind = std::move(table.levels);
    }
    const network::StreamId output = add_stream(model_.tensor(node.outputs[0]).name, shape, function.output);
    if (auto* threshold = std::get_if<network::Threshold>(&function.kind)) {
        what = fmt::format("{} thresholds a channel", threshold->thresholds.dim(1));
        kind = std::move(*threshold);
    } else if (auto* lookup = std::get_if<network::Lookup>(&function.kind)) {
        what = what.empty() ? fmt::format("a table of {} entries", lookup->table.dim(1)) : what;
        kind = std::move(*lookup);
    } else {
        what = "a multiply-add-shift";
        if (function.float_noise_steps > 0) {
            result_.notes.push_back(fmt::format(
                "{}: at {} of its steps the model's float32 arithmetic rounds to the neighbouring level; the hardware "
                "rounds as exact arithmetic does",
                node_label(node), function.float_noise_steps));
        }
        kind = std::move(std::get<network::Requantize>(function.kind));
    }
    add_layer(node.name, std::move(kind), {input}, {output});
    result_.probes.push_back(
        {model_.tensor(node.outputs[0]).name, output, grid.scale, grid.bias, stream_order(from.layout)});
    record(node, Placement::kHardware, what);
    set_value(node.outputs[0], quantised_value(node, from, output, grid));
}

void Lowerer::quantise_joined(const ir::Node& node, Value chained, const LevelGrid& grid) {
    std::vector<std::vector<Range>> term_ranges;
    for (const Term& term : chained.base.terms) {
        term_ranges.push_back(ranges(term.stream));
    }
    Joined joined = join_terms(chained, grid, term_ranges, node_label(node));
    network::Add add;
    std::vector<network::StreamId> operands;
    const std::string& name = model_.tensor(node.outputs[0]).name;
    const Shape shape = result_.network.stream(chained.base.terms[0].stream).shape;
    for (std::size_t k = 0; k < joined.multipliers.size(); ++k) {
        const std::vector<std::int64_t>& factors = joined.multipliers[k];
        network::StreamId operand = chained.base.terms[k].stream;
        const bool same = std::ranges::all_of(factors, [&](std::int64_t factor) { return factor == factors[0]; });
        if (!same) {
            // A factor of its own for every channel.
            std::vector<Range> scaled;
            for (std::size_t c = 0; c < factors.size(); ++c) {
                const Range range = term_ranges[k][c];
                const std::int64_t a = factors[c] * range.lo;
                const std::int64_t b = factors[c] * range.hi;
                scaled.push_back({std::min(a, b), std::max(a, b)});
            }
            const network::StreamId stream = add_stream(fmt::format("{}_operand{}", name, k), shape, std::move(scaled));
            add_layer(fmt::format("{}_scale{}", node.name, k),
                      network::ChannelAffine{.mul = factors, .add = std::vector<std::int64_t>(factors.size(), 0)},
                      {operand}, {stream});
            operand = stream;
        }
        add.multipliers.push_back(same ? factors[0] : 1);
        operands.push_back(operand);
    }
    const network::StreamId sum = add_stream(name + "_sum", shape, joined.sums);
    add_layer(node.name + "_add", std::move(add), operands, {sum});
    const std::int64_t steps = joined.threshold.thresholds.dim(1);
    network::StreamId segments = sum;
    if (joined.lookup) {
        segments = add_stream(name + "_segments", shape, joined.segments);
        add_layer(node.name + "_segments", std::move(joined.threshold), {sum}, {segments});
    }
    const network::StreamId output = add_stream(name, shape, joined.output);
    if (joined.lookup) {
        add_layer(node.name, std::move(*joined.lookup), {segments}, {output});
    } else {
        add_layer(node.name, std::move(joined.threshold), {sum}, {output});
    }
    result_.probes.push_back({name, output, grid.scale, grid.bias, stream_order(chained.layout)});
    record(node, Placement::kHardware,
           fmt::format("an exact integer addition of {} scales, then {} thresholds a channel{}", operands.size(), steps,
                       joined.lookup ? " and a table" : ""));
    set_value(node.outputs[0], quantised_value(node, chained, output, grid));
}

}  // namespace qloom::lower
