#include "lower/lowerer.h"

#include <algorithm>

#include "base/codes/lower.h"
#include "lower/passes.h"

namespace qloom::lower {
namespace {

bool is_quantiser(const ir::Op& op) {
    return std::holds_alternative<ir::Quant>(op) || std::holds_alternative<ir::BipolarQuant>(op) ||
           std::holds_alternative<ir::Trunc>(op) || std::holds_alternative<ir::MultiThreshold>(op);
}

// QuantizeLinear, perhaps Clip, DequantizeLinear are one quantiser, which ends at the last of the three.
bool is_or_starts_quantiser(const ir::Op& op) {
    return is_quantiser(op) || std::holds_alternative<ir::QuantizeLinear>(op);
}

bool is_linear(const ir::Op& op) {
    return std::holds_alternative<ir::MatMul>(op) || std::holds_alternative<ir::Gemm>(op) ||
           std::holds_alternative<ir::Conv>(op) || std::holds_alternative<ir::ConvTranspose>(op) ||
           std::holds_alternative<ir::XnorPopcountMatMul>(op);
}

bool is_movement(const ir::Op& op) {
    return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::Flatten>(op) ||
           std::holds_alternative<ir::Squeeze>(op) || std::holds_alternative<ir::Unsqueeze>(op) ||
           std::holds_alternative<ir::Transpose>(op);
}

// Dense models keep features last; operators on images say where their channels are.
bool wants_channels_first(const ir::Node& node) {
    return std::visit(
        [](const auto& op) {
            using Op = std::decay_t<decltype(op)>;
            if constexpr (std::is_same_v<Op, ir::Conv> || std::is_same_v<Op, ir::MaxPool> ||
                          std::is_same_v<Op, ir::QuantAvgPool2d>) {
                return !op.channels_last;
            } else {
                return std::is_same_v<Op, ir::ConvTranspose> || std::is_same_v<Op, ir::AveragePool> ||
                       std::is_same_v<Op, ir::GlobalAveragePool> || std::is_same_v<Op, ir::GlobalMaxPool> ||
                       std::is_same_v<Op, ir::DepthToSpace>;
            }
        },
        node.op);
}

}  // namespace

bool input_needs_integers(const ir::Graph& model, ir::TensorId input) {
    std::vector<ir::TensorId> open{input};
    std::set<ir::TensorId> seen;
    while (!open.empty()) {
        const ir::TensorId id = open.back();
        open.pop_back();
        if (!seen.insert(id).second) {
            continue;
        }
        for (const ir::Node& node : model.nodes()) {
            if (std::ranges::find(node.inputs, id) == node.inputs.end() || is_or_starts_quantiser(node.op)) {
                continue;
            }
            if (is_linear(node.op)) {
                return true;
            }
            for (const ir::TensorId output : node.outputs) {
                if (output != ir::TensorId::kNone) {
                    open.push_back(output);
                }
            }
        }
    }
    return false;
}

Lowerer::Lowerer(ir::Graph model, const LowerOptions& options)
    : model_(std::move(model)), options_(options), constants_(model_), where_(model_.tensors().size(), Where::kUnknown) {}

Lowerer::Where Lowerer::where(ir::TensorId id) const {
    if (id == ir::TensorId::kNone || model_.is_constant(id)) {
        return Where::kConstant;
    }
    return where_[index_of(id)];
}

void Lowerer::set_value(ir::TensorId id, Value value) {
    where_[index_of(id)] = Where::kInteger;
    values_.insert_or_assign(id, std::move(value));
}

void Lowerer::mark_outputs(const ir::Node& node, Where where) {
    for (const ir::TensorId output : node.outputs) {
        if (output != ir::TensorId::kNone) {
            where_[index_of(output)] = where;
        }
    }
}

Shape Lowerer::logical_shape(ir::TensorId id) const {
    const auto& shape = model_.tensor(id).shape;
    QLOOM_ASSERT(shape.has_value(), "shapes are inferred before lowering");
    if (shape->size() <= 1) {
        return {element_count(*shape)};
    }
    return Shape(shape->begin() + 1, shape->end());
}

Layout Lowerer::default_layout(ir::TensorId id) const {
    const Shape logical = logical_shape(id);
    if (logical.size() == 1) {
        return Layout::vector(logical[0]);
    }
    const bool channels_first = std::ranges::any_of(model_.nodes(), wants_channels_first);
    Layout layout{.logical = logical, .axes = {}, .order = {}};
    const int rank = static_cast<int>(logical.size());
    for (int axis = 0; axis < rank; ++axis) {
        layout.axes.push_back(channels_first ? (axis == 0 ? rank - 1 : axis - 1) : axis);
    }
    return layout;
}

std::string Lowerer::node_label(const ir::Node& node) const {
    return fmt::format("node {} ({})", node.name, ir::op_name(node.op));
}

void Lowerer::record(const ir::Node& node, Placement placement, std::string reason, std::string advice) {
    result_.placements.push_back({.node = node.name,
                                  .op = ir::op_name(node.op),
                                  .placement = placement,
                                  .reason = std::move(reason),
                                  .advice = std::move(advice)});
}

network::StreamId Lowerer::add_stream(const std::string& name, Shape shape, std::vector<Range> ranges) {
    QLOOM_ASSERT(static_cast<std::int64_t>(ranges.size()) == shape.back(), "one range a channel");
    std::string unique = name;
    for (int suffix = 1; !stream_names_.insert(unique).second; ++suffix) {
        unique = fmt::format("{}_{}", name, suffix);
    }
    Range all = ranges[0];
    for (const Range range : ranges) {
        all = all.united(range);
    }
    const network::StreamId id = result_.network.add_stream(
        {.name = unique, .shape = std::move(shape), .type = IntType::smallest(all), .range = all});
    ranges_.push_back(std::move(ranges));
    return id;
}

std::string Lowerer::fresh_layer_name(const std::string& base) {
    std::string unique = base;
    for (int suffix = 1; !layer_names_.insert(unique).second; ++suffix) {
        unique = fmt::format("{}_{}", base, suffix);
    }
    return unique;
}

network::Layer& Lowerer::add_layer(const std::string& name, network::LayerKind kind,
                                   std::vector<network::StreamId> inputs, std::vector<network::StreamId> outputs) {
    result_.network.layers.push_back({.name = fresh_layer_name(name),
                                      .kind = std::move(kind),
                                      .inputs = std::move(inputs),
                                      .outputs = std::move(outputs)});
    return result_.network.layers.back();
}

void Lowerer::place_inputs() {
    for (const ir::TensorId input : model_.inputs()) {
        const ir::TensorInfo& info = model_.tensor(input);
        std::optional<InputType> declared;
        bool assumed = false;
        for (const auto& [name, type] : options_.input_types) {
            if (name == info.name || (name.empty() && !declared && input_needs_integers(model_, input))) {
                declared = type;
            }
        }
        if (!declared && info.annotation) {
            const bool bipolar = info.annotation->bits == 1 && info.annotation->is_signed;
            declared = InputType{.type = *info.annotation, .scale = 1.0, .bipolar = bipolar};
        }
        if (!declared) {
            if (!input_needs_integers(model_, input)) {
                where_[index_of(input)] = Where::kHostBefore;
                continue;
            }
            declared = InputType{};
            assumed = true;
            result_.notes.push_back(fmt::format(
                "input {} has no quantiser and no declared type: assumed UINT8 (0 to 255); declare another with "
                "--input-type {}=int8",
                info.name, info.name));
        }
        if (declared->is_float) {
            where_[index_of(input)] = Where::kHostBefore;
            result_.notes.push_back(fmt::format(
                "input {} holds floats without a quantiser: everything up to the first quantiser runs on the host",
                info.name));
            continue;
        }
        const Layout layout = default_layout(input);
        Shape stream_shape(layout.logical.size());
        for (std::size_t axis = 0; axis < layout.logical.size(); ++axis) {
            stream_shape[static_cast<std::size_t>(layout.axes[axis])] = layout.logical[axis];
        }
        const auto channels = static_cast<std::size_t>(stream_shape.back());
        const Range range = declared->bipolar ? Range{0, 1} : declared->type.range();
        const network::StreamId stream = add_stream(info.name, stream_shape, std::vector<Range>(channels, range));
        result_.network.inputs.push_back(stream);
        const double scale = declared->bipolar ? 2.0 * declared->scale : declared->scale;
        const double bias = declared->bipolar ? -declared->scale : 0.0;
        Value value;
        value.anchor = input;
        value.base = {.terms = {{stream, std::vector<double>(channels, scale)}},
                      .bias = std::vector<double>(channels, bias)};
        value.affine = value.base;
        value.linear_core = value.base;
        value.layout = layout;
        result_.inputs.push_back({.tensor = info.name,
                                  .scale = scale,
                                  .bias = bias,
                                  .channel_scale = {},
                                  .channel_bias = {},
                                  .stream = stream,
                                  .model_shape = *info.shape,
                                  .order = stream_order(layout),
                                  .assumed = assumed});
        set_value(input, std::move(value));
    }
}

bool Lowerer::has_float_weights(const ir::Node& node) {
    return is_linear(node.op) && node.inputs.size() > 1 && where(node.inputs[1]) == Where::kConstant &&
           !constants_.weights(node.inputs[1]);
}

bool Lowerer::is_float_tail(const ir::Node& node) {
    const bool any_hardware = std::ranges::any_of(result_.network.layers, [](const network::Layer& layer) {
        return std::holds_alternative<network::MatrixVector>(layer.kind) ||
               std::holds_alternative<network::VectorVector>(layer.kind);
    });
    if (!any_hardware || !has_float_weights(node)) {
        return false;
    }
    std::vector<ir::TensorId> open = node.outputs;
    std::set<ir::TensorId> seen;
    while (!open.empty()) {
        const ir::TensorId id = open.back();
        open.pop_back();
        if (id == ir::TensorId::kNone || !seen.insert(id).second) {
            continue;
        }
        for (const ir::NodeId consumer : model_.consumers(id)) {
            const ir::Node& next = model_.node(consumer);
            if (is_linear(next.op) && !has_float_weights(next)) {
                return false;
            }
            open.insert(open.end(), next.outputs.begin(), next.outputs.end());
        }
    }
    return true;
}

void Lowerer::to_host_after(const ir::Node& node, const std::string& reason, const std::string& advice) {
    if (is_linear(node.op) && !is_float_tail(node)) {
        throw Error(code::kHostInMiddle, node_label(node),
                    fmt::format("this layer with weights cannot become hardware: {}", reason), advice);
    }
    mark_outputs(node, Where::kHostAfter);
    record(node, Placement::kHostAfter, reason, advice);
}

void Lowerer::place_node(const ir::Node& node) {
    bool all_constant = true;
    bool any_integer = false;
    bool any_moving = false;
    bool any_after = false;
    for (const ir::TensorId input : node.inputs) {
        const Where state = where(input);
        all_constant = all_constant && state == Where::kConstant;
        any_integer = any_integer || state == Where::kInteger;
        any_moving = any_moving || state == Where::kMoving;
        any_after = any_after || state == Where::kHostAfter;
    }
    if (all_constant) {
        mark_outputs(node, Where::kConstant);
        return;
    }
    if (any_after) {
        to_host_after(node, "it follows an operator that runs on the host",
                      "replace the operator before it by one the hardware has");
        return;
    }
    if (any_moving) {
        if (is_movement(node.op)) {
            follow_movement(node);
        } else {
            to_host_after(node, "the reshapes before it are no rearrangement the hardware has",
                          "flatten to (frames, features), or keep (frames, channels, height, width)");
        }
        return;
    }
    if (any_integer && is_float_tail(node)) {
        to_host_after(node, "its weights are floats, and no quantised layer comes behind it",
                      "quantise its weights to have it in hardware");
        return;
    }
    if (any_integer) {
        lower_node(node);
        return;
    }
    if (is_quantiser(node.op) || ends_qcdq(node)) {
        add_hardware_input(node);
        return;
    }
    mark_outputs(node, Where::kHostBefore);
    record(node, Placement::kHostBefore,
           is_linear(node.op) ? "a layer on float inputs, on the host" : "prepares the input of the first quantiser, on the host",
           is_linear(node.op) ? "quantise the model's input to have this layer in hardware" : "");
}

void Lowerer::lower_node(const ir::Node& node) {
    const ir::Op& op = node.op;
    if (is_quantiser(op) || ends_qcdq(node)) {
        lower_quantiser(node);
    } else if (std::holds_alternative<ir::MatMul>(op)) {
        lower_matmul(node);
    } else if (std::holds_alternative<ir::XnorPopcountMatMul>(op)) {
        lower_xnor_popcount(node);
    } else if (std::holds_alternative<ir::Im2Col>(op)) {
        lower_im2col(node);
    } else if (std::holds_alternative<ir::Conv>(op)) {
        lower_conv(node);
    } else if (std::holds_alternative<ir::ConvTranspose>(op)) {
        lower_conv_transpose(node);
    } else if (std::holds_alternative<ir::MaxPool>(op)) {
        lower_max_pool(node);
    } else if (std::holds_alternative<ir::AveragePool>(op)) {
        lower_average_pool(node);
    } else if (std::holds_alternative<ir::QuantAvgPool2d>(op)) {
        lower_quantised_average_pool(node);
    } else if (std::holds_alternative<ir::GlobalAveragePool>(op)) {
        lower_global_pool(node, network::Reduction::kSum);
    } else if (std::holds_alternative<ir::GlobalMaxPool>(op)) {
        lower_global_pool(node, network::Reduction::kMax);
    } else if (std::holds_alternative<ir::Reduce>(op)) {
        lower_reduce(node);
    } else if (std::holds_alternative<ir::SpaceToDepth>(op)) {
        lower_space_to_depth(node);
    } else if (std::holds_alternative<ir::Slice>(op)) {
        lower_slice(node);
    } else if (std::holds_alternative<ir::Pad>(op)) {
        lower_pad(node);
    } else if (std::holds_alternative<ir::Resize>(op)) {
        lower_resize(node);
    } else if (std::holds_alternative<ir::DepthToSpace>(op)) {
        lower_depth_to_space(node);
    } else if (is_movement(op)) {
        lower_movement(node);
    } else if (std::holds_alternative<ir::Concat>(op)) {
        lower_concat(node);
    } else if (std::holds_alternative<ir::Split>(op)) {
        lower_split(node);
    } else if (const auto* argmax = std::get_if<ir::ArgMax>(&op); argmax != nullptr) {
        if (argmax->minimum || argmax->select_last_index) {
            to_host_after(node, "only the first maximum is in hardware", "use ArgMax with select_last_index 0");
        } else {
            lower_argmax(node, argmax->axis, 0);
        }
    } else if (const auto* top = std::get_if<ir::TopK>(&op); top != nullptr) {
        const ir::Value* k = node.inputs.size() > 1 ? constants_.value(node.inputs[1]) : nullptr;
        const bool first = k != nullptr && std::holds_alternative<Tensor<std::int64_t>>(*k) &&
                           std::get<Tensor<std::int64_t>>(*k)[0] == 1 && top->largest;
        const bool values_wanted = node.outputs[0] != ir::TensorId::kNone && 
                                   (!model_.consumers(node.outputs[0]).empty() ||
                                    std::ranges::find(model_.outputs(), node.outputs[0]) != model_.outputs().end());
        if (first && !values_wanted && node.outputs.size() > 1) {
            lower_argmax(node, top->axis, 1);
        } else {
            to_host_after(node, "only the index of the largest value is in hardware",
                          "use k = 1 and the index output alone to have it in hardware");
        }
    } else if (const auto* binary = std::get_if<ir::Binary>(&op);
               binary != nullptr && where(node.inputs[0]) == Where::kInteger && where(node.inputs[1]) == Where::kInteger) {
        if (lower_joined_chains(node)) {
            return;
        }
        if (binary->kind == ir::BinaryKind::kMul) {
            lower_product(node);
        } else {
            lower_addition(node);
        }
    } else {
        std::size_t data = 0;
        int data_count = 0;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            if (where(node.inputs[i]) != Where::kConstant) {
                data = i;
                ++data_count;
            }
        }
        if (data_count == 1) {
            lower_elementwise(node, data);
        } else {
            to_host_after(node, "it joins a hardware value with a host value", "quantise both operands");
        }
    }
}

Lowered Lowerer::run() {
    place_inputs();
    for (const ir::Node& node : model_.nodes()) {
        place_node(node);
    }
    const bool any = std::ranges::any_of(result_.network.layers, [](const network::Layer& layer) {
        return !std::holds_alternative<network::Reshape>(layer.kind);
    });
    if (!any) {
        throw Error(code::kNothingToLower, model_.name, "no layer of this model is quantised",
                    "train it with quantised weights and activations, or run qloom quantize on it first");
    }
    cut_host_graphs();
    result_.network = tidied_network(std::move(result_.network));
    network::verify(result_.network);
    return std::move(result_);
}

}  // namespace qloom::lower
