#include "train/import_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "ir/infer_shapes.h"
#include "ir/window.h"

namespace qloom::train {
namespace {

using ir::TensorId;

// Along the axes of the model -> (height, width).
Pair pair_of(const std::vector<std::int64_t>& values, std::int64_t fallback, std::int64_t none) {
    if (values.empty()) {
        return {fallback, fallback};
    }
    return values.size() == 1 ? Pair{none, values[0]} : Pair{values[0], values[1]};
}

class Importer {
public:
    explicit Importer(const ir::Graph& graph) : graph_(graph) {}

    ImportedModel run() {
        result_.name = graph_.name;
        if (graph_.inputs().size() != 1 || graph_.outputs().size() != 1) {
            throw Error(code::kImportUnsupported, graph_.name,
                        fmt::format("the model has {} inputs and {} outputs",
                                    graph_.inputs().size(), graph_.outputs().size()),
                        "a network that is trained has one of each");
        }
        read_input();
        for (const ir::Node& node : graph_.nodes()) {
            // Quantisers of constants are read with the layer that has them.
            const bool of_constant = ir::is_weight_quantiser(node.op) && !node.inputs.empty() &&
                                     graph_.is_constant(node.inputs[0]);
            if (!of_constant && !done_.contains(node.name)) {
                read(node);
            }
        }
        return std::move(result_);
    }

private:
    [[noreturn]] void unsupported(const ir::Node& node, const std::string& why) const {
        throw Error(code::kImportUnsupported,
                    fmt::format("node {} ({})", node.name, ir::op_name(node.op)), why,
                    "train a recipe of your own with these layers");
    }

    [[nodiscard]] Shape frame_shape(TensorId id) const {
        const Shape& shape = graph_.tensor(id).shape.value();
        return {shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end()};
    }

    // The node that alone reads a tensor; nullptr when there are several or none, or it is the
    // output.
    [[nodiscard]] const ir::Node* only_reader(TensorId id) const {
        const std::vector<ir::NodeId> readers = graph_.consumers(id);
        const bool output = std::ranges::find(graph_.outputs(), id) != graph_.outputs().end();
        return readers.size() == 1 && !output ? &graph_.node(readers[0]) : nullptr;
    }
    [[nodiscard]] const Tensor<float>* floats(TensorId id) const {
        return graph_.is_constant(id) ? std::get_if<Tensor<float>>(&*graph_.tensor(id).constant)
                                      : nullptr;
    }
    float scalar(const ir::Node& node, std::size_t input) const {
        const Tensor<float>* value =
            input < node.inputs.size() ? floats(node.inputs[input]) : nullptr;
        if (value == nullptr || value->size() != 1) {
            unsupported(node, fmt::format("its input {} is not one constant number", input));
        }
        return (*value)[0];
    }

    // The constant that a Mul or Add has besides what flows; nullptr when both flow.
    struct Operands {
        TensorId flowing = TensorId::kNone;
        const Tensor<float>* constant = nullptr;
    };
    [[nodiscard]] Operands operands(const ir::Node& node) const {
        for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
            if (const Tensor<float>* value = floats(node.inputs[1 - i])) {
                return {node.inputs[i], value};
            }
        }
        return {node.inputs[0], nullptr};
    }
    [[nodiscard]] const ir::Binary* binary(const ir::Node& node, ir::BinaryKind kind) const {
        const auto* op = std::get_if<ir::Binary>(&node.op);
        return op != nullptr && op->kind == kind ? op : nullptr;
    }

    // One value, or one a channel (axis 1 of what flows, or the last axis of a vector); empty when
    // it is neither.
    std::vector<float> channel_values(const Tensor<float>& value, const Shape& flowing) const {
        if (value.size() == 1) {
            return {value[0]};
        }
        const std::int64_t channels = flowing[0];
        const std::int64_t rank = static_cast<std::int64_t>(flowing.size()) + 1;
        const std::int64_t axis = value.rank() - (rank - 1);  // where axis 1 of what flows falls
        if (value.size() != channels || axis < 0 || value.dim(axis) != channels) {
            return {};
        }
        return value.values();
    }

