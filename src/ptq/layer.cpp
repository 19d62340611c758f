#include "ptq/layer.h"

#include <algorithm>

#include "ir/window.h"

namespace qloom::ptq {
namespace {

const Shape& shape_of(const ir::Graph& graph, ir::TensorId id) {
    const auto& shape = graph.tensor(id).shape;
    QLOOM_ASSERT(shape.has_value(), "shapes are inferred");
    return *shape;
}

const Tensor<float>& constant_of(const ir::Graph& graph, ir::TensorId id) {
    return std::get<Tensor<float>>(*graph.tensor(id).constant);
}

// Offsets into the weights of (group, row, column).
class WeightIndex {
public:
    WeightIndex(const ir::Graph& graph, const Layer& layer)
        : layer_(layer), op_(graph.node(layer.node).op), shape_(shape_of(graph, layer.weights)) {}

    [[nodiscard]] std::int64_t at(std::int64_t group, std::int64_t row, std::int64_t column) const {
        if (std::holds_alternative<ir::MatMul>(op_)) {  // (columns, rows)
            return column * layer_.rows + row;
        }
        if (std::holds_alternative<ir::Conv>(op_)) {  // (groups * rows, columns)
            return (group * layer_.rows + row) * layer_.columns + column;
        }
        // ConvTranspose: (groups * channels, rows, taps)
        const std::int64_t channels = shape_[0] / layer_.groups;
        const std::int64_t taps = layer_.columns / channels;
        const std::int64_t channel = group * channels + column / taps;
        return (channel * layer_.rows + row) * taps + column % taps;
    }

private:
    const Layer& layer_;
    const ir::Op& op_;
    const Shape& shape_;
};

}  // namespace

std::string label_of(const ir::Node& node) {
    return fmt::format("node {} ({})", node.name, ir::op_name(node.op));
}

bool has_constant_weights(const ir::Graph& graph, const ir::Node& node) {
    const bool product = std::holds_alternative<ir::MatMul>(node.op) ||
                         std::holds_alternative<ir::Conv>(node.op) ||
                         std::holds_alternative<ir::ConvTranspose>(node.op);
    if (!product || !graph.is_constant(node.inputs[1]) || graph.is_constant(node.inputs[0])) {
        return false;
    }
    if (const auto* conv = std::get_if<ir::Conv>(&node.op);
        conv != nullptr && conv->channels_last) {
        return false;
    }
    if (node.inputs.size() > 2 && node.inputs[2] != ir::TensorId::kNone &&
        !graph.is_constant(node.inputs[2])) {
        return false;
    }
    return !std::holds_alternative<ir::MatMul>(node.op) ||
           (shape_of(graph, node.inputs[1]).size() == 2 &&
            shape_of(graph, node.inputs[0]).size() >= 2);
}

std::vector<Layer> layers_of(const ir::Graph& graph) {
    const ir::Uses uses(graph);
    std::vector<Layer> layers;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const ir::Node& node = graph.nodes()[n];
        if (!has_constant_weights(graph, node)) {
            continue;
        }
        Layer layer{
            .node = static_cast<ir::NodeId>(n), .input = node.inputs[0], .weights = node.inputs[1]};
        const Shape& w = shape_of(graph, layer.weights);
        if (const auto* conv = std::get_if<ir::Conv>(&node.op)) {
            layer.groups = conv->group;
            layer.rows = w[0] / conv->group;
            layer.columns = element_count(w) / w[0];
        } else if (const auto* transposed = std::get_if<ir::ConvTranspose>(&node.op)) {
            layer.groups = transposed->group;
            layer.rows = w[1];
            layer.columns = element_count(w) / w[1] / transposed->group;
        } else {
            layer.columns = w[0];
            layer.rows = w[1];
        }
        layer.output = node.outputs[0];
        if (std::holds_alternative<ir::MatMul>(node.op)) {
            const std::vector<ir::NodeId>& readers = uses.consumers(layer.output);
            QLOOM_ASSERT(readers.size() == 1, "a prepared MatMul is read by its bias");
            layer.bias_node = readers[0];
            layer.bias = graph.node(readers[0]).inputs[1];
            layer.output = graph.node(readers[0]).outputs[0];
        } else {
            layer.bias = node.inputs[2];
        }
        layers.push_back(layer);
    }
    return layers;
}

Tensor<double> weight_matrix(const ir::Graph& graph, const Layer& layer) {
    const Tensor<float>& weights = constant_of(graph, layer.weights);
    const WeightIndex index(graph, layer);
    Tensor<double> matrix({layer.groups, layer.rows, layer.columns});
    std::int64_t to = 0;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        for (std::int64_t m = 0; m < layer.rows; ++m) {
            for (std::int64_t k = 0; k < layer.columns; ++k) {
                matrix[to++] = static_cast<double>(weights[index.at(g, m, k)]);
            }
        }
    }
    return matrix;
}

