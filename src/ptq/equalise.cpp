#include "ptq/equalise.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "ir/run_node.h"
#include "ptq/batches.h"

namespace qloom::ptq {
namespace {

constexpr int kMostRounds = 40;
constexpr double kSettled = 1e-3;    // of a factor's logarithm
constexpr double kMostFactor = 1e3;  // a channel that hardly says anything is not blown up further

template <class... T>
bool holds_any(const ir::Op& op) {
    return (std::holds_alternative<T>(op) || ...);
}

// f(s x) = s f(x) for every s > 0 of a channel, and channels stay along axis 1.
bool scales_by_channel(const ir::Graph& graph, const ir::Node& node) {
    if (const auto* unary = std::get_if<ir::Unary>(&node.op)) {
        return unary->kind == ir::UnaryKind::kRelu || unary->kind == ir::UnaryKind::kAbs;
    }
    if (const auto* parametric = std::get_if<ir::Parametric>(&node.op)) {
        return parametric->kind == ir::ParametricKind::kLeakyRelu;
    }
    if (holds_any<ir::PRelu>(node.op)) {
        return graph.is_constant(node.inputs[1]);
    }
    return holds_any<ir::MaxPool, ir::AveragePool, ir::GlobalAveragePool, ir::GlobalMaxPool,
                     ir::Dropout>(node.op);
}

bool moves_channels(const ir::Op& op) {
    return holds_any<ir::Reshape, ir::Flatten, ir::Transpose, ir::Squeeze, ir::Unsqueeze>(op);
}

// A tensor of one frame that holds at every place the channel (axis 1, or the last of a dense
// layer) it belongs to.
Tensor<float> channel_numbers(const Shape& shape, std::int64_t axis) {
    Tensor<float> numbers(shape);
    std::int64_t inner = 1;
    for (std::size_t i = static_cast<std::size_t>(axis) + 1; i < shape.size(); ++i) {
        inner *= shape[i];
    }
    const std::int64_t channels = shape[static_cast<std::size_t>(axis)];
    for (std::int64_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<float>(i / inner % channels);
    }
    return numbers;
}

// The channels in front of a pool, behind it: its input has one channel number for each index along
// axis 1.
std::optional<Tensor<float>> pooled(const Tensor<float>& numbers, const Shape& shape) {
    const std::int64_t channels = numbers.dim(1);
    const std::int64_t inner = numbers.size() / numbers.dim(0) / channels;
    if (shape.size() < 2 || shape[1] != channels) {
        return std::nullopt;
    }
    Tensor<float> result(shape);
    const std::int64_t result_inner = result.size() / result.dim(0) / channels;
    for (std::int64_t c = 0; c < channels; ++c) {
        const float* from = numbers.data() + c * inner;
        if (!std::all_of(from, from + inner, [&](float x) { return x == *from; })) {
            return std::nullopt;
        }
        std::fill_n(result.data() + c * result_inner, result_inner, *from);
    }
    return result;
}

class PairFinder {
public:
    PairFinder(const ir::Graph& graph, const std::vector<Layer>& layers)
        : graph_(graph), layers_(layers), uses_(graph) {}

