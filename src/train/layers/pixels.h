#pragma once

#include <optional>
#include <string>

#include "train/layers/layer.h"
#include "train/layers/quantiser.h"

// Layers without weights: pools, joins, and those that move or drop values. Included by .cpp files
// of this room only.
namespace qloom::train {

class PoolLayer final : public Layer {
public:
    PoolLayer(std::string name, const PoolSpec& spec) : name_(std::move(name)), spec_(spec) {}
    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override;

private:
    std::string name_;
    PoolSpec spec_;
    torch::Tensor input_scale_;  // of the last forward pass, for kTruncAverage
};

class JoinLayer final : public Layer {
public:
    JoinLayer(std::string name, const JoinSpec& spec, ParameterStore& store);
    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override;

private:
    std::string name_;
    JoinSpec spec_;
    std::optional<Quantiser> quantiser_;
};

class DropoutLayer final : public Layer {
public:
    DropoutLayer(std::string name, const DropoutSpec& spec, std::uint64_t index)
        : name_(std::move(name)), rate_(static_cast<float>(spec.rate)), index_(index) {}
    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override {
        network.layer(name_).kind = TrainedNothing{};
    }

private:
    std::string name_;
    float rate_;
    std::uint64_t index_;
};

class UpsampleLayer final : public Layer {
public:
    UpsampleLayer(std::string name, const UpsampleSpec& spec)
        : name_(std::move(name)), spec_(spec) {}
    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override { network.layer(name_).kind = spec_; }

private:
    std::string name_;
    UpsampleSpec spec_;
};

class FlattenLayer final : public Layer {
public:
    explicit FlattenLayer(std::string name) : name_(std::move(name)) {}
    Stream forward(std::span<const Stream> inputs, const Pass& pass) override;
    void fill_trained(TrainedNetwork& network) const override {
        network.layer(name_).kind = FlattenSpec{};
    }

private:
    std::string name_;
};

}  // namespace qloom::train
