#include "pack/host_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "ir/ops.h"

namespace qloom::pack {
namespace {

std::vector<std::string> operators_of(const ir::Graph& graph) {
    std::vector<std::string> names;
    for (const ir::Node& node : graph.nodes())
        names.push_back(fmt::format("{} ({})", ir::op_name(node.op), node.name));
    return names;
}

std::optional<float> scalar(const ir::Graph& graph, ir::TensorId id) {
    if (!graph.is_constant(id)) return std::nullopt;
    const auto* values = std::get_if<Tensor<float>>(&*graph.tensor(id).constant);
    if (values == nullptr || values->size() != 1) return std::nullopt;
    return (*values)[0];
}

// The quantiser when the head is one, for the whole tensor, with the rounding that drivers have.
std::optional<HostQuantiser> quantiser_of(const ir::Graph& head) {
    if (head.nodes().size() != 1) return std::nullopt;
    const ir::Node& node = head.nodes().front();
    const auto* quant = std::get_if<ir::Quant>(&node.op);
    if (quant == nullptr || quant->rounding != RoundingMode::kHalfEven) return std::nullopt;
    const auto scale = scalar(head, node.inputs.at(1));
    const auto zero_point = scalar(head, node.inputs.at(2));
    const auto bits = scalar(head, node.inputs.at(3));
    if (!scale || !zero_point || !bits || *bits != std::floor(*bits) || *bits > 16.0F ||
        *bits < 1.0F)
        return std::nullopt;
    if (*bits == 1.0F && quant->is_signed) return std::nullopt;  // bipolar: another rule
    const std::int64_t levels = std::int64_t{1} << static_cast<int>(*bits);
    const std::int64_t narrow = quant->narrow ? 1 : 0;
    if (quant->is_signed) {
        return HostQuantiser{*scale, *zero_point, -levels / 2 + narrow, levels / 2 - 1};
    }
    return HostQuantiser{*scale, *zero_point, 0, levels - 1 - narrow};
}

Shape without_frames(const Shape& shape) {
    return shape.empty() ? Shape{1} : Shape(shape.begin() + 1, shape.end());
}

}  // namespace

std::vector<std::string> HostView::notes() const {
    std::vector<std::string> notes;
    if (!input.operators.empty()) {
        notes.push_back(fmt::format("packaged drivers take integers: {} come before the hardware",
                                    fmt::join(input.operators, ", ")));
    }
    if (!output.operators.empty()) {
        notes.push_back(fmt::format("packaged drivers give the numbers in front of {}",
                                    fmt::join(output.operators, ", ")));
    }
    return notes;
}

bool HostView::integers_compare_alike() const {
    const auto all_equal = [](const std::vector<double>& values) {
        return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
    };
    return output.integer ||
           (all_equal(output.scale) && all_equal(output.bias) && output.scale.front() > 0.0);
}

HostView host_view(const lower::Lowered& lowered) {
    QLOOM_ASSERT(lowered.inputs.size() == 1 && lowered.network.outputs.size() == 1,
                 "one stream each way");
    const lower::InputBinding& in = lowered.inputs.front();
    HostView view;
    view.input = {.tensor = in.tensor,
                  .shape = without_frames(in.model_shape),
                  .order = in.order,
                  .scale = in.channel_scale.empty() ? std::vector{in.scale} : in.channel_scale,
                  .bias = in.channel_scale.empty() ? std::vector{in.bias} : in.channel_bias,
                  .range = lowered.network.stream(in.stream).range};
    view.input.quantiser = quantiser_of(lowered.head);
    if (!view.input.quantiser) view.input.operators = operators_of(lowered.head);

    const lower::OutputBinding& out = lowered.outputs.front();
    view.output = {.tensor = out.tensor,
                   .shape = without_frames(out.model_shape),
                   .order = out.order,
                   .scale = out.terms.front().scale,
                   .bias = out.bias,
                   .integer = out.integer,
                   .operators = operators_of(lowered.tail)};
    if (lowered.outputs.size() > 1) {
        view.output.operators.push_back(fmt::format("{} more outputs", lowered.outputs.size() - 1));
    }
    return view;
}

}  // namespace qloom::pack
