#include "train/norm_act.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/vectorised.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kBlockRows = 1024;

inline float round_even(float v) {
    constexpr float kMagic = 12582912.0F;  // see fake_quant.cpp
    return (v + kMagic) - kMagic;
}

// What the row kernels need of a quantiser; kNone leaves the clamped value as it is.
enum class Kind { kNone, kLevels, kBipolar };
struct RowQuantiser {
    Kind kind = Kind::kNone;
    float scale = 1.0F;
    float lo = 0.0F;
    float hi = 0.0F;
};

RowQuantiser row_quantiser(const std::optional<FusedQuantiser>& quantiser) {
    if (!quantiser) {
        return {};
    }
    return {.kind = quantiser->levels.bipolar ? Kind::kBipolar : Kind::kLevels,
            .scale = quantiser->scale,
            .lo = quantiser->levels.lo,
            .hi = quantiser->levels.hi};
}

// The affine map of a channel as the forward pass applies it: v = (x - mean) * factor + beta.
struct Affine {
    std::vector<float> factor;   // gamma / sqrt(variance + epsilon)
    std::vector<float> inverse;  // 1 / sqrt(variance + epsilon)
};

Affine affine_of(const NormActShape& shape, const NormParameters& norm) {
    Affine result;
    const auto channels = static_cast<std::size_t>(shape.channels);
    result.factor.resize(channels);
    result.inverse.resize(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        result.inverse[c] = 1.0F / std::sqrt(norm.variance[c] + shape.epsilon);
        result.factor[c] = norm.gamma[c] * result.inverse[c];
    }
    return result;
}

QLOOM_VECTORISED
void add_rows(const float* x, std::int64_t rows, std::int64_t channels, float* sum) {
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            sum[c] += x[row * channels + c];
        }
    }
}

QLOOM_VECTORISED
void add_squared_rows(const float* x, std::int64_t rows, std::int64_t channels, const float* mean,
                      float* sum) {
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            const float difference = x[row * channels + c] - mean[c];
            sum[c] += difference * difference;
        }
    }
}

QLOOM_VECTORISED
void forward_rows(const float* x, std::int64_t rows, std::int64_t channels, const float* mean,
                  const float* factor, const float* beta, ClampRange clamp, RowQuantiser quantiser,
                  float* y) {
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* in = x + row * channels;
        float* out = y + row * channels;
        for (std::int64_t c = 0; c < channels; ++c) {
            const float v = (in[c] - mean[c]) * factor[c] + beta[c];
            out[c] = std::min(std::max(v, clamp.lo), clamp.hi);
        }
        if (quantiser.kind == Kind::kLevels) {
            for (std::int64_t c = 0; c < channels; ++c) {
                const float ratio = out[c] / quantiser.scale;
                out[c] = quantiser.scale *
                         round_even(std::min(std::max(ratio, quantiser.lo), quantiser.hi));
            }
        } else if (quantiser.kind == Kind::kBipolar) {
            for (std::int64_t c = 0; c < channels; ++c) {
                out[c] = out[c] >= 0.0F ? quantiser.scale : -quantiser.scale;
            }
        }
    }
}

// Arrays of `channels` values that the first half of the backward pass reads and writes; none
// overlap.
struct BackwardArrays {
    const float* mean;
    const float* inverse;
    const float* gamma;
    const float* beta;
    float* dgamma;
    float* dbeta;
    float* dscale;
};

