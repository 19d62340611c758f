#include "ptq/prepare.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "ir/infer_shapes.h"
#include "ptq/layer.h"

namespace qloom::ptq {
namespace {

// y = factor * x + addend, one a channel.
struct ChannelAffine {
    std::vector<double> factor;
    std::vector<double> addend;
};

const Tensor<float>* float_constant(const ir::Graph& graph, const ir::Node& node,
                                    std::size_t input) {
    if (input >= node.inputs.size() || !graph.is_constant(node.inputs[input])) {
        return nullptr;
    }
    return std::get_if<Tensor<float>>(&*graph.tensor(node.inputs[input]).constant);
}

// One number a channel out of a constant that broadcasts against a tensor of `rank` axes along
// `axis` alone.
std::optional<std::vector<double>> along(const Tensor<float>& constant, std::int64_t rank,
                                         std::int64_t axis, std::int64_t channels) {
    if (constant.rank() > rank) {
        return std::nullopt;
    }
    for (std::int64_t i = 0; i < constant.rank(); ++i) {
        const bool is_axis = rank - constant.rank() + i == axis;
        if (constant.dim(i) != 1 && !(is_axis && constant.dim(i) == channels)) {
            return std::nullopt;
        }
    }
    std::vector<double> values(constant.begin(), constant.end());
    values.resize(static_cast<std::size_t>(channels), values[0]);
    return values;
}

std::optional<ChannelAffine> affine_of(const ir::Graph& graph, const ir::Node& node,
                                       ir::TensorId data, std::int64_t rank, std::int64_t axis,
                                       std::int64_t channels) {
    const auto count = static_cast<std::size_t>(channels);
    ChannelAffine affine{std::vector<double>(count, 1.0), std::vector<double>(count, 0.0)};
    if (const auto* norm = std::get_if<ir::BatchNormalization>(&node.op)) {
        const std::int64_t norm_axis = norm->channels_last ? rank - 1 : 1;
        if (norm_axis != axis || node.inputs[0] != data) {
            return std::nullopt;
        }
        const Tensor<float>* parameters[4];
        for (std::size_t i = 0; i < 4; ++i) {
            parameters[i] = float_constant(graph, node, i + 1);
            if (parameters[i] == nullptr) {
                return std::nullopt;
            }
        }
        for (std::size_t c = 0; c < count; ++c) {
            const auto at = [&](int i) {
                return static_cast<double>((*parameters[i])[static_cast<std::int64_t>(c)]);
            };
            affine.factor[c] = at(0) / std::sqrt(at(3) + static_cast<double>(norm->epsilon));
            affine.addend[c] = at(1) - at(2) * affine.factor[c];
        }
        return affine;
    }
    const auto* binary = std::get_if<ir::Binary>(&node.op);
    if (binary == nullptr || node.inputs[0] == node.inputs[1]) {
        return std::nullopt;
    }
    const bool first = node.inputs[0] == data;
    const Tensor<float>* constant = float_constant(graph, node, first ? 1 : 0);
    const auto numbers =
        constant == nullptr ? std::nullopt : along(*constant, rank, axis, channels);
    if (!numbers) {
        return std::nullopt;
    }
    switch (binary->kind) {
        case ir::BinaryKind::kAdd:
            affine.addend = *numbers;
            return affine;
        case ir::BinaryKind::kSub:
            affine.addend = *numbers;
            for (double& value : first ? affine.addend : affine.factor) {
                value = -value;
            }
            return affine;
        case ir::BinaryKind::kMul:
            affine.factor = *numbers;
            return affine;
        case ir::BinaryKind::kDiv:
            if (!first || std::ranges::find(*numbers, 0.0) != numbers->end()) {
                return std::nullopt;
            }
            std::ranges::transform(*numbers, affine.factor.begin(),
                                   [](double x) { return 1.0 / x; });
            return affine;
        case ir::BinaryKind::kPow:
        case ir::BinaryKind::kMin:
        case ir::BinaryKind::kMax:
            return std::nullopt;
    }
    return std::nullopt;
}

// Folds what follows a layer into it and gives it constants of its own.
class LayerFolder {
public:
    LayerFolder(ir::Graph& graph, ir::NodeId id)
        : graph_(graph), id_(id), erase_(graph.nodes().size(), false) {}

