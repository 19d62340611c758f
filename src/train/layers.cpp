#include "train/layers.h"

#include <cmath>
#include <optional>
#include <utility>

#include "base/diagnostic.h"
#include "ir/ops.h"
#include "train/functions.h"

namespace qloom::train {
namespace {

using torch::Tensor;

std::vector<float> values_of(const Tensor& tensor) {
    const auto span = span_of(tensor.detach().contiguous());
    return {span.begin(), span.end()};
}

// The scale of a quantiser: a trained logarithm, a number that statistics give anew at every use
// (weights) or on average (activations), or a constant.
class Scale {
public:
    Scale(const QuantiserSpec& spec, const std::string& owner, std::int64_t channels,
          ParameterStore& store)
        : spec_(spec), store_(&store) {
        const std::int64_t count = spec.granularity == Granularity::kChannel ? channels : 1;
        if (spec.source == ScaleSource::kLearned) {
            learned_ = store.add_parameter(owner + ".log_scale", torch::zeros({count}), false);
        } else {
            value_ = store.add_buffer(owner + ".scale",
                                      torch::full({count}, static_cast<float>(spec.constant)));
        }
    }

    [[nodiscard]] const QuantiserSpec& spec() const { return spec_; }

    // The logarithm when it is trained, else undefined.
    [[nodiscard]] Tensor logarithm() const { return learned_ ? (*store_)[*learned_] : Tensor(); }

    [[nodiscard]] Tensor value() const {
        if (!learned_) {
            return (*store_)[*value_];
        }
        const torch::NoGradGuard no_gradients;
        Tensor scale = (*store_)[*learned_].detach().clone();
        for (float& s : span_of(scale)) {
            s = std::exp(s);
        }
        return scale;
    }

    void set(std::span<const float> scale) {
        const torch::NoGradGuard no_gradients;
        const auto target = span_of(learned_ ? (*store_)[*learned_] : (*store_)[*value_]);
        for (std::size_t i = 0; i < target.size(); ++i) {
            target[i] = learned_ ? std::log(scale[i]) : scale[i];
        }
    }

    // A step of the running average.
    void move_towards(std::span<const float> scale, float momentum) {
        const auto target = span_of((*store_)[*value_]);
        for (std::size_t i = 0; i < target.size(); ++i) {
            target[i] += momentum * (scale[i] - target[i]);
        }
    }

private:
    QuantiserSpec spec_;
    ParameterStore* store_;
    std::optional<ParameterStore::Id> learned_;
    std::optional<ParameterStore::Id> value_;
};

class LinearLayer : public Layer {
public:
    LinearLayer(std::string name, const LinearSpec& spec, ParameterStore& store, Random& random)
        : name_(std::move(name)), spec_(spec), store_(&store) {
        // The usual uniform start of dense layers, +-1/sqrt(inputs).
        const float reach = 1.0F / std::sqrt(static_cast<float>(spec.inputs));
        const auto draw = [&](std::vector<std::int64_t> sizes) {
            Tensor tensor = torch::empty(std::move(sizes));
            for (float& value : span_of(tensor)) {
                value = random.uniform(-reach, reach);
            }
            return tensor;
        };
        const Tensor initial = draw({spec.outputs, spec.inputs});
        weight_ = store.add_parameter(name_ + ".weight", initial, true);
        if (spec.bias) {
            bias_ = store.add_parameter(name_ + ".bias", draw({spec.outputs}), false);
        }
        if (spec.weights) {
            scale_.emplace(*spec.weights, name_ + ".weight", spec.outputs, store);
            // Before the store is sealed the values of a parameter live in a tensor of its own;
            // that is fine here.
            scale_->set(statistics_scale(span_of(initial),
                                         weight_layout(initial, spec.weights->granularity),
                                         *spec.weights));
        }
    }

    Tensor forward(const Tensor& x, const Pass&) override {
        const Tensor bias = bias_ ? (*store_)[*bias_] : Tensor();
        const Tensor& weight = (*store_)[weight_];
        if (!scale_) {
            return bias.defined() ? torch::addmm(bias, x, weight.t()) : torch::mm(x, weight.t());
        }
        return quantised_linear(x, weight, bias, current_scale(), scale_->logarithm(),
                                scale_->spec());
    }

