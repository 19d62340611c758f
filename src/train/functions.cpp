#include "train/functions.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/diagnostic.h"

namespace qloom::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// An argument of a Function that may be absent: it cannot be an undefined tensor.
using Optional = c10::optional<Tensor>;

Optional optional_of(const Tensor& tensor) {
    return tensor.defined() ? Optional(tensor) : Optional();
}
Tensor tensor_of(const Optional& optional) { return optional ? *optional : Tensor(); }

constexpr const char* kSpec = "spec";

// A quantiser's integer facts as one number, because that is what a context can keep.
std::int64_t packed(const QuantiserSpec& spec) {
    return std::int64_t{spec.type.bits} | (spec.type.is_signed ? 256 : 0) |
           (spec.type.narrow ? 512 : 0) | (spec.granularity == Granularity::kChannel ? 1024 : 0);
}

QuantiserSpec unpacked(std::int64_t value) {
    QuantiserSpec spec;
    spec.type = {.bits = static_cast<int>(value & 255),
                 .is_signed = (value & 256) != 0,
                 .narrow = (value & 512) != 0};
    spec.granularity = (value & 1024) != 0 ? Granularity::kChannel : Granularity::kTensor;
    return spec;
}

// d/d(log s) = s * d/ds, times the step-size factor of LSQ, 1 / sqrt(values a scale * largest
// level): without it the gradient of a scale is larger than that of a weight by about the square
// root of the number of weights.
Tensor log_scale_gradient(std::span<const float> ds, const Tensor& scale,
                          const ChannelLayout& layout, LevelRange levels) {
    const float balance =
        1.0F / std::sqrt(static_cast<float>(layout.outer * layout.inner) * levels.hi);
    Tensor gradient = torch::empty_like(scale);
    const auto out = span_of(gradient);
    const auto scales = span_of(scale);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = ds[i] * scales[i] * balance;
    }
    return gradient;
}

struct QuantisedLinear : Function<QuantisedLinear> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                          const Optional& bias, const Optional& log_scale, const Tensor& scale,
                          std::int64_t spec_bits) {
        const QuantiserSpec spec = unpacked(spec_bits);
        Tensor quantised = torch::empty_like(weight);
        fake_quant(span_of(weight), weight_layout(weight, spec.granularity), span_of(scale),
                   level_range(spec), span_of(quantised));
        ctx->saved_data[kSpec] = spec_bits;
        ctx->save_for_backward(
            {x, weight, quantised, scale, tensor_of(bias), tensor_of(log_scale)});
        return bias ? torch::addmm(*bias, x, quantised.t()) : torch::mm(x, quantised.t());
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const Tensor& x = saved[0];
        const Tensor& weight = saved[1];
        const Tensor& scale = saved[3];
        const QuantiserSpec spec = unpacked(ctx->saved_data[kSpec].toInt());
        const Tensor upstream = gradients[0].contiguous();
        Tensor dx = ctx->needs_input_grad(0) ? torch::mm(upstream, saved[2]) : Tensor();
        Tensor dweight = torch::mm(upstream.t(), x).contiguous();
        const ChannelLayout layout = weight_layout(weight, spec.granularity);
        const LevelRange levels = level_range(spec);
        std::vector<float> ds(static_cast<std::size_t>(layout.channels));
        fake_quant_backward(span_of(weight), span_of(dweight), layout, span_of(scale), levels, ds);
        Tensor dbias = saved[4].defined() ? upstream.sum(0) : Tensor();
        Tensor dlog = saved[5].defined() ? log_scale_gradient(ds, scale, layout, levels) : Tensor();
        return {dx, dweight, dbias, dlog, Tensor(), Tensor()};
    }
};

struct QuantisedActivation : Function<QuantisedActivation> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Optional& log_scale,
                          const Tensor& scale, std::int64_t spec_bits) {
        const QuantiserSpec spec = unpacked(spec_bits);
        Tensor y = torch::empty_like(x);
        fake_quant(span_of(x), activation_layout(x, spec.granularity), span_of(scale),
                   level_range(spec), span_of(y));
        ctx->saved_data[kSpec] = spec_bits;
        ctx->save_for_backward({x, scale, tensor_of(log_scale)});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const QuantiserSpec spec = unpacked(ctx->saved_data[kSpec].toInt());
        const ChannelLayout layout = activation_layout(saved[0], spec.granularity);
        const LevelRange levels = level_range(spec);
        Tensor dx = gradients[0].clone(torch::MemoryFormat::Contiguous);
        std::vector<float> ds(static_cast<std::size_t>(layout.channels));
        fake_quant_backward(span_of(saved[0]), span_of(dx), layout, span_of(saved[1]), levels, ds);
        Tensor dlog =
            saved[2].defined() ? log_scale_gradient(ds, saved[1], layout, levels) : Tensor();
        return {dx, dlog, Tensor(), Tensor()};
    }
};

NormActShape shape_of(const Tensor& x, double epsilon) {
    return {.rows = x.size(0), .channels = x.size(1), .epsilon = static_cast<float>(epsilon)};
}

