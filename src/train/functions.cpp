#include "train/functions.h"

#include <array>
#include <atomic>
#include <cmath>
#include <utility>

#include "base/diagnostic.h"
#include "train/ranks.h"

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
                          const ChannelLayout& layout, LevelRange levels, double part = 1.0) {
    const auto values = static_cast<float>(static_cast<double>(layout.outer * layout.inner) / part);
    const float balance = 1.0F / std::sqrt(values * levels.hi);
    Tensor gradient = torch::empty_like(scale);
    const auto out = span_of(gradient);
    const auto scales = span_of(scale);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = ds[i] * scales[i] * balance;
    }
    return gradient;
}

std::span<const float> zeros_in(const Tensor& zero) {
    return zero.defined() ? std::span<const float>(span_of(zero)) : std::span<const float>();
}

struct QuantisedLinear : Function<QuantisedLinear> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                          const Optional& bias, const Optional& log_scale, const Tensor& scale,
                          const Optional& zero, std::int64_t spec_bits) {
        const QuantiserSpec spec = unpacked(spec_bits);
        Tensor quantised = torch::empty_like(weight);
        fake_quant(span_of(weight), layout_of(weight, Role::kWeight, spec.granularity),
                   span_of(scale), level_range(spec), span_of(quantised),
                   zeros_in(tensor_of(zero)));
        ctx->saved_data[kSpec] = spec_bits;
        ctx->save_for_backward(
            {x, weight, quantised, scale, tensor_of(bias), tensor_of(log_scale), tensor_of(zero)});
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
        const ChannelLayout layout = layout_of(weight, Role::kWeight, spec.granularity);
        const LevelRange levels = level_range(spec);
        std::vector<float> ds(static_cast<std::size_t>(layout.channels));
        fake_quant_backward(span_of(weight), span_of(dweight), layout, span_of(scale), levels, ds,
                            zeros_in(saved[6]));
        Tensor dbias = saved[4].defined() ? upstream.sum(0) : Tensor();
        Tensor dlog = saved[5].defined() ? log_scale_gradient(ds, scale, layout, levels) : Tensor();
        return {dx, dweight, dbias, dlog, Tensor(), Tensor(), Tensor()};
    }
};

// The value given, with the gradient of x.
struct StraightThrough : Function<StraightThrough> {
    static Tensor forward(AutogradContext*, const Tensor& x, const Tensor& value) {
        return value.view_as(x);
    }
    static variable_list backward(AutogradContext*, variable_list gradients) {
        return {gradients[0], Tensor()};
    }
};

