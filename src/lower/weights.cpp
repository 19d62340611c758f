#include "lower/weights.h"

#include <algorithm>
#include <cmath>

#include "ir/execute.h"

namespace qloom::lower {
namespace {

// Beyond this, "all values are integers" is a coincidence or a table of indices, not a weight.
constexpr double kLargestPlainWeight = 32768.0;

const Tensor<float>* floats(const ir::Value* value) {
    return value == nullptr ? nullptr : std::get_if<Tensor<float>>(value);
}

// `operand` broadcast (numpy rules) to `shape`, as doubles.
std::optional<Tensor<double>> broadcast(const ir::Value& operand, const Shape& shape) {
    const Shape& from = ir::shape_of(operand);
    if (from.size() > shape.size() && element_count(from) != 1) {
        return std::nullopt;
    }
    const std::size_t offset = shape.size() - std::min(shape.size(), from.size());
    std::vector<std::int64_t> strides(shape.size(), 0);
    std::int64_t stride = 1;
    for (std::size_t i = from.size(); i-- > 0 && element_count(from) != 1;) {
        if (from[i] != 1 && from[i] != shape[offset + i]) {
            return std::nullopt;
        }
        strides[offset + i] = from[i] == 1 ? 0 : stride;
        stride *= from[i];
    }
    Tensor<double> result(shape);
    std::vector<std::int64_t> index(shape.size(), 0);
    for (std::int64_t i = 0; i < result.size(); ++i) {
        std::int64_t at = 0;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            at += index[axis] * strides[axis];
        }
        result[i] = std::visit([at](const auto& tensor) { return static_cast<double>(tensor[at]); }, operand);
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            if (++index[axis] < shape[axis]) {
                break;
            }
            index[axis] = 0;
        }
    }
    return result;
}

// ints = round(real / scale), which is exact: `real` came out of the quantiser as integer * scale.
std::optional<ScaledWeights> levels_of(const ir::Value& quantised, const ir::Value& scale) {
    const auto* real = std::get_if<Tensor<float>>(&quantised);
    if (real == nullptr) {
        return std::nullopt;
    }
    std::optional<Tensor<double>> scales = broadcast(scale, real->shape());
    if (!scales) {
        return std::nullopt;
    }
    ScaledWeights result{Tensor<std::int64_t>(real->shape()), std::move(*scales)};
    for (std::int64_t i = 0; i < real->size(); ++i) {
        result.ints[i] = std::llround(static_cast<double>((*real)[i]) / result.scale[i]);
    }
    return result;
}

template <class T>
Tensor<T> transposed(const Tensor<T>& tensor, const std::vector<std::int64_t>& perm) {
    const std::size_t rank = tensor.shape().size();
    Shape shape(rank);
    std::vector<std::int64_t> strides(rank, 1);
    for (std::size_t i = rank; i-- > 1;) {
        strides[i - 1] = strides[i] * tensor.shape()[i];
    }
    std::vector<std::int64_t> step(rank);
    for (std::size_t i = 0; i < rank; ++i) {
        const auto from = perm.empty() ? rank - 1 - i : static_cast<std::size_t>(perm[i]);
        shape[i] = tensor.shape()[from];
        step[i] = strides[from];
    }
    Tensor<T> result(shape);
    std::vector<std::int64_t> index(rank, 0);
    for (std::int64_t i = 0; i < result.size(); ++i) {
        std::int64_t at = 0;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            at += index[axis] * step[axis];
        }
        result[i] = tensor[at];
        for (std::size_t axis = rank; axis-- > 0;) {
            if (++index[axis] < shape[axis]) {
                break;
            }
            index[axis] = 0;
        }
    }
    return result;
}

std::optional<ScaledWeights> plain_integers(const ir::Value& value) {
    const auto* real = floats(&value);
    if (real == nullptr || real->empty()) {
        return std::nullopt;
    }
    ScaledWeights result{Tensor<std::int64_t>(real->shape()), Tensor<double>(real->shape(), 1.0)};
    for (std::int64_t i = 0; i < real->size(); ++i) {
        const double number = static_cast<double>((*real)[i]);
        if (number != std::nearbyint(number) || std::abs(number) > kLargestPlainWeight) {
            return std::nullopt;
        }
        result.ints[i] = static_cast<std::int64_t>(number);
    }
    return result;
}

}  // namespace

