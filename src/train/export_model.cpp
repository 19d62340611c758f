#include "train/export_model.h"

#include <map>
#include <utility>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

// (height, width) along as many axes as the layer has.
std::vector<std::int64_t> along_axes(const Pair& pair, int axes) {
    return axes == 1 ? std::vector<std::int64_t>{pair[1]}
                     : std::vector<std::int64_t>{pair[0], pair[1]};
}

std::vector<std::int64_t> joined(std::vector<std::int64_t> a, const std::vector<std::int64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::size_t pick(std::size_t count, std::int64_t index) {
    return count == 1 ? 0 : static_cast<std::size_t>(index);
}

class Exporter {
public:
    explicit Exporter(const TrainedNetwork& network) : network_(network) {}

    ir::Graph run() {
        graph_.name = network_.name;
        add_input();
        for (const TrainedLayer& layer : network_.layers) {
            from_.clear();
            for (const std::string& name : layer.from) {
                from_.push_back(results_.at(name));
            }
            layer_ = &layer;
            current_ = from_.front();
            shape_ = graph_.tensor(current_).shape.value();
            std::visit([&](const auto& kind) { append(kind); }, layer.kind);
            results_[layer.name] = current_;
        }
        graph_.tensor(current_).name = "logits";
        graph_.set_outputs({current_});
        return std::move(graph_);
    }

private:
    void add_input() {
        const InputSpec& spec = network_.input;
        Shape shape = spec.shape;
        shape.insert(shape.begin(), 1);
        current_ = graph_.add_tensor({.name = "input",
                                      .type = ir::ElementType::kFloat32,
                                      .shape = shape,
                                      .constant = std::nullopt,
                                      .annotation = std::nullopt});
        shape_ = shape;
        if (network_.input_is_bytes) {
            graph_.tensor(current_).annotation = IntType{8, false};
            graph_.metadata.emplace_back("qloom.input", "uint8");
        }
        graph_.set_inputs({current_});
        append_affine("input_scale", ir::BinaryKind::kMul, spec.scale, 1.0);
        append_affine("input_offset", ir::BinaryKind::kAdd, spec.offset, 0.0);
        if (spec.quantiser) {
            append_quantiser("input_quant", *spec.quantiser, network_.input_levels);
        }
        results_[kInputName] = current_;
    }

    // One value, or one a channel; nothing when it would change nothing.
    void append_affine(const std::string& name, ir::BinaryKind kind,
                       const std::vector<double>& values, double neutral) {
        if (values == std::vector<double>{neutral}) {
            return;
        }
        const std::vector<float> floats(values.begin(), values.end());
        advance(name, ir::Binary{kind}, {spread(name + ".value", floats)});
    }

    ir::TensorId constant(const std::string& name, Tensor<float> value) {
        return graph_.add_constant(name, std::move(value));
    }
    ir::TensorId scalar(const std::string& name, float value) {
        return constant(name, Tensor<float>({}, {value}));
    }
    ir::TensorId row(const std::string& name, const std::vector<float>& values) {
        return constant(name, Tensor<float>({static_cast<std::int64_t>(values.size())}, values));
    }
    // One value, or one a channel along axis 1 of what flows.
    ir::TensorId spread(const std::string& name, const std::vector<float>& values) {
        Shape shape;
        if (values.size() > 1) {
            shape.assign(shape_.size(), 1);
            shape[1] = static_cast<std::int64_t>(values.size());
        }
        return constant(name, Tensor<float>(std::move(shape), values));
    }

    // A node with one output of the given shape; returns the output.
    ir::TensorId node(const std::string& name, ir::Op op, std::vector<ir::TensorId> inputs,
                      Shape shape) {
        const ir::TensorId output = graph_.add_tensor({.name = name + ".out",
                                                       .type = ir::ElementType::kFloat32,
                                                       .shape = std::move(shape),
                                                       .constant = std::nullopt,
                                                       .annotation = std::nullopt});
        graph_.add_node(
            {.name = name, .op = std::move(op), .inputs = std::move(inputs), .outputs = {output}});
        return output;
    }
    // A node behind what flows, with the shape kept in shape_.
    void advance(const std::string& name, ir::Op op, std::vector<ir::TensorId> more = {}) {
        more.insert(more.begin(), current_);
        current_ = node(name, std::move(op), std::move(more), shape_);
    }
    [[nodiscard]] Shape frame_shape() const {
        Shape shape = layer_->shape;
        shape.insert(shape.begin(), 1);
        return shape;
    }

    // A quantiser behind `x` whose scale and zero point are tensors already.
    ir::TensorId quantised(const std::string& name, ir::TensorId x, IntType type, bool bipolar,
                           ir::TensorId scale, ir::TensorId zero, Shape shape) {
        if (bipolar) {
            return node(name, ir::BipolarQuant{}, {x, scale}, std::move(shape));
        }
        const ir::Quant op{.is_signed = type.is_signed,
                           .narrow = type.narrow,
                           .rounding = RoundingMode::kHalfEven};
        return node(name, op,
                    {x, scale, zero, scalar(name + ".bits", static_cast<float>(type.bits))},
                    std::move(shape));
    }
    ir::TensorId zero_tensor(const std::string& name, const TrainedLevels& levels,
                             const Shape& scale_shape) {
        return levels.zero.empty()
                   ? scalar(name + ".zero_point", 0.0F)
                   : constant(name + ".zero_point", Tensor<float>(scale_shape, levels.zero));
    }

    void append_quantiser(const std::string& name, const QuantiserSpec& spec,
                          const TrainedLevels& levels) {
        current_ = quantised_by(name, current_, spec, levels);
    }
    ir::TensorId quantised_by(const std::string& name, ir::TensorId x, const QuantiserSpec& spec,
                              const TrainedLevels& levels) {
        const ir::TensorId scale = spread(name + ".scale", levels.scale);
        const Shape scale_shape = ir::shape_of(*graph_.tensor(scale).constant);
        const ir::TensorId zero =
            spec.is_bipolar() ? ir::TensorId::kNone : zero_tensor(name, levels, scale_shape);
        return quantised(name, x, spec.type, spec.is_bipolar(), scale, zero, shape_);
    }

    // The weights of a layer behind their quantiser: `values` are level * scale; `scale_shape` is
    // how a scale a channel spreads over them.
    ir::TensorId weights(const TrainedWeights& numbers, Tensor<float> values,
                         const Shape& channel_shape) {
        const std::string& name = layer_->name;
        const Shape shape = values.shape();
        const ir::TensorId matrix = constant(name + ".weight", std::move(values));
        if (!numbers.quantiser) {
            return matrix;
        }
        const Shape scale_shape = numbers.levels.scale.size() == 1 ? Shape{} : channel_shape;
        const std::string quant = name + ".weight_quant";
        const ir::TensorId scale =
            constant(quant + ".scale", Tensor<float>(scale_shape, numbers.levels.scale));
        const bool bipolar = numbers.quantiser->is_bipolar();
        const ir::TensorId zero =
            bipolar ? ir::TensorId::kNone : zero_tensor(quant, numbers.levels, scale_shape);
        return quantised(quant, matrix, numbers.quantiser->type, bipolar, scale, zero, shape);
    }

    // None when the layer has no bias.
    ir::TensorId bias(const TrainedWeights& numbers) {
        if (numbers.bias.empty()) {
            return ir::TensorId::kNone;
        }
        const std::string& name = layer_->name;
        const ir::TensorId values = row(name + ".bias", numbers.bias);
        if (!numbers.bias_quantiser) {
            return values;
        }
        const IntType type{.bits = numbers.bias_quantiser->bits, .is_signed = true, .narrow = true};
        const std::string quant = name + ".bias_quant";
        const ir::TensorId scale = numbers.bias_scale.size() == 1
                                       ? scalar(quant + ".scale", numbers.bias_scale[0])
                                       : row(quant + ".scale", numbers.bias_scale);
        return quantised(quant, values, type, false, scale, scalar(quant + ".zero_point", 0.0F),
                         {static_cast<std::int64_t>(numbers.bias.size())});
    }

    void append(const TrainedNothing&) {}

    void append(const TrainedLinear& linear) {
        // (outputs, inputs) -> (inputs, outputs), level * scale.
        const TrainedWeights& numbers = linear.numbers;
        Tensor<float> values({linear.inputs, linear.outputs});
        for (std::int64_t out = 0; out < linear.outputs; ++out) {
            const std::vector<float>& scales = numbers.levels.scale;
            const float scale = scales.empty() ? 1.0F : scales[pick(scales.size(), out)];
            for (std::int64_t in = 0; in < linear.inputs; ++in) {
                values[in * linear.outputs + out] =
                    numbers.weights[out * linear.inputs + in] * scale;
            }
        }
        const ir::TensorId matrix = weights(numbers, std::move(values), {1, linear.outputs});
        shape_ = frame_shape();
        advance(layer_->name, ir::MatMul{}, {matrix});
        if (const ir::TensorId added = bias(numbers); added != ir::TensorId::kNone) {
            advance(layer_->name + ".bias_add", ir::Binary{ir::BinaryKind::kAdd}, {added});
        }
    }

    void append(const TrainedConv& conv) {
        const ConvSpec& spec = conv.spec;
        const TrainedWeights& numbers = conv.numbers;
        // The trainer's weights have two kernel axes always.
        Tensor<float> values = numbers.weights;
        const Shape& full = numbers.weights.shape();
        const std::int64_t inner = full[2] * full[3];
        if (const std::vector<float>& scales = numbers.levels.scale; !scales.empty()) {
            for (std::int64_t i = 0; i < values.size(); ++i) {
                const std::int64_t output =
                    spec.transposed ? i / inner % full[1] : i / inner / full[1];
                values[i] *= scales[pick(scales.size(), output)];
            }
        }
        Shape shape{full[0], full[1]};
        shape = joined(shape, along_axes(spec.kernel, spec.axes));
        Shape channel_shape(shape.size(), 1);
        channel_shape[spec.transposed ? 1 : 0] = spec.transposed ? full[1] : full[0];
        std::vector<ir::TensorId> inputs{
            weights(numbers, std::move(values).reshaped(shape), channel_shape)};
        if (const ir::TensorId added = bias(numbers); added != ir::TensorId::kNone) {
            inputs.push_back(added);
        }
        ir::Window window{.kernel = along_axes(spec.kernel, spec.axes),
                          .strides = along_axes(spec.stride, spec.axes),
                          .dilations = along_axes(spec.dilation, spec.axes),
                          .pads = joined(along_axes(spec.pad_begin, spec.axes),
                                         along_axes(spec.pad_end, spec.axes))};
        shape_ = frame_shape();
        if (spec.transposed) {
            advance(layer_->name,
                    ir::ConvTranspose{.window = std::move(window),
                                      .group = spec.groups,
                                      .output_padding = along_axes(spec.output_padding, spec.axes)},
                    inputs);
        } else {
            advance(layer_->name, ir::Conv{.window = std::move(window), .group = spec.groups},
                    inputs);
        }
    }

    void append(const TrainedNorm& norm) {
        const std::string& name = layer_->name;
        advance(name, ir::BatchNormalization{.epsilon = norm.epsilon},
                {row(name + ".gamma", norm.gamma), row(name + ".beta", norm.beta),
                 row(name + ".mean", norm.mean), row(name + ".variance", norm.variance)});
    }

    void append(const TrainedActivation& activation) {
        const std::string& name = layer_->name;
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
            append_quantiser(activation.function == Activation::kIdentity ? name : name + ".quant",
                             *activation.quantiser, activation.levels);
        }
    }

    void append(const TrainedPool& pool) {
        const PoolSpec& spec = pool.spec;
        const std::vector<std::int64_t> padding = along_axes(spec.padding, spec.axes);
        ir::Window window{.kernel = along_axes(spec.kernel, spec.axes),
                          .strides = along_axes(spec.stride, spec.axes),
                          .dilations = {},
                          .pads = joined(padding, padding)};
        const std::string& name = layer_->name;
        shape_ = frame_shape();
        switch (spec.kind) {
            case PoolKind::kMax:
                return advance(name, ir::MaxPool{.window = std::move(window)});
            case PoolKind::kAverage:
                return advance(
                    name, ir::AveragePool{.window = std::move(window), .count_include_pad = true});
            case PoolKind::kGlobalMax:
                return advance(name, ir::GlobalMaxPool{});
            case PoolKind::kGlobalAverage:
                return advance(name, ir::GlobalAveragePool{});
            case PoolKind::kTruncAverage:
                break;
        }
        const auto area = static_cast<float>(spec.kernel[0] * spec.kernel[1]);
        advance(name, ir::AveragePool{.window = std::move(window)});
        advance(name + ".sum", ir::Binary{ir::BinaryKind::kMul}, {scalar(name + ".area", area)});
        const IntType type = spec.input_type.value();
        advance(
            name + ".trunc",
            ir::Trunc{.version = 1, .is_signed = type.is_signed, .rounding = RoundingMode::kFloor},
            {scalar(name + ".trunc.scale", pool.scale), scalar(name + ".trunc.zero_point", 0.0F),
             scalar(name + ".trunc.in_bits", static_cast<float>(spec.bits + trunc_shift(spec))),
             scalar(name + ".trunc.out_bits", static_cast<float>(spec.bits))});
    }

    void append(const TrainedJoin& join) {
        const std::string& name = layer_->name;
        std::vector<ir::TensorId> parts = from_;
        if (join.spec.quantiser) {
            for (std::size_t i = 0; i < parts.size(); ++i) {
                shape_ = graph_.tensor(parts[i]).shape.value();
                parts[i] = quantised_by(fmt::format("{}.quant{}", name, i + 1), parts[i],
                                        *join.spec.quantiser, join.levels);
            }
        }
        shape_ = frame_shape();
        if (join.spec.kind == JoinKind::kConcat) {
            current_ = node(name, ir::Concat{.axis = 1}, parts, shape_);
            return;
        }
        current_ = parts[0];
        for (std::size_t i = 1; i < parts.size(); ++i) {
            advance(i + 1 == parts.size() ? name : fmt::format("{}.{}", name, i),
                    ir::Binary{ir::BinaryKind::kAdd}, {parts[i]});
        }
    }

    void append(const UpsampleSpec& upsample) {
        shape_ = frame_shape();
        std::vector<float> scales(shape_.size(), 1.0F);
        scales.back() = static_cast<float>(upsample.factor[1]);
        if (shape_.size() == 4) {
            scales[2] = static_cast<float>(upsample.factor[0]);
        }
        current_ =
            node(layer_->name,
                 ir::Resize{.mode = "nearest",
                            .coordinate_transformation = "asymmetric",
                            .nearest_mode = "floor"},
                 {current_, ir::TensorId::kNone, row(layer_->name + ".scales", scales)}, shape_);
    }

    void append(const FlattenSpec&) {
        shape_ = frame_shape();
        advance(layer_->name, ir::Flatten{.axis = 1});
    }

    const TrainedNetwork& network_;
    ir::Graph graph_;
    std::map<std::string, ir::TensorId> results_;  // by layer
    // The layer in the making: what it reads, what flows and its shape with the frame axis.
    const TrainedLayer* layer_ = nullptr;
    std::vector<ir::TensorId> from_;
    ir::TensorId current_ = ir::TensorId::kNone;
    Shape shape_;
};

}  // namespace

ir::Graph export_graph(const TrainedNetwork& network) { return Exporter(network).run(); }

}  // namespace qloom::train