    void read_input() {
        TensorId id = graph_.inputs()[0];
        result_.input.shape = frame_shape(id);
        result_.input.features = element_count(result_.input.shape);
        // Mul, Div, Add, Sub of constants as x * scale + offset.
        std::vector<double> scale{1.0};
        std::vector<double> offset{0.0};
        for (const ir::Node* node = only_reader(id); node != nullptr; node = only_reader(id)) {
            const auto* op = std::get_if<ir::Binary>(&node->op);
            if (op == nullptr || node->inputs[0] != id) {
                break;
            }
            const Tensor<float>* constant = floats(node->inputs[1]);
            const std::vector<float> values = constant == nullptr
                                                  ? std::vector<float>{}
                                                  : channel_values(*constant, result_.input.shape);
            if (values.empty() || !apply(op->kind, values, scale, offset)) {
                break;
            }
            done_.insert(node->name);
            id = node->outputs[0];
        }
        result_.input.scale = scale;
        result_.input.offset = offset;
        names_[id] = kInputName;
    }

    static bool apply(ir::BinaryKind kind, const std::vector<float>& values,
                      std::vector<double>& scale, std::vector<double>& offset) {
        const std::size_t size = std::max({values.size(), scale.size(), offset.size()});
        const auto at = [](const auto& list, std::size_t i) {
            return static_cast<double>(list[list.size() == 1 ? 0 : i]);
        };
        std::vector<double> new_scale;
        std::vector<double> new_offset;
        for (std::size_t i = 0; i < size; ++i) {
            const double v = at(values, i);
            const bool factor = kind == ir::BinaryKind::kMul || kind == ir::BinaryKind::kDiv;
            if (!factor && kind != ir::BinaryKind::kAdd && kind != ir::BinaryKind::kSub) {
                return false;
            }
            const double f = kind == ir::BinaryKind::kMul   ? v
                             : kind == ir::BinaryKind::kDiv ? 1.0 / v
                                                            : 1.0;
            const double added = kind == ir::BinaryKind::kAdd   ? v
                                 : kind == ir::BinaryKind::kSub ? -v
                                                                : 0.0;
            new_scale.push_back(at(scale, i) * f);
            new_offset.push_back(at(offset, i) * f + added);
        }
        const auto shorten = [](std::vector<double>& list) {
            if (std::ranges::all_of(list, [&](double v) { return v == list[0]; })) {
                list.resize(1);
            }
        };
        shorten(new_scale);
        shorten(new_offset);
        scale = new_scale;
        offset = new_offset;
        return true;
    }

    // ---- the layers
    // ------------------------------------------------------------------------------------------------

    std::string from(const ir::Node& node, TensorId id) const {
        const auto found = names_.find(id);
        if (found == names_.end()) {
            unsupported(node, fmt::format("what it reads ({}) is not what a layer before gives",
                                          graph_.tensor(id).name));
        }
        return found->second;
    }

    void finish(const ir::Node& last, std::string name, LayerKind kind,
                std::vector<std::string> sources) {
        name = unique(name);
        done_.insert(last.name);
        names_[last.outputs[0]] = name;
        result_.layers.push_back(
            {name, std::move(kind), std::move(sources), frame_shape(last.outputs[0])});
        names_taken_.insert(name);
    }
    std::string unique(const std::string& name) const {
        std::string result = name == kInputName ? "layer" : name;
        for (int i = 2; names_taken_.contains(result); ++i) {
            result = fmt::format("{}_{}", name, i);
        }
        return result;
    }
    void keep(const std::string& name, Shape shape, std::vector<float> values) {
        result_.state.push_back({name, Tensor<float>(std::move(shape), std::move(values))});
    }

    void read(const ir::Node& node) {
        std::visit(
            ir::Overloaded{
                [&](const ir::MatMul&) { read_weighted(node); },
                [&](const ir::Conv&) { read_weighted(node); },
                [&](const ir::ConvTranspose&) { read_weighted(node); },
                [&](const ir::BatchNormalization& op) { read_norm(node, op); },
                [&](const ir::Unary& op) { read_unary(node, op); },
                [&](const ir::Clip&) { read_clip(node); },
                [&](const ir::Quant&) {
                    read_quantiser(node, node, Activation::kIdentity, node.inputs[0]);
                },
                [&](const ir::BipolarQuant&) {
                    read_quantiser(node, node, Activation::kIdentity, node.inputs[0]);
                },
                [&](const ir::MaxPool& op) {
                    read_pool(node, PoolKind::kMax, op.window, op.channels_last);
                },
                [&](const ir::AveragePool& op) { read_average(node, op); },
                [&](const ir::GlobalAveragePool&) {
                    read_pool(node, PoolKind::kGlobalAverage, {}, false);
                },
                [&](const ir::GlobalMaxPool&) { read_pool(node, PoolKind::kGlobalMax, {}, false); },
                [&](const ir::Binary& op) { read_binary(node, op); },
                [&](const ir::Concat& op) { read_concat(node, op); },
                [&](const ir::Resize& op) { read_resize(node, op); },
                [&](const ir::Flatten&) { read_flatten(node); },
                [&](const ir::Reshape&) { read_flatten(node); },
                [&](const ir::Softmax&) { read_head(node); },
                [&](const ir::ArgMax&) { read_head(node); },
                [&](const ir::TopK&) { read_head(node); },
                [&](const auto&) { read_other(node); },
            },
            node.op);
    }

