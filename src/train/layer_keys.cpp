// What each kind of layer says in its table, and what it makes of the values that flow.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "train/layer_reader.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kMostWidth = 1 << 20;
constexpr std::int64_t kMostReach = 1 << 14;  // of kernels, strides, paddings
constexpr int kMostTruncBits = 32;

// "[64, 3, 3]", "10 values".
std::string flow_text(const Shape& shape) {
    return shape.size() == 1 ? fmt::format("{} values", shape[0]) : shape_text(shape);
}

Shape spatial_of(const Shape& shape) { return {shape.begin() + 1, shape.end()}; }

// A pair of a recipe, one number or one an axis, as (height, width); a layer over one axis has
// height 1 (or 0).
Pair read_pair(TomlSection& section, std::string_view key, std::int64_t fallback, int axes,
               std::int64_t lo, std::int64_t none) {
    const std::vector<std::int64_t> values =
        section.integers(key, {fallback}, {1, static_cast<std::size_t>(axes)}, lo, kMostReach);
    return {axes == 1 ? none : values.front(), values.back()};
}

// One pixel count of a convolution or pool along an axis.
std::int64_t window_output(std::int64_t input, std::int64_t begin, std::int64_t end,
                           std::int64_t reach, std::int64_t stride) {
    const std::int64_t padded = input + begin + end;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
}

// Height and width of a shape; a sequence has height 1.
Pair extent_of(const Shape& shape) { return {shape.size() == 2 ? 1 : shape[1], shape.back()}; }

Shape spatial_shape(std::int64_t channels, const Pair& extent, int axes) {
    return axes == 1 ? Shape{channels, extent[1]} : Shape{channels, extent[0], extent[1]};
}

}  // namespace

// The sum of so many values of `bits` bits has bit_width(area - 1) bits more.
int trunc_shift(const PoolSpec& pool) {
    const auto area = static_cast<std::uint64_t>(pool.kernel[0] * pool.kernel[1]);
    const int grown = static_cast<int>(std::bit_width(area - 1));
    return pool.input_type ? pool.input_type->bits + grown - pool.bits : grown;
}

Flow quantised_flow(Flow flow, const std::optional<QuantiserSpec>& quantiser) {
    flow.levels.reset();
    if (quantiser && quantiser->granularity == Granularity::kTensor && !quantiser->asymmetric) {
        flow.levels = quantiser->type;
    }
    return flow;
}

void LayerReader::does_not_fit(const Draft& draft, std::string_view key, const std::string& wants,
                               const std::string& advice) const {
    const Source& from = draft.from.front();
    throw Error(
        code::kRecipeChain, draft.section.named("").where(key),
        fmt::format("{} {}, but {} gives {}", draft.name, wants,
                    from.name == kInputName ? "the input" : from.name, flow_text(from.flow->shape)),
        advice);
}

// What is announced as conv1d must find a sequence, what as conv2d an image; others take what
// comes.
int LayerReader::axes_of(const Draft& draft) const {
    const auto found = static_cast<int>(draft.flow().shape.size()) - 1;
    const int wanted = draft.type.ends_with("1d")   ? 1
                       : draft.type.ends_with("2d") ? 2
                                                    : std::max(found, 1);
    if (found != wanted) {
        does_not_fit(draft, "type",
                     wanted == 1
                         ? (draft.type.ends_with("1d") ? "takes sequences [channels, length]"
                                                       : "takes images or sequences")
                         : "takes images [channels, height, width]",
                     "give a shape of that many axes in [input], or another type of layer");
    }
    return wanted;
}

void LayerReader::check_bias(const Draft& draft, const BiasChoice& bias,
                             const std::optional<QuantiserSpec>& weights) const {
    if (!bias.quantiser || !bias.quantiser->accumulator_scale) {
        return;
    }
    const std::string why =
        !weights ? std::string("its weights are float")
        : draft.flow().levels
            ? std::string()
            : fmt::format("{} gives no integers of one scale", draft.from.front().name == kInputName
                                                                   ? "the input"
                                                                   : draft.from.front().name);
    if (!why.empty()) {
        throw Error(
            code::kRecipeChain, draft.section.named("").where("bias"),
            fmt::format("the bias of {} has the scale of its products, but {}", draft.name, why),
            "quantise both with one scale per tensor, or give the bias scale = \"max\"");
    }
}

