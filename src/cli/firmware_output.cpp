#include "cli/firmware_output.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/codes/soc.h"
#include "base/diagnostic.h"

namespace qloom::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
    throw Error(
        code::kLabelsNotComparable, where, what,
        "the host has the last word on this model's outputs; compile it with --postprocess argmax");
}

bool all_equal(const std::vector<double>& values) {
    return std::ranges::adjacent_find(values, std::ranges::not_equal_to{}) == values.end();
}

// One entry a value of the output.
template <class T>
std::vector<T> spread(const std::vector<T>& values, std::int64_t count) {
    std::vector<T> all(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = values[i % values.size()];
    return all;
}

// The host's operators as steps; nothing for one that keeps the order of the values.
std::optional<pack::OutputMeaning::Step> step_of(const ir::Graph& tail, const ir::Node& node,
                                                 std::int64_t count) {
    const bool keeps_order = std::holds_alternative<ir::Softmax>(node.op) ||
                             std::holds_alternative<ir::Reshape>(node.op) ||
                             std::holds_alternative<ir::Flatten>(node.op);
    if (keeps_order) return std::nullopt;
    const auto* binary = std::get_if<ir::Binary>(&node.op);
    if (binary != nullptr) {
        const bool is_second = tail.is_constant(node.inputs[1]);
        const ir::TensorId operand = is_second ? node.inputs[1] : node.inputs[0];
        const auto* constant = tail.is_constant(operand)
                                   ? std::get_if<Tensor<float>>(&*tail.tensor(operand).constant)
                                   : nullptr;
        const bool is_add = binary->kind == ir::BinaryKind::kAdd;
        const bool is_mul = binary->kind == ir::BinaryKind::kMul;
        const bool is_sub = binary->kind == ir::BinaryKind::kSub && is_second;
        if (constant != nullptr && (is_add || is_mul || is_sub) &&
            (constant->size() == 1 || constant->size() == count)) {
            return pack::OutputMeaning::Step{
                .operation = is_add   ? '+'
                             : is_mul ? '*'
                                      : '-',
                .values = spread(std::vector<float>(constant->begin(), constant->end()), count)};
        }
    }
    refuse(node.name,
           "the host computes this operator after the hardware, and the firmware cannot");
}

}  // namespace

void set_output_meaning(const lower::Lowered& lowered, pack::FirmwareOptions& options) {
    if (lowered.outputs.size() != 1 || lowered.outputs.front().terms.size() != 1) {
        refuse("outputs", "the host puts the outputs together from several streams");
    }
    const lower::OutputBinding& binding = lowered.outputs.front();
    if (binding.integer) return;  // labels already
    if (!binding.order.empty())
        refuse(binding.tensor, "the hardware gives the values in another order");
    const std::int64_t count = lowered.network.stream(binding.terms.front().stream).elements();
    pack::OutputMeaning meaning{.scale = spread(binding.terms.front().scale, count),
                                .bias = spread(binding.bias, count)};
    for (const ir::Node& node : lowered.tail.nodes()) {
        if (auto step = step_of(lowered.tail, node, count))
            meaning.steps.push_back(std::move(*step));
    }
    const bool is_monotone = meaning.steps.empty() && all_equal(meaning.scale) &&
                             all_equal(meaning.bias) && meaning.scale.front() > 0.0;
    if (!is_monotone) options.output = std::move(meaning);
}

}  // namespace qloom::cli
