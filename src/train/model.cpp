#include "train/model.h"

#include <cblas.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "train/functions.h"
#include "train/layers/network.h"
#include "train/parameter_store.h"
#include "train/ranks.h"

namespace qloom::train {
namespace {

torch::Tensor as_tensor(std::span<const float> samples, std::int64_t rows) {
    const std::int64_t width = static_cast<std::int64_t>(samples.size()) / rows;
    QLOOM_ASSERT(rows * width == static_cast<std::int64_t>(samples.size()), "whole samples");
    // from_blob wants mutable memory; nothing writes to a network's input.
    return torch::from_blob(const_cast<float*>(samples.data()), {rows, width}, torch::kFloat);
}

void copy_to_host(const torch::Tensor& from, std::vector<float>& to) {
    const torch::Tensor host = from.detach().cpu();
    const auto values = span_of(host);
    to.assign(values.begin(), values.end());
}

}  // namespace

Model::Model(const Recipe& recipe, std::uint64_t seed, Device device, int index) {
    if (device == Device::kCuda && torch::cuda::device_count() <= static_cast<std::size_t>(index)) {
        throw Error(code::kDeviceMissing, "--device cuda",
                    index == 0 ? "this LibTorch finds no CUDA device"
                               : fmt::format("this LibTorch finds no CUDA device {}", index),
                    "use --device cpu, or build against a LibTorch with CUDA");
    }
    network_ = std::make_unique<Network>(
        recipe, seed,
        device == Device::kCuda ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index))
                                : torch::Device(torch::kCPU));
    if (!recipe.start.empty()) {
        const std::size_t taken = network_->store().load(recipe.start);
        QLOOM_ASSERT(taken == recipe.start.size(), "the network has every array it starts from");
    }
    if (device != Device::kCpu) {
        copy_to_host(network_->store().parameters(), host_parameters_);
    }
}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

LossSums Model::train_step(std::span<const float> samples, std::span<const std::int32_t> labels,
                           std::uint64_t index, std::span<const float> teacher, const Ranks* ranks,
                           BatchShare share, WidthPulls* pulls) {
    network_->store().gradients().zero_();
    const auto rows = static_cast<std::int64_t>(labels.size());
    const torch::Tensor logits =
        network_->forward(as_tensor(samples, rows), {.training = true,
                                                     .seed = network_->seed(),
                                                     .step = index,
                                                     .together = {.ranks = ranks, .share = share},
                                                     .width_pulls = pulls});
    // The loss needs no place in the graph: its gradient comes with it.
    const TrainingSpec& spec = network_->recipe().training;
    const torch::Tensor values = logits.detach().cpu();
    torch::Tensor gradient = torch::empty_like(values);
    LossSums sums = loss_of(spec.loss, span_of(values), labels, logits.size(1),
                            spec.label_smoothing, span_of(gradient));
    if (!teacher.empty()) {
        distil(span_of(values), teacher, logits.size(1), network_->recipe().distillation, sums,
               span_of(gradient));
    }
    if (ranks == nullptr) {
        logits.backward(gradient.to(logits.device()));
        return sums;
    }
    // Of the mean over the whole batch.
    const double part = static_cast<double>(rows) / static_cast<double>(share.whole);
    logits.backward((gradient * part).to(logits.device()));
    ranks->sum(network_->store().gradients());
    std::array<double, 2> totals{sums.loss * part, static_cast<double>(sums.correct)};
    ranks->sum(totals);
    return {.loss = totals[0], .correct = std::llround(totals[1])};
}

void Model::clip_weights(float reach) {
    for (float& weight : parameters().first(static_cast<std::size_t>(decayed()))) {
        weight = std::clamp(weight, -reach, reach);
    }
}

std::string Model::first_not_finite(std::span<const float> samples, std::int64_t rows) const {
    const torch::NoGradGuard no_gradients;
    return network_->first_not_finite(as_tensor(samples, rows));
}

std::vector<float> Model::evaluate(std::span<const float> samples, std::int64_t rows) const {
    const torch::NoGradGuard no_gradients;
    const torch::Tensor logits =
        network_->forward(as_tensor(samples, rows), {.training = false}).cpu();
    const auto span = span_of(logits);
    return {span.begin(), span.end()};
}

std::span<float> Model::parameters() {
    torch::Tensor& parameters = network_->store().parameters();
    return parameters.is_cpu() ? span_of(parameters) : std::span<float>(host_parameters_);
}

std::span<const float> Model::gradients() const {
    const torch::Tensor& gradients = network_->store().gradients();
    if (gradients.is_cpu()) {
        return span_of(gradients);
    }
    copy_to_host(gradients, host_gradients_);
    return host_gradients_;
}

void Model::parameters_changed() {
    torch::Tensor parameters = network_->store().parameters().data();
    if (!parameters.is_cpu()) {
        parameters.copy_(
            torch::from_blob(host_parameters_.data(), {parameters.numel()}, torch::kFloat));
    }
}

std::int64_t Model::decayed() const { return network_->store().decayed(); }
State Model::state() const { return network_->store().state(); }
std::size_t Model::load_state(const State& state) {
    const std::size_t taken = network_->store().load(state);
    if (!network_->store().parameters().is_cpu()) {
        copy_to_host(network_->store().parameters(), host_parameters_);
    }
    return taken;
}
std::size_t Model::state_size() const { return network_->store().size(); }
std::string Model::name_of_parameter(std::int64_t index) const {
    return network_->store().name_of_element(index);
}
TrainedNetwork Model::trained() const { return network_->trained(); }

void set_compute_threads(int threads) {
    at::set_num_threads(threads);
    // LibTorch does not know the threads of the OpenBLAS behind it.
    openblas_set_num_threads(threads);
}

}  // namespace qloom::train