    void append_trained(std::vector<TrainedLayer>& layers) const override {
        const Tensor weight = (*store_)[weight_].detach();
        TrainedLinear result{
            .inputs = spec_.inputs, .outputs = spec_.outputs, .quantiser = spec_.weights};
        const Shape shape{spec_.outputs, spec_.inputs};
        if (scale_) {
            result.scale = values_of(current_scale());
            result.weights = ::qloom::Tensor<float>(
                shape,
                quantised_levels(span_of(weight), weight_layout(weight, scale_->spec().granularity),
                                 result.scale, level_range(scale_->spec())));
        } else {
            result.weights = ::qloom::Tensor<float>(shape, values_of(weight));
        }
        if (bias_) {
            result.bias = values_of((*store_)[*bias_]);
        }
        layers.push_back({name_, std::move(result)});
    }

private:
    // Learned and constant scales stand in the store; the others follow from the weights of the
    // moment.
    [[nodiscard]] Tensor current_scale() const {
        const QuantiserSpec& spec = scale_->spec();
        if (spec.source == ScaleSource::kLearned || spec.source == ScaleSource::kConstant) {
            return scale_->value();
        }
        const Tensor weight = (*store_)[weight_].detach();
        const std::vector<float> scale =
            statistics_scale(span_of(weight), weight_layout(weight, spec.granularity), spec);
        return torch::tensor(scale);
    }

    std::string name_;
    LinearSpec spec_;
    ParameterStore* store_;
    ParameterStore::Id weight_{};
    std::optional<ParameterStore::Id> bias_;
    std::optional<Scale> scale_;
};

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

class ActivationLayer : public Layer {
public:
    ActivationLayer(std::string name, const ActivationSpec& spec, ParameterStore& store)
        : name_(std::move(name)), spec_(spec), store_(&store) {
        if (spec.quantiser) {
            scale_.emplace(*spec.quantiser, name_, spec.channels, store);
            started_ = store.add_buffer(name_ + ".started", torch::zeros({1}));
        }
    }

    Tensor forward(const Tensor& x, const Pass& pass) override {
        const Tensor a = function(x);
        if (!scale_) {
            return a;
        }
        if (pass.training) {
            follow_statistics(a.detach().contiguous());
        }
        return quantised_activation(a, scale_->value(), scale_->logarithm(), scale_->spec());
    }

    void append_trained(std::vector<TrainedLayer>& layers) const override {
        TrainedActivation result{
            .function = spec_.function, .channels = spec_.channels, .quantiser = spec_.quantiser};
        if (scale_) {
            result.scale = values_of(scale_->value());
        }
        layers.push_back({name_, std::move(result)});
    }

