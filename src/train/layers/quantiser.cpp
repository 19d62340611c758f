#include "train/layers/quantiser.h"

#include <algorithm>
#include <cmath>

#include "base/diagnostic.h"
#include "train/ranks.h"
#include "train/scale_statistics.h"

namespace qloom::train {
namespace {

using torch::Tensor;

// Of values that all ranks have a share of, enough that statistics come out as of all of them.
Tensor gathered(const Tensor& x, const QuantiserSpec& spec, Role role, const Together& together) {
    if (together.ranks == nullptr || role != Role::kActivation) {
        return x;
    }
    if (spec.source == ScaleSource::kMax) {
        const std::vector<std::int64_t> axes =
            x.dim() == 4 ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{0};
        return together.ranks->gather(torch::stack({x.amin(axes), x.amax(axes)}));
    }
    return channels_fastest(together.ranks->gather(x));
}

// The values a channel each, as statistics want them.
ScaleAndZero statistics_of(const Tensor& x, const QuantiserSpec& spec, Role role) {
    Tensor host = x.detach().cpu();
    host = role == Role::kActivation         ? channels_fastest(host)
           : role == Role::kTransposedWeight ? host.contiguous()
                                             : host;
    return scale_statistics(span_of(host), layout_of(host, role, spec.granularity), spec);
}

}  // namespace

std::vector<float> values_of(const Tensor& tensor) {
    const Tensor host = tensor.detach().cpu().contiguous();
    const float* data = host.data_ptr<float>();
    return {data, data + host.numel()};
}

Quantiser::Quantiser(const QuantiserSpec& spec, const std::string& owner, Role role,
                     std::int64_t channels, ParameterStore& store)
    : spec_(spec), role_(role), store_(&store), owner_(owner) {
    const std::int64_t count = spec.granularity == Granularity::kChannel ? channels : 1;
    if (spec.source == ScaleSource::kLearned) {
        log_scale_ = store.add_parameter(owner + ".log_scale", torch::zeros({count}), false);
    } else {
        scale_ = store.add_buffer(owner + ".scale",
                                  torch::full({count}, static_cast<float>(spec.constant)));
    }
    if (spec.asymmetric && spec.source == ScaleSource::kConstant) {
        zero_ = store.add_buffer(owner + ".zero",
                                 torch::full({count}, static_cast<float>(spec.zero_point)));
    } else if (spec.asymmetric) {
        low_ = store.add_buffer(owner + ".low", torch::zeros({count}));
    }
    if (!is_weight() || spec.delay > 0) {
        started_ = store.add_buffer(owner + ".started", torch::zeros({1}));
    }
}

void Quantiser::start_late() {
    if (!started_) {
        started_ = store_->add_buffer(owner_ + ".started", torch::zeros({1}));
    }
}

void Quantiser::start(const Tensor& x, const Together& together) {
    if (spec_.source != ScaleSource::kConstant) {
        const Tensor all = gathered(x.detach(), spec_, role_, together);
        keep(statistics_of(all, continuous(), role_), 1.0F);
    }
    if (started_) {
        (*store_)[*started_].fill_(1.0F);
    }
}

QuantiserSpec Quantiser::continuous() const {
    QuantiserSpec spec = spec_;
    spec.power_of_two = false;
    return spec;
}

bool Quantiser::started() const { return !started_ || (*store_)[*started_].item<float>() != 0.0F; }

// Scales of weights that are not stored: they follow from the weights of the moment.
bool Quantiser::follows_weights() const {
    return is_weight() && spec_.source != ScaleSource::kLearned &&
           spec_.source != ScaleSource::kConstant;
}

bool Quantiser::is_on(const Pass& pass) const {
    return spec_.delay == 0 || started() ||
           (pass.training && pass.step >= static_cast<std::uint64_t>(spec_.delay));
}

bool Quantiser::is_settled(const Pass& pass) const {
    return is_on(pass) &&
           (spec_.source == ScaleSource::kConstant || spec_.source == ScaleSource::kLearned) &&
           (started() || (spec_.source == ScaleSource::kConstant && spec_.delay == 0));
}

QuantTensors Quantiser::stored() const {
    QuantTensors result;
    const bool constant = spec_.source == ScaleSource::kConstant;
    const torch::NoGradGuard no_gradients;
    const Tensor& source = (*store_)[log_scale_ ? *log_scale_ : *scale_];
    Tensor scale = source.detach().cpu().clone();
    for (float& s : span_of(scale)) {
        s = log_scale_ ? std::exp(s) : s;
        s = spec_.power_of_two && !constant ? power_of_two(s, spec_.source) : s;
    }
    if (zero_) {
        result.zero = (*store_)[*zero_];
    } else if (low_) {
        // The level that the lower end of the values falls on becomes the lowest one.
        const LevelRange levels = level_range(spec_);
        Tensor zero = (*store_)[*low_].detach().cpu().clone();
        const auto zeros = span_of(zero);
        for (std::size_t i = 0; i < zeros.size(); ++i) {
            zeros[i] = std::clamp(std::nearbyint(levels.lo - zeros[i] / span_of(scale)[i]),
                                  levels.lo, levels.hi);
        }
        result.zero = zero.to(source.device());
    }
    result.scale = scale.to(source.device());
    if (log_scale_) {
        result.log_scale = (*store_)[*log_scale_];
    }
    return result;
}

// Moves what is kept towards `values`; share 1 replaces it. Kept are the scale before it becomes a
// power of two and the lower end of the values, so that averages make sense.
void Quantiser::keep(const ScaleAndZero& values, float share) {
    const auto move = [&](ParameterStore::Id id, const std::vector<float>& target) {
        const torch::NoGradGuard no_gradients;
        // data(): all parameters share one version, which a change in the middle of a forward pass
        // must not raise.
        Tensor kept = (*store_)[id].data();
        const Tensor fresh = torch::tensor(target).to(kept.device()).view_as(kept);
        kept.copy_(share == 1.0F ? fresh : kept + share * (fresh - kept));
    };
    std::vector<float> scale = values.scale;
    if (low_) {
        std::vector<float> low = values.zero;
        for (std::size_t i = 0; i < low.size(); ++i) {
            low[i] = (level_range(spec_).lo - low[i]) * scale[i];
        }
        move(*low_, low);
    }
    if (log_scale_) {
        for (float& s : scale) {
            s = std::log(s);
        }
    }
    move(log_scale_ ? *log_scale_ : *scale_, scale);
}

QuantTensors Quantiser::numbers(const Tensor& x, const Together& together) const {
    if (!follows_weights()) {
        QuantTensors result = stored();
        if (!is_weight() && together.ranks != nullptr) {
            result.part = static_cast<double>(together.share.rows) /
                          static_cast<double>(together.share.whole);
        }
        return result;
    }
    const ScaleAndZero values = statistics_of(x, spec_, role_);
    QuantTensors result{.scale = torch::tensor(values.scale).to(x.device())};
    if (!values.zero.empty()) {
        result.zero = torch::tensor(values.zero).to(x.device());
    }
    return result;
}

QuantTensors Quantiser::prepare(const Tensor& x, const Pass& pass) {
    if (pass.training) {
        if (!started()) {
            start(x, pass.together);
        } else if (!is_weight() && spec_.source != ScaleSource::kConstant &&
                   spec_.source != ScaleSource::kLearned) {
            constexpr float kMomentum = 0.1F;
            const Tensor all = gathered(x.detach(), spec_, role_, pass.together);
            keep(statistics_of(all, continuous(), role_), kMomentum);
        }
    }
    return numbers(x, pass.together);
}

Tensor Quantiser::apply(const Tensor& x, const Pass& pass) {
    return is_on(pass) ? quantise(x, prepare(x, pass), pass) : x;
}

Tensor Quantiser::quantise(const Tensor& x, const QuantTensors& quant, const Pass& pass) const {
    const Tensor y = quantised(x, quant, spec_, role_);
    return pass.width_pulls == nullptr
               ? y
               : width_traced(y, x, quant.scale, role_, &(*pass.width_pulls)[owner_]);
}

TrainedLevels Quantiser::trained(const Tensor& weights) const {
    const QuantTensors now = numbers(weights);
    return {.scale = values_of(now.scale),
            .zero = now.zero.defined() ? values_of(now.zero) : std::vector<float>{}};
}

Tensor Quantiser::single_scale(const Pass& pass) const {
    return spec_.granularity == Granularity::kTensor && !spec_.asymmetric && is_on(pass)
               ? stored().scale
               : Tensor();
}

}  // namespace qloom::train