std::optional<AccumulatorSpec> LayerReader::read_accumulator(
    const Draft& draft, const std::optional<QuantiserSpec>& weights) const {
    constexpr std::int64_t kMostBits = 32;
    AccumulatorSpec spec;
    spec.bits = static_cast<int>(draft.section.integer("accumulator", spec.bits, 2, kMostBits));
    if (!draft.section.has("accumulator")) {
        return std::nullopt;
    }
    const std::string from =
        draft.from.front().name == kInputName ? "the input" : draft.from.front().name;
    const std::string why =
        !weights || weights->is_bipolar() || weights->asymmetric
            ? std::string("its weights are no symmetric levels of 2 bits and more")
        : draft.flow().levels ? std::string()
                              : fmt::format("{} gives no integers of one scale", from);
    if (!why.empty()) {
        throw Error(code::kRecipeChain, draft.section.named("").where("accumulator"),
                    fmt::format("the accumulator of {} is bounded, but {}", draft.name, why),
                    "quantise both with one scale per tensor, or leave accumulator out");
    }
    const Range range = draft.flow().levels->bits == 1 && draft.flow().levels->is_signed
                            ? Range{-1, 1}
                            : draft.flow().levels->range();
    spec.centred = range.lo >= 0;
    const auto largest = static_cast<double>(std::max(-range.lo, range.hi));
    spec.reach = (std::exp2(spec.bits - 1) - 1.0) / largest;
    return spec;
}

LinearSpec LayerReader::read_linear(const Draft& draft, Flow& flow) {
    LinearSpec linear;
    const std::int64_t width = element_count(flow.shape);
    linear.inputs = draft.section.integer("inputs", width, 1, kMostWidth);
    if (flow.shape.size() != 1) {
        does_not_fit(draft, "type", "takes a flat vector",
                     fmt::format("put a flatten layer before {}", draft.name));
    }
    if (linear.inputs != width) {
        throw Error(code::kRecipeChain, draft.section.named("").where("inputs"),
                    fmt::format("{} takes {} inputs, but {} gives {}", draft.name, linear.inputs,
                                draft.from.front().name == kInputName ? "the input"
                                                                      : draft.from.front().name,
                                width),
                    fmt::format("make them equal, or leave out inputs of {}", draft.name));
    }
    linear.outputs = draft.section.needed_integer("outputs", 1, kMostWidth);
    linear.weights = read_quantiser(draft.section, "weights", defaults_.weights, kWeightBase);
    const BiasChoice bias = read_bias(draft.section, defaults_.bias);
    check_bias(draft, bias, linear.weights);
    linear.accumulator = read_accumulator(draft, linear.weights);
    linear.bias = bias.bias;
    linear.bias_quantiser = bias.quantiser;
    flow = {.shape = {linear.outputs}, .levels = std::nullopt};
    return linear;
}

ConvSpec LayerReader::read_conv(const Draft& draft, Flow& flow, bool transposed) {
    TomlSection& section = draft.section;
    ConvSpec conv;
    conv.axes = axes_of(draft);
    conv.transposed = transposed;
    conv.channels = flow.shape[0];
    conv.kernel = read_pair(section, "kernel", 3, conv.axes, 1, 1);
    conv.stride = read_pair(section, "stride", 1, conv.axes, 1, 1);
    conv.dilation = read_pair(section, "dilation", 1, conv.axes, 1, 1);
    conv.output_padding =
        transposed ? read_pair(section, "output_padding", 0, conv.axes, 0, 0) : Pair{0, 0};
    const bool depthwise = section.is_text("groups", "depthwise");
    conv.groups = depthwise ? conv.channels : section.integer("groups", 1, 1, kMostWidth);
    conv.outputs = depthwise ? section.integer("outputs", conv.channels, 1, kMostWidth)
                             : section.needed_integer("outputs", 1, kMostWidth);
    if (conv.channels % conv.groups != 0 || conv.outputs % conv.groups != 0) {
        does_not_fit(draft, "groups",
                     fmt::format("has {} groups and {} outputs", conv.groups, conv.outputs),
                     "groups must divide the channels that come in and the outputs");
    }
    Pair reach{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
        reach[axis] = conv.dilation[axis] * (conv.kernel[axis] - 1) + 1;
    }
    const Pair extent = extent_of(flow.shape);
    if (section.is_text("padding", "same") && !transposed) {
        // ceil(input / stride) pixels, the odd pixel of padding behind, as ONNX' SAME_UPPER.
        for (std::size_t axis = 0; axis < 2; ++axis) {
            const std::int64_t outputs = (extent[axis] + conv.stride[axis] - 1) / conv.stride[axis];
            const std::int64_t total = std::max<std::int64_t>(
                0, (outputs - 1) * conv.stride[axis] + reach[axis] - extent[axis]);
            conv.pad_begin[axis] = total / 2;
            conv.pad_end[axis] = total - total / 2;
        }
    } else {
        const auto axes = static_cast<std::size_t>(conv.axes);
        const std::vector<std::int64_t> padding =
            section.integers("padding", {0}, {1, axes, 2 * axes}, 0, kMostReach);
        const std::size_t begins = padding.size() == 2 * axes ? axes : padding.size();
        // One number, one an axis, or begin of each axis and then end of each (as ONNX has them).
        for (std::size_t i = 0; i < axes; ++i) {
            const std::size_t axis = 2 - axes + i;
            conv.pad_begin[axis] = padding[std::min(i, begins - 1)];
            conv.pad_end[axis] =
                padding.size() == 2 * axes ? padding[axes + i] : conv.pad_begin[axis];
        }
    }
    Pair output{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
        output[axis] = transposed
                           ? (extent[axis] - 1) * conv.stride[axis] - conv.pad_begin[axis] -
                                 conv.pad_end[axis] + reach[axis] + conv.output_padding[axis]
                           : window_output(extent[axis], conv.pad_begin[axis], conv.pad_end[axis],
                                           reach[axis], conv.stride[axis]);
        if (output[axis] < 1) {
            does_not_fit(draft, "kernel",
                         fmt::format("has a kernel that reaches over {} pixels with {} of padding",
                                     reach[axis], conv.pad_begin[axis] + conv.pad_end[axis]),
                         "choose a smaller kernel or more padding");
        }
        if (transposed &&
            conv.output_padding[axis] >= std::max(conv.stride[axis], conv.dilation[axis])) {
            section.wrong_value("output_padding",
                                fmt::format("{} is out of range", conv.output_padding[axis]),
                                "give less than the stride");
        }
    }
    conv.weights = read_quantiser(section, "weights", defaults_.weights, kWeightBase);
    if (transposed && conv.groups > 1 && conv.weights &&
        conv.weights->granularity == Granularity::kChannel) {
        section.wrong_value("weights",
                            "a scale a channel does not go with groups of a transposed convolution",
                            "give per = \"tensor\"");
    }
    const BiasChoice bias = read_bias(section, defaults_.bias);
    check_bias(draft, bias, conv.weights);
    if (!transposed) {
        conv.accumulator = read_accumulator(draft, conv.weights);
    }
    conv.bias = bias.bias;
    conv.bias_quantiser = bias.quantiser;
    flow = {.shape = spatial_shape(conv.outputs, output, conv.axes), .levels = std::nullopt};
    return conv;
}

