#pragma once

#include <torch/torch.h>

#include "train/fake_quant.h"
#include "train/norm_act.h"

// The kernels of fake_quant.h and norm_act.h as autograd functions. A scale that is learned is
// given as its logarithm: always positive, and a step of the optimiser changes it by a ratio.
// Included by .cpp files of this room only.
namespace qloom::train {

// y = x * fake_quant(weight)^T + bias. Shapes: x (N, inputs), weight (outputs, inputs), bias
// (outputs) or undefined, scale (1) or (outputs). `log_scale`: the parameter behind `scale` when it
// is learned, else undefined.
torch::Tensor quantised_linear(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const torch::Tensor& scale,
                               const torch::Tensor& log_scale, const QuantiserSpec& spec);

// fake_quant(x) for x (N, C): scale (1) or (C).
torch::Tensor quantised_activation(const torch::Tensor& x, const torch::Tensor& scale,
                                   const torch::Tensor& log_scale, const QuantiserSpec& spec);

// Batch statistics of (N, C) and what norm_act() does with them, in training mode. Without `spec`
// there is no quantiser; with it, scale has one element.
struct BatchStatistics {
    torch::Tensor mean;
    torch::Tensor variance;  // biased
};
BatchStatistics batch_statistics(const torch::Tensor& x);
torch::Tensor norm_act(const torch::Tensor& x, const BatchStatistics& statistics,
                       const torch::Tensor& gamma, const torch::Tensor& beta, float epsilon,
                       ClampRange clamp, const torch::Tensor& scale, const torch::Tensor& log_scale,
                       const std::optional<QuantiserSpec>& spec);

// The memory of a contiguous float tensor.
std::span<float> span_of(const torch::Tensor& tensor);

// The layouts of weights (outputs, inputs) and activations (N, C) for a scale a tensor or a
// channel.
ChannelLayout weight_layout(const torch::Tensor& weight, Granularity granularity);
ChannelLayout activation_layout(const torch::Tensor& x, Granularity granularity);

}  // namespace qloom::train