    // The nodes that became part of the layer.
    std::vector<bool> run() {
        const ir::Node node = graph_.node(id_);
        dense_ = std::holds_alternative<ir::MatMul>(node.op);
        const Shape shape = *graph_.tensor(node.outputs[0]).shape;
        const auto rank = static_cast<std::int64_t>(shape.size());
        const std::int64_t axis = dense_ ? rank - 1 : 1;
        const std::int64_t channels = shape[static_cast<std::size_t>(axis)];
        bias_.assign(static_cast<std::size_t>(channels), 0.0);
        factor_.assign(static_cast<std::size_t>(channels), 1.0);
        if (const Tensor<float>* own = dense_ ? nullptr : float_constant(graph_, node, 2)) {
            bias_.assign(own->begin(), own->end());
        }
        const ir::Uses uses(graph_);
        while (true) {
            const ir::TensorId output = graph_.node(id_).outputs[0];
            const std::vector<ir::NodeId>& readers = uses.consumers(output);
            if (readers.size() != 1 ||
                std::ranges::find(graph_.outputs(), output) != graph_.outputs().end()) {
                break;
            }
            const ir::Node& next = graph_.node(readers[0]);
            const auto affine = affine_of(graph_, next, output, rank, axis, channels);
            if (!affine || *graph_.tensor(next.outputs[0]).shape != shape) {
                break;
            }
            for (std::size_t c = 0; c < bias_.size(); ++c) {
                factor_[c] *= affine->factor[c];
                bias_[c] = bias_[c] * affine->factor[c] + affine->addend[c];
            }
            erase_[index_of(readers[0])] = true;
            graph_.node(id_).outputs[0] = next.outputs[0];
        }
        write(shape);
        return std::move(erase_);
    }

private:
    void write(const Shape& shape) {
        const std::string name = graph_.node(id_).name;
        const ir::TensorId old = graph_.node(id_).inputs[1];
        const ir::TensorId weights = graph_.add_constant(
            graph_.fresh_tensor_name(name + "_weights"), scaled(*graph_.tensor(old).constant));
        graph_.node(id_).inputs[1] = weights;
        Tensor<float> bias(Shape{static_cast<std::int64_t>(bias_.size())});
        std::ranges::transform(bias_, bias.begin(), [](double x) { return static_cast<float>(x); });
        const ir::TensorId bias_id =
            graph_.add_constant(graph_.fresh_tensor_name(name + "_bias"), std::move(bias));
        if (!dense_) {
            graph_.node(id_).inputs.resize(3);
            graph_.node(id_).inputs[2] = bias_id;
            return;
        }
        const ir::TensorId output = graph_.node(id_).outputs[0];
        const ir::TensorId product =
            graph_.add_tensor({.name = graph_.fresh_tensor_name(name + "_product"),
                               .type = ir::ElementType::kFloat32,
                               .shape = shape,
                               .constant = std::nullopt,
                               .annotation = std::nullopt});
        graph_.node(id_).outputs[0] = product;
        graph_.add_node({graph_.fresh_node_name(name + "_add"),
                         ir::Binary{ir::BinaryKind::kAdd},
                         {product, bias_id},
                         {output}});
    }

    // The weights times one factor an output channel.
    [[nodiscard]] Tensor<float> scaled(const ir::Value& value) const {
        Tensor<float> weights = std::get<Tensor<float>>(value);
        const ir::Op& op = graph_.node(id_).op;
        const auto* transposed = std::get_if<ir::ConvTranspose>(&op);
        const std::int64_t inner =
            dense_ ? 1 : weights.size() / weights.dim(0) / (transposed ? weights.dim(1) : 1);
        for (std::int64_t i = 0; i < weights.size(); ++i) {
            std::int64_t channel = i / inner;  // Conv: (channels, ...)
            if (dense_) {
                channel = i % weights.dim(1);
            } else if (transposed != nullptr) {  // (groups * inputs, channels a group, taps)
                const std::int64_t input = channel / weights.dim(1);
                const std::int64_t group = input / (weights.dim(0) / transposed->group);
                channel = group * weights.dim(1) + channel % weights.dim(1);
            }
            weights[i] = static_cast<float>(static_cast<double>(weights[i]) *
                                            factor_[static_cast<std::size_t>(channel)]);
        }
        return weights;
    }

    ir::Graph& graph_;
    ir::NodeId id_;
    std::vector<bool> erase_;
    bool dense_ = false;
    std::vector<double> bias_;
    std::vector<double> factor_;
};

bool is_rising(const ir::Graph& graph, const ir::Node& node) {
    if (const auto* unary = std::get_if<ir::Unary>(&node.op)) {
        return unary->kind != ir::UnaryKind::kNeg && unary->kind != ir::UnaryKind::kIdentity &&
               curve_of(graph, node) == Curve::kMonotone;
    }
    return (std::holds_alternative<ir::Parametric>(node.op) ||
            std::holds_alternative<ir::Clip>(node.op)) &&
           curve_of(graph, node) == Curve::kMonotone;
}

// One exchange of a pool and the rising function behind it; false where there is none left.
bool exchange_pool(ir::Graph& graph) {
    const ir::Uses uses(graph);
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const ir::Node& pool = graph.nodes()[n];
        if (!std::holds_alternative<ir::MaxPool>(pool.op)) {
            continue;
        }
        const ir::TensorId middle = pool.outputs[0];
        const std::vector<ir::NodeId>& readers = uses.consumers(middle);
        if (readers.size() != 1 ||
            std::ranges::find(graph.outputs(), middle) != graph.outputs().end() ||
            !is_rising(graph, graph.node(readers[0]))) {
            continue;
        }
        const ir::TensorId input = pool.inputs[0];
        ir::TensorInfo info;
        info.name = graph.fresh_tensor_name(graph.tensor(middle).name + "_before");
        info.shape = graph.tensor(input).shape;
        const ir::TensorId before = graph.add_tensor(std::move(info));
        ir::Node& function = graph.node(readers[0]);
        ir::Node& moved = graph.node(static_cast<ir::NodeId>(n));
        moved.outputs[0] = function.outputs[0];
        moved.inputs[0] = before;
        function.inputs[0] = input;
        function.outputs[0] = before;
        graph.sort();
        return true;
    }
    return false;
}

}  // namespace