Tensor<float> weight_tensor(const ir::Graph& graph, const Layer& layer,
                            const Tensor<double>& matrix) {
    const WeightIndex index(graph, layer);
    Tensor<float> weights(shape_of(graph, layer.weights));
    std::int64_t from = 0;
    for (std::int64_t g = 0; g < layer.groups; ++g) {
        for (std::int64_t m = 0; m < layer.rows; ++m) {
            for (std::int64_t k = 0; k < layer.columns; ++k) {
                weights[index.at(g, m, k)] = static_cast<float>(matrix[from++]);
            }
        }
    }
    return weights;
}

Tensor<float> per_row(const ir::Graph& graph, const Layer& layer,
                      const std::vector<float>& values) {
    const ir::Op& op = graph.node(layer.node).op;
    const Shape& weights = shape_of(graph, layer.weights);
    if (std::holds_alternative<ir::MatMul>(op)) {
        return Tensor<float>({1, layer.rows}, values);
    }
    Shape shape(weights.size(), 1);
    if (std::holds_alternative<ir::Conv>(op)) {
        shape[0] = layer.groups * layer.rows;
        return Tensor<float>(shape, values);
    }
    // A transposed convolution's output channels lie along axis 1; with groups, the input channel
    // says which group.
    shape[0] = layer.groups == 1 ? 1 : weights[0];
    shape[1] = layer.rows;
    Tensor<float> result(shape);
    const std::int64_t channels = shape[0] / layer.groups;
    for (std::int64_t i = 0; i < result.size(); ++i) {
        const std::int64_t group = layer.groups == 1 ? 0 : i / layer.rows / channels;
        result[i] = values[static_cast<std::size_t>(group * layer.rows + i % layer.rows)];
    }
    return result;
}

Unfold::Unfold(const ir::Graph& graph, const Layer& layer)
    : columns_(layer.columns), groups_(layer.groups) {
    const ir::Node& node = graph.node(layer.node);
    const Shape& x = shape_of(graph, layer.input);
    if (std::holds_alternative<ir::MatMul>(node.op)) {
        pixels_ = element_count(x) / x[0] / columns_;
        return;
    }
    dense_ = false;
    const Shape spatial(x.begin() + 2, x.end());
    const Shape& w = shape_of(graph, layer.weights);
    const Shape kernel(w.begin() + 2, w.end());
    const auto* transposed = std::get_if<ir::ConvTranspose>(&node.op);
    const std::vector<ir::WindowAxis> axes =
        transposed != nullptr
            ? ir::resolve_transposed_window(label_of(node), *transposed, spatial, kernel)
            : ir::resolve_window(label_of(node), std::get<ir::Conv>(node.op).window, spatial,
                                 kernel);
    channels_ = x[1] / groups_;
    plane_ = element_count(spatial);
    taps_ = element_count(kernel);
    for (const ir::WindowAxis& axis : axes) {
        pixels_ *= axis.output;
    }
    from_.resize(static_cast<std::size_t>(pixels_ * taps_));
    for (std::int64_t pixel = 0; pixel < pixels_; ++pixel) {
        for (std::int64_t tap = 0; tap < taps_; ++tap) {
            std::int64_t out_rest = pixel;
            std::int64_t tap_rest = tap;
            std::int64_t at = 0;
            std::int64_t stride = 1;
            bool inside = true;
            for (std::size_t a = axes.size(); a-- > 0;) {
                const ir::WindowAxis& axis = axes[a];
                const std::int64_t o = out_rest % axis.output;
                const std::int64_t k = tap_rest % axis.kernel;
                out_rest /= axis.output;
                tap_rest /= axis.kernel;
                std::int64_t i = o * axis.stride - axis.pad_begin + k * axis.dilation;
                if (transposed !=
                    nullptr) {  // input i adds to output i * stride - pad + k * dilation
                    const std::int64_t reach = o + axis.pad_begin - k * axis.dilation;
                    inside = inside && reach >= 0 && reach % axis.stride == 0;
                    i = reach / axis.stride;
                }
                inside = inside && i >= 0 && i < axis.input;
                at += i * stride;
                stride *= axis.input;
            }
            from_[static_cast<std::size_t>(pixel * taps_ + tap)] = inside ? at : -1;
        }
    }
}

void Unfold::row(const Tensor<float>& x, std::int64_t frame, std::int64_t pixel, std::int64_t group,
                 double* to) const {
    if (dense_) {
        const float* from = x.data() + (frame * pixels_ + pixel) * columns_;
        std::copy(from, from + columns_, to);
        return;
    }
    const std::int64_t* offsets = from_.data() + pixel * taps_;
    for (std::int64_t c = 0; c < channels_; ++c) {
        const float* plane = x.data() + ((frame * groups_ + group) * channels_ + c) * plane_;
        for (std::int64_t tap = 0; tap < taps_; ++tap) {
            *to++ = offsets[tap] < 0 ? 0.0 : static_cast<double>(plane[offsets[tap]]);
        }
    }
}

}  // namespace qloom::ptq
