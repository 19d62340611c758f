#include "train/import_weights.h"

#include <algorithm>
#include <cmath>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "ir/infer_shapes.h"
#include "ir/window.h"

namespace qloom::train {

WeightImporter::Numbers WeightImporter::numbers_of(const ir::Node& node,
                                                   std::int64_t channels) const {
    Numbers result;
    const Tensor<float>* scale = floats(node.inputs[1]);
    if (scale == nullptr || (scale->size() != 1 && scale->size() != channels)) {
        unsupported(node, "its scale is neither one constant number nor one a channel");
    }
    result.scale = scale->values();
    result.spec.source = ScaleSource::kLearned;
    result.spec.granularity = scale->size() == 1 ? Granularity::kTensor : Granularity::kChannel;
    if (std::holds_alternative<ir::BipolarQuant>(node.op)) {
        result.spec.type = {1, true, false};
        return result;
    }
    const auto& op = std::get<ir::Quant>(node.op);
    const float bits = scalar(node, 3);
    if (bits != std::floor(bits) || bits < 1.0F || bits > 32.0F) {
        unsupported(node, fmt::format("it has {} bits", bits));
    }
    if (op.rounding != RoundingMode::kHalfEven) {
        unsupported(node, "it does not round half to even, as training does");
    }
    result.spec.type = {
        .bits = static_cast<int>(bits), .is_signed = op.is_signed, .narrow = op.narrow};
    if (result.spec.is_bipolar()) {
        result.spec.type.narrow = false;
    }
    const Tensor<float>* zero = floats(node.inputs[2]);
    if (zero == nullptr) {
        unsupported(node, "its zero point is not constant");
    }
    if (std::ranges::any_of(*zero, [](float z) { return z != 0.0F; })) {
        result.spec.asymmetric = true;
        result.zero = zero->values();
        result.zero.resize(result.scale.size(), result.zero[0]);
    }
    return result;
}

void WeightImporter::keep_numbers(const std::string& owner, const Numbers& numbers,
                                  bool activation) {
    const auto count = static_cast<std::int64_t>(numbers.scale.size());
    std::vector<float> logarithms;
    std::vector<float> low;
    const float lowest = static_cast<float>(numbers.spec.type.range().lo);
    for (std::size_t i = 0; i < numbers.scale.size(); ++i) {
        logarithms.push_back(std::log(numbers.scale[i]));
        if (!numbers.zero.empty()) {
            low.push_back((lowest - numbers.zero[i]) * numbers.scale[i]);
        }
    }
    keep(owner + ".log_scale", {count}, logarithms);
    if (!low.empty()) {
        keep(owner + ".low", {count}, low);
    }
    if (activation) {
        keep(owner + ".started", {1}, {1.0F});
    }
}

WeightImporter::Weights WeightImporter::weights_of(const ir::Node& node) {
    Weights result;
    TensorId id = node.inputs[1];
    const ir::NodeId producer = graph_.producer(id);
    if (producer != ir::NodeId::kNone && ir::is_weight_quantiser(graph_.node(producer).op)) {
        result.quantiser = &graph_.node(producer);
        if (std::holds_alternative<ir::DequantizeLinear>(result.quantiser->op)) {
            unsupported(*result.quantiser,
                        "weights as QuantizeLinear and DequantizeLinear are not read for training");
        }
        id = result.quantiser->inputs[0];
    }
    result.values = floats(id);
    if (result.values == nullptr) {
        unsupported(node, "its weights are not constant");
    }
    return result;
}

const Tensor<float>* WeightImporter::constant_bias(TensorId id,
                                                   std::optional<BiasQuantiser>& quantiser) {
    const ir::NodeId producer = graph_.producer(id);
    if (producer != ir::NodeId::kNone) {
        const ir::Node& node = graph_.node(producer);
        const auto* quant = std::get_if<ir::Quant>(&node.op);
        const Tensor<float>* values = quant == nullptr ? nullptr : floats(node.inputs[0]);
        if (values != nullptr) {
            quantiser = BiasQuantiser{.bits = static_cast<int>(scalar(node, 3)),
                                      .accumulator_scale = false};
            done_.insert(node.name);
        }
        return values;
    }
    return floats(id);
}

void WeightImporter::read_weighted(const ir::Node& node) {
    const Weights weights = weights_of(node);
    if (weights.quantiser != nullptr) {
        done_.insert(weights.quantiser->name);
    }
    const Shape in = frame_shape(node.inputs[0]);
    const Shape& w = weights.values->shape();
    const std::string source = from(node, node.inputs[0]);
    std::string name = unique(node.name);
    LayerKind kind;
    std::vector<float> values = weights.values->values();
    Shape state_shape;
    std::int64_t outputs = 0;
    if (std::holds_alternative<ir::MatMul>(node.op)) {
        if (w.size() != 2 || in.size() != 1) {
            unsupported(node, "it is no product of a flat vector and a matrix");
        }
        outputs = w[1];
        state_shape = {w[1], w[0]};
        for (std::int64_t i = 0; i < w[0]; ++i) {
            for (std::int64_t o = 0; o < w[1]; ++o) {
                values[static_cast<std::size_t>(o * w[0] + i)] = (*weights.values)[i * w[1] + o];
            }
        }
        kind = LinearSpec{.inputs = w[0], .outputs = w[1], .bias = false};
    } else {
        ConvSpec conv = conv_of(node, in, w);
        outputs = conv.outputs;
        state_shape = {w[0], w[1], conv.kernel[0], conv.kernel[1]};
        kind = conv;
    }
    if (weights.quantiser != nullptr) {
        const Numbers numbers = numbers_of(*weights.quantiser, outputs);
        keep_numbers(name + ".weight", numbers, false);
        set(kind, [&](auto& spec) { spec.weights = numbers.spec; });
    }
    keep(name + ".weight", state_shape, values);
    // The bias: an input of a convolution, or the Add behind.
    const ir::Node* last = &node;
    std::optional<BiasQuantiser> bias_quantiser;
    const Tensor<float>* bias = nullptr;
    if (node.inputs.size() > 2 && node.inputs[2] != TensorId::kNone) {
        bias = constant_bias(node.inputs[2], bias_quantiser);
        if (bias == nullptr) {
            unsupported(node, "its bias is not constant");
        }
    } else if (const ir::Node* add = only_reader(node.outputs[0]);
               add != nullptr && binary(*add, ir::BinaryKind::kAdd) != nullptr) {
        const TensorId other = add->inputs[0] == node.outputs[0] ? add->inputs[1] : add->inputs[0];
        bias = constant_bias(other, bias_quantiser);
        last = bias == nullptr ? &node : add;
    }
    if (bias != nullptr) {
        std::vector<float> list = channel_values(*bias, frame_shape(node.outputs[0]));
        if (list.empty()) {
            list = bias->values();
        }
        list.resize(static_cast<std::size_t>(outputs), list[0]);
        keep(name + ".bias", {outputs}, list);
        set(kind, [&](auto& spec) {
            spec.bias = true;
            spec.bias_quantiser = bias_quantiser;
            if (bias_quantiser) {
                spec.bias_quantiser->accumulator_scale = spec.weights && levels_of(source);
            }
        });
    }
    done_.insert(node.name);
    finish(*last, name, std::move(kind), {source});
}

ConvSpec WeightImporter::conv_of(const ir::Node& node, const Shape& in, const Shape& w) const {
    ConvSpec conv;
    const Shape spatial(in.begin() + 1, in.end());
    const Shape kernel(w.begin() + 2, w.end());
    std::vector<ir::WindowAxis> axes;
    if (const auto* op = std::get_if<ir::Conv>(&node.op)) {
        if (op->channels_last) {
            unsupported(node, "it is channels-last");
        }
        axes = ir::resolve_window(node.name, op->window, spatial, kernel);
        conv.groups = op->group;
        conv.outputs = w[0];
    } else {
        const auto& transposed = std::get<ir::ConvTranspose>(node.op);
        axes = ir::resolve_transposed_window(node.name, transposed, spatial, kernel);
        conv.transposed = true;
        conv.groups = transposed.group;
        conv.outputs = w[1] * transposed.group;
        conv.output_padding = pair_of(transposed.output_padding, 0, 0);
    }
    if (axes.empty() || axes.size() > 2) {
        unsupported(node, fmt::format("it has {} axes", axes.size()));
    }
    conv.axes = static_cast<int>(axes.size());
    conv.channels = in[0];
    conv.bias = false;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const std::size_t axis = 2 - axes.size() + i;
        conv.kernel[axis] = axes[i].kernel;
        conv.stride[axis] = axes[i].stride;
        conv.dilation[axis] = axes[i].dilation;
        conv.pad_begin[axis] = axes[i].pad_begin;
        conv.pad_end[axis] = axes[i].pad_end;
    }
    return conv;
}

void WeightImporter::read_norm(const ir::Node& node, const ir::BatchNormalization& op) {
    const Shape in = frame_shape(node.inputs[0]);
    if (op.channels_last) {
        unsupported(node, "it is channels-last");
    }
    const std::string name = unique(node.name);
    const char* parts[] = {".gamma", ".beta", ".mean", ".variance"};
    for (std::size_t i = 0; i < 4; ++i) {
        const Tensor<float>* values = floats(node.inputs[i + 1]);
        if (values == nullptr || values->size() != in[0]) {
            unsupported(node, "its parameters are not constant");
        }
        keep(name + parts[i], {in[0]}, values->values());
    }
    finish(node, name,
           BatchNormSpec{
               .channels = in[0], .epsilon = static_cast<double>(op.epsilon), .momentum = 0.1},
           {from(node, node.inputs[0])});
}

}  // namespace qloom::train