std::optional<FusedQuantiser> fused_quantiser(const Tensor& scale, std::int64_t spec_bits) {
    if (!scale.defined()) {
        return std::nullopt;
    }
    return FusedQuantiser{.scale = span_of(scale)[0], .levels = level_range(unpacked(spec_bits))};
}

struct NormAct : Function<NormAct> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& gamma,
                          const Tensor& beta, const Optional& log_scale, const Optional& scale,
                          const Tensor& mean, const Tensor& variance, double epsilon,
                          double clamp_lo, double clamp_hi, std::int64_t spec_bits) {
        const ClampRange clamp{.lo = static_cast<float>(clamp_lo),
                               .hi = static_cast<float>(clamp_hi)};
        Tensor y = torch::empty_like(x);
        norm_act_forward(span_of(x), shape_of(x, epsilon),
                         {span_of(gamma), span_of(beta), span_of(mean), span_of(variance)}, clamp,
                         fused_quantiser(tensor_of(scale), spec_bits), span_of(y));
        ctx->saved_data[kSpec] = spec_bits;
        ctx->saved_data["epsilon"] = epsilon;
        ctx->saved_data["lo"] = clamp_lo;
        ctx->saved_data["hi"] = clamp_hi;
        ctx->save_for_backward(
            {x, gamma, beta, tensor_of(log_scale), tensor_of(scale), mean, variance});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const Tensor& x = saved[0];
        const Tensor& scale = saved[4];
        const std::int64_t spec_bits = ctx->saved_data[kSpec].toInt();
        const ClampRange clamp{.lo = static_cast<float>(ctx->saved_data["lo"].toDouble()),
                               .hi = static_cast<float>(ctx->saved_data["hi"].toDouble())};
        const Tensor upstream = gradients[0].contiguous();
        Tensor dx = torch::empty_like(x);
        Tensor dgamma = torch::empty_like(saved[1]);
        Tensor dbeta = torch::empty_like(saved[2]);
        NormActGradients result{
            .dx = span_of(dx), .dgamma = span_of(dgamma), .dbeta = span_of(dbeta)};
        norm_act_backward(
            span_of(x), span_of(upstream), shape_of(x, ctx->saved_data["epsilon"].toDouble()),
            {span_of(saved[1]), span_of(saved[2]), span_of(saved[5]), span_of(saved[6])}, clamp,
            fused_quantiser(scale, spec_bits), result);
        Tensor dlog;
        if (saved[3].defined()) {
            const std::array<float, 1> ds{result.dscale};
            dlog = log_scale_gradient(ds, scale, {.outer = 1, .channels = 1, .inner = x.numel()},
                                      level_range(unpacked(spec_bits)));
        }
        return {dx,       dgamma,   dbeta,    dlog,     Tensor(), Tensor(),
                Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

}  // namespace

std::span<float> span_of(const torch::Tensor& tensor) {
    QLOOM_ASSERT(tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat,
                 "a contiguous float tensor");
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

ChannelLayout weight_layout(const torch::Tensor& weight, Granularity granularity) {
    return granularity == Granularity::kTensor
               ? ChannelLayout{1, 1, weight.numel()}
               : ChannelLayout{1, weight.size(0), weight.numel() / weight.size(0)};
}

ChannelLayout activation_layout(const torch::Tensor& x, Granularity granularity) {
    return granularity == Granularity::kTensor
               ? ChannelLayout{1, 1, x.numel()}
               : ChannelLayout{x.size(0), x.size(1), x.numel() / x.size(0) / x.size(1)};
}

torch::Tensor quantised_linear(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const torch::Tensor& scale,
                               const torch::Tensor& log_scale, const QuantiserSpec& spec) {
    return QuantisedLinear::apply(x, weight, optional_of(bias), optional_of(log_scale), scale,
                                  packed(spec));
}

torch::Tensor quantised_activation(const torch::Tensor& x, const torch::Tensor& scale,
                                   const torch::Tensor& log_scale, const QuantiserSpec& spec) {
    return QuantisedActivation::apply(x.contiguous(), optional_of(log_scale), scale, packed(spec));
}

BatchStatistics batch_statistics(const torch::Tensor& x) {
    BatchStatistics result{torch::empty({x.size(1)}), torch::empty({x.size(1)})};
    channel_statistics(span_of(x), shape_of(x, 0.0), span_of(result.mean),
                       span_of(result.variance));
    return result;
}

torch::Tensor norm_act(const torch::Tensor& x, const BatchStatistics& statistics,
                       const torch::Tensor& gamma, const torch::Tensor& beta, float epsilon,
                       ClampRange clamp, const torch::Tensor& scale, const torch::Tensor& log_scale,
                       const std::optional<QuantiserSpec>& spec) {
    return NormAct::apply(x, gamma, beta, optional_of(log_scale), optional_of(scale),
                          statistics.mean, statistics.variance, static_cast<double>(epsilon),
                          static_cast<double>(clamp.lo), static_cast<double>(clamp.hi),
                          spec ? packed(*spec) : std::int64_t{0});
}

}  // namespace qloom::train
