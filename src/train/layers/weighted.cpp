#include "train/layers/weighted.h"

#include <cmath>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

using torch::Tensor;

// The usual uniform start, +-1/sqrt(values that one output sums up).
Tensor drawn(std::vector<std::int64_t> sizes, float reach, Random& random) {
    Tensor tensor = torch::empty(std::move(sizes));
    for (float& value : span_of(tensor)) {
        value = random.uniform(-reach, reach);
    }
    return tensor;
}

double largest_level(const BiasQuantiser& quantiser) { return std::exp2(quantiser.bits - 1) - 1.0; }

}  // namespace

WeightedLayer::WeightedLayer(const LayerSpec& layer, const std::optional<Fold>& fold,
                             ParameterStore& store, Random& random)
    : name_(layer.name), kind_(layer.kind), store_(&store) {
    std::vector<std::int64_t> sizes;
    std::int64_t outputs = 0;
    std::int64_t summed = 0;
    bool bias = false;
    if (const LinearSpec* spec = linear()) {
        sizes = {spec->outputs, spec->inputs};
        outputs = spec->outputs;
        summed = spec->inputs;
        bias = spec->bias;
        quantiser_spec_ = spec->weights;
        bias_quantiser_ = spec->bias_quantiser;
        accumulator_ = spec->accumulator;
    } else {
        const ConvSpec& c = *conv();
        sizes = c.transposed ? std::vector<std::int64_t>{c.channels, c.outputs / c.groups,
                                                         c.kernel[0], c.kernel[1]}
                             : std::vector<std::int64_t>{c.outputs, c.channels / c.groups,
                                                         c.kernel[0], c.kernel[1]};
        outputs = c.outputs;
        summed = c.channels / c.groups * c.kernel[0] * c.kernel[1];
        bias = c.bias;
        quantiser_spec_ = c.weights;
        bias_quantiser_ = c.bias_quantiser;
        accumulator_ = c.accumulator;
    }
    const float reach = 1.0F / std::sqrt(static_cast<float>(summed));
    Tensor initial = drawn(sizes, reach, random);
    if (conv() != nullptr && !conv()->transposed) {
        initial = channels_fastest(
            initial);  // the order in which convolutions of channels-last images want it
    }
    weight_ = store.add_parameter(name_ + ".weight", initial, true);
    if (bias && !fold) {
        bias_ = store.add_parameter(name_ + ".bias", drawn({outputs}, reach, random), false);
    }
    if (fold) {
        fold_name_ = fold->name;
        fold_.emplace(fold->name, fold->spec, store);
    }
    if (quantiser_spec_) {
        quantiser_.emplace(*quantiser_spec_, name_ + ".weight", role(), outputs, store);
        if (fold) {
            quantiser_->start_late();
        } else if (quantiser_spec_->delay == 0) {
            // Before the store is sealed the values of a parameter live in a tensor of its own;
            // that is fine here.
            quantiser_->start(initial);
        }
    }
}

Tensor WeightedLayer::product(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    if (linear() != nullptr) {
        return bias.defined() ? torch::addmm(bias, x, weight.t()) : torch::mm(x, weight.t());
    }
    const ConvSpec& c = *conv();
    Tensor padded = x;
    Pair padding = c.pad_begin;
    if (c.pad_begin != c.pad_end && !c.transposed) {
        padded = channels_fastest(torch::constant_pad_nd(
            x, {c.pad_begin[1], c.pad_end[1], c.pad_begin[0], c.pad_end[0]}));
        padding = {0, 0};
    }
    // A transposed convolution crops what padding says: more on one side by a cut afterwards.
    Pair cut{0, 0};
    if (c.transposed) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
            padding[axis] = std::min(c.pad_begin[axis], c.pad_end[axis]);
            cut[axis] = c.pad_begin[axis] - c.pad_end[axis];
        }
    }
    Tensor y = torch::convolution(
        padded, weight, bias.defined() ? c10::optional<Tensor>(bias) : c10::nullopt, c.stride,
        padding, c.dilation, c.transposed, c.output_padding, c.groups);
    for (std::size_t axis = 0; axis < 2; ++axis) {
        if (cut[axis] != 0) {
            const std::int64_t from = std::max<std::int64_t>(cut[axis], 0);
            y = y.narrow(static_cast<std::int64_t>(axis) + 2, from,
                         y.size(static_cast<std::int64_t>(axis) + 2) - std::abs(cut[axis]));
        }
    }
    return y;
}

Tensor WeightedLayer::rounded(const Tensor& weight, const QuantTensors& quant,
                              const Pass& pass) const {
    return accumulator_ ? bounded_weight(weight.contiguous(), quant, quantiser_->spec(),
                                         accumulator_->reach, accumulator_->centred)
                        : quantiser_->quantise(weight, quant, pass);
}

Tensor WeightedLayer::bias_scale(const Tensor& bias, const Tensor& weight_scale,
                                 const Tensor& input_scale) const {
    const torch::NoGradGuard no_gradients;
    if (bias_quantiser_->accumulator_scale) {
        QLOOM_ASSERT(input_scale.defined() && weight_scale.defined(),
                     "a recipe is checked for what the bias needs");
        return input_scale * weight_scale;
    }
    const Tensor largest = bias.detach().abs().max().view({1});
    return torch::where(largest > 0, largest / largest_level(*bias_quantiser_),
                        torch::ones_like(largest));
}

