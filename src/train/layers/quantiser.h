#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/functions.h"
#include "train/layers/layer.h"
#include "train/parameter_store.h"
#include "train/scale_statistics.h"

namespace qloom::train {

// A quantiser with its state: a scale that is a trained logarithm, a number that statistics give
// anew at every use (weights) or on average (activations), or a constant. Included by .cpp files of
// this room only.
class Quantiser {
public:
    // `owner` names its arrays in the state: "fc1.weight.log_scale".
    Quantiser(const QuantiserSpec& spec, const std::string& owner, Role role, std::int64_t channels,
              ParameterStore& store);

    [[nodiscard]] const QuantiserSpec& spec() const { return spec_; }

    // Starts from these values, as the first batch does.
    void start(const torch::Tensor& x, const Together& together = {});
    // That the first batch has to start it, although it is one of weights: their values are not
    // known before.
    void start_late();

    // Whether it quantises: not before its delay is over.
    [[nodiscard]] bool is_on(const Pass& pass) const;
    // Whether nothing has to be known of values to quantise them, so that other loops may do it.
    [[nodiscard]] bool is_settled(const Pass& pass) const;

    // fake_quant(x), or x while it is off; in training it first learns from x what it has to.
    torch::Tensor apply(const torch::Tensor& x, const Pass& pass);
    // fake_quant(x) by these numbers of its own.
    [[nodiscard]] torch::Tensor quantise(const torch::Tensor& x, const QuantTensors& quant,
                                         const Pass& pass) const;
    // Its numbers for x, and then without changing anything.
    QuantTensors prepare(const torch::Tensor& x, const Pass& pass);
    [[nodiscard]] QuantTensors numbers(const torch::Tensor& x, const Together& together = {}) const;

    // As evaluation uses them; `weights` are looked at when the scale follows from them.
    [[nodiscard]] TrainedLevels trained(const torch::Tensor& weights = {}) const;
    // The scale when one number says all: per tensor, without a zero point. Else undefined.
    [[nodiscard]] torch::Tensor single_scale(const Pass& pass) const;

private:
    [[nodiscard]] bool is_weight() const { return role_ != Role::kActivation; }
    [[nodiscard]] bool follows_weights() const;
    [[nodiscard]] bool started() const;
    [[nodiscard]] QuantTensors stored() const;
    void keep(const ScaleAndZero& values, float share);
    [[nodiscard]] QuantiserSpec continuous() const;

    QuantiserSpec spec_;
    Role role_;
    ParameterStore* store_;
    std::optional<ParameterStore::Id> log_scale_;
    std::optional<ParameterStore::Id> scale_;
    std::optional<ParameterStore::Id> zero_;  // of a constant
    std::optional<ParameterStore::Id> low_;   // the real number that becomes the lowest level
    std::optional<ParameterStore::Id> started_;
    std::string owner_;
};

// Any tensor as plain numbers, in the order of its axes.
std::vector<float> values_of(const torch::Tensor& tensor);

}  // namespace qloom::train