    void read_other(const ir::Node& node) {
        unsupported(node, "this operator is no layer that is trained here");
    }

    // What turns logits into a label is left to whoever reads the logits.
    void read_head(const ir::Node& node) {
        names_[node.outputs[0]] = from(node, node.inputs[0]);
        if (node.outputs.size() > 1 && node.outputs[1] != TensorId::kNone) {
            names_[node.outputs[1]] = names_[node.outputs[0]];
        }
        done_.insert(node.name);
    }

    // A quantiser's numbers as a learned one, of values with `channels` along the axis of its
    // scale.
    struct Numbers {
        QuantiserSpec spec;
        std::vector<float> scale;
        std::vector<float> zero;
    };
    Numbers numbers_of(const ir::Node& node, std::int64_t channels) const {
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

    // As Quantiser keeps them (layers/quantiser.h).
    void keep_numbers(const std::string& owner, const Numbers& numbers, bool activation) {
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

    // Weights behind their quantiser, or bare.
    struct Weights {
        const Tensor<float>* values = nullptr;
        const ir::Node* quantiser = nullptr;
    };
    Weights weights_of(const ir::Node& node) {
        Weights result;
        TensorId id = node.inputs[1];
        const ir::NodeId producer = graph_.producer(id);
        if (producer != ir::NodeId::kNone && ir::is_weight_quantiser(graph_.node(producer).op)) {
            result.quantiser = &graph_.node(producer);
            if (std::holds_alternative<ir::DequantizeLinear>(result.quantiser->op)) {
                unsupported(
                    *result.quantiser,
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

    // A constant, or a quantised one: the values and, if so, the quantiser.
    const Tensor<float>* constant_bias(TensorId id, std::optional<BiasQuantiser>& quantiser) {
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

    void read_weighted(const ir::Node& node) {
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
                    values[static_cast<std::size_t>(o * w[0] + i)] =
                        (*weights.values)[i * w[1] + o];
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
            const TensorId other =
                add->inputs[0] == node.outputs[0] ? add->inputs[1] : add->inputs[0];
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

    template <class Change>
    static void set(LayerKind& kind, Change change) {
        if (auto* linear = std::get_if<LinearSpec>(&kind)) {
            change(*linear);
        } else if (auto* conv = std::get_if<ConvSpec>(&kind)) {
            change(*conv);
        }
    }

    ConvSpec conv_of(const ir::Node& node, const Shape& in, const Shape& w) const {
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

    void read_norm(const ir::Node& node, const ir::BatchNormalization& op) {
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

    // `start` is the activation or the quantiser itself; `last` the quantiser.
    void read_quantiser(const ir::Node& last, const ir::Node& start, Activation function,
                        TensorId input) {
        const Shape in = frame_shape(input);
        const Numbers numbers = numbers_of(last, in[0]);
        if (numbers.spec.type.bits > 16) {
            unsupported(last, fmt::format("activations of {} bits are not trained",
                                          numbers.spec.type.bits));
        }
        const std::string name = unique(start.name);
        keep_numbers(name, numbers, true);
        done_.insert(start.name);
        finish(last, name,
               ActivationSpec{.function = function, .channels = in[0], .quantiser = numbers.spec},
               {from(start, input)});
    }

    void read_activation(const ir::Node& node, Activation function) {
        const ir::Node* next = only_reader(node.outputs[0]);
        const bool quantised = next != nullptr && next->inputs[0] == node.outputs[0] &&
                               (std::holds_alternative<ir::Quant>(next->op) ||
                                std::holds_alternative<ir::BipolarQuant>(next->op));
        if (quantised) {
            return read_quantiser(*next, node, function, node.inputs[0]);
        }
        finish(node, node.name,
               ActivationSpec{.function = function,
                              .channels = frame_shape(node.inputs[0])[0],
                              .quantiser = std::nullopt},
               {from(node, node.inputs[0])});
    }

    void read_unary(const ir::Node& node, const ir::Unary& op) {
        switch (op.kind) {
            case ir::UnaryKind::kIdentity:
                return read_activation(node, Activation::kIdentity);
            case ir::UnaryKind::kRelu:
                return read_activation(node, Activation::kRelu);
            case ir::UnaryKind::kSigmoid:
                return read_activation(node, Activation::kSigmoid);
            case ir::UnaryKind::kTanh:
                return read_activation(node, Activation::kTanh);
            default:
                unsupported(node, "this operator is no layer that is trained here");
        }
    }

    void read_clip(const ir::Node& node) {
        if (node.inputs.size() != 3 || scalar(node, 1) != -1.0F || scalar(node, 2) != 1.0F) {
            unsupported(node, "only a clip to -1..1 (HardTanh) is trained");
        }
        read_activation(node, Activation::kHardTanh);
    }

    PoolSpec pool_of(const ir::Node& node, PoolKind kind, const ir::Window& window) const {
        const Shape in = frame_shape(node.inputs[0]);
        PoolSpec pool{.kind = kind, .axes = static_cast<int>(in.size()) - 1};
        if (pool.axes < 1 || pool.axes > 2) {
            unsupported(node, fmt::format("it has {} axes", pool.axes));
        }
        const Shape spatial(in.begin() + 1, in.end());
        if (kind == PoolKind::kGlobalMax || kind == PoolKind::kGlobalAverage) {
            pool.kernel = pair_of(spatial, 1, 1);
            pool.stride = pool.kernel;
            return pool;
        }
        const std::vector<ir::WindowAxis> axes =
            ir::resolve_window(node.name, window, spatial, window.kernel);
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const std::size_t axis = 2 - axes.size() + i;
            pool.kernel[axis] = axes[i].kernel;
            pool.stride[axis] = axes[i].stride;
            pool.padding[axis] = axes[i].pad_begin;
            const std::int64_t plain =
                (axes[i].input + 2 * axes[i].pad_begin - axes[i].kernel) / axes[i].stride + 1;
            if (axes[i].dilation != 1 || axes[i].pad_begin != axes[i].pad_end ||
                plain != axes[i].output) {
                unsupported(node, "it is dilated, or padded differently at both ends");
            }
        }
        if (axes.size() == 1) {
            pool.kernel[0] = pool.stride[0] = 1;
        }
        return pool;
    }

    void read_pool(const ir::Node& node, PoolKind kind, const ir::Window& window,
                   bool channels_last) {
        if (channels_last) {
            unsupported(node, "it is channels-last");
        }
        finish(node, node.name, pool_of(node, kind, window), {from(node, node.inputs[0])});
    }

    void read_average(const ir::Node& node, const ir::AveragePool& op) {
        PoolSpec pool = pool_of(node, PoolKind::kAverage, op.window);
        if (!op.count_include_pad && (pool.padding[0] > 0 || pool.padding[1] > 0)) {
            unsupported(node, "its padding is not counted, as training does");
        }
        const std::string source = from(node, node.inputs[0]);
        // AveragePool -> Mul area -> Trunc is one layer.
        const ir::Node* mul = only_reader(node.outputs[0]);
        const ir::Node* trunc = mul == nullptr ? nullptr : only_reader(mul->outputs[0]);
        if (trunc != nullptr && binary(*mul, ir::BinaryKind::kMul) != nullptr &&
            std::holds_alternative<ir::Trunc>(trunc->op)) {
            const auto& t = std::get<ir::Trunc>(trunc->op);
            const int shift =
                t.version == 1 ? static_cast<int>(scalar(*trunc, 3) - scalar(*trunc, 4)) : -1;
            const Operands sides = operands(*mul);
            const bool area =
                sides.constant != nullptr && sides.constant->size() == 1 &&
                (*sides.constant)[0] == static_cast<float>(pool.kernel[0] * pool.kernel[1]);
            const std::optional<IntType> type = levels_of(source);
            if (!area || !type || shift < 0 || t.rounding != RoundingMode::kFloor) {
                unsupported(*trunc, "it is no truncated average of integers with one scale");
            }
            pool.kind = PoolKind::kTruncAverage;
            pool.input_type = type;
            pool.bits = type->bits + trunc_shift(PoolSpec{.kernel = pool.kernel}) - shift;
            done_.insert(node.name);
            done_.insert(mul->name);
            return finish(*trunc, node.name, pool, {source});
        }
        finish(node, node.name, pool, {source});
    }

    // The integers a layer gives: those of the quantiser behind which only maxima and moves have
    // happened.
    std::optional<IntType> levels_of(std::string name) const {
        while (true) {
            const auto found = std::ranges::find(result_.layers, name, &LayerSpec::name);
            if (found == result_.layers.end()) {
                return name == kInputName && !result_.input.is_affine()
                           ? std::optional(IntType{8, false})
                           : std::nullopt;
            }
            if (const auto* activation = std::get_if<ActivationSpec>(&found->kind)) {
                return activation->quantiser ? std::optional(activation->quantiser->type)
                                             : std::nullopt;
            }
            if (const auto* pool = std::get_if<PoolSpec>(&found->kind)) {
                if (pool->kind == PoolKind::kTruncAverage) {
                    return IntType{pool->bits, pool->input_type->is_signed};
                }
                if (pool->kind == PoolKind::kAverage || pool->kind == PoolKind::kGlobalAverage) {
                    return std::nullopt;
                }
            } else if (!std::holds_alternative<UpsampleSpec>(found->kind)) {
                return std::nullopt;
            }
            name = found->from[0];
        }
    }

    void read_binary(const ir::Node& node, const ir::Binary& op) {
        const bool flows = floats(node.inputs[0]) == nullptr && floats(node.inputs[1]) == nullptr;
        if (op.kind != ir::BinaryKind::kAdd || !flows ||
            frame_shape(node.inputs[0]) != frame_shape(node.inputs[1])) {
            unsupported(node, "only the addition of two layers of one shape is trained");
        }
        finish(node, node.name,
               JoinSpec{.kind = JoinKind::kAdd, .channels = frame_shape(node.outputs[0])[0]},
               {from(node, node.inputs[0]), from(node, node.inputs[1])});
    }

    void read_concat(const ir::Node& node, const ir::Concat& op) {
        if (op.axis != 1) {
            unsupported(node, "it does not join channels");
        }
        std::vector<std::string> sources;
        for (const TensorId input : node.inputs) {
            sources.push_back(from(node, input));
        }
        finish(node, node.name,
               JoinSpec{.kind = JoinKind::kConcat, .channels = frame_shape(node.outputs[0])[0]},
               sources);
    }

    void read_resize(const ir::Node& node, const ir::Resize& op) {
        const Shape in = frame_shape(node.inputs[0]);
        const Shape out = frame_shape(node.outputs[0]);
        UpsampleSpec upsample{{1, 1}};
        for (std::size_t i = 1; i < in.size(); ++i) {
            const std::size_t axis = 2 - (in.size() - 1) + i - 1;
            upsample.factor[axis] = out[i] / in[i];
            if (out[i] % in[i] != 0) {
                unsupported(node, "it does not repeat pixels a whole number of times");
            }
        }
        const bool repeats =
            op.mode == "nearest" &&
            ((op.coordinate_transformation == "asymmetric" && op.nearest_mode == "floor") ||
             op.coordinate_transformation == "half_pixel");
        if (!repeats || in[0] != out[0]) {
            unsupported(node, "only the repetition of pixels is trained");
        }
        finish(node, node.name, upsample, {from(node, node.inputs[0])});
    }

    void read_flatten(const ir::Node& node) {
        const Shape in = frame_shape(node.inputs[0]);
        const Shape out = frame_shape(node.outputs[0]);
        if (out.size() != 1 || element_count(out) != element_count(in)) {
            unsupported(
                node, fmt::format("only a change of shape to one axis is trained, this is {} to {}",
                                  shape_text(in), shape_text(out)));
        }
        finish(node, node.name, FlattenSpec{}, {from(node, node.inputs[0])});
    }

    const ir::Graph& graph_;
    ImportedModel result_;
    std::map<TensorId, std::string> names_;  // the layer that gives a tensor
    std::set<std::string> names_taken_{kInputName};
    std::set<std::string> done_;  // nodes
};

}  // namespace

ImportedModel import_graph(const ir::Graph& graph) { return Importer(graph).run(); }

}  // namespace qloom::train