struct Quantised : Function<Quantised> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Optional& log_scale,
                          const Tensor& scale, const Optional& zero, std::int64_t spec_bits,
                          std::int64_t role, double part) {
        const QuantiserSpec spec = unpacked(spec_bits);
        Tensor y = torch::empty_like(x);
        fake_quant(span_of(x), layout_of(x, static_cast<Role>(role), spec.granularity),
                   span_of(scale), level_range(spec), span_of(y), zeros_in(tensor_of(zero)));
        ctx->saved_data[kSpec] = spec_bits;
        ctx->saved_data["role"] = role;
        ctx->saved_data["part"] = part;
        ctx->save_for_backward({x, scale, tensor_of(log_scale), tensor_of(zero)});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const Tensor& x = saved[0];
        const QuantiserSpec spec = unpacked(ctx->saved_data[kSpec].toInt());
        const auto role = static_cast<Role>(ctx->saved_data["role"].toInt());
        const ChannelLayout layout = layout_of(x, role, spec.granularity);
        const LevelRange levels = level_range(spec);
        // In the memory order of x, and memory of its own.
        Tensor dx = torch::empty_like(x).copy_(gradients[0]);
        std::vector<float> ds(static_cast<std::size_t>(layout.channels));
        fake_quant_backward(span_of(x), span_of(dx), layout, span_of(saved[1]), levels, ds,
                            zeros_in(saved[3]));
        Tensor dlog = saved[2].defined() ? log_scale_gradient(ds, saved[1], layout, levels,
                                                              ctx->saved_data["part"].toDouble())
                                         : Tensor();
        return {dx, dlog, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

// A context keeps numbers: the ranks outlive every pass.
std::int64_t number_of(const Together& together) {
    return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(together.ranks));
}
const Ranks* ranks_in(std::int64_t number) {
    return reinterpret_cast<const Ranks*>(static_cast<std::intptr_t>(number));
}

// How many values of a channel the whole batch has.
double values_a_channel(const Tensor& x, const Together& together) {
    const auto here = static_cast<double>(x.numel() / x.size(1));
    return together.ranks == nullptr ? here
                                     : here / static_cast<double>(together.share.rows) *
                                           static_cast<double>(together.share.whole);
}

NormActShape shape_of(const Tensor& x, double epsilon) {
    return {.rows = x.numel() / x.size(1),
            .channels = x.size(1),
            .epsilon = static_cast<float>(epsilon)};
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
                          double clamp_lo, double clamp_hi, std::int64_t spec_bits, double values,
                          std::int64_t ranks) {
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
        ctx->saved_data["values"] = values;
        ctx->saved_data["ranks"] = ranks;
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
        const Tensor upstream = channels_fastest(gradients[0]);
        Tensor dx = torch::empty_like(x);
        Tensor dgamma = torch::empty_like(saved[1]);
        Tensor dbeta = torch::empty_like(saved[2]);
        NormActGradients result{
            .dx = span_of(dx), .dgamma = span_of(dgamma), .dbeta = span_of(dbeta)};
        const NormActShape shape = shape_of(x, ctx->saved_data["epsilon"].toDouble());
        const NormParameters norm{span_of(saved[1]), span_of(saved[2]), span_of(saved[5]),
                                  span_of(saved[6])};
        norm_act_backward_sums(span_of(x), span_of(upstream), shape, norm, clamp,
                               fused_quantiser(scale, spec_bits), result);
        // Each rank keeps its own sums for gamma and beta, whose gradients are added up with all
        // others; x depends on the sums over all ranks, as the statistics do.
        const double values = ctx->saved_data["values"].toDouble();
        if (const Ranks* ranks = ranks_in(ctx->saved_data["ranks"].toInt())) {
            Tensor sums = torch::stack({dgamma, dbeta});
            ranks->sum(sums);
            norm_act_backward_finish(span_of(x), shape, norm, span_of(sums[0]), span_of(sums[1]),
                                     values, span_of(dx));
        } else {
            norm_act_backward_finish(span_of(x), shape, norm, span_of(dgamma), span_of(dbeta),
                                     values, span_of(dx));
        }
        Tensor dlog;
        if (saved[3].defined()) {
            const std::array<float, 1> ds{result.dscale};
            dlog = log_scale_gradient(ds, scale, {.outer = 1, .channels = 1, .inner = x.numel()},
                                      level_range(unpacked(spec_bits)),
                                      static_cast<double>(shape.rows) / values);
        }
        return {dx,       dgamma,   dbeta,    dlog,     Tensor(), Tensor(), Tensor(),
                Tensor(), Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

struct WidthTraced : Function<WidthTraced> {
    static Tensor forward(AutogradContext* ctx, const Tensor& y, const Tensor& x,
                          const Tensor& scale, std::int64_t pull) {
        ctx->saved_data["pull"] = pull;
        const Tensor error = y - x;
        ctx->save_for_backward(
            {torch::where(error.abs() <= 0.5001 * scale, error, torch::zeros_like(error))});
        return y.view_as(y);
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const Tensor error = ctx->get_saved_variables()[0];
        auto* pull =
            reinterpret_cast<double*>(static_cast<std::intptr_t>(ctx->saved_data["pull"].toInt()));
        *pull -= std::log(2.0) * (gradients[0] * error).sum().item<double>();
        return {gradients[0], Tensor(), Tensor(), Tensor()};
    }
};

// The sum over all ranks. What every rank loses by it is lost by what each rank put in.
struct SummedOverRanks : Function<SummedOverRanks> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x, std::int64_t ranks) {
        ctx->saved_data["ranks"] = ranks;
        Tensor result = x.clone(torch::MemoryFormat::Contiguous);
        ranks_in(ranks)->sum(result);
        return result;
    }
    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        Tensor result = gradients[0].clone(torch::MemoryFormat::Contiguous);
        ranks_in(ctx->saved_data["ranks"].toInt())->sum(result);
        return {result, Tensor()};
    }
};

std::vector<std::int64_t> axes_but_channels(const Tensor& x) {
    return x.dim() == 4 ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{0};
}

// ---- the same formulas in LibTorch's own operators, for other devices
// --------------------------------------------

std::atomic<bool> portable_everywhere = false;

bool is_portable(const Tensor& x) { return portable_everywhere || !x.is_cpu(); }

// One value, or one a channel, shaped to spread over x.
Tensor spread(const Tensor& values, const Tensor& x, Role role) {
    if (values.numel() == 1) {
        return values;
    }
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(x.dim()), 1);
    sizes[role == Role::kWeight ? 0 : 1] = values.numel();
    return values.view(sizes);
}

// The scale as a function of its logarithm, its gradient shortened as in log_scale_gradient().
Tensor differentiable_scale(const QuantTensors& quant, const ChannelLayout& layout,
                            LevelRange levels) {
    if (!quant.log_scale.defined()) {
        return quant.scale;
    }
    const double balance = 1.0 / std::sqrt(static_cast<double>(layout.outer * layout.inner) /
                                           quant.part * static_cast<double>(levels.hi));
    // The value is quant.scale, which may be a power of two; the derivative by the logarithm is
    // that value.
    const Tensor share = quant.scale * quant.log_scale * balance;
    return StraightThrough::apply(share, quant.scale);
}

