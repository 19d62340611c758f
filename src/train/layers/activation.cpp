#include "train/layers/activation.h"

#include <utility>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

using torch::Tensor;

// Whether an activation is a clamp, and which.
std::optional<ClampRange> clamp_of(Activation function) {
    switch (function) {
        case Activation::kIdentity:
            return ClampRange{};
        case Activation::kRelu:
            return ClampRange{.lo = 0.0F};
        case Activation::kHardTanh:
            return ClampRange{.lo = -1.0F, .hi = 1.0F};
        case Activation::kSigmoid:
        case Activation::kTanh:
            return std::nullopt;
    }
    QLOOM_ASSERT(false, "every activation is handled");
}

Tensor activated(Activation function, const Tensor& x) {
    switch (function) {
        case Activation::kIdentity:
            return x;
        case Activation::kRelu:
            return torch::relu(x);
        case Activation::kHardTanh:
            return torch::hardtanh(x);
        case Activation::kSigmoid:
            return torch::sigmoid(x);
        case Activation::kTanh:
            return torch::tanh(x);
    }
    QLOOM_ASSERT(false, "every activation is handled");
}

}  // namespace

ActivationLayer::ActivationLayer(std::string name, const ActivationSpec& spec,
                                 ParameterStore& store)
    : name_(std::move(name)), spec_(spec) {
    if (spec.quantiser) {
        quantiser_.emplace(*spec.quantiser, name_.empty() ? "input_quant" : name_,
                           Role::kActivation, spec.channels, store);
    }
}

Stream ActivationLayer::finish(Tensor y, const Stream& input, const Pass& pass) const {
    if (quantiser_) {
        return {std::move(y), quantiser_->single_scale(pass)};
    }
    return {std::move(y), spec_.function == Activation::kIdentity ? input.scale : Tensor()};
}

Stream ActivationLayer::forward(std::span<const Stream> inputs, const Pass& pass) {
    Tensor y = activated(spec_.function, inputs[0].x);
    if (quantiser_) {
        y = quantiser_->apply(y, pass);
    }
    return finish(std::move(y), inputs[0], pass);
}

void ActivationLayer::fill_trained(TrainedNetwork& network) const {
    const TrainedLevels levels = quantiser_ ? quantiser_->trained() : TrainedLevels{};
    if (name_.empty()) {
        network.input_levels = levels;
        return;
    }
    network.layer(name_).kind = TrainedActivation{
        .function = spec_.function, .quantiser = spec_.quantiser, .levels = levels};
}

bool ActivationLayer::can_fuse(const Pass& pass) const {
    if (!clamp_of(spec_.function)) {
        return false;
    }
    return !quantiser_ || (pass.width_pulls == nullptr && quantiser_->is_settled(pass) &&
                           quantiser_->spec().granularity == Granularity::kTensor &&
                           !quantiser_->spec().asymmetric);
}

ClampRange ActivationLayer::clamp() const { return *clamp_of(spec_.function); }

NormLayer::NormLayer(std::string name, const BatchNormSpec& spec,
                     std::unique_ptr<ActivationLayer> activation, ParameterStore& store)
    : name_(std::move(name)), norm_(name_, spec, store), activation_(std::move(activation)) {}

Stream NormLayer::forward(std::span<const Stream> inputs, const Pass& pass) {
    const Tensor x = channels_fastest(inputs[0].x);
    BatchStatistics statistics = norm_.running();
    if (pass.training) {
        statistics = batch_statistics(x, pass.together);
        norm_.follow(statistics);
    }
    const bool fused = activation_ && activation_->can_fuse(pass);
    const bool quantises = fused && activation_->quantiser();
    Tensor y = norm_act(
        x, statistics, norm_.gamma(), norm_.beta(), norm_.epsilon(),
        fused ? activation_->clamp() : ClampRange{},
        quantises ? activation_->quantiser()->numbers({}, pass.together) : QuantTensors{},
        quantises ? std::optional(activation_->quantiser()->spec()) : std::nullopt, pass.together);
    if (!activation_) {
        return {std::move(y)};
    }
    if (fused) {
        return activation_->finish(std::move(y), {}, pass);
    }
    const Stream between{std::move(y)};
    return activation_->forward({&between, 1}, pass);
}

void NormLayer::fill_trained(TrainedNetwork& network) const {
    network.layer(name_).kind = norm_.trained();
    if (activation_) {
        activation_->fill_trained(network);
    }
}

}  // namespace qloom::train
