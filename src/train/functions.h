#pragma once

#include <torch/torch.h>

#include "train/fake_quant.h"
#include "train/launch.h"
#include "train/norm_act.h"

// The kernels of fake_quant.h and norm_act.h as autograd functions. A scale that is learned is
// given as its logarithm: always positive, and a step of the optimiser changes it by a ratio.
// Tensors on another device than the CPU take the same formulas in LibTorch's own operators.
// Included by .cpp files of this room only.
namespace qloom::train {

// What a tensor is to its quantiser: where its channels lie.
//   kWeight            (outputs, ...)
//   kTransposedWeight  (channels, outputs, kernel...)
//   kActivation        (N, C) or (N, C, H, W), the latter channels last in memory
enum class Role { kWeight, kTransposedWeight, kActivation };

// The numbers of a quantiser at a moment: one value, or one a channel.
struct QuantTensors {
    torch::Tensor scale;
    torch::Tensor zero = {};  // undefined: 0
    torch::Tensor log_scale =
        {};             // the parameter behind `scale` when it is learned, else undefined
    double part = 1.0;  // of the values that the scale is for, how many are here: less with ranks
};

class Ranks;

// The ranks that share a batch, and what of it is here. Without ranks the whole batch is.
struct Together {
    const Ranks* ranks = nullptr;
    BatchShare share = {};
};

// fake_quant(x), with the gradients of LSQ.
torch::Tensor quantised(const torch::Tensor& x, const QuantTensors& quant,
                        const QuantiserSpec& spec, Role role);

// y = fake_quant(x) unchanged; its gradient passes to y alone, and what the width of the quantiser
// pulls at the loss is added to `pull` (budget.h): -ln 2 * sum g (y - x) where |y - x| is rounding
// and not clamping.
torch::Tensor width_traced(const torch::Tensor& y, const torch::Tensor& x,
                           const torch::Tensor& scale, Role role, double* pull);

// y = x * fake_quant(weight)^T + bias in one function. Shapes: x (N, inputs), weight (outputs,
// inputs), bias (outputs) or undefined, scale (1) or (outputs).
torch::Tensor quantised_linear(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const QuantTensors& quant,
                               const QuantiserSpec& spec);

// Weights (outputs, ...) as A2Q+ rounds them (layer_spec.h): centred if asked for, shortened to
// `reach`, then towards zero, so that sums of levels never exceed it. Gradients pass through
// rounding, centring and shortening.
torch::Tensor bounded_weight(const torch::Tensor& weight, const QuantTensors& quant,
                             const QuantiserSpec& spec, double reach, bool centred);

// round_half_even(x / scale) * scale within +-top levels; the gradient passes straight through,
// none goes to the scale.
torch::Tensor quantised_bias(const torch::Tensor& x, const torch::Tensor& scale, double top);

// floor(value / step) * step with the gradient of x; `value` is x without rounding errors.
torch::Tensor floored(const torch::Tensor& x, const torch::Tensor& value,
                      const torch::Tensor& step);

// Batch statistics of (N, C) or (N, C, H, W), over all ranks, and what norm_act() does with them,
// in training mode. Without `spec` there is no quantiser; with it, scale has one element and there
// is no zero point.
struct BatchStatistics {
    torch::Tensor mean;
    torch::Tensor variance;  // biased
    double values = 0.0;     // of a channel
};
BatchStatistics batch_statistics(const torch::Tensor& x, const Together& together = {});
// The same with gradients to x.
BatchStatistics traced_statistics(const torch::Tensor& x, const Together& together = {});
torch::Tensor norm_act(const torch::Tensor& x, const BatchStatistics& statistics,
                       const torch::Tensor& gamma, const torch::Tensor& beta, float epsilon,
                       ClampRange clamp, const QuantTensors& quant,
                       const std::optional<QuantiserSpec>& spec, const Together& together = {});

// The memory of a float tensor without gaps, in its own order: contiguous, or (N, C, H, W) channels
// last.
std::span<float> span_of(const torch::Tensor& tensor);

// The same values with the channels fastest in memory.
torch::Tensor channels_fastest(const torch::Tensor& x);

// The layout of a tensor for a scale a tensor or a channel.
ChannelLayout layout_of(const torch::Tensor& x, Role role, Granularity granularity);

// Takes LibTorch's own operators on the CPU too: for tests of what other devices compute.
void use_portable_functions(bool portable);

}  // namespace qloom::train