// First half of the backward pass: dv into dx, and the sums over rows (dscale: a partial sum a
// channel). One body for all kinds of quantiser. The kind is known at compile time, and conditions
// choose between values that are both at hand: anything else would keep the loop over channels from
// vectorising.
template <Kind kind>
[[gnu::always_inline]] inline void backward_body(const float* x, const float* g, std::int64_t rows,
                                                 std::int64_t channels,
                                                 const BackwardArrays& arrays, ClampRange clamp,
                                                 RowQuantiser quantiser, float* dx) {
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* in = x + row * channels;
        const float* up = g + row * channels;
        float* down = dx + row * channels;
#pragma GCC ivdep
        for (std::int64_t c = 0; c < channels; ++c) {
            const float upstream = up[c];
            const float centred = in[c] - arrays.mean[c];
            const float v = centred * (arrays.gamma[c] * arrays.inverse[c]) + arrays.beta[c];
            const float a = std::min(std::max(v, clamp.lo), clamp.hi);
            // A clamped value passes no gradient; ReLU at exactly 0 passes none either, as in
            // LibTorch.
            float pass = v > clamp.lo ? 1.0F : 0.0F;
            pass = v < clamp.hi ? pass : 0.0F;
            if constexpr (kind == Kind::kLevels) {
                const float ratio = a / quantiser.scale;
                const float clamped = std::min(std::max(ratio, quantiser.lo), quantiser.hi);
                const float within = clamped == ratio ? 1.0F : 0.0F;
                arrays.dscale[c] += upstream * (round_even(clamped) - within * ratio);
                pass *= within;
            } else if constexpr (kind == Kind::kBipolar) {
                arrays.dscale[c] += a >= 0.0F ? upstream : -upstream;
                pass = std::fabs(a) <= 1.0F ? pass : 0.0F;
            }
            const float dv = pass * upstream;
            down[c] = dv;
            arrays.dbeta[c] += dv;
            arrays.dgamma[c] += dv * (centred * arrays.inverse[c]);
        }
    }
}

QLOOM_VECTORISED
void backward_plain(const float* x, const float* g, std::int64_t rows, std::int64_t channels,
                    const BackwardArrays& arrays, ClampRange clamp, RowQuantiser quantiser,
                    float* dx) {
    backward_body<Kind::kNone>(x, g, rows, channels, arrays, clamp, quantiser, dx);
}

QLOOM_VECTORISED
void backward_levels(const float* x, const float* g, std::int64_t rows, std::int64_t channels,
                     const BackwardArrays& arrays, ClampRange clamp, RowQuantiser quantiser,
                     float* dx) {
    backward_body<Kind::kLevels>(x, g, rows, channels, arrays, clamp, quantiser, dx);
}

QLOOM_VECTORISED
void backward_bipolar(const float* x, const float* g, std::int64_t rows, std::int64_t channels,
                      const BackwardArrays& arrays, ClampRange clamp, RowQuantiser quantiser,
                      float* dx) {
    backward_body<Kind::kBipolar>(x, g, rows, channels, arrays, clamp, quantiser, dx);
}

QLOOM_VECTORISED
void finish_rows(const float* x, std::int64_t rows, std::int64_t channels, const float* mean,
                 const float* inverse, const float* factor, const float* mean_dbeta,
                 const float* mean_dgamma, float* dx) {
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = row * channels + c;
            const float xhat = (x[i] - mean[c]) * inverse[c];
            dx[i] = factor[c] * (dx[i] - mean_dbeta[c] - xhat * mean_dgamma[c]);
        }
    }
}

}  // namespace

// Mean and sum of squared deviations are found block by block, each while it is in the cache, and
// combined in double (Chan, Golub and LeVeque 1979).
void channel_statistics(std::span<const float> x, NormActShape shape, std::span<float> mean,
                        std::span<float> variance) {
    const auto channels = static_cast<std::size_t>(shape.channels);
    std::vector<double> total_mean(channels, 0.0);
    std::vector<double> total_square(channels, 0.0);
    for (std::int64_t first = 0; first < shape.rows; first += kBlockRows) {
        const std::int64_t rows = std::min(kBlockRows, shape.rows - first);
        const float* block = x.data() + first * shape.channels;
        const float share = 1.0F / static_cast<float>(rows);
        std::fill(mean.begin(), mean.end(), 0.0F);
        add_rows(block, rows, shape.channels, mean.data());
        for (float& value : mean) {
            value *= share;
        }
        std::fill(variance.begin(), variance.end(), 0.0F);
        add_squared_rows(block, rows, shape.channels, mean.data(), variance.data());
        const auto before = static_cast<double>(first);
        const auto all = static_cast<double>(first + rows);
        for (std::size_t c = 0; c < channels; ++c) {
            const double difference = static_cast<double>(mean[c]) - total_mean[c];
            total_mean[c] += difference * static_cast<double>(rows) / all;
            total_square[c] += static_cast<double>(variance[c]) +
                               difference * difference * before * static_cast<double>(rows) / all;
        }
    }
    for (std::size_t c = 0; c < channels; ++c) {
        mean[c] = static_cast<float>(total_mean[c]);
        variance[c] = static_cast<float>(total_square[c] / static_cast<double>(shape.rows));
    }
}