    // For the layer that does BatchNorm and this activation in one: possible once no statistics are
    // wanted of the values in between.
    [[nodiscard]] bool can_fuse() const {
        if (!clamp_of(spec_.function)) {
            return false;
        }
        if (!scale_) {
            return true;
        }
        const QuantiserSpec& spec = scale_->spec();
        const bool settled =
            spec.source == ScaleSource::kConstant || spec.source == ScaleSource::kLearned;
        return settled && spec.granularity == Granularity::kTensor && (started() || !needs_start());
    }
    [[nodiscard]] ClampRange clamp() const { return *clamp_of(spec_.function); }
    [[nodiscard]] const std::optional<Scale>& scale() const { return scale_; }

private:
    [[nodiscard]] Tensor function(const Tensor& x) const {
        switch (spec_.function) {
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

    [[nodiscard]] bool needs_start() const {
        return scale_->spec().source != ScaleSource::kConstant;
    }
    [[nodiscard]] bool started() const { return span_of((*store_)[*started_])[0] != 0.0F; }

    // The first batch sets the scale; later ones move it unless it is learned.
    void follow_statistics(const Tensor& a) {
        constexpr float kMomentum = 0.1F;
        if (!needs_start() || (started() && scale_->spec().source == ScaleSource::kLearned)) {
            return;
        }
        const std::vector<float> scale = statistics_scale(
            span_of(a), activation_layout(a, scale_->spec().granularity), scale_->spec());
        if (started()) {
            scale_->move_towards(scale, kMomentum);
        } else {
            scale_->set(scale);
            span_of((*store_)[*started_])[0] = 1.0F;
        }
    }

    std::string name_;
    ActivationSpec spec_;
    ParameterStore* store_;
    std::optional<Scale> scale_;
    std::optional<ParameterStore::Id> started_;
};

// BatchNorm, and the activation behind it when there is one: together they are one pass over
// memory.
class NormLayer : public Layer {
public:
    NormLayer(std::string name, const BatchNormSpec& spec,
              std::unique_ptr<ActivationLayer> activation, ParameterStore& store)
        : name_(std::move(name)), spec_(spec), activation_(std::move(activation)), store_(&store) {
        gamma_ = store.add_parameter(name_ + ".gamma", torch::ones({spec.channels}), false);
        beta_ = store.add_parameter(name_ + ".beta", torch::zeros({spec.channels}), false);
        mean_ = store.add_buffer(name_ + ".mean", torch::zeros({spec.channels}));
        variance_ = store.add_buffer(name_ + ".variance", torch::ones({spec.channels}));
    }

    Tensor forward(const Tensor& x, const Pass& pass) override {
        BatchStatistics statistics{(*store_)[mean_], (*store_)[variance_]};
        if (pass.training) {
            statistics = batch_statistics(x);
            update_running(statistics, x.size(0));
        }
        const bool fused = activation_ && activation_->can_fuse();
        const auto& scale = fused ? activation_->scale() : kNoScale;
        const Tensor y =
            norm_act(x, statistics, (*store_)[gamma_], (*store_)[beta_],
                     static_cast<float>(spec_.epsilon), fused ? activation_->clamp() : ClampRange{},
                     scale ? scale->value() : Tensor(), scale ? scale->logarithm() : Tensor(),
                     scale ? std::optional(scale->spec()) : std::nullopt);
        return activation_ && !fused ? activation_->forward(y, pass) : y;
    }

    void append_trained(std::vector<TrainedLayer>& layers) const override {
        layers.push_back({name_, TrainedNorm{.epsilon = static_cast<float>(spec_.epsilon),
                                             .gamma = values_of((*store_)[gamma_]),
                                             .beta = values_of((*store_)[beta_]),
                                             .mean = values_of((*store_)[mean_]),
                                             .variance = values_of((*store_)[variance_])}});
        if (activation_) {
            activation_->append_trained(layers);
        }
    }

private:
    inline static const std::optional<Scale> kNoScale;

    void update_running(const BatchStatistics& statistics, std::int64_t rows) {
        const auto momentum = static_cast<float>(spec_.momentum);
        // The running variance estimates that of all data, hence the unbiased one.
        const float unbiased = static_cast<float>(rows) / static_cast<float>(rows - 1);
        const auto mean = span_of((*store_)[mean_]);
        const auto variance = span_of((*store_)[variance_]);
        const auto batch_mean = span_of(statistics.mean);
        const auto batch_variance = span_of(statistics.variance);
        for (std::size_t c = 0; c < mean.size(); ++c) {
            mean[c] += momentum * (batch_mean[c] - mean[c]);
            variance[c] += momentum * (batch_variance[c] * unbiased - variance[c]);
        }
    }

    std::string name_;
    BatchNormSpec spec_;
    std::unique_ptr<ActivationLayer> activation_;
    ParameterStore* store_;
    ParameterStore::Id gamma_{};
    ParameterStore::Id beta_{};
    ParameterStore::Id mean_{};
    ParameterStore::Id variance_{};
};

class DropoutLayer : public Layer {
public:
    DropoutLayer(const DropoutSpec& spec, std::uint64_t index)
        : rate_(static_cast<float>(spec.rate)), index_(index) {}

    Tensor forward(const Tensor& x, const Pass& pass) override {
        if (!pass.training || rate_ == 0.0F) {
            return x;
        }
        Random random = random_stream(pass.seed + index_, RandomPurpose::kDropout, pass.step);
        Tensor mask = torch::empty_like(x);
        for (float& value : span_of(mask)) {
            value = random.uniform() < rate_ ? 0.0F : 1.0F / (1.0F - rate_);
        }
        return x * mask;
    }

    void append_trained(std::vector<TrainedLayer>&) const override {}

private:
    float rate_;
    std::uint64_t index_;
};

}  // namespace

std::vector<std::unique_ptr<Layer>> make_layers(const Recipe& recipe, ParameterStore& store,
                                                Random& random) {
    std::vector<std::unique_ptr<Layer>> layers;
    if (recipe.input.quantiser) {
        layers.push_back(
            std::make_unique<ActivationLayer>("input_quant",
                                              ActivationSpec{.function = Activation::kIdentity,
                                                             .channels = recipe.input.features,
                                                             .quantiser = recipe.input.quantiser},
                                              store));
    }
    for (std::size_t i = 0; i < recipe.layers.size(); ++i) {
        const LayerSpec& layer = recipe.layers[i];
        std::visit(
            ir::Overloaded{
                [&](const LinearSpec& spec) {
                    layers.push_back(
                        std::make_unique<LinearLayer>(layer.name, spec, store, random));
                },
                [&](const BatchNormSpec& spec) {
                    std::unique_ptr<ActivationLayer> activation;
                    if (i + 1 < recipe.layers.size()) {
                        const LayerSpec& next = recipe.layers[i + 1];
                        if (const auto* found = std::get_if<ActivationSpec>(&next.kind)) {
                            activation =
                                std::make_unique<ActivationLayer>(next.name, *found, store);
                            ++i;
                        }
                    }
                    layers.push_back(std::make_unique<NormLayer>(layer.name, spec,
                                                                 std::move(activation), store));
                },
                [&](const ActivationSpec& spec) {
                    layers.push_back(std::make_unique<ActivationLayer>(layer.name, spec, store));
                },
                [&](const DropoutSpec& spec) {
                    layers.push_back(
                        std::make_unique<DropoutLayer>(spec, static_cast<std::uint64_t>(i)));
                },
            },
            layer.kind);
    }
    return layers;
}

}  // namespace qloom::train
