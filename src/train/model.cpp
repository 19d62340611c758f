#include "train/model.h"

#include <cblas.h>
#include <torch/torch.h>

#include "base/diagnostic.h"
#include "train/functions.h"
#include "train/layers.h"
#include "train/parameter_store.h"

namespace qloom::train {
namespace {

torch::Tensor as_tensor(std::span<const float> samples, std::int64_t rows) {
    const std::int64_t width = static_cast<std::int64_t>(samples.size()) / rows;
    QLOOM_ASSERT(rows * width == static_cast<std::int64_t>(samples.size()), "whole samples");
    // from_blob wants mutable memory; nothing writes to a network's input.
    return torch::from_blob(const_cast<float*>(samples.data()), {rows, width}, torch::kFloat);
}

}  // namespace

class Model::Network {
public:
    Network(const Recipe& recipe, std::uint64_t seed) : seed_(seed) {
        Random random = random_stream(seed, RandomPurpose::kWeights, 0);
        layers_ = make_layers(recipe, store_, random);
        store_.seal();
        outputs_ = recipe.outputs();
    }

    torch::Tensor forward(torch::Tensor x, const Pass& pass) const {
        for (const auto& layer : layers_) {
            x = layer->forward(x, pass);
        }
        return x;
    }

    LossSums train_step(std::span<const float> samples, std::span<const std::int32_t> labels,
                        double smoothing, std::uint64_t index) {
        store_.gradients().zero_();
        const auto rows = static_cast<std::int64_t>(labels.size());
        const torch::Tensor logits =
            forward(as_tensor(samples, rows), {.training = true, .seed = seed_, .step = index});
        // The loss needs no place in the graph: its gradient comes with it.
        torch::Tensor gradient = torch::empty_like(logits);
        const LossSums sums =
            cross_entropy(span_of(logits.detach()), labels, outputs_, smoothing, span_of(gradient));
        logits.backward(gradient);
        return sums;
    }

    std::vector<float> evaluate(std::span<const float> samples, std::int64_t rows) const {
        const torch::NoGradGuard no_gradients;
        const torch::Tensor logits =
            forward(as_tensor(samples, rows), {.training = false}).contiguous();
        const auto span = span_of(logits);
        return {span.begin(), span.end()};
    }

    std::vector<TrainedLayer> trained_layers() const {
        const torch::NoGradGuard no_gradients;
        std::vector<TrainedLayer> result;
        for (const auto& layer : layers_) {
            layer->append_trained(result);
        }
        return result;
    }

    ParameterStore& store() { return store_; }

private:
    std::uint64_t seed_;
    ParameterStore store_;
    std::vector<std::unique_ptr<Layer>> layers_;
    std::int64_t outputs_ = 0;
};

Model::Model(const Recipe& recipe, std::uint64_t seed)
    : network_(std::make_unique<Network>(recipe, seed)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

LossSums Model::train_step(std::span<const float> samples, std::span<const std::int32_t> labels,
                           double label_smoothing, std::uint64_t index) {
    return network_->train_step(samples, labels, label_smoothing, index);
}

std::vector<float> Model::evaluate(std::span<const float> samples, std::int64_t rows) const {
    return network_->evaluate(samples, rows);
}

std::span<float> Model::parameters() { return span_of(network_->store().parameters()); }
std::span<const float> Model::gradients() const { return span_of(network_->store().gradients()); }
std::int64_t Model::decayed() const { return network_->store().decayed(); }
State Model::state() const { return network_->store().state(); }
void Model::load_state(const State& state) { network_->store().load(state); }
std::vector<TrainedLayer> Model::trained_layers() const { return network_->trained_layers(); }

void set_compute_threads(int threads) {
    at::set_num_threads(threads);
    // LibTorch does not know the threads of the OpenBLAS behind it.
    openblas_set_num_threads(threads);
}

}  // namespace qloom::train
