#include <algorithm>
#include <cmath>

#include "lower/lowerer.h"

namespace qloom::lower {
namespace {

// real_c = scale[c] * int + bias[c], compared between channels, as integers mul[c] * int + add[c].
struct Comparable {
    std::vector<std::int64_t> mul;
    std::vector<std::int64_t> add;
};

int sign(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

// Whether integers decide channel c against channel d exactly as the reals do, for every pair of values: for each
// value of c the value of d where the comparison turns is checked on both sides.
bool decides(const Comparable& candidate, const std::vector<double>& scale, const std::vector<double>& bias,
             const std::vector<Range>& ranges, std::size_t c, std::size_t d) {
    for (std::int64_t i = ranges[c].lo; i <= ranges[c].hi; ++i) {
        const double real_c = scale[c] * static_cast<double>(i) + bias[c];
        const std::int64_t int_c = candidate.mul[c] * i + candidate.add[c];
        const double turn = std::floor((real_c - bias[d]) / scale[d]);
        const double limited = std::clamp(turn, static_cast<double>(ranges[d].lo) - 1.0, static_cast<double>(ranges[d].hi) + 1.0);
        for (std::int64_t j = static_cast<std::int64_t>(limited) - 1; j <= static_cast<std::int64_t>(limited) + 2; ++j) {
            if (!ranges[d].contains(j)) {
                continue;
            }
            const double real_d = scale[d] * static_cast<double>(j) + bias[d];
            const std::int64_t int_d = candidate.mul[d] * j + candidate.add[d];
            if (sign(real_c - real_d) != sign(static_cast<double>(int_c - int_d))) {
                return false;
            }
        }
    }
    return true;
}

std::optional<Comparable> find_comparable(const std::vector<double>& scale, const std::vector<double>& bias,
                                          const std::vector<Range>& ranges) {
    const double unit = *std::ranges::min_element(scale);
    const double zero = bias[0];
    for (int bits = 0; bits <= 30; ++bits) {
        Comparable candidate;
        for (std::size_t c = 0; c < scale.size(); ++c) {
            candidate.mul.push_back(std::llround(std::ldexp(scale[c] / unit, bits)));
            candidate.add.push_back(std::llround(std::ldexp((bias[c] - zero) / unit, bits)));
        }
        bool exact = true;
        for (std::size_t c = 0; c < scale.size() && exact; ++c) {
            for (std::size_t d = 0; d < c && exact; ++d) {
                exact = decides(candidate, scale, bias, ranges, c, d);
            }
        }
        if (exact) {
            return candidate;
        }
    }
    return std::nullopt;
}

bool all_equal(const std::vector<double>& numbers) {
    return std::ranges::all_of(numbers, [&](double number) { return number == numbers[0]; });
}

}  // namespace

std::optional<network::StreamId> Lowerer::comparable_stream(const ir::Node& node, const Value& value) {
    if (!value.affine || value.affine->terms.size() != 1) {
        return std::nullopt;
    }
    const Term& term = value.affine->terms[0];
    const std::vector<double>& bias = value.affine->bias;
    if (std::ranges::any_of(term.scale, [](double scale) { return !(scale > 0); })) {
        return std::nullopt;
    }
    if (all_equal(term.scale) && all_equal(bias)) {
        return term.stream;
    }
    const std::vector<Range> input = ranges(term.stream);
    const std::optional<Comparable> comparable = find_comparable(term.scale, bias, input);
    if (!comparable) {
        return std::nullopt;
    }
    std::vector<Range> output;
    for (std::size_t c = 0; c < input.size(); ++c) {
        output.push_back({comparable->mul[c] * input[c].lo + comparable->add[c],
                          comparable->mul[c] * input[c].hi + comparable->add[c]});
    }
    const Shape shape = result_.network.stream(term.stream).shape;
    const network::StreamId stream = add_stream(model_.tensor(node.inputs[0]).name + "_score", shape, std::move(output));
    network::ChannelAffine unit{.mul = comparable->mul, .add = comparable->add};
    if (std::ranges::all_of(unit.mul, [&](std::int64_t factor) { return factor == unit.mul[0]; }) &&
        std::ranges::all_of(unit.add, [&](std::int64_t addend) { return addend == unit.add[0]; })) {
        unit.mul.resize(1);
        unit.add.resize(1);
    }
    add_layer(node.name + "_score", std::move(unit), {term.stream}, {stream});
    return stream;
}

void Lowerer::lower_argmax(const ir::Node& node, std::int64_t axis, std::size_t index_output) {
    const Value scores = merged_input(node, node.inputs[0]);
    const auto model_rank = static_cast<std::int64_t>(scores.layout.logical.size()) + 1;
    const auto logical_axis = static_cast<std::size_t>((axis < 0 ? axis + model_rank : axis) - 1);
    const std::int64_t channels = scores.base.channels();
    if (logical_axis != scores.layout.channel_axis() || element_count(scores.layout.logical) != channels ||
        !scores.layout.order.empty()) {
        to_host_after(node, "only the maximum over all channels of one vector is in hardware",
                      "flatten to (frames, classes) before it");
        return;
    }
    const std::optional<network::StreamId> stream = comparable_stream(node, scores);
    if (!stream) {
        to_host_after(node, "the scores cannot be compared as integers exactly", "give the last layer one scale");
        return;
    }
    const ir::TensorId output = node.outputs[index_output];
    const network::StreamId index = add_stream(model_.tensor(output).name, {1}, {Range{0, channels - 1}});
    add_layer(node.name, network::Argmax{}, {*stream}, {index});
    Value result;
    result.anchor = output;
    result.base = {.terms = {{index, {1.0}}}, .bias = {0.0}};
    result.affine = result.base;
    result.linear_core = result.base;
    result.layout = Layout::vector(1);
    index_tensors_.insert(output);
    record(node, Placement::kHardware, fmt::format("the index of the largest of {} values", channels));
    set_value(output, std::move(result));
}

}  // namespace qloom::lower