    std::optional<LayerPair> from(std::size_t first) {
        const Layer& layer = layers_[first];
        const Shape& shape = *graph_.tensor(layer.output).shape;
        const bool dense = std::holds_alternative<ir::MatMul>(graph_.node(layer.node).op);
        Tensor<float> numbers =
            channel_numbers(shape, dense ? static_cast<std::int64_t>(shape.size()) - 1 : 1);
        ir::TensorId at = layer.output;
        while (true) {
            const std::vector<ir::NodeId>& readers = uses_.consumers(at);
            if (readers.size() != 1 ||
                std::ranges::find(graph_.outputs(), at) != graph_.outputs().end()) {
                return std::nullopt;
            }
            const ir::Node& node = graph_.node(readers[0]);
            const auto found = std::ranges::find(layers_, readers[0], &Layer::node);
            if (found != layers_.end()) {
                return node.inputs[0] == at
                           ? pair(first, static_cast<std::size_t>(found - layers_.begin()), numbers)
                           : std::nullopt;
            }
            const Shape& next = *graph_.tensor(node.outputs[0]).shape;
            if (moves_channels(node.op)) {
                const ir::Value value = numbers;
                std::vector<const ir::Value*> inputs{&value};
                for (std::size_t i = 1; i < node.inputs.size(); ++i) {
                    const bool given = node.inputs[i] != ir::TensorId::kNone;
                    inputs.push_back(given ? &*graph_.tensor(node.inputs[i]).constant : nullptr);
                }
                numbers = std::get<Tensor<float>>(ir::run_node(node, inputs)[0]);
            } else if (!scales_by_channel(graph_, node)) {
                return std::nullopt;
            } else if (next != numbers.shape()) {
                std::optional<Tensor<float>> result = pooled(numbers, next);
                if (!result) {
                    return std::nullopt;
                }
                numbers = std::move(*result);
            }
            at = node.outputs[0];
        }
    }

private:
    std::optional<LayerPair> pair(std::size_t first, std::size_t second,
                                  const Tensor<float>& numbers) const {
        const Layer& layer = layers_[second];
        LayerPair result{.first = first, .second = second, .channel = {}};
        const ir::Op& op = graph_.node(layer.node).op;
        if (std::holds_alternative<ir::MatMul>(op)) {
            // Every row of the input must read the channels in the same order.
            for (std::int64_t k = 0; k < layer.columns; ++k) {
                for (std::int64_t i = k; i < numbers.size(); i += layer.columns) {
                    if (numbers[i] != numbers[k]) {
                        return std::nullopt;
                    }
                }
                result.channel.push_back(static_cast<std::int64_t>(numbers[k]));
            }
            return result;
        }
        const auto by_channel = pooled(numbers, {1, numbers.dim(1), 1});
        if (!by_channel) {
            return std::nullopt;
        }
        const Shape& weights = *graph_.tensor(layer.weights).shape;
        const std::int64_t taps = element_count(Shape(weights.begin() + 2, weights.end()));
        const std::int64_t channels = layer.columns / taps;
        for (std::int64_t i = 0; i < layer.groups * channels; ++i) {
            for (std::int64_t tap = 0; tap < taps; ++tap) {
                result.channel.push_back(static_cast<std::int64_t>((*by_channel)[i]));
            }
        }
        return result;
    }

    const ir::Graph& graph_;
    const std::vector<Layer>& layers_;
    ir::Uses uses_;
};

class Equaliser {
public:
    Equaliser(ir::Graph& graph, const std::vector<Layer>& layers) : graph_(graph), layers_(layers) {
        for (const Layer& layer : layers) {
            matrices_.push_back(weight_matrix(graph, layer));
            const auto& bias = std::get<Tensor<float>>(*graph.tensor(layer.bias).constant);
            biases_.emplace_back(bias.begin(), bias.end());
        }
    }

    // The largest |weight| of every output channel of the first layer.
    [[nodiscard]] std::vector<double> reach_of_first(const LayerPair& pair) const {
        const Layer& layer = layers_[pair.first];
        std::vector<double> reach(static_cast<std::size_t>(layer.groups * layer.rows), 0.0);
        const Tensor<double>& w = matrices_[pair.first];
        for (std::int64_t i = 0; i < w.size(); ++i) {
            double& largest = reach[static_cast<std::size_t>(i / layer.columns)];
            largest = std::max(largest, std::abs(w[i]));
        }
        return reach;
    }

    // Divides and multiplies by sqrt(reach / reach of the second); the largest |log factor|.
    double balance(const LayerPair& pair, const std::vector<double>& reach) {
        const Layer& first = layers_[pair.first];
        const Layer& second = layers_[pair.second];
        Tensor<double>& w1 = matrices_[pair.first];
        Tensor<double>& w2 = matrices_[pair.second];
        std::vector<double> other(reach.size(), 0.0);
        const auto channel_at = [&](std::int64_t i) {  // of element i of w2
            const std::int64_t group = i / (second.rows * second.columns);
            return static_cast<std::size_t>(pair.channel[static_cast<std::size_t>(
                group * second.columns + i % second.columns)]);
        };
        for (std::int64_t i = 0; i < w2.size(); ++i) {
            other[channel_at(i)] = std::max(other[channel_at(i)], std::abs(w2[i]));
        }
        std::vector<double> factor(reach.size(), 1.0);
        double largest = 0.0;
        for (std::size_t c = 0; c < factor.size(); ++c) {
            if (reach[c] > 0.0 && other[c] > 0.0) {
                factor[c] =
                    std::clamp(std::sqrt(reach[c] / other[c]), 1.0 / kMostFactor, kMostFactor);
                largest = std::max(largest, std::abs(std::log(factor[c])));
            }
        }
        for (std::int64_t i = 0; i < w1.size(); ++i) {
            w1[i] /= factor[static_cast<std::size_t>(i / first.columns)];
        }
        for (std::size_t c = 0; c < factor.size(); ++c) {
            biases_[pair.first][c] /= factor[c];
        }
        for (std::int64_t i = 0; i < w2.size(); ++i) {
            w2[i] *= factor[channel_at(i)];
        }
        return largest;
    }

