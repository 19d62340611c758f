#include "train/ptq_layers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

LayerSpec* find(ImportedModel& model, const std::string& name) {
    const auto found = std::ranges::find(model.layers, name, &LayerSpec::name);
    return found == model.layers.end() ? nullptr : &*found;
}

std::vector<LayerSpec*> readers(ImportedModel& model, const std::string& name) {
    std::vector<LayerSpec*> result;
    for (LayerSpec& layer : model.layers) {
        if (std::ranges::find(layer.from, name) != layer.from.end()) {
            result.push_back(&layer);
        }
    }
    return result;
}

bool has_weights(const LayerSpec& layer) {
    return std::holds_alternative<LinearSpec>(layer.kind) ||
           std::holds_alternative<ConvSpec>(layer.kind);
}
bool is_transposed(const LayerSpec& layer) {
    const auto* conv = std::get_if<ConvSpec>(&layer.kind);
    return conv != nullptr && conv->transposed;
}

std::int64_t outputs_of(const LayerSpec& layer) {
    const auto* linear = std::get_if<LinearSpec>(&layer.kind);
    return linear != nullptr ? linear->outputs : std::get<ConvSpec>(layer.kind).outputs;
}

void give_bias(ImportedModel& model, LayerSpec& layer) {
    bool* bias = std::holds_alternative<LinearSpec>(layer.kind)
                     ? &std::get<LinearSpec>(layer.kind).bias
                     : &std::get<ConvSpec>(layer.kind).bias;
    if (!*bias) {
        *bias = true;
        model.state.push_back({layer.name + ".bias", Tensor<float>(Shape{outputs_of(layer)})});
    }
}

void fold(ImportedModel& model, LayerSpec& layer, const LayerSpec& norm) {
    const auto epsilon = std::get<BatchNormSpec>(norm.kind).epsilon;
    Tensor<float>& weight = array_of(model.state, layer.name + ".weight");
    Tensor<float>& bias = array_of(model.state, layer.name + ".bias");
    const Tensor<float>& gamma = array_of(model.state, norm.name + ".gamma");
    const Tensor<float>& beta = array_of(model.state, norm.name + ".beta");
    const Tensor<float>& mean = array_of(model.state, norm.name + ".mean");
    const Tensor<float>& variance = array_of(model.state, norm.name + ".variance");
    const std::int64_t inner = weight.size() / bias.size();
    for (std::int64_t c = 0; c < bias.size(); ++c) {
        const double factor =
            static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
        for (std::int64_t i = c * inner; i < (c + 1) * inner; ++i) {
            weight[i] = static_cast<float>(static_cast<double>(weight[i]) * factor);
        }
        bias[c] = static_cast<float>(static_cast<double>(beta[c]) +
                                     (static_cast<double>(bias[c]) - static_cast<double>(mean[c])) *
                                         factor);
    }
}

// The layer with weights that alone reads what comes out of `layer` through a ReLU and layers that
// keep channels apart; `run` is how many values of its input belong to a channel.
struct Partner {
    LayerSpec* layer = nullptr;
    std::int64_t run = 1;
};
std::optional<Partner> partner_of(ImportedModel& model, const LayerSpec& layer) {
    bool relu = false;
    std::int64_t run = 1;
    std::string name = layer.name;
    while (true) {
        const std::vector<LayerSpec*> next = readers(model, name);
        if (next.size() != 1 || next[0]->from.size() != 1) {
            return std::nullopt;
        }
        LayerSpec& reader = *next[0];
        if (has_weights(reader)) {
            const auto* conv = std::get_if<ConvSpec>(&reader.kind);
            const bool plain = conv == nullptr || (conv->groups == 1 && !conv->transposed);
            return relu && plain ? std::optional(Partner{&reader, run}) : std::nullopt;
        }
        if (const auto* activation = std::get_if<ActivationSpec>(&reader.kind)) {
            if (activation->function != Activation::kRelu) {
                return std::nullopt;
            }
            relu = true;
        } else if (std::holds_alternative<FlattenSpec>(reader.kind)) {
            run = reader.shape[0] / outputs_of(layer);
        } else if (!std::holds_alternative<PoolSpec>(reader.kind)) {
            return std::nullopt;
        }
        name = reader.name;
    }
}

}  // namespace

Tensor<float>& array_of(State& state, const std::string& name) {
    const auto found = std::ranges::find(state, name, &NamedArray::name);
    QLOOM_ASSERT(found != state.end(), "the state has the array");
    return found->value;
}

void fold_norms(ImportedModel& model) {
    for (LayerSpec& layer : model.layers) {
        if (has_weights(layer)) {
            give_bias(model, layer);
        }
    }
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        LayerSpec& norm = model.layers[i];
        if (!std::holds_alternative<BatchNormSpec>(norm.kind)) {
            continue;
        }
        LayerSpec* before = find(model, norm.from[0]);
        if (before == nullptr || !has_weights(*before) || is_transposed(*before) ||
            readers(model, before->name).size() != 1) {
            continue;
        }
        fold(model, *before, norm);
        for (LayerSpec* reader : readers(model, norm.name)) {
            std::ranges::replace(reader->from, norm.name, before->name);
        }
        std::erase_if(model.state, [&](const NamedArray& array) {
            return array.name.starts_with(norm.name + ".");
        });
        model.layers.erase(model.layers.begin() + static_cast<std::ptrdiff_t>(i));
        --i;
    }
}