Tensor portable_quantised(const Tensor& x, const QuantTensors& quant, const QuantiserSpec& spec,
                          Role role) {
    const LevelRange levels = level_range(spec);
    const Tensor scale =
        spread(differentiable_scale(quant, layout_of(x, role, spec.granularity), levels), x, role);
    if (levels.bipolar) {
        const Tensor sign =
            torch::where(x.detach() >= 0, torch::ones_like(x), -torch::ones_like(x));
        const Tensor through = torch::clamp(x, -1.0, 1.0);
        return StraightThrough::apply(through, torch::zeros_like(x)) + scale * sign;
    }
    const Tensor zero =
        quant.zero.defined() ? spread(quant.zero, x, role) : torch::zeros_like(scale).detach();
    const Tensor clamped = torch::clamp(x / scale + zero, levels.lo, levels.hi);
    return scale * (StraightThrough::apply(clamped, torch::round(clamped.detach())) - zero);
}

Tensor portable_norm_act(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                         const BatchStatistics& statistics, float epsilon, ClampRange clamp,
                         const QuantTensors& quant, const std::optional<QuantiserSpec>& spec,
                         bool training, const Together& together) {
    Tensor v;
    if (together.ranks != nullptr) {
        const BatchStatistics traced = traced_statistics(x, together);
        v = (x - spread(traced.mean, x, Role::kActivation)) *
                spread(gamma / torch::sqrt(traced.variance + static_cast<double>(epsilon)), x,
                       Role::kActivation) +
            spread(beta, x, Role::kActivation);
    } else {
        v = training ? torch::batch_norm(x, gamma, beta, {}, {}, true, 0.0,
                                         static_cast<double>(epsilon), false)
                     : torch::batch_norm(x, gamma, beta, statistics.mean, statistics.variance,
                                         false, 0.0, static_cast<double>(epsilon), false);
    }
    if (clamp.lo == 0.0F) {
        v = torch::relu(v);
    } else if (std::isfinite(clamp.lo)) {
        v = torch::hardtanh(v, static_cast<double>(clamp.lo), static_cast<double>(clamp.hi));
    }
    return spec ? portable_quantised(v, quant, *spec, Role::kActivation) : v;
}

}  // namespace

void use_portable_functions(bool portable) { portable_everywhere = portable; }

std::span<float> span_of(const torch::Tensor& tensor) {
    QLOOM_ASSERT(tensor.scalar_type() == torch::kFloat && tensor.is_non_overlapping_and_dense(),
                 "a float tensor without gaps");
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

torch::Tensor channels_fastest(const torch::Tensor& x) {
    return x.contiguous(x.dim() == 4 ? torch::MemoryFormat::ChannelsLast
                                     : torch::MemoryFormat::Contiguous);
}

ChannelLayout layout_of(const torch::Tensor& x, Role role, Granularity granularity) {
    if (granularity == Granularity::kTensor) {
        return {1, 1, x.numel()};
    }
    switch (role) {
        case Role::kWeight:
            return {1, x.size(0), x.numel() / x.size(0)};
        case Role::kTransposedWeight:
            return {x.size(0), x.size(1), x.numel() / x.size(0) / x.size(1)};
        case Role::kActivation:
            return {x.numel() / x.size(1), x.size(1), 1};
    }
    QLOOM_ASSERT(false, "every role is handled");
}

torch::Tensor quantised(const torch::Tensor& x, const QuantTensors& quant,
                        const QuantiserSpec& spec, Role role) {
    if (is_portable(x)) {
        return portable_quantised(x, quant, spec, role);
    }
    const Tensor ordered = role == Role::kActivation         ? channels_fastest(x)
                           : role == Role::kTransposedWeight ? x.contiguous()
                                                             : x;
    return Quantised::apply(ordered, optional_of(quant.log_scale), quant.scale,
                            optional_of(quant.zero), packed(spec), static_cast<std::int64_t>(role),
                            quant.part);
}

torch::Tensor width_traced(const torch::Tensor& y, const torch::Tensor& x,
                           const torch::Tensor& scale, Role role, double* pull) {
    return WidthTraced::apply(y, x.detach(), spread(scale, x, role),
                              static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(pull)));
}

torch::Tensor quantised_linear(const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const QuantTensors& quant,
                               const QuantiserSpec& spec) {
    if (is_portable(x)) {
        return torch::nn::functional::linear(
            x, portable_quantised(weight, quant, spec, Role::kWeight), bias);
    }
    return QuantisedLinear::apply(x, weight, optional_of(bias), optional_of(quant.log_scale),
                                  quant.scale, optional_of(quant.zero), packed(spec));
}

