#include "train/layers/batch_norm.h"

#include "train/layers/quantiser.h"

namespace qloom::train {

BatchNorm::BatchNorm(const std::string& name, const BatchNormSpec& spec, ParameterStore& store)
    : spec_(spec), store_(&store) {
    gamma_ = store.add_parameter(name + ".gamma", torch::ones({spec.channels}), false);
    beta_ = store.add_parameter(name + ".beta", torch::zeros({spec.channels}), false);
    mean_ = store.add_buffer(name + ".mean", torch::zeros({spec.channels}));
    variance_ = store.add_buffer(name + ".variance", torch::ones({spec.channels}));
}

void BatchNorm::follow(const BatchStatistics& batch) {
    const torch::NoGradGuard no_gradients;
    // The running variance estimates that of all data, hence the unbiased one.
    const auto unbiased = static_cast<float>(batch.values) /
                          static_cast<float>(batch.values > 1.0 ? batch.values - 1.0 : 1.0);
    const auto momentum = static_cast<float>(spec_.momentum);
    const BatchStatistics kept = running();
    if (!kept.mean.is_cpu()) {
        kept.mean.add_(batch.mean.detach() - kept.mean, momentum);
        kept.variance.add_(batch.variance.detach() * unbiased - kept.variance, momentum);
        return;
    }
    // In plain loops: for small layers the calls of four operators cost more than the numbers.
    const auto mean = span_of(kept.mean);
    const auto variance = span_of(kept.variance);
    const auto batch_mean = span_of(batch.mean);
    const auto batch_variance = span_of(batch.variance);
    for (std::size_t c = 0; c < mean.size(); ++c) {
        mean[c] += momentum * (batch_mean[c] - mean[c]);
        variance[c] += momentum * (batch_variance[c] * unbiased - variance[c]);
    }
}

TrainedNorm BatchNorm::trained() const {
    return {.epsilon = epsilon(),
            .gamma = values_of(gamma()),
            .beta = values_of(beta()),
            .mean = values_of(running().mean),
            .variance = values_of(running().variance)};
}

}  // namespace qloom::train