Curve curve_of(const ir::Graph& graph, const ir::Node& node) {
    std::size_t computed = 0;
    for (const ir::TensorId id : node.inputs) {
        computed += id != ir::TensorId::kNone && !graph.is_constant(id) ? 1 : 0;
    }
    if (computed != 1) {
        return Curve::kNone;
    }
    if (const auto* unary = std::get_if<ir::Unary>(&node.op)) {
        switch (unary->kind) {
            case ir::UnaryKind::kIdentity:
            case ir::UnaryKind::kNeg:
                return Curve::kAffine;
            case ir::UnaryKind::kRelu:
            case ir::UnaryKind::kSigmoid:
            case ir::UnaryKind::kTanh:
            case ir::UnaryKind::kSqrt:
            case ir::UnaryKind::kExp:
            case ir::UnaryKind::kLog:
            case ir::UnaryKind::kFloor:
            case ir::UnaryKind::kCeil:
            case ir::UnaryKind::kRound:
            case ir::UnaryKind::kSign:
            case ir::UnaryKind::kErf:
            case ir::UnaryKind::kSoftplus:
            case ir::UnaryKind::kSoftsign:
                return Curve::kMonotone;
            case ir::UnaryKind::kAbs:
            case ir::UnaryKind::kReciprocal:
            case ir::UnaryKind::kHardSwish:
                return Curve::kCurved;
            case ir::UnaryKind::kNot:
                return Curve::kNone;
        }
    }
    if (const auto* parametric = std::get_if<ir::Parametric>(&node.op)) {
        return parametric->alpha >= 0.0F ? Curve::kMonotone : Curve::kCurved;
    }
    if (std::holds_alternative<ir::Clip>(node.op)) {
        return graph.is_constant(node.inputs[0]) ? Curve::kNone : Curve::kMonotone;
    }
    if (std::holds_alternative<ir::PRelu>(node.op)) {
        const Tensor<float>* slope = float_constant(graph, node, 1);
        if (slope == nullptr) {
            return Curve::kNone;
        }
        return std::ranges::all_of(*slope, [](float x) { return x >= 0.0F; }) ? Curve::kMonotone
                                                                              : Curve::kCurved;
    }
    if (const auto* binary = std::get_if<ir::Binary>(&node.op)) {
        switch (binary->kind) {
            case ir::BinaryKind::kAdd:
            case ir::BinaryKind::kSub:
            case ir::BinaryKind::kMul:
                return Curve::kAffine;
            case ir::BinaryKind::kDiv:
                return graph.is_constant(node.inputs[1]) ? Curve::kAffine : Curve::kCurved;
            case ir::BinaryKind::kMin:
            case ir::BinaryKind::kMax:
                return Curve::kMonotone;
            case ir::BinaryKind::kPow:
                return Curve::kCurved;
        }
    }
    const bool affine = std::holds_alternative<ir::BatchNormalization>(node.op) ||
                        std::holds_alternative<ir::Dropout>(node.op);
    return affine ? Curve::kAffine : Curve::kNone;
}

ir::Graph prepare(ir::Graph graph) {
    std::vector<bool> erase(graph.nodes().size(), false);
    const std::size_t count = graph.nodes().size();
    for (std::size_t n = 0; n < count; ++n) {
        if (erase[n] || !has_constant_weights(graph, graph.nodes()[n])) {
            continue;
        }
        const std::vector<bool> folded = LayerFolder(graph, static_cast<ir::NodeId>(n)).run();
        for (std::size_t i = 0; i < count; ++i) {
            erase[i] = erase[i] || folded[i];
        }
    }
    erase.resize(graph.nodes().size(), false);
    graph.erase_nodes(erase);
    graph.sort();
    while (exchange_pool(graph)) {
    }
    ir::infer_shapes(graph);
    return graph;
}

}  // namespace qloom::ptq
