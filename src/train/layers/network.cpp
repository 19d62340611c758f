#include "train/layers/network.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "ir/ops.h"
#include "train/layers/activation.h"
#include "train/layers/pixels.h"
#include "train/layers/weighted.h"
#include "train/random.h"

namespace qloom::train {
namespace {

using torch::Tensor;

const BatchNormSpec* folded_norm(const LayerSpec* layer) {
    const auto* norm = layer == nullptr ? nullptr : std::get_if<BatchNormSpec>(&layer->kind);
    return norm != nullptr && norm->fold ? norm : nullptr;
}

}  // namespace

Network::Network(const Recipe& recipe, std::uint64_t seed, torch::Device device)
    : recipe_(recipe), seed_(seed), device_(device) {
    Random random = random_stream(seed, RandomPurpose::kWeights, 0);
    values_[kInputName] = 0;
    if (recipe.input.quantiser) {
        steps_.push_back({.layer = std::make_unique<ActivationLayer>(
                              "",
                              ActivationSpec{.function = Activation::kIdentity,
                                             .channels = recipe.input.shape[0],
                                             .quantiser = recipe.input.quantiser},
                              store_),
                          .from = {0},
                          .to = 0});
    }
    for (std::size_t i = 0; i < recipe.layers.size(); ++i) {
        if (!values_.contains(recipe.layers[i].name)) {  // else the layer before has done it
            add_step(recipe, i, random);
        }
    }
    find_last_uses();
    store_.seal(device);
}

// The layer that reads this one, when there is exactly one and it reads nothing else.
const LayerSpec* Network::only_reader(const Recipe& recipe, const std::string& name) const {
    const LayerSpec* found = nullptr;
    for (const LayerSpec& layer : recipe.layers) {
        if (std::find(layer.from.begin(), layer.from.end(), name) != layer.from.end()) {
            if (found != nullptr || layer.from.size() != 1) {
                return nullptr;
            }
            found = &layer;
        }
    }
    return found;
}

void Network::add_step(const Recipe& recipe, std::size_t index, Random& random) {
    const LayerSpec& layer = recipe.layers[index];
    const LayerSpec* reader = only_reader(recipe, layer.name);
    const LayerSpec* last = &layer;
    Step step;
    const auto weighted = [&] {
        std::optional<WeightedLayer::Fold> fold;
        if (const BatchNormSpec* norm = folded_norm(reader)) {
            fold = {reader->name, *norm};
            last = reader;
        }
        step.layer = std::make_unique<WeightedLayer>(layer, fold, store_, random);
    };
    std::visit(
        ir::Overloaded{
            [&](const LinearSpec&) { weighted(); },
            [&](const ConvSpec&) { weighted(); },
            [&](const BatchNormSpec& spec) {
                std::unique_ptr<ActivationLayer> activation;
                const auto* found =
                    reader == nullptr ? nullptr : std::get_if<ActivationSpec>(&reader->kind);
                if (found != nullptr) {
                    activation = std::make_unique<ActivationLayer>(reader->name, *found, store_);
                    last = reader;
                }
                step.layer =
                    std::make_unique<NormLayer>(layer.name, spec, std::move(activation), store_);
            },
            [&](const ActivationSpec& spec) {
                step.layer = std::make_unique<ActivationLayer>(layer.name, spec, store_);
            },
            [&](const PoolSpec& spec) {
                step.layer = std::make_unique<PoolLayer>(layer.name, spec);
            },
            [&](const JoinSpec& spec) {
                step.layer = std::make_unique<JoinLayer>(layer.name, spec, store_);
            },
            [&](const DropoutSpec& spec) {
                step.layer = std::make_unique<DropoutLayer>(layer.name, spec,
                                                            static_cast<std::uint64_t>(index));
            },
            [&](const UpsampleSpec& spec) {
                step.layer = std::make_unique<UpsampleLayer>(layer.name, spec);
            },
            [&](const FlattenSpec&) { step.layer = std::make_unique<FlattenLayer>(layer.name); },
        },
        layer.kind);
    for (const std::string& name : layer.from) {
        step.from.push_back(values_.at(name));
    }
    step.name = last->name;
    step.to = values_.size();
    values_[layer.name] = step.to;
    if (last != &layer) {
        values_[last->name] = step.to;
    }
    // Names may share a value; values are numbered by names all the same.
    steps_.push_back(std::move(step));
}

void Network::find_last_uses() {
    std::map<std::size_t, std::size_t> last_use;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        for (const std::size_t value : steps_[i].from) {
            last_use[value] = i;
        }
    }
    for (const auto& [value, i] : last_use) {
        if (steps_[i].to != value) {
            steps_[i].done_with.push_back(value);
        }
    }
}

Tensor Network::forward(const Tensor& samples, const Pass& pass, const Watch& watch) {
    std::vector<Stream> values(values_.size() + 1);
    Stream& input = values[0];
    input.x = samples.to(device_);
    const Shape& shape = recipe_.input.shape;
    if (shape.size() > 1) {
        const std::int64_t height = shape.size() == 2 ? 1 : shape[1];
        input.x = channels_fastest(input.x.view({samples.size(0), shape[0], height, shape.back()}));
    }
    const bool whole =
        recipe_.input.scale.size() == 1 && recipe_.input.offset == std::vector<double>{0.0};
    if (whole && !recipe_.input.quantiser) {
        input.scale = torch::full({1}, static_cast<float>(recipe_.input.scale[0])).to(device_);
    }
    std::size_t last = 0;
    for (Step& step : steps_) {
        std::vector<Stream> from;
        for (const std::size_t value : step.from) {
            from.push_back(values[value]);
        }
        for (const std::size_t value : step.done_with) {
            values[value] = {};
        }
        values[step.to] = step.layer->forward(from, pass);
        last = step.to;
        if (watch) {
            watch(step.name, from, values[last].x);
        }
    }
    const Tensor& result = values[last].x;
    return result.contiguous().view({result.size(0), -1});
}

std::string Network::first_not_finite(const Tensor& samples) {
    std::string found;
    watch(samples, [&](const std::string& name, std::span<const Stream>, const Tensor& y) {
        if (found.empty() && !torch::isfinite(y).all().item<bool>()) {
            found = name;
        }
    });
    return found;
}

TrainedNetwork Network::trained() {
    const torch::NoGradGuard no_gradients;
    // Some layers export with the scale of what comes in: a pass shows it to them.
    forward(torch::zeros({1, recipe_.input.features}), {.training = false});
    TrainedNetwork result{.name = recipe_.name, .input = recipe_.input};
    for (const LayerSpec& layer : recipe_.layers) {
        result.layers.push_back({.name = layer.name, .from = layer.from, .shape = layer.shape});
    }
    for (const Step& step : steps_) {
        step.layer->fill_trained(result);
    }
    return result;
}

TrainedLayer& TrainedNetwork::layer(const std::string& layer_name) {
    const auto found =
        std::find_if(layers.begin(), layers.end(),
                     [&](const TrainedLayer& candidate) { return candidate.name == layer_name; });
    QLOOM_ASSERT(found != layers.end(), "the layer exists");
    return *found;
}

}  // namespace qloom::train