torch::Tensor bounded_weight(const torch::Tensor& weight, const QuantTensors& quant,
                             const QuantiserSpec& spec, double reach, bool centred) {
    constexpr double kSlack = 1e-5;  // more than float rounding adds to a sum
    const LevelRange levels = level_range(spec);
    const Tensor flat = weight.flatten(1);
    const Tensor scale = spread(
        differentiable_scale(quant, layout_of(weight, Role::kWeight, spec.granularity), levels),
        flat, Role::kWeight);
    const Tensor values = (centred ? flat - flat.mean(1, /*keepdim=*/true) : flat) / scale;
    const Tensor above = torch::relu(values).sum(1, /*keepdim=*/true);
    const Tensor mass = centred ? torch::maximum(above, torch::relu(-values).sum(1, true))
                                : values.abs().sum(1, true);
    const Tensor shortened =
        values * torch::clamp_max(reach * (1.0 - kSlack) / (mass + 1e-30), 1.0);
    const Tensor clamped = torch::clamp(shortened, levels.lo, levels.hi);
    return (scale * StraightThrough::apply(clamped, torch::trunc(clamped.detach())))
        .view(weight.sizes());
}

torch::Tensor quantised_bias(const torch::Tensor& x, const torch::Tensor& scale, double top) {
    return StraightThrough::apply(
        x, torch::clamp(torch::round(x.detach() / scale), -top, top) * scale);
}

torch::Tensor floored(const torch::Tensor& x, const torch::Tensor& value,
                      const torch::Tensor& step) {
    return StraightThrough::apply(x, torch::floor(value.detach() / step) * step);
}

BatchStatistics batch_statistics(const torch::Tensor& x, const Together& together) {
    const torch::NoGradGuard no_gradients;
    BatchStatistics result{torch::Tensor(), torch::Tensor(), values_a_channel(x, together)};
    if (is_portable(x)) {
        const std::vector<std::int64_t> axes = axes_but_channels(x);
        result.mean = x.mean(axes);
        result.variance = x.var(axes, /*unbiased=*/false);
    } else {
        result.mean = torch::empty({x.size(1)});
        result.variance = torch::empty({x.size(1)});
        channel_statistics(span_of(channels_fastest(x.detach())), shape_of(x, 0.0),
                           span_of(result.mean), span_of(result.variance));
    }
    if (together.ranks != nullptr) {
        // (ranks, 2, C), each weighed by how many values it is of.
        const Tensor all =
            together.ranks->stack(torch::stack({result.mean, result.variance}).to(torch::kDouble));
        const Tensor weight = together.ranks->stack(torch::full({1}, static_cast<double>(x.size(0)),
                                                                torch::kDouble)) /
                              static_cast<double>(together.share.whole);
        const Tensor means = all.select(1, 0);
        const Tensor mean = (weight * means).sum(0);
        const Tensor variance = (weight * (all.select(1, 1) + (means - mean).square())).sum(0);
        result.mean = mean.to(torch::kFloat).to(x.device());
        result.variance = variance.to(torch::kFloat).to(x.device());
    }
    return result;
}

BatchStatistics traced_statistics(const torch::Tensor& x, const Together& together) {
    const std::vector<std::int64_t> axes = axes_but_channels(x);
    const double values = values_a_channel(x, together);
    if (together.ranks == nullptr) {
        return {x.mean(axes), x.var(axes, /*unbiased=*/false), values};
    }
    const std::int64_t ranks = number_of(together);
    const Tensor mean = SummedOverRanks::apply(x.sum(axes), ranks) / values;
    const Tensor squares =
        SummedOverRanks::apply((x - spread(mean, x, Role::kActivation)).square().sum(axes), ranks);
    return {mean, squares / values, values};
}

torch::Tensor norm_act(const torch::Tensor& x, const BatchStatistics& statistics,
                       const torch::Tensor& gamma, const torch::Tensor& beta, float epsilon,
                       ClampRange clamp, const QuantTensors& quant,
                       const std::optional<QuantiserSpec>& spec, const Together& together) {
    if (is_portable(x)) {
        return portable_norm_act(x, gamma, beta, statistics, epsilon, clamp, quant, spec,
                                 torch::GradMode::is_enabled(), together);
    }
    return NormAct::apply(channels_fastest(x), gamma, beta, optional_of(quant.log_scale),
                          optional_of(quant.scale), statistics.mean, statistics.variance,
                          static_cast<double>(epsilon), static_cast<double>(clamp.lo),
                          static_cast<double>(clamp.hi), spec ? packed(*spec) : std::int64_t{0},
                          values_a_channel(x, together), number_of(together));
}

}  // namespace qloom::train
