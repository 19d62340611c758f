#include "train/optimiser.h"

#include <cmath>

#include "base/diagnostic.h"
#include "train/vectorised.h"

namespace qloom::train {
namespace {

constexpr float kEpsilon = 1e-8F;

struct AdamFactors {
    float beta1;
    float beta2;
    float rate;        // with the bias correction of the first moment
    float correction;  // 1 / sqrt(bias correction of the second moment)
    float shrink;      // p is multiplied by this: decoupled weight decay
    float added;       // and this times p is added to the gradient: coupled weight decay
};

QLOOM_VECTORISED
void adam_run(float* __restrict p, const float* __restrict gradient, float* __restrict m,
              float* __restrict v, std::int64_t count, AdamFactors f) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float g = gradient[i] + f.added * p[i];
        m[i] = f.beta1 * m[i] + (1.0F - f.beta1) * g;
        v[i] = f.beta2 * v[i] + (1.0F - f.beta2) * g * g;
        p[i] = f.shrink * p[i] - f.rate * m[i] / (std::sqrt(v[i]) * f.correction + kEpsilon);
    }
}

QLOOM_VECTORISED
void sgd_run(float* __restrict p, const float* __restrict gradient, float* __restrict m,
             std::int64_t count, float rate, float momentum, float added) {
    for (std::int64_t i = 0; i < count; ++i) {
        m[i] = momentum * m[i] + gradient[i] + added * p[i];
        p[i] -= rate * m[i];
    }
}

}  // namespace

FlatOptimiser::FlatOptimiser(const TrainingSpec& spec, std::int64_t parameters,
                             std::int64_t decayed)
    : spec_(spec),
      decayed_(decayed),
      first_(static_cast<std::size_t>(parameters), 0.0F),
      second_(static_cast<std::size_t>(parameters), 0.0F) {}

void FlatOptimiser::step(std::span<float> parameters, std::span<const float> gradients,
                         double rate) {
    QLOOM_ASSERT(parameters.size() == first_.size() && gradients.size() == first_.size(),
                 "one value a parameter");
    ++steps_;
    const auto count = static_cast<std::int64_t>(parameters.size());
    const auto decay = static_cast<float>(spec_.weight_decay);
    if (spec_.optimiser == Optimiser::kSgd) {
        const auto momentum = static_cast<float>(spec_.momentum);
        const auto factor = static_cast<float>(rate);
        sgd_run(parameters.data(), gradients.data(), first_.data(), decayed_, factor, momentum,
                decay);
        sgd_run(parameters.data() + decayed_, gradients.data() + decayed_, first_.data() + decayed_,
                count - decayed_, factor, momentum, 0.0F);
        return;
    }
    const auto time = static_cast<double>(steps_);
    AdamFactors plain{
        .beta1 = static_cast<float>(spec_.beta1),
        .beta2 = static_cast<float>(spec_.beta2),
        .rate = static_cast<float>(rate / (1.0 - std::pow(spec_.beta1, time))),
        .correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(spec_.beta2, time))),
        .shrink = 1.0F,
        .added = 0.0F};
    AdamFactors decaying = plain;
    if (spec_.optimiser == Optimiser::kAdamW) {
        decaying.shrink = static_cast<float>(1.0 - rate * spec_.weight_decay);
    } else {
        decaying.added = decay;
    }
    adam_run(parameters.data(), gradients.data(), first_.data(), second_.data(), decayed_,
             decaying);
    adam_run(parameters.data() + decayed_, gradients.data() + decayed_, first_.data() + decayed_,
             second_.data() + decayed_, count - decayed_, plain);
}

}  // namespace qloom::train
