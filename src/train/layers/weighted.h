#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "train/layers/batch_norm.h"
#include "train/layers/layer.h"
#include "train/layers/quantiser.h"
#include "train/random.h"

namespace qloom::train {

// A linear layer or a convolution, with the BatchNorm folded into it where there is one:
//   y = W' x + b',   W' = quantised(W * gamma / sigma),   b' = quantised(beta - mean * gamma /
//   sigma)
// mean and sigma are those of W x over the batch in training (arXiv 1806.08342, which costs a
// second product), the running ones in evaluation. Included by .cpp files of this room only.
class WeightedLayer final : public Layer {
public:
    struct Fold {
        std::string name;
        BatchNormSpec spec;
    };
    WeightedLayer(const LayerSpec& layer, const std::optional<Fold>& fold, ParameterStore& store,
                  Random& random);

    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override;

private:
    [[nodiscard]] const LinearSpec* linear() const { return std::get_if<LinearSpec>(&kind_); }
    [[nodiscard]] const ConvSpec* conv() const { return std::get_if<ConvSpec>(&kind_); }
    [[nodiscard]] Role role() const {
        return conv() && conv()->transposed ? Role::kTransposedWeight : Role::kWeight;
    }
    [[nodiscard]] torch::Tensor product(const torch::Tensor& x, const torch::Tensor& weight,
                                        const torch::Tensor& bias) const;
    // The weights behind their quantiser, within the accumulator where that is bounded.
    [[nodiscard]] torch::Tensor rounded(const torch::Tensor& weight, const QuantTensors& quant,
                                        const Pass& pass) const;
    [[nodiscard]] torch::Tensor bias_for(const torch::Tensor& bias,
                                         const torch::Tensor& weight_scale,
                                         const torch::Tensor& input_scale) const;
    // The scale of the bias's levels, one or one an output.
    [[nodiscard]] torch::Tensor bias_scale(const torch::Tensor& bias,
                                           const torch::Tensor& weight_scale,
                                           const torch::Tensor& input_scale) const;
    Stream forward_folded(const Stream& input, const Pass& pass);
    struct Folded {
        torch::Tensor weight;
        torch::Tensor bias;
    };
    [[nodiscard]] Folded folded(const BatchStatistics& statistics) const;

    std::string name_;
    LayerKind kind_;
    std::optional<QuantiserSpec> quantiser_spec_;
    std::optional<BiasQuantiser> bias_quantiser_;
    std::optional<AccumulatorSpec> accumulator_;
    ParameterStore* store_;
    ParameterStore::Id weight_{};
    std::optional<ParameterStore::Id> bias_;
    std::optional<Quantiser> quantiser_;
    std::string fold_name_;
    std::optional<BatchNorm> fold_;
    torch::Tensor input_scale_;  // of the last forward pass: what a bias at accumulator scale is
                                 // exported with
};

}  // namespace qloom::train
