#include "train/layers/pixels.h"

#include <bit>
#include <cmath>

#include "base/diagnostic.h"
#include "train/random.h"

namespace qloom::train {

using torch::Tensor;

Stream PoolLayer::forward(std::span<const Stream> inputs, const Pass&) {
    const Tensor x = channels_fastest(inputs[0].x);
    switch (spec_.kind) {
        case PoolKind::kMax:
        case PoolKind::kGlobalMax:
            return {torch::max_pool2d(x, spec_.kernel, spec_.stride, spec_.padding),
                    inputs[0].scale};
        case PoolKind::kAverage:
        case PoolKind::kGlobalAverage:
            return {torch::avg_pool2d(x, spec_.kernel, spec_.stride, spec_.padding)};
        case PoolKind::kTruncAverage: {
            input_scale_ = inputs[0].scale;
            const Tensor average = torch::avg_pool2d(x, spec_.kernel, spec_.stride);
            if (!input_scale_.defined()) {
                return {average};  // the quantiser before is delayed
            }
            // floor(sum / 2^shift) * scale. The average times the area is whole levels but for the
            // rounding of floats.
            const double area = static_cast<double>(spec_.kernel[0] * spec_.kernel[1]);
            const double shift = std::exp2(trunc_shift(spec_));
            const Tensor exact =
                torch::round(average.detach() * area / input_scale_) * input_scale_ / shift;
            return {floored(average * (area / shift), exact, input_scale_), input_scale_};
        }
    }
    QLOOM_ASSERT(false, "every pool is handled");
}

void PoolLayer::fill_trained(TrainedNetwork& network) const {
    network.layer(name_).kind = TrainedPool{
        .spec = spec_, .scale = input_scale_.defined() ? input_scale_.item<float>() : 1.0F};
}

JoinLayer::JoinLayer(std::string name, const JoinSpec& spec, ParameterStore& store)
    : name_(std::move(name)), spec_(spec) {
    if (spec.quantiser) {
        quantiser_.emplace(*spec.quantiser, name_, Role::kActivation, spec.channels, store);
    }
}

Stream JoinLayer::forward(std::span<const Stream> inputs, const Pass& pass) {
    std::vector<Tensor> parts;
    for (const Stream& input : inputs) {
        parts.push_back(input.x);
    }
    if (quantiser_ && quantiser_->is_on(pass)) {
        // One quantiser for all: its statistics are those of everything that comes in.
        std::vector<Tensor> rows;
        for (const Tensor& part : parts) {
            rows.push_back(part.detach());
        }
        const bool watches = pass.training && !quantiser_->is_settled(pass);
        const QuantTensors quant =
            watches
                ? quantiser_->prepare(torch::cat(rows, spec_.kind == JoinKind::kAdd ? 0 : 1), pass)
                : quantiser_->numbers({}, pass.together);
        for (Tensor& part : parts) {
            part = quantiser_->quantise(part, quant, pass);
        }
    }
    if (spec_.kind == JoinKind::kAdd) {
        Tensor sum = parts[0];
        for (std::size_t i = 1; i < parts.size(); ++i) {
            sum = sum + parts[i];
        }
        return {sum};
    }
    return {torch::cat(parts, 1), quantiser_ ? quantiser_->single_scale(pass) : Tensor()};
}

void JoinLayer::fill_trained(TrainedNetwork& network) const {
    network.layer(name_).kind =
        TrainedJoin{.spec = spec_, .levels = quantiser_ ? quantiser_->trained() : TrainedLevels{}};
}

Stream DropoutLayer::forward(std::span<const Stream> inputs, const Pass& pass) {
    const Tensor& x = inputs[0].x;
    if (!pass.training || rate_ == 0.0F) {
        return inputs[0];
    }
    Random random = random_stream(pass.seed + index_, RandomPurpose::kDropout, pass.step);
    // The draws of the samples before those that are here.
    for (std::int64_t i = pass.together.share.first * (x.numel() / x.size(0)); i > 0; --i) {
        random.next();
    }
    Tensor mask = torch::empty_like(x, torch::TensorOptions().device(torch::kCPU));
    for (float& value : span_of(mask)) {
        value = random.uniform() < rate_ ? 0.0F : 1.0F / (1.0F - rate_);
    }
    return {x * mask.to(x.device())};
}

Stream UpsampleLayer::forward(std::span<const Stream> inputs, const Pass&) {
    const Tensor& x = inputs[0].x;
    return {channels_fastest(
                x.repeat_interleave(spec_.factor[0], 2).repeat_interleave(spec_.factor[1], 3)),
            inputs[0].scale};
}

Stream FlattenLayer::forward(std::span<const Stream> inputs, const Pass&) {
    return {inputs[0].x.contiguous().view({inputs[0].x.size(0), -1}), inputs[0].scale};
}

}  // namespace qloom::train
