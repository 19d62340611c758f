#pragma once

#include <cstdint>
#include <vector>

#include "ir/infer_node.h"
#include "ir/window.h"

// The arithmetic of run_node, a function an operator, files by family. Inputs were checked by infer_node and shapes
// are given, so nothing here can fail. Not for other rooms: they call run_node.
namespace qloom::ir::kernels {

using Inputs = std::vector<const Value*>;

inline bool has(const Inputs& in, std::size_t i) { return i < in.size() && in[i] != nullptr; }

// The value as floats; integers are converted into `scratch`.
const Tensor<float>& as_float(const Value& value, Tensor<float>& scratch);
// The one number of a value.
float scalar(const Value& value);
std::vector<std::int64_t> integers(const Value& value);

// A constant operand widened to double once and used for many frames.
using Wide = std::vector<double>;
Wide widen(const Value& value);

// ---- quantisers (kernels_quant.cpp) ----
Value quant(const Quant& op, const Inputs& in);
Value bipolar_quant(const Inputs& in);
Value trunc(const Trunc& op, const Inputs& in);
Value multi_threshold(const MultiThreshold& op, const Inputs& in);
Value quantize_linear(const QuantizeLinear& op, const Inputs& in);
Value dequantize_linear(const DequantizeLinear& op, const Inputs& in);

// ---- elementwise (kernels_elementwise.cpp) ----
Value unary(const Unary& op, const Inputs& in);
Value parametric(const Parametric& op, const Inputs& in);
Value clip(const Inputs& in);
Value prelu(const Inputs& in);
Value binary(const Node& node, BinaryKind kind, const Inputs& in, const Shape& shape);
Value batch_normalization(const BatchNormalization& op, const Inputs& in);
Value cast(CastTarget to, const Inputs& in);

// ---- products (kernels_linear.cpp); `weights` is the widened second operand, or null ----
Value matmul(const Inputs& in, const Shape& shape, const Wide* weights);
Value gemm(const Gemm& op, const Inputs& in, const Shape& shape, const Wide* weights);
Value xnor_popcount_matmul(const Inputs& in, const Shape& shape);

// ---- convolutions (kernels_conv.cpp) ----
Value conv(const Conv& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape,
           const Wide* weights);
Value conv_transpose(const ConvTranspose& op, const std::vector<WindowAxis>& axes, const Inputs& in,
                     const Shape& shape, const Wide* weights);
Value im2col(const Im2Col& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape);

// ---- pooling (kernels_pool.cpp) ----
Value max_pool(const MaxPool& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape);
Value average_pool(const AveragePool& op, const std::vector<WindowAxis>& axes, const Inputs& in, const Shape& shape);
Value global_pool(bool maximum, const Inputs& in, const Shape& shape);
Value quant_avg_pool(const QuantAvgPool2d& op, const std::vector<WindowAxis>& axes, const Inputs& in,
                     const Shape& shape);

// ---- movement (kernels_movement.cpp) ----
Value reshaped(const Value& value, const Shape& shape);
Value transpose(const std::vector<std::int64_t>& perm, const Value& value);
Value concat(std::int64_t axis, const Inputs& in, const Shape& shape);
std::vector<Value> split(std::int64_t axis, const Inputs& in, const std::vector<Shape>& shapes);
struct Step {  // of a slice, over every axis
    std::int64_t start = 0;
    std::int64_t step = 1;
};
Value slice(const std::vector<Step>& steps, const Inputs& in, const Shape& shape);
Value gather(std::int64_t axis, const Inputs& in, const Shape& shape);
Value pad(PadMode mode, const std::vector<std::int64_t>& pads, const Inputs& in, const Shape& shape);
Value depth_to_space(const DepthToSpace& op, const Inputs& in, const Shape& shape);
Value space_to_depth(const SpaceToDepth& op, const Inputs& in, const Shape& shape);
Value expand(const Inputs& in, const Shape& shape);
Value resize(const Resize& op, const Inputs& in, const Shape& shape);  // kernels_resize.cpp

// ---- reductions (kernels_reduce.cpp) ----
Value reduce(ReduceKind kind, const std::vector<std::int64_t>& axes, const Inputs& in, const Shape& shape);
Value softmax(const Softmax& op, const Inputs& in);
std::vector<Value> top_k(const TopK& op, const Inputs& in, const Shape& shape);
Value arg_max(const ArgMax& op, const Inputs& in, const Shape& shape);

}  // namespace qloom::ir::kernels
