#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "train/fake_quant.h"

// BatchNorm, an activation that clamps, and its quantiser as one pass over memory, forward and
// backward.
//   v = gamma * (x - mean) / sqrt(variance + epsilon) + beta        a channel at a time
//   y = fake_quant(clamp(v, lo, hi))
// x and y are (rows, channels), channels fastest; the pixels of images are rows.
namespace qloom::train {

// A clamping activation: identity is (-inf, inf), ReLU (0, inf), HardTanh (-1, 1).
struct ClampRange {
    float lo = -std::numeric_limits<float>::infinity();
    float hi = std::numeric_limits<float>::infinity();
};

// The quantiser behind the clamp, with one scale for all channels.
struct FusedQuantiser {
    float scale = 1.0F;
    LevelRange levels;
};

struct NormActShape {
    std::int64_t rows = 0;
    std::int64_t channels = 0;
    float epsilon = 1e-5F;
};

// Mean and (biased) variance of every channel.
//   x = {{0, 10}, {2, 10}}  ->  mean {1, 10}, variance {1, 0}
void channel_statistics(std::span<const float> x, NormActShape shape, std::span<float> mean,
                        std::span<float> variance);

// The channels' affine parameters; all spans have `channels` values.
struct NormParameters {
    std::span<const float> gamma;
    std::span<const float> beta;
    std::span<const float> mean;
    std::span<const float> variance;
};

void norm_act_forward(std::span<const float> x, NormActShape shape, const NormParameters& norm,
                      ClampRange clamp, const std::optional<FusedQuantiser>& quantiser,
                      std::span<float> y);

struct NormActGradients {
    std::span<float> dx;
    std::span<float> dgamma;
    std::span<float> dbeta;
    float dscale = 0.0F;  // of the quantiser
};

// Gradients when mean and variance are those of x itself (training): they depend on x too.
//   dv = g inside clamp and levels, else 0;    dbeta = sum dv;    dgamma = sum dv * xhat
//   dx = gamma / sqrt(variance + epsilon) * (dv - dbeta / rows - xhat * dgamma / rows)
void norm_act_backward(std::span<const float> x, std::span<const float> gradient,
                       NormActShape shape, const NormParameters& norm, ClampRange clamp,
                       const std::optional<FusedQuantiser>& quantiser, NormActGradients& gradients);

// Its two halves, for batches whose statistics are those of more rows than x has. The first leaves
// dv in dx and sums over the rows of x; the second turns dv into dx, given the sums over all rows.
void norm_act_backward_sums(std::span<const float> x, std::span<const float> gradient,
                            NormActShape shape, const NormParameters& norm, ClampRange clamp,
                            const std::optional<FusedQuantiser>& quantiser,
                            NormActGradients& gradients);
void norm_act_backward_finish(std::span<const float> x, NormActShape shape,
                              const NormParameters& norm, std::span<const float> dgamma,
                              std::span<const float> dbeta, double rows, std::span<float> dx);

}  // namespace qloom::train