void norm_act_forward(std::span<const float> x, NormActShape shape, const NormParameters& norm,
                      ClampRange clamp, const std::optional<FusedQuantiser>& quantiser,
                      std::span<float> y) {
    const Affine affine = affine_of(shape, norm);
    forward_rows(x.data(), shape.rows, shape.channels, norm.mean.data(), affine.factor.data(),
                 norm.beta.data(), clamp, row_quantiser(quantiser), y.data());
}

void norm_act_backward_sums(std::span<const float> x, std::span<const float> gradient,
                            NormActShape shape, const NormParameters& norm, ClampRange clamp,
                            const std::optional<FusedQuantiser>& quantiser,
                            NormActGradients& gradients) {
    const Affine affine = affine_of(shape, norm);
    const auto channels = static_cast<std::size_t>(shape.channels);
    std::vector<float> dscale(channels, 0.0F);
    const RowQuantiser row = row_quantiser(quantiser);
    const BackwardArrays arrays{.mean = norm.mean.data(),
                                .inverse = affine.inverse.data(),
                                .gamma = norm.gamma.data(),
                                .beta = norm.beta.data(),
                                .dgamma = gradients.dgamma.data(),
                                .dbeta = gradients.dbeta.data(),
                                .dscale = dscale.data()};
    const auto run = row.kind == Kind::kNone     ? backward_plain
                     : row.kind == Kind::kLevels ? backward_levels
                                                 : backward_bipolar;
    // Float sums over a block are added up in double: a sum over all pixels of a batch would lose
    // digits.
    std::vector<double> totals(3 * channels, 0.0);
    for (std::int64_t first = 0; first < shape.rows; first += kBlockRows) {
        std::fill(gradients.dgamma.begin(), gradients.dgamma.end(), 0.0F);
        std::fill(gradients.dbeta.begin(), gradients.dbeta.end(), 0.0F);
        std::fill(dscale.begin(), dscale.end(), 0.0F);
        const std::int64_t offset = first * shape.channels;
        run(x.data() + offset, gradient.data() + offset, std::min(kBlockRows, shape.rows - first),
            shape.channels, arrays, clamp, row, gradients.dx.data() + offset);
        for (std::size_t c = 0; c < channels; ++c) {
            totals[c] += static_cast<double>(gradients.dgamma[c]);
            totals[channels + c] += static_cast<double>(gradients.dbeta[c]);
            totals[2 * channels + c] += static_cast<double>(dscale[c]);
        }
    }
    gradients.dscale = 0.0F;
    for (std::size_t c = 0; c < channels; ++c) {
        gradients.dgamma[c] = static_cast<float>(totals[c]);
        gradients.dbeta[c] = static_cast<float>(totals[channels + c]);
        gradients.dscale += static_cast<float>(totals[2 * channels + c]);
    }
}

void norm_act_backward_finish(std::span<const float> x, NormActShape shape,
                              const NormParameters& norm, std::span<const float> dgamma,
                              std::span<const float> dbeta, double rows, std::span<float> dx) {
    const Affine affine = affine_of(shape, norm);
    const float share = 1.0F / static_cast<float>(rows);
    std::vector<float> mean_dbeta(dbeta.begin(), dbeta.end());
    std::vector<float> mean_dgamma(dgamma.begin(), dgamma.end());
    for (std::size_t c = 0; c < mean_dbeta.size(); ++c) {
        mean_dbeta[c] *= share;
        mean_dgamma[c] *= share;
    }
    finish_rows(x.data(), shape.rows, shape.channels, norm.mean.data(), affine.inverse.data(),
                affine.factor.data(), mean_dbeta.data(), mean_dgamma.data(), dx.data());
}

void norm_act_backward(std::span<const float> x, std::span<const float> gradient,
                       NormActShape shape, const NormParameters& norm, ClampRange clamp,
                       const std::optional<FusedQuantiser>& quantiser,
                       NormActGradients& gradients) {
    norm_act_backward_sums(x, gradient, shape, norm, clamp, quantiser, gradients);
    norm_act_backward_finish(x, shape, norm, gradients.dgamma, gradients.dbeta,
                             static_cast<double>(shape.rows), gradients.dx);
}

}  // namespace qloom::train
