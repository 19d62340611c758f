#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tensor.h"
#include "train/quantiser_spec.h"

// The layers a recipe is made of, each a plain value. Shapes are those of one sample: (F) flat, (C,
// L) or (C, H, W). Pairs are (height, width); a layer over (C, L) has height 1.
namespace qloom::train {

using Pair = std::array<std::int64_t, 2>;

// Accumulator-aware quantisation (A2Q+, arXiv 2401.10432): whatever integers come in, the sum of
// products fits a signed accumulator of so many bits. With inputs of 0..X the weights of an output
// are centred, and the levels above 0 and those below each add up to at most `reach` = (2^(bits -
// 1) - 1) / X; with signed inputs, |x| <= X, all magnitudes together do.
//   16 bits, inputs 0..15:  reach 32767 / 15 = 2184.5
struct AccumulatorSpec {
    int bits = 16;
    double reach = 0.0;   // filled in by load_recipe
    bool centred = true;  // the same
    friend bool operator==(const AccumulatorSpec&, const AccumulatorSpec&) = default;
};

// y = W x + b; W is (outputs, inputs).
struct LinearSpec {
    std::int64_t inputs = 0;  // filled in by load_recipe from the layer before
    std::int64_t outputs = 0;
    bool bias = true;
    std::optional<QuantiserSpec> weights = {};  // none: float
    std::optional<BiasQuantiser> bias_quantiser = {};
    std::optional<AccumulatorSpec> accumulator = {};
    friend bool operator==(const LinearSpec&, const LinearSpec&) = default;
};

// Convolution over one or two axes; W is (outputs, channels / groups, kernel), transposed
// (channels, outputs / groups, kernel). Output pixels, an axis:
//   convolution   (input + begin + end - dilation * (kernel - 1) - 1) / stride + 1
//   transposed    (input - 1) * stride - begin - end + dilation * (kernel - 1) + output_padding + 1
struct ConvSpec {
    int axes = 2;               // 1: over (C, L)
    std::int64_t channels = 0;  // of the input, filled in by load_recipe
    std::int64_t outputs = 0;
    Pair kernel{1, 1};
    Pair stride{1, 1};
    Pair dilation{1, 1};
    Pair pad_begin{0, 0};
    Pair pad_end{0, 0};
    std::int64_t groups = 1;  // channels: depthwise
    bool transposed = false;
    Pair output_padding{0, 0};
    bool bias = true;
    std::optional<QuantiserSpec> weights = {};  // none: float
    std::optional<BiasQuantiser> bias_quantiser = {};
    std::optional<AccumulatorSpec> accumulator = {};
    friend bool operator==(const ConvSpec&, const ConvSpec&) = default;
};

// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, a channel at a time. Folded: the layer
// before, linear or convolution, trains and exports weights W * gamma / sqrt(variance + epsilon)
// and the bias that goes with them, and these are what its quantisers see.
struct BatchNormSpec {
    std::int64_t channels = 0;  // filled in by load_recipe
    double epsilon = 1e-5;
    double momentum = 0.1;  // of the running mean and variance
    bool fold = false;
    friend bool operator==(const BatchNormSpec&, const BatchNormSpec&) = default;
};

enum class Activation { kIdentity, kRelu, kHardTanh, kSigmoid, kTanh };

// y = quantiser(f(x)).
struct ActivationSpec {
    Activation function = Activation::kRelu;
    std::int64_t channels = 0;                    // filled in by load_recipe
    std::optional<QuantiserSpec> quantiser = {};  // none: float
    friend bool operator==(const ActivationSpec&, const ActivationSpec&) = default;
};

// Truncated average: the sum of the window's integers, shifted right until it fits `bits` again.
//   levels 3, 4, 9, 15 of scale s, 4 bits, 2 x 2:   31 needs 6 bits -> floor(31 / 4) = 7, value 7 s
enum class PoolKind { kMax, kAverage, kGlobalMax, kGlobalAverage, kTruncAverage };

struct PoolSpec {
    PoolKind kind = PoolKind::kMax;
    int axes = 2;
    Pair kernel{2, 2};  // global: the whole image, filled in by load_recipe
    Pair stride{2, 2};
    Pair padding{0, 0};  // both sides; an average counts padding as zeros
    int bits = 0;        // kTruncAverage: of the output; 0: as many as the input has
    std::optional<IntType> input_type =
        {};  // kTruncAverage: of what comes in, filled in by load_recipe
    friend bool operator==(const PoolSpec&, const PoolSpec&) = default;
};

// By how many bits kTruncAverage shifts its sums: 2 in the example.
int trunc_shift(const PoolSpec& pool);

// Adds or concatenates (on channels) what several layers give. The quantiser, one scale for all of
// them, is applied to each before.
enum class JoinKind { kAdd, kConcat };
struct JoinSpec {
    JoinKind kind = JoinKind::kAdd;
    std::int64_t channels = 0;  // of the result, filled in by load_recipe
    std::optional<QuantiserSpec> quantiser = {};
    friend bool operator==(const JoinSpec&, const JoinSpec&) = default;
};

// Drops each value with probability `rate` in training; identity in evaluation.
struct DropoutSpec {
    double rate = 0.5;
    friend bool operator==(const DropoutSpec&, const DropoutSpec&) = default;
};

// Repeats every pixel `factor` times along each axis.
struct UpsampleSpec {
    Pair factor{2, 2};
    friend bool operator==(const UpsampleSpec&, const UpsampleSpec&) = default;
};

// (C, H, W) -> (C * H * W), channels slowest.
struct FlattenSpec {
    friend bool operator==(const FlattenSpec&, const FlattenSpec&) = default;
};

using LayerKind = std::variant<LinearSpec, ConvSpec, BatchNormSpec, ActivationSpec, PoolSpec,
                               JoinSpec, DropoutSpec, UpsampleSpec, FlattenSpec>;

// What a layer that reads the network's input has in `from`; no layer may be called so.
inline constexpr const char* kInputName = "input";

struct LayerSpec {
    std::string name;  // unique: "fc1"
    LayerKind kind;
    std::vector<std::string> from =
        {};            // the layers it reads, filled in by load_recipe where the recipe is silent
    Shape shape = {};  // of what it gives, filled in by load_recipe
    friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

}  // namespace qloom::train