Tensor WeightedLayer::bias_for(const Tensor& bias, const Tensor& weight_scale,
                               const Tensor& input_scale) const {
    if (!bias.defined() || !bias_quantiser_ ||
        (bias_quantiser_->accumulator_scale &&
         !(input_scale.defined() && weight_scale.defined()))) {
        return bias;  // also while the quantisers it leans on are delayed
    }
    return quantised_bias(bias, bias_scale(bias, weight_scale, input_scale),
                          largest_level(*bias_quantiser_));
}

Stream WeightedLayer::forward(std::span<const Stream> inputs, const Pass& pass) {
    const Stream& input = inputs[0];
    input_scale_ = input.scale;
    if (fold_) {
        return forward_folded(input, pass);
    }
    const Tensor bias = bias_ ? (*store_)[*bias_] : Tensor();
    const Tensor& weight = (*store_)[weight_];
    if (!quantiser_ || !quantiser_->is_on(pass)) {
        return {product(input.x, weight, bias_for(bias, {}, input.scale))};
    }
    const QuantTensors quant = quantiser_->prepare(weight, pass);
    const Tensor known_bias = bias_for(bias, quant.scale, input.scale);
    if (linear() != nullptr && !accumulator_ && pass.width_pulls == nullptr) {
        return {quantised_linear(input.x, weight, known_bias, quant, quantiser_->spec())};
    }
    return {product(input.x, rounded(weight, quant, pass), known_bias)};
}

WeightedLayer::Folded WeightedLayer::folded(const BatchStatistics& statistics) const {
    const Tensor factor =
        fold_->gamma() / torch::sqrt(statistics.variance + static_cast<double>(fold_->epsilon()));
    const Tensor& weight = (*store_)[weight_];
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(weight.dim()), 1);
    sizes[0] = factor.numel();
    return {weight * factor.view(sizes), fold_->beta() - statistics.mean * factor};
}

Stream WeightedLayer::forward_folded(const Stream& input, const Pass& pass) {
    BatchStatistics statistics = fold_->running();
    if (pass.training) {
        const Tensor y = product(input.x, (*store_)[weight_], {});
        statistics = traced_statistics(y, pass.together);
        fold_->follow({statistics.mean.detach().contiguous(),
                       statistics.variance.detach().contiguous(), statistics.values});
    }
    Folded now = folded(statistics);
    Tensor weight_scale;
    if (quantiser_ && quantiser_->is_on(pass)) {
        const QuantTensors quant = quantiser_->prepare(now.weight, pass);
        weight_scale = quant.scale;
        now.weight = rounded(now.weight, quant, pass);
    }
    return {product(input.x, now.weight, bias_for(now.bias, weight_scale, input.scale))};
}

void WeightedLayer::fill_trained(TrainedNetwork& network) const {
    const torch::NoGradGuard no_gradients;
    Tensor weight = (*store_)[weight_].detach();
    Tensor bias = bias_ ? (*store_)[*bias_].detach() : Tensor();
    if (fold_) {
        const Folded now = folded(fold_->running());
        weight = now.weight;
        bias = now.bias;
    }
    weight = weight.cpu();
    TrainedWeights numbers{.quantiser = quantiser_spec_};
    const Shape shape = weight.sizes().vec();
    if (quantiser_) {
        numbers.levels = quantiser_->trained(weight);
        if (accumulator_) {
            // On its levels; quantised again below, it stays there.
            weight = rounded(weight, quantiser_->numbers(weight), {});
        }
        const Tensor ordered = weight.contiguous();
        numbers.weights = ::qloom::Tensor<float>(
            shape, quantised_levels(
                       span_of(ordered), layout_of(ordered, role(), quantiser_->spec().granularity),
                       numbers.levels.scale, level_range(quantiser_->spec()), numbers.levels.zero));
    } else {
        numbers.weights = ::qloom::Tensor<float>(shape, values_of(weight));
    }
    if (bias.defined()) {
        const Tensor weight_scale = quantiser_ ? torch::tensor(numbers.levels.scale) : Tensor();
        const Tensor input_scale = input_scale_.defined() ? input_scale_.cpu() : Tensor();
        bias = bias.cpu();
        if (bias_quantiser_ && (!bias_quantiser_->accumulator_scale || input_scale.defined())) {
            const Tensor scale = bias_scale(bias, weight_scale, input_scale);
            numbers.bias_quantiser = bias_quantiser_;
            numbers.bias_scale = values_of(scale);
            bias = quantised_bias(bias, scale, largest_level(*bias_quantiser_));
        }
        numbers.bias = values_of(bias);
    }
    TrainedLayer& target = network.layer(name_);
    if (const LinearSpec* spec = linear()) {
        target.kind = TrainedLinear{spec->inputs, spec->outputs, std::move(numbers)};
    } else {
        target.kind = TrainedConv{*conv(), std::move(numbers)};
    }
    if (fold_) {
        network.layer(fold_name_).kind = TrainedNothing{};
    }
}

}  // namespace qloom::train
