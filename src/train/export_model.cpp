#include "train/export_model.h"

#include <utility>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

class Exporter {
public:
    explicit Exporter(const TrainedModel& model) : model_(model) {}

    ir::Graph run() {
        graph_.name = model_.name;
        width_ = model_.input.features;
        const ir::TensorId input = graph_.add_tensor({.name = "input",
                                                      .shape = Shape{1, width_},
                                                      .constant = std::nullopt,
                                                      .annotation = std::nullopt});
        if (model_.input_is_bytes) {
            graph_.tensor(input).annotation = IntType{8, false};
            graph_.metadata.emplace_back("qloom.input", "uint8");
        }
        graph_.set_inputs({input});
        current_ = input;
        if (model_.input.scale != 1.0) {
            append_binary("input_scale", ir::BinaryKind::kMul,
                          static_cast<float>(model_.input.scale));
        }
        if (model_.input.offset != 0.0) {
            append_binary("input_offset", ir::BinaryKind::kAdd,
                          static_cast<float>(model_.input.offset));
        }
        for (const TrainedLayer& layer : model_.layers) {
            std::visit([&](const auto& kind) { append(layer.name, kind); }, layer.kind);
        }
        graph_.tensor(current_).name = "logits";
        graph_.set_outputs({current_});
        return std::move(graph_);
    }

private:
    ir::TensorId constant(const std::string& name, Tensor<float> value) {
        return graph_.add_constant(name, std::move(value));
    }
    ir::TensorId scalar(const std::string& name, float value) {
        return constant(name, Tensor<float>({}, {value}));
    }
    ir::TensorId row(const std::string& name, const std::vector<float>& values) {
        return constant(name, Tensor<float>({static_cast<std::int64_t>(values.size())}, values));
    }

    // A node with one output of the given shape; returns the output.
    ir::TensorId node(const std::string& name, ir::Op op, std::vector<ir::TensorId> inputs,
                      Shape shape) {
        const ir::TensorId output = graph_.add_tensor({.name = name + ".out",
                                                       .shape = std::move(shape),
                                                       .constant = std::nullopt,
                                                       .annotation = std::nullopt});
        graph_.add_node(
            {.name = name, .op = std::move(op), .inputs = std::move(inputs), .outputs = {output}});
        return output;
    }
    void advance(const std::string& name, ir::Op op, std::vector<ir::TensorId> more = {}) {
        std::vector<ir::TensorId> inputs{current_};
        inputs.insert(inputs.end(), more.begin(), more.end());
        current_ = node(name, std::move(op), std::move(inputs), {1, width_});
    }
    void append_binary(const std::string& name, ir::BinaryKind kind, float value) {
        advance(name, ir::Binary{kind}, {scalar(name + ".value", value)});
    }

    // A quantiser behind `x`; `scale` has the values, `shape` how they broadcast against x.
    ir::TensorId quantised(const std::string& name, ir::TensorId x, const QuantiserSpec& spec,
                           const std::vector<float>& scale, Shape scale_shape, Shape shape) {
        const ir::TensorId factor =
            constant(name + ".scale", Tensor<float>(std::move(scale_shape), scale));
        if (spec.is_bipolar()) {
            return node(name, ir::BipolarQuant{}, {x, factor}, std::move(shape));
        }
        const ir::Quant op{.is_signed = spec.type.is_signed,
                           .narrow = spec.type.narrow,
                           .rounding = RoundingMode::kHalfEven};
        return node(name, op,
                    {x, factor, scalar(name + ".zero_point", 0.0F),
                     scalar(name + ".bits", static_cast<float>(spec.type.bits))},
                    std::move(shape));
    }

    void append(const std::string& name, const TrainedLinear& linear) {
        // (outputs, inputs) -> (inputs, outputs), level * scale.
        Tensor<float> weights({linear.inputs, linear.outputs});
        for (std::int64_t out = 0; out < linear.outputs; ++out) {
            const float scale =
                linear.scale.empty()
                    ? 1.0F
                    : linear.scale[linear.scale.size() == 1 ? 0 : static_cast<std::size_t>(out)];
            for (std::int64_t in = 0; in < linear.inputs; ++in) {
                weights[in * linear.outputs + out] =
                    linear.weights[out * linear.inputs + in] * scale;
            }
        }
        ir::TensorId matrix = constant(name + ".weight", std::move(weights));
        if (linear.quantiser) {
            const Shape scale_shape = linear.scale.size() == 1 ? Shape{} : Shape{1, linear.outputs};
            matrix = quantised(name + ".weight_quant", matrix, *linear.quantiser, linear.scale,
                               scale_shape, {linear.inputs, linear.outputs});
        }
        width_ = linear.outputs;
        advance(name, ir::MatMul{}, {matrix});
        if (!linear.bias.empty()) {
            advance(name + ".bias_add", ir::Binary{ir::BinaryKind::kAdd},
                    {row(name + ".bias", linear.bias)});
        }
    }

    void append(const std::string& name, const TrainedNorm& norm) {
        advance(name, ir::BatchNormalization{.epsilon = norm.epsilon},
                {row(name + ".gamma", norm.gamma), row(name + ".beta", norm.beta),
                 row(name + ".mean", norm.mean), row(name + ".variance", norm.variance)});
    }

    void append(const std::string& name, const TrainedActivation& activation) {
        switch (activation.function) {
            case Activation::kIdentity:
                break;
            case Activation::kRelu:
                advance(name, ir::Unary{ir::UnaryKind::kRelu});
                break;
            case Activation::kHardTanh:
                advance(name, ir::Clip{},
                        {scalar(name + ".lo", -1.0F), scalar(name + ".hi", 1.0F)});
                break;
            case Activation::kSigmoid:
                advance(name, ir::Unary{ir::UnaryKind::kSigmoid});
                break;
            case Activation::kTanh:
                advance(name, ir::Unary{ir::UnaryKind::kTanh});
                break;
        }
        if (activation.quantiser) {
            const Shape scale_shape = activation.scale.size() == 1 ? Shape{} : Shape{1, width_};
            current_ = quantised(
                activation.function == Activation::kIdentity ? name : name + ".quant", current_,
                *activation.quantiser, activation.scale, scale_shape, {1, width_});
        }
    }

    const TrainedModel& model_;
    ir::Graph graph_;
    ir::TensorId current_ = ir::TensorId::kNone;
    std::int64_t width_ = 0;
};

}  // namespace

ir::Graph export_graph(const TrainedModel& model) { return Exporter(model).run(); }

}  // namespace qloom::train