void equalise(ImportedModel& model) {
    for (LayerSpec& layer : model.layers) {
        if (!has_weights(layer) || is_transposed(layer)) {
            continue;
        }
        const std::optional<Partner> partner = partner_of(model, layer);
        if (!partner) {
            continue;
        }
        Tensor<float>& first = array_of(model.state, layer.name + ".weight");
        Tensor<float>& bias = array_of(model.state, layer.name + ".bias");
        Tensor<float>& second = array_of(model.state, partner->layer->name + ".weight");
        const std::int64_t channels = bias.size();
        const std::int64_t inner = first.size() / channels;
        // Element i of the second layer's weights belongs to channel i / block % channels.
        const std::int64_t block =
            partner->run * (second.rank() == 4 ? second.dim(2) * second.dim(3) : 1);
        std::vector<float> reach(static_cast<std::size_t>(channels), 0.0F);
        for (std::int64_t i = 0; i < second.size(); ++i) {
            float& r = reach[static_cast<std::size_t>(i / block % channels)];
            r = std::max(r, std::fabs(second[i]));
        }
        for (std::int64_t c = 0; c < channels; ++c) {
            float r1 = 0.0F;
            for (std::int64_t i = c * inner; i < (c + 1) * inner; ++i) {
                r1 = std::max(r1, std::fabs(first[i]));
            }
            float& s = reach[static_cast<std::size_t>(c)];
            s = r1 > 0.0F && s > 0.0F ? r1 / std::sqrt(r1 * s) : 1.0F;
            for (std::int64_t i = c * inner; i < (c + 1) * inner; ++i) {
                first[i] /= s;
            }
            bias[c] /= s;
        }
        for (std::int64_t i = 0; i < second.size(); ++i) {
            second[i] *= reach[static_cast<std::size_t>(i / block % channels)];
        }
    }
}

// Whether a layer gives no negative values.
namespace {
bool is_positive(ImportedModel& model, const std::string& name) {
    const LayerSpec* layer = find(model, name);
    if (layer == nullptr) {
        return false;
    }
    if (const auto* activation = std::get_if<ActivationSpec>(&layer->kind)) {
        return activation->function == Activation::kRelu ||
               activation->function == Activation::kSigmoid;
    }
    const bool keeps_sign =
        !has_weights(*layer) && !std::holds_alternative<BatchNormSpec>(layer->kind);
    return keeps_sign && std::ranges::all_of(layer->from, [&](const std::string& from) {
               return is_positive(model, from);
           });
}
}  // namespace

void place_quantisers(ImportedModel& model, int weight_bits, int activation_bits) {
    const QuantiserSpec signed_values{.type = {.bits = activation_bits, .is_signed = true}};
    const QuantiserSpec positive{.type = {.bits = activation_bits}};
    std::vector<LayerSpec> layers;
    std::map<std::string, std::string> renamed;  // what reads a sum reads its quantiser
    for (LayerSpec layer : model.layers) {
        for (std::string& from : layer.from) {
            if (const auto found = renamed.find(from); found != renamed.end()) {
                from = found->second;
            }
        }
        bool sums = has_weights(layer);
        if (auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
            activation->quantiser = is_positive(model, layer.name) ? positive : signed_values;
        } else if (const auto* pool = std::get_if<PoolSpec>(&layer.kind)) {
            sums = pool->kind == PoolKind::kAverage || pool->kind == PoolKind::kGlobalAverage;
        } else if (std::holds_alternative<JoinSpec>(layer.kind) ||
                   std::holds_alternative<BatchNormSpec>(layer.kind)) {
            sums = true;
        }
        const QuantiserSpec weights{
            .type = {.bits = weight_bits, .is_signed = true, .narrow = weight_bits > 1},
            .granularity = Granularity::kChannel};
        if (auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            linear->weights = weights;
        } else if (auto* conv = std::get_if<ConvSpec>(&layer.kind)) {
            conv->weights = weights;
            if (conv->transposed && conv->groups > 1) {
                conv->weights->granularity = Granularity::kTensor;
            }
        }
        const std::string name = layer.name;
        const Shape shape = layer.shape;
        layers.push_back(std::move(layer));
        // Sums that an activation or nothing reads need no quantiser of their own.
        const std::vector<LayerSpec*> next = readers(model, name);
        const bool quantised_later = std::ranges::all_of(next, [](const LayerSpec* reader) {
            return std::holds_alternative<ActivationSpec>(reader->kind) ||
                   std::holds_alternative<BatchNormSpec>(reader->kind);
        });
        if (sums && !quantised_later) {
            const QuantiserSpec& quantiser = is_positive(model, name) ? positive : signed_values;
            layers.push_back({.name = name + "_quant",
                              .kind = ActivationSpec{.function = Activation::kIdentity,
                                                     .channels = shape[0],
                                                     .quantiser = quantiser},
                              .from = {name},
                              .shape = shape});
            renamed[name] = name + "_quant";
        }
    }
    model.layers = std::move(layers);
}

}  // namespace qloom::train
