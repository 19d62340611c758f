#include <algorithm>

#include "lower/lowerer.h"

namespace qloom::lower {
namespace {

// Operators a chain may hold: one data operand, everything else constant.
bool is_elementwise(const ir::Op& op) {
    return std::holds_alternative<ir::Unary>(op) || std::holds_alternative<ir::Parametric>(op) ||
           std::holds_alternative<ir::Clip>(op) || std::holds_alternative<ir::PRelu>(op) ||
           std::holds_alternative<ir::Binary>(op) || std::holds_alternative<ir::BatchNormalization>(op) ||
           std::holds_alternative<ir::Dropout>(op) || std::holds_alternative<ir::Cast>(op) ||
           std::holds_alternative<ir::DequantizeLinear>(op) || std::holds_alternative<ir::Quant>(op) ||
           std::holds_alternative<ir::BipolarQuant>(op) || std::holds_alternative<ir::Trunc>(op) ||
           std::holds_alternative<ir::MultiThreshold>(op) || std::holds_alternative<ir::QuantizeLinear>(op);
}

// Constants of these operators are vectors over the channel axis by definition, not broadcast at the right.
bool has_channel_vectors(const ir::Op& op) {
    return std::holds_alternative<ir::BatchNormalization>(op) || std::holds_alternative<ir::MultiThreshold>(op) ||
           std::holds_alternative<ir::DequantizeLinear>(op) || std::holds_alternative<ir::QuantizeLinear>(op);
}

}  // namespace

std::optional<ChainStep> Lowerer::chain_step(const ir::Node& node, std::size_t data_input) {
    if (!is_elementwise(node.op)) {
        return std::nullopt;
    }
    const Value& data = value(node.inputs[data_input]);
    ChainStep step{.node = &node, .branches = {}, .data_input = 0, .constants = {}, .layout = {}, .channels = 1};
    step.data_input = data_input;
    step.layout = data.layout;
    step.channels = data.base.channels();
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        step.constants.emplace_back();
        if (i == data_input || node.inputs[i] == ir::TensorId::kNone) {
            continue;
        }
        const ir::Value* constant = constants_.value(node.inputs[i]);
        if (constant == nullptr) {
            return std::nullopt;
        }
        const bool channelwise = has_channel_vectors(node.op) ||
                                 channel_constant(*constant, step.layout, step.channels).has_value();
        if (!channelwise) {
            return std::nullopt;
        }
        step.constants.back() = *constant;
    }
    return step;
}

bool Lowerer::lower_joined_chains(const ir::Node& node) {
    const Value& a = value(node.inputs[0]);
    const Value& b = value(node.inputs[1]);
    const auto same_stream = [](const Term& one, const Term& other) {
        return one.stream == other.stream && one.scale == other.scale;
    };
    if ((a.affine && b.affine) || !(a.layout == b.layout) || a.base.bias != b.base.bias ||
        !std::ranges::equal(a.base.terms, b.base.terms, same_stream)) {
        return false;
    }
    const auto [end_a, end_b] = std::ranges::mismatch(a.chain, b.chain, {}, &ChainStep::node, &ChainStep::node);
    ChainStep step{.node = &node,
                   .branches = {{end_a, a.chain.end()}, {end_b, b.chain.end()}},
                   .data_input = 0,
                   .constants = {},
                   .layout = a.layout,
                   .channels = a.base.channels()};
    Value result = a;
    result.chain.erase(result.chain.begin() + (end_a - a.chain.begin()), result.chain.end());
    result.chain.push_back(std::move(step));
    result.affine = std::nullopt;
    result.linear_core = std::nullopt;
    record(node, Placement::kFolded, "collected into the next quantiser");
    set_value(node.outputs[0], std::move(result));
    return true;
}

void Lowerer::lower_elementwise(const ir::Node& node, std::size_t data_input) {
    const bool is_index = index_tensors_.contains(node.inputs[data_input]);
    std::optional<ChainStep> step = is_index ? std::nullopt : chain_step(node, data_input);
    if (!step) {
        to_host_after(node, is_index ? "it works on an index" : "this operator has no hardware form",
                      "put a quantiser before it and keep it at the end of the model");
        return;
    }
    Value result = value(node.inputs[data_input]);
    result.affine = result.affine ? step_affine(*result.affine, *step, false) : std::nullopt;
    result.linear_core = result.linear_core ? step_affine(*result.linear_core, *step, true) : std::nullopt;
    result.chain.push_back(std::move(*step));
    record(node, Placement::kFolded, "collected into the next quantiser");
    set_value(node.outputs[0], std::move(result));
}

}  // namespace qloom::lower