PoolSpec LayerReader::read_pool(const Draft& draft, Flow& flow, PoolKind kind) {
    TomlSection& section = draft.section;
    PoolSpec pool{.kind = kind, .axes = axes_of(draft)};
    const Pair extent = extent_of(flow.shape);
    const bool global = kind == PoolKind::kGlobalMax || kind == PoolKind::kGlobalAverage;
    Pair output{1, 1};
    if (global) {
        pool.kernel = extent;
        pool.stride = extent;
    } else {
        pool.kernel = section.is_text("kernel", "global")
                          ? extent
                          : read_pair(section, "kernel", 2, pool.axes, 1, 1);
        pool.stride =
            section.has("stride") ? read_pair(section, "stride", 1, pool.axes, 1, 1) : pool.kernel;
        (void)section.integers("stride", {1}, {1, 2}, 1, kMostReach);
        pool.padding = kind == PoolKind::kTruncAverage
                           ? Pair{0, 0}
                           : read_pair(section, "padding", 0, pool.axes, 0, 0);
        for (std::size_t axis = 0; axis < 2; ++axis) {
            output[axis] = window_output(extent[axis], pool.padding[axis], pool.padding[axis],
                                         pool.kernel[axis], pool.stride[axis]);
            if (output[axis] < 1) {
                does_not_fit(draft, "kernel",
                             fmt::format("has a kernel of {} pixels", pool.kernel[axis]),
                             "choose a smaller kernel");
            }
            if (2 * pool.padding[axis] > pool.kernel[axis]) {
                section.wrong_value("padding",
                                    fmt::format("{} is out of range", pool.padding[axis]),
                                    "give at most half of the kernel");
            }
        }
    }
    if (kind == PoolKind::kTruncAverage) {
        pool.input_type = flow.levels;
        if (!flow.levels || flow.levels->bits == 1) {
            does_not_fit(draft, "type", "takes integers of at least 2 bits with one scale",
                         "put a layer with a quantiser per tensor before it");
        }
        const int widest = std::min(
            kMostTruncBits, flow.levels->bits + trunc_shift(PoolSpec{.kernel = pool.kernel}));
        pool.bits = static_cast<int>(section.integer("bits", flow.levels->bits, 1, widest));
        flow.levels = IntType{pool.bits, flow.levels->is_signed};
    } else if (kind == PoolKind::kAverage || kind == PoolKind::kGlobalAverage) {
        flow.levels.reset();
    }
    flow.shape = spatial_shape(flow.shape[0], output, pool.axes);
    return pool;
}