    void write() {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            graph_.tensor(layers_[l].weights).constant =
                weight_tensor(graph_, layers_[l], matrices_[l]);
            Tensor<float> bias(Shape{static_cast<std::int64_t>(biases_[l].size())});
            std::ranges::transform(biases_[l], bias.begin(),
                                   [](double x) { return static_cast<float>(x); });
            graph_.tensor(layers_[l].bias).constant = std::move(bias);
        }
    }

private:
    ir::Graph& graph_;
    const std::vector<Layer>& layers_;
    std::vector<Tensor<double>> matrices_;
    std::vector<std::vector<double>> biases_;
};

// The largest |value| of every channel of the first layer as the second layer sees it, for each
// pair.
std::vector<std::vector<double>> activation_reach(const ir::Graph& graph,
                                                  const std::vector<Layer>& layers,
                                                  const std::vector<LayerPair>& pairs,
                                                  const std::vector<ir::Value>& frames) {
    std::vector<std::vector<double>> result;
    for (const LayerPair& pair : pairs) {
        const Layer& layer = layers[pair.first];
        result.emplace_back(static_cast<std::size_t>(layer.groups * layer.rows), 0.0);
    }
    const Batches batches(graph, frames);
    Store store(graph);
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
        store.put(graph.inputs()[i], batches.input(i));
    }
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const ir::Node& node = graph.nodes()[n];
        std::vector<const Chunks*> values;
        for (const ir::TensorId id : node.inputs) {
            values.push_back(id == ir::TensorId::kNone || graph.is_constant(id) ? nullptr
                                                                                : &store.at(id));
        }
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            const Layer& second = layers[pairs[p].second];
            if (index_of(second.node) != n) {
                continue;
            }
            const bool dense = std::holds_alternative<ir::MatMul>(node.op);
            const Shape& x = *graph.tensor(second.input).shape;
            const std::int64_t channels = dense ? second.columns : x[1];
            const std::int64_t inner = dense ? 1 : element_count(x) / x[0] / channels;
            const std::int64_t taps = static_cast<std::int64_t>(pairs[p].channel.size()) / channels;
            for (const ir::Value& chunk : *values[0]) {
                const Tensor<float>& all = as_floats(chunk);
                for (std::int64_t i = 0; i < all.size(); ++i) {
                    const std::int64_t at = i / inner % channels * taps;
                    double& largest = result[p][static_cast<std::size_t>(
                        pairs[p].channel[static_cast<std::size_t>(at)])];
                    largest = std::max(largest, static_cast<double>(std::abs(all[i])));
                }
            }
        }
        std::vector<Chunks> outputs = batches.run(graph, node, values);
        for (std::size_t o = 0; o < outputs.size(); ++o) {
            store.put(node.outputs[o], std::move(outputs[o]));
        }
        store.read(node);
    }
    return result;
}

}  // namespace

std::vector<LayerPair> equalisable_pairs(const ir::Graph& graph, const std::vector<Layer>& layers) {
    PairFinder finder(graph, layers);
    std::vector<LayerPair> pairs;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        if (std::optional<LayerPair> pair = finder.from(l)) {
            pairs.push_back(std::move(*pair));
        }
    }
    return pairs;
}

void equalise_weights(ir::Graph& graph, const std::vector<Layer>& layers,
                      const std::vector<LayerPair>& pairs) {
    Equaliser equaliser(graph, layers);
    for (int round = 0; round < kMostRounds; ++round) {
        double largest = 0.0;
        for (const LayerPair& pair : pairs) {
            largest = std::max(largest, equaliser.balance(pair, equaliser.reach_of_first(pair)));
        }
        if (largest < kSettled) {
            break;
        }
    }
    equaliser.write();
}

void equalise_activations(ir::Graph& graph, const std::vector<Layer>& layers,
                          const std::vector<LayerPair>& pairs,
                          const std::vector<ir::Value>& frames) {
    const std::vector<std::vector<double>> reach = activation_reach(graph, layers, pairs, frames);
    Equaliser equaliser(graph, layers);
    for (std::size_t p = 0; p < pairs.size(); ++p) {
        equaliser.balance(pairs[p], reach[p]);
    }
    equaliser.write();
}

}  // namespace qloom::ptq
