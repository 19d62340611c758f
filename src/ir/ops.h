#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/int_type.h"
#include "base/rounding.h"

// The operators of ir::Graph: closed types with typed attributes. Inputs and outputs are positional as in ONNX / QONNX
// unless said; "X" is the data input. Adding an operator: one struct here, one line in Op, and the compiler lists the
// places to fill in (executor, shape inference, reader, writer, lowering).
namespace qloom::ir {

// ---- quantisers (QONNX) -------------------------------------------------------------------------------------------

// y = (round(clamp(x / scale + zero_point, lo, hi)) - zero_point) * scale; inputs X, scale, zero_point, bit_width.
// Clamps before it rounds. bit_width 1 and signed means bipolar (QONNX's special case): +-scale, x >= 0 -> +.
struct Quant {
    bool is_signed = true;
    bool narrow = false;
    RoundingMode rounding = RoundingMode::kHalfEven;
    bool operator==(const Quant&) const = default;
};

// y = x >= 0 ? scale : -scale; inputs X, scale.
struct BipolarQuant {
    bool operator==(const BipolarQuant&) const = default;
};

// QONNX Trunc. Version 1: inputs X, scale, zero_point, in_bits, out_bits; version 2 adds out_scale before out_bits.
struct Trunc {
    int version = 1;
    bool is_signed = true;
    bool narrow = false;
    RoundingMode rounding = RoundingMode::kFloor;
    bool operator==(const Trunc&) const = default;
};

// y = out_scale * #{t : x >= T[c][t]} + out_bias; inputs X, T of shape [C or 1, N]. (FINN-ONNX)
struct MultiThreshold {
    float out_scale = 1.0F;
    float out_bias = 0.0F;
    std::string out_datatype{};   // FINN's name, e.g. "UINT4"; informative
    bool channels_last = false; // data_layout NHWC / NC
    bool operator==(const MultiThreshold&) const = default;
};

// ONNX QuantizeLinear (X, scale, zero_point) -> integers carried as float; the output type comes from zero_point.
struct QuantizeLinear {
    std::int64_t axis = 1;
    IntType type{8, false};
    bool operator==(const QuantizeLinear&) const = default;
};

// ONNX DequantizeLinear: y = (x - zero_point) * scale.
struct DequantizeLinear {
    std::int64_t axis = 1;
    bool operator==(const DequantizeLinear&) const = default;
};

// ---- linear --------------------------------------------------------------------------------------------------------

// numpy matmul of A and B.
struct MatMul {
    bool operator==(const MatMul&) const = default;
};

// y = alpha * op(A) * op(B) + beta * C.
struct Gemm {
    float alpha = 1.0F;
    float beta = 1.0F;
    bool trans_a = false;
    bool trans_b = false;
    bool operator==(const Gemm&) const = default;
};

// FINN: operands in {0, 1} stand for {-1, +1}; y = number of equal bits.
struct XnorPopcountMatMul {
    bool operator==(const XnorPopcountMatMul&) const = default;
};

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// Window geometry over the spatial axes; pads are ONNX' [begin..., end...].
struct Window {
    std::vector<std::int64_t> kernel{};
    std::vector<std::int64_t> strides{};
    std::vector<std::int64_t> dilations{};
    std::vector<std::int64_t> pads{};
    AutoPad auto_pad = AutoPad::kNotSet;
    bool ceil_mode = false;
    bool operator==(const Window&) const = default;
};

// X (N, C, spatial...), W (M, C/group, kernel...), optional B (M). channels_last: X and Y are (N, spatial..., C).
struct Conv {
    Window window{};
    std::int64_t group = 1;
    bool channels_last = false;
    bool operator==(const Conv&) const = default;
};

// X (N, C, spatial...), W (C, M/group, kernel...), optional B (M).
struct ConvTranspose {
    Window window{};
    std::int64_t group = 1;
    std::vector<std::int64_t> output_padding{};
    std::vector<std::int64_t> output_shape{};
    bool operator==(const ConvTranspose&) const = default;
};

// X, gamma, beta, mean, variance: inference form over axis 1 (or the last axis when channels_last).
struct BatchNormalization {
    float epsilon = 1e-5F;
    bool channels_last = false;
    bool operator==(const BatchNormalization&) const = default;
};

// ---- pooling -------------------------------------------------------------------------------------------------------

struct MaxPool {
    Window window{};
    bool channels_last = false;
    bool operator==(const MaxPool&) const = default;
};
struct AveragePool {
    Window window{};
    bool count_include_pad = false;
    bool operator==(const AveragePool&) const = default;
};
struct GlobalAveragePool {
    bool operator==(const GlobalAveragePool&) const = default;
};
struct GlobalMaxPool {
    bool operator==(const GlobalMaxPool&) const = default;
};
// FINN: sum over k x k (stride s), then arithmetic shift right so that `output_bits` remain.
struct QuantAvgPool2d {
    std::int64_t stride = 1;
    std::int64_t kernel = 1;
    std::int64_t input_bits = 8;
    std::int64_t output_bits = 8;
    bool is_signed = false;
    bool channels_last = false;
    bool operator==(const QuantAvgPool2d&) const = default;
};
// FINN: sliding windows as rows of a matrix, input and output channels-last.
struct Im2Col {
    Window window{};
    float pad_value = 0.0F;
    bool depthwise = false;
    bool operator==(const Im2Col&) const = default;
};

// ---- elementwise ---------------------------------------------------------------------------------------------------

enum class UnaryKind {
    kIdentity, kRelu, kSigmoid, kTanh, kAbs, kNeg, kSqrt, kExp, kLog, kFloor, kCeil, kRound, kSign, kReciprocal, kErf,
    kSoftplus, kSoftsign, kHardSwish, kNot,
};
struct Unary {
    UnaryKind kind = UnaryKind::kIdentity;
    bool operator==(const Unary&) const = default;
};
// Elementwise with parameters: LeakyRelu(alpha), Elu(alpha), Selu(alpha, gamma), HardSigmoid(alpha, beta),
// Clip(lo, hi; from attributes or constant inputs), ThresholdedRelu(alpha), Celu(alpha).
enum class ParametricKind { kLeakyRelu, kElu, kSelu, kHardSigmoid, kThresholdedRelu, kCelu };
struct Parametric {
    ParametricKind kind = ParametricKind::kLeakyRelu;
    float alpha = 0.01F;
    float beta = 0.0F;  // Selu: gamma; HardSigmoid: beta
    bool operator==(const Parametric&) const = default;
};
// Inputs X, optional min, optional max (attribute form of old opsets is turned into constants by the reader).
struct Clip {
    bool operator==(const Clip&) const = default;
};
// Inputs X, slope (broadcast).
struct PRelu {
    bool operator==(const PRelu&) const = default;
};
enum class BinaryKind { kAdd, kSub, kMul, kDiv, kPow, kMin, kMax };
// Two inputs with numpy broadcasting.
struct Binary {
    BinaryKind kind = BinaryKind::kAdd;
    bool operator==(const Binary&) const = default;
};

// ---- shape and movement --------------------------------------------------------------------------------------------

// Inputs X, shape (int64).
struct Reshape {
    bool allow_zero = false;
    bool operator==(const Reshape&) const = default;
};
struct Flatten {
    std::int64_t axis = 1;
    bool operator==(const Flatten&) const = default;
};
struct Transpose {
    std::vector<std::int64_t> perm{};  // empty: reversed
    bool operator==(const Transpose&) const = default;
};
struct Squeeze {
    bool operator==(const Squeeze&) const = default;
};    // X, optional axes (int64); attribute form becomes a constant input
struct Unsqueeze {
    bool operator==(const Unsqueeze&) const = default;
};  // X, axes
struct Concat {
    std::int64_t axis = 0;
    bool operator==(const Concat&) const = default;
};
struct Split {  // X, optional split (int64)
    std::int64_t axis = 0;
    bool operator==(const Split&) const = default;
};
struct Slice {
    bool operator==(const Slice&) const = default;
};  // X, starts, ends, optional axes, steps (int64)
struct Gather {
    std::int64_t axis = 0;
    bool operator==(const Gather&) const = default;
};
enum class PadMode { kConstant, kReflect, kEdge };
struct Pad {  // X, pads (int64), optional value
    PadMode mode = PadMode::kConstant;
    bool operator==(const Pad&) const = default;
};
// Resize / Upsample: X, optional roi, scales (float), optional sizes (int64).
struct Resize {
    std::string mode = "nearest";
    std::string coordinate_transformation = "half_pixel";
    std::string nearest_mode = "round_prefer_floor";
    bool operator==(const Resize&) const = default;
};
struct DepthToSpace {
    std::int64_t block_size = 1;
    bool column_row_depth = false;  // mode CRD
    bool operator==(const DepthToSpace&) const = default;
};
struct SpaceToDepth {
    std::int64_t block_size = 1;
    bool operator==(const SpaceToDepth&) const = default;
};
struct ShapeOf {
    bool operator==(const ShapeOf&) const = default;
};
struct ConstantOfShape {
    float value = 0.0F;
    bool is_int64 = false;
    bool operator==(const ConstantOfShape&) const = default;
};
enum class CastTarget { kFloat32, kInt64, kBool };
struct Cast {
    CastTarget to = CastTarget::kFloat32;
    bool operator==(const Cast&) const = default;
};
struct Expand {
    bool operator==(const Expand&) const = default;
};  // X, shape
struct Dropout {
    bool operator==(const Dropout&) const = default;
};  // inference: identity; a second output is not kept

// ---- reductions and heads ------------------------------------------------------------------------------------------

enum class ReduceKind { kMean, kSum, kMax, kMin };
struct Reduce {  // X, optional axes (int64; attribute form becomes a constant input)
    ReduceKind kind = ReduceKind::kMean;
    bool keep_dims = true;
    bool operator==(const Reduce&) const = default;
};
struct Softmax {
    std::int64_t axis = -1;
    bool log = false;
    bool operator==(const Softmax&) const = default;
};
struct TopK {  // X, k (int64) -> values, indices
    std::int64_t axis = -1;
    bool largest = true;
    bool sorted = true;
    bool operator==(const TopK&) const = default;
};
struct ArgMax {
    std::int64_t axis = 0;
    bool keep_dims = true;
    bool select_last_index = false;
    bool minimum = false;  // ArgMin
    bool operator==(const ArgMax&) const = default;
};

using Op = std::variant<Quant, BipolarQuant, Trunc, MultiThreshold, QuantizeLinear, DequantizeLinear, MatMul, Gemm,
                        XnorPopcountMatMul, Conv, ConvTranspose, BatchNormalization, MaxPool, AveragePool,
                        GlobalAveragePool, GlobalMaxPool, QuantAvgPool2d, Im2Col, Unary, Parametric, Clip, PRelu,
                        Binary, Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Concat, Split, Slice, Gather, Pad,
                        Resize, DepthToSpace, SpaceToDepth, ShapeOf, ConstantOfShape, Cast, Expand, Dropout, Reduce,
                        Softmax, TopK, ArgMax>;

// The ONNX / QONNX operator name: "Quant", "Relu", "Add", ...
std::string op_name(const Op& op);

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace qloom::ir
