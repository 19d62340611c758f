#include <fmt/ranges.h>

#include <bit>

#include "ir/ops.h"
#include "train/recipe.h"

// Every field that decides the trained weights, in order. What is not named here must not change a
// training.
namespace qloom::train {
namespace {

std::string text_of(const std::optional<QuantiserSpec>& spec) {
    if (!spec) {
        return "float";
    }
    return fmt::format("{}/{}/{}/{}/{}/{}/{}/{}/{}/{}", spec->type.text(),
                       static_cast<int>(spec->source), static_cast<int>(spec->granularity),
                       spec->asymmetric, spec->power_of_two, spec->percentile, spec->sigmas,
                       spec->constant, spec->zero_point, spec->delay);
}

std::string text_of(bool bias, const std::optional<BiasQuantiser>& quantiser) {
    return quantiser
               ? fmt::format("b{}{}", quantiser->bits, quantiser->accumulator_scale ? "a" : "m")
               : (bias ? "b" : "-");
}

std::string text_of(const LayerKind& kind) {
    return std::visit(
        ir::Overloaded{
            [](const LinearSpec& s) {
                return fmt::format("linear,{},{},{},{}", s.inputs, s.outputs,
                                   text_of(s.bias, s.bias_quantiser), text_of(s.weights));
            },
            [](const ConvSpec& s) {
                return fmt::format("conv,{},{},{},{},{},{},{},{},{},{},{},{},{}", s.axes,
                                   s.channels, s.outputs, s.kernel, s.stride, s.dilation,
                                   s.pad_begin, s.pad_end, s.groups, s.transposed, s.output_padding,
                                   text_of(s.bias, s.bias_quantiser), text_of(s.weights));
            },
            [](const BatchNormSpec& s) {
                return fmt::format("batch_norm,{},{},{},{}", s.channels, s.epsilon, s.momentum,
                                   s.fold);
            },
            [](const ActivationSpec& s) {
                return fmt::format("activation,{},{},{}", static_cast<int>(s.function), s.channels,
                                   text_of(s.quantiser));
            },
            [](const PoolSpec& s) {
                return fmt::format("pool,{},{},{},{},{},{}", static_cast<int>(s.kind), s.axes,
                                   s.kernel, s.stride, s.padding, s.bits);
            },
            [](const JoinSpec& s) {
                return fmt::format("join,{},{},{}", static_cast<int>(s.kind), s.channels,
                                   text_of(s.quantiser));
            },
            [](const DropoutSpec& s) { return fmt::format("dropout,{}", s.rate); },
            [](const UpsampleSpec& s) { return fmt::format("upsample,{}", s.factor); },
            [](const FlattenSpec&) { return std::string("flatten"); },
        },
        kind);
}

// FNV-1a over the bytes of all arrays.
std::uint64_t hash_of(const State& state) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const NamedArray& array : state) {
        for (const float value : array.value) {
            for (std::uint32_t bits = std::bit_cast<std::uint32_t>(value), i = 0; i < 4;
                 ++i, bits >>= 8U) {
                hash = (hash ^ (bits & 255U)) * 0x100000001b3ULL;
            }
        }
    }
    return hash;
}

}  // namespace

std::string fingerprint(const Recipe& recipe) {
    const TrainingSpec& t = recipe.training;
    std::string text = fmt::format(
        "data={},{},{},{},{},{} input={},{},{},{} "
        "training={},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        recipe.data.train, recipe.data.test, recipe.data.shift, recipe.data.mirror,
        recipe.data.cutout, recipe.data.holdout, recipe.input.shape, recipe.input.scale,
        recipe.input.offset, text_of(recipe.input.quantiser), t.epochs, t.batch_size, t.seed,
        static_cast<int>(t.optimiser), t.learning_rate, t.momentum, t.beta1, t.beta2,
        t.weight_decay, static_cast<int>(t.schedule), t.warmup, t.step_factor, t.step_epochs,
        t.label_smoothing, static_cast<int>(t.loss), t.clip_weights, t.patience, t.keep_best);
    if (!recipe.distillation.teacher.empty()) {
        text += fmt::format(" distillation={},{},{}", recipe.distillation.teacher,
                            recipe.distillation.weight, recipe.distillation.temperature);
    }
    if (!recipe.start.empty()) {
        text += fmt::format(" start={:016x}", hash_of(recipe.start));
    }
    for (const LayerSpec& layer : recipe.layers) {
        text +=
            fmt::format(" {}({})={}", layer.name, fmt::join(layer.from, ","), text_of(layer.kind));
    }
    return text;
}

}  // namespace qloom::train