std::optional<ScaledWeights> quantised_constant(const ir::Node& node, const std::vector<const ir::Value*>& inputs) {
    const bool is_quantiser = std::holds_alternative<ir::Quant>(node.op) ||
                              std::holds_alternative<ir::BipolarQuant>(node.op) ||
                              std::holds_alternative<ir::DequantizeLinear>(node.op);
    if (!is_quantiser || inputs.size() < 2 || inputs[1] == nullptr) {
        return std::nullopt;
    }
    const std::vector<ir::Value> outputs = ir::run_node(node, inputs);
    if (const auto* dequantise = std::get_if<ir::DequantizeLinear>(&node.op)) {
        // A per-axis scale is a vector along `axis`, not aligned at the right.
        const Shape& shape = ir::shape_of(outputs[0]);
        const Shape& scale_shape = ir::shape_of(*inputs[1]);
        if (scale_shape.size() == 1 && scale_shape[0] > 1) {
            Shape aligned(shape.size(), 1);
            const auto rank = static_cast<std::int64_t>(shape.size());
            const std::int64_t axis = dequantise->axis < 0 ? dequantise->axis + rank : dequantise->axis;
            aligned[static_cast<std::size_t>(axis)] = scale_shape[0];
            const auto& vector = std::get<Tensor<float>>(*inputs[1]);
            return levels_of(outputs[0], vector.reshaped(aligned));
        }
    }
    return levels_of(outputs[0], *inputs[1]);
}

Constants::Constants(const ir::Graph& graph)
    : graph_(graph),
      producer_(graph.tensors().size(), ir::NodeId::kNone),
      folded_(graph.tensors().size()),
      state_(graph.tensors().size(), 0) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        for (const ir::TensorId output : graph.nodes()[i].outputs) {
            if (output != ir::TensorId::kNone) {
                producer_[index_of(output)] = static_cast<ir::NodeId>(i);
            }
        }
    }
}

const ir::Value* Constants::value(ir::TensorId id) {
    if (id == ir::TensorId::kNone) {
        return nullptr;
    }
    const ir::TensorInfo& info = graph_.tensor(id);
    if (info.constant) {
        return &*info.constant;
    }
    char& state = state_[index_of(id)];
    if (state == 0) {
        state = 2;
        if (producer_[index_of(id)] != ir::NodeId::kNone) {
            const ir::Node& node = graph_.node(producer_[index_of(id)]);
            std::vector<const ir::Value*> inputs;
            bool all_constant = true;
            for (const ir::TensorId input : node.inputs) {
                inputs.push_back(value(input));
                all_constant = all_constant && (input == ir::TensorId::kNone || inputs.back() != nullptr);
            }
            if (all_constant) {
                std::vector<ir::Value> outputs = ir::run_node(node, inputs);
                for (std::size_t i = 0; i < node.outputs.size() && i < outputs.size(); ++i) {
                    if (node.outputs[i] != ir::TensorId::kNone) {
                        folded_[index_of(node.outputs[i])] = std::move(outputs[i]);
                        state_[index_of(node.outputs[i])] = 1;
                    }
                }
            }
        }
    }
    return state == 1 ? &*folded_[index_of(id)] : nullptr;
}

std::optional<ScaledWeights> Constants::from_quantiser(const ir::Node& node) {
    std::vector<const ir::Value*> inputs;
    for (const ir::TensorId input : node.inputs) {
        inputs.push_back(value(input));
    }
    return quantised_constant(node, inputs);
}

std::optional<ScaledWeights> Constants::weights(ir::TensorId id) {
    if (value(id) == nullptr) {
        return std::nullopt;
    }
    if (!graph_.is_constant(id)) {
        const ir::Node& node = graph_.node(producer_[index_of(id)]);
        if (std::optional<ScaledWeights> quantised = from_quantiser(node)) {
            return quantised;
        }
        if (const auto* transpose = std::get_if<ir::Transpose>(&node.op)) {
            if (std::optional<ScaledWeights> inner = weights(node.inputs[0])) {
                return ScaledWeights{transposed(inner->ints, transpose->perm), transposed(inner->scale, transpose->perm)};
            }
        }
        if (std::holds_alternative<ir::Reshape>(node.op) || std::holds_alternative<ir::Flatten>(node.op) ||
            std::holds_alternative<ir::Squeeze>(node.op) || std::holds_alternative<ir::Unsqueeze>(node.op)) {
            if (std::optional<ScaledWeights> inner = weights(node.inputs[0])) {
                const Shape shape = ir::shape_of(*value(id));
                return ScaledWeights{std::move(inner->ints).reshaped(shape), std::move(inner->scale).reshaped(shape)};
            }
        }
        if (const auto* unary = std::get_if<ir::Unary>(&node.op); unary != nullptr && unary->kind == ir::UnaryKind::kIdentity) {
            return weights(node.inputs[0]);
        }
        if (const auto* binary = std::get_if<ir::Binary>(&node.op);
            binary != nullptr && (binary->kind == ir::BinaryKind::kMul || binary->kind == ir::BinaryKind::kDiv)) {
            std::optional<ScaledWeights> inner = weights(node.inputs[0]);
            const ir::Value* factor = value(node.inputs[1]);
            if (inner && factor != nullptr) {
                if (const auto factors = broadcast(*factor, inner->ints.shape())) {
                    for (std::int64_t i = 0; i < factors->size(); ++i) {
                        inner->scale[i] = binary->kind == ir::BinaryKind::kMul ? inner->scale[i] * (*factors)[i]
                                                                               : inner->scale[i] / (*factors)[i];
                    }
                    return inner;
                }
            }
        }
    }
    return plain_integers(*value(id));
}

}  // namespace qloom::lower