JoinSpec LayerReader::read_join(const Draft& draft, Flow& flow, JoinKind kind) {
    JoinSpec join{.kind = kind, .channels = 0, .quantiser = std::nullopt};
    std::int64_t channels = 0;
    for (const Source& source : draft.from) {
        const Shape& shape = source.flow->shape;
        const Shape& first = flow.shape;
        const bool fits = kind == JoinKind::kAdd ? shape == first
                                                 : shape.size() == first.size() &&
                                                       spatial_of(shape) == spatial_of(first);
        if (!fits) {
            throw Error(code::kRecipeChain, draft.section.named("").where("from"),
                        fmt::format("{} {} what {} and {} give, but these are {} and {}",
                                    draft.name, kind == JoinKind::kAdd ? "adds" : "concatenates",
                                    draft.from.front().name, source.name, flow_text(first),
                                    flow_text(shape)),
                        kind == JoinKind::kAdd
                            ? "make both shapes equal, for example with a convolution of kernel 1"
                            : "make all axes but the channels equal");
        }
        channels += shape[0];
    }
    join.channels = kind == JoinKind::kAdd ? flow.shape[0] : channels;
    const QuantiserSpec base{.type = {.bits = 4, .is_signed = true, .narrow = false}};
    join.quantiser = read_quantiser(draft.section, "quantiser", std::nullopt,
                                    defaults_.activations.value_or(base));
    if (join.quantiser && kind == JoinKind::kConcat &&
        join.quantiser->granularity == Granularity::kChannel) {
        draft.section.wrong_value("quantiser", "a concatenation shares one scale",
                                  "give per = \"tensor\"");
    }
    flow.shape[0] = join.channels;
    flow.levels.reset();
    if (kind == JoinKind::kConcat) {
        flow = quantised_flow(std::move(flow), join.quantiser);
    }
    return join;
}

UpsampleSpec LayerReader::read_upsample(const Draft& draft, Flow& flow) {
    const int axes = axes_of(draft);
    UpsampleSpec upsample{.factor = read_pair(draft.section, "factor", 2, axes, 1, 1)};
    const Pair extent = extent_of(flow.shape);
    flow.shape = spatial_shape(
        flow.shape[0], {extent[0] * upsample.factor[0], extent[1] * upsample.factor[1]}, axes);
    return upsample;
}

ActivationSpec LayerReader::read_activation(const Draft& draft, Flow& flow, Activation function) {
    // Only ReLU and sigmoid leave no negative values to a quantiser; the others want a signed one.
    QuantiserSpec base = defaults_.activations.value_or(kActivationBase);
    const bool positive = function == Activation::kRelu || function == Activation::kSigmoid;
    base.type.is_signed = base.type.is_signed || (!positive && !base.asymmetric);
    std::optional<QuantiserSpec> fallback;
    if (defaults_.activations) {
        fallback = base;
    }
    ActivationSpec activation{
        .function = function,
        .channels = flow.shape[0],
        .quantiser = read_quantiser(draft.section, "quantiser", fallback, base)};
    flow = quantised_flow(std::move(flow), activation.quantiser);
    return activation;
}

BatchNormSpec LayerReader::read_norm(const Draft& draft, Flow& flow) {
    BatchNormSpec norm{.channels = flow.shape[0],
                       .epsilon = draft.section.number("epsilon", 1e-5, 1e-12, 1.0),
                       .momentum = draft.section.number("momentum", 0.1, 0.0, 1.0),
                       .fold = draft.section.boolean("fold", false)};
    flow.levels.reset();
    if (!norm.fold) {
        return norm;
    }
    const auto before = read_.find(draft.from.front().name);
    const auto* linear =
        before == read_.end() ? nullptr : std::get_if<LinearSpec>(&before->second.kind);
    const auto* conv =
        before == read_.end() ? nullptr : std::get_if<ConvSpec>(&before->second.kind);
    if (linear == nullptr && (conv == nullptr || conv->transposed)) {
        does_not_fit(draft, "fold", "is folded into a linear layer or convolution",
                     "put it right behind one, or leave fold out");
    }
    if (linear != nullptr ? linear->bias && !linear->bias_quantiser
                          : conv->bias && !conv->bias_quantiser) {
        throw Error(
            code::kRecipeChain, draft.section.named("").where("fold"),
            fmt::format("{} is folded into {}, which has a bias of its own", draft.name,
                        before->first),
            fmt::format("set bias = false, or a bias quantiser, in {}: the mean takes it out",
                        before->first));
    }
    if (const auto other = first_reader_.find(before->first); other != first_reader_.end()) {
        throw Error(code::kRecipeTap, draft.section.named("").where("fold"),
                    fmt::format("{} is folded into {}, which {} reads too", draft.name,
                                before->first, other->second),
                    fmt::format("read {} instead, or set fold = false there", draft.name));
    }
    folded_by_[before->first] = draft.name;
    return norm;
}

}  // namespace qloom::train
