#pragma once

#include <memory>
#include <optional>
#include <string>

#include "train/layers/batch_norm.h"
#include "train/layers/layer.h"
#include "train/layers/quantiser.h"

// Activations, and BatchNorm with an activation behind it. Included by .cpp files of this room
// only.
namespace qloom::train {

class ActivationLayer final : public Layer {
public:
    // `name` empty: the quantiser of the network's input.
    ActivationLayer(std::string name, const ActivationSpec& spec, ParameterStore& store);

    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override;

    // For the layer that does BatchNorm and this activation in one: whether that is possible now,
    // no statistics being wanted of the values in between, and what it needs.
    [[nodiscard]] bool can_fuse(const Pass& pass) const;
    [[nodiscard]] ClampRange clamp() const;
    [[nodiscard]] const std::optional<Quantiser>& quantiser() const { return quantiser_; }
    [[nodiscard]] Stream finish(torch::Tensor y, const Stream& input, const Pass& pass) const;

private:
    std::string name_;
    ActivationSpec spec_;
    std::optional<Quantiser> quantiser_;
};

// BatchNorm, and the activation behind it when there is one: together they are one pass over
// memory.
class NormLayer final : public Layer {
public:
    NormLayer(std::string name, const BatchNormSpec& spec,
              std::unique_ptr<ActivationLayer> activation, ParameterStore& store);

    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override;

private:
    std::string name_;
    BatchNorm norm_;
    std::unique_ptr<ActivationLayer> activation_;
};

}  // namespace qloom::train
