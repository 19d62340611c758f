#include "train/import_state.h"

#include <algorithm>

#include "base/codes/train.h"
#include "base/diagnostic.h"

namespace qloom::train {

Pair pair_of(const std::vector<std::int64_t>& values, std::int64_t fallback, std::int64_t none) {
    if (values.empty()) {
        return {fallback, fallback};
    }
    return values.size() == 1 ? Pair{none, values[0]} : Pair{values[0], values[1]};
}

void ImportState::unsupported(const ir::Node& node, const std::string& why) const {
    throw Error(code::kImportUnsupported,
                fmt::format("node {} ({})", node.name, ir::op_name(node.op)), why,
                "train a recipe of your own with these layers");
}

Shape ImportState::frame_shape(TensorId id) const {
    const Shape& shape = graph_.tensor(id).shape.value();
    return {shape.begin() + (shape.size() > 1 ? 1 : 0), shape.end()};
}

const ir::Node* ImportState::only_reader(TensorId id) const {
    const std::vector<ir::NodeId> readers = graph_.consumers(id);
    const bool output = std::ranges::find(graph_.outputs(), id) != graph_.outputs().end();
    return readers.size() == 1 && !output ? &graph_.node(readers[0]) : nullptr;
}

const Tensor<float>* ImportState::floats(TensorId id) const {
    return graph_.is_constant(id) ? std::get_if<Tensor<float>>(&*graph_.tensor(id).constant)
                                  : nullptr;
}

float ImportState::scalar(const ir::Node& node, std::size_t input) const {
    const Tensor<float>* value = input < node.inputs.size() ? floats(node.inputs[input]) : nullptr;
    if (value == nullptr || value->size() != 1) {
        unsupported(node, fmt::format("its input {} is not one constant number", input));
    }
    return (*value)[0];
}

ImportState::Operands ImportState::operands(const ir::Node& node) const {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
        if (const Tensor<float>* value = floats(node.inputs[1 - i])) {
            return {node.inputs[i], value};
        }
    }
    return {node.inputs[0], nullptr};
}

const ir::Binary* ImportState::binary(const ir::Node& node, ir::BinaryKind kind) const {
    const auto* op = std::get_if<ir::Binary>(&node.op);
    return op != nullptr && op->kind == kind ? op : nullptr;
}

std::vector<float> ImportState::channel_values(const Tensor<float>& value,
                                               const Shape& flowing) const {
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

std::string ImportState::from(const ir::Node& node, TensorId id) const {
    const auto found = names_.find(id);
    if (found == names_.end()) {
        unsupported(node, fmt::format("what it reads ({}) is not what a layer before gives",
                                      graph_.tensor(id).name));
    }
    return found->second;
}

void ImportState::finish(const ir::Node& last, std::string name, LayerKind kind,
                         std::vector<std::string> sources) {
    name = unique(name);
    done_.insert(last.name);
    names_[last.outputs[0]] = name;
    result_.layers.push_back(
        {name, std::move(kind), std::move(sources), frame_shape(last.outputs[0])});
    names_taken_.insert(name);
}

std::string ImportState::unique(const std::string& name) const {
    std::string result = name == kInputName ? "layer" : name;
    for (int i = 2; names_taken_.contains(result); ++i) {
        result = fmt::format("{}_{}", name, i);
    }
    return result;
}

void ImportState::keep(const std::string& name, Shape shape, std::vector<float> values) {
    result_.state.push_back({name, Tensor<float>(std::move(shape), std::move(values))});
}

std::optional<IntType> ImportState::levels_of(std::string name) const {
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

}  // namespace qloom::train
