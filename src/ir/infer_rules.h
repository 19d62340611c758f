#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codes/ir.h"
#include "base/diagnostic.h"
#include "ir/infer_node.h"

// Inside of infer_node: one function a family of operators. Not for other rooms.
namespace qloom::ir::rules {

// A node with facts about its inputs, and the ways to complain about them.
class Inputs {
public:
    Inputs(const Node& node, const std::vector<const TensorFacts*>& facts) : node_(node), facts_(facts) {}

    [[nodiscard]] bool has(std::size_t i) const { return i < facts_.size() && facts_[i] != nullptr; }
    [[nodiscard]] const TensorFacts& operator[](std::size_t i) const { return *facts_[i]; }
    [[nodiscard]] const Shape& shape(std::size_t i) const { return facts_[i]->shape; }
    [[nodiscard]] std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(facts_[i]->shape.size()); }
    [[nodiscard]] std::size_t count() const { return facts_.size(); }
    [[nodiscard]] const Node& node() const { return node_; }
    [[nodiscard]] std::string where() const { return node_text(node_); }

    // The constant integers of input i (floats are rounded); throws kShapeDependsOnData when it is not constant.
    [[nodiscard]] std::vector<std::int64_t> integers(std::size_t i, const char* what) const;
    [[nodiscard]] std::vector<float> floats(std::size_t i, const char* what) const;
    // An axis in [-rank, rank) as one in [0, rank).
    [[nodiscard]] std::int64_t axis(std::int64_t given, std::int64_t rank, const char* what = "axis") const;
    [[nodiscard]] std::vector<std::int64_t> axes(const std::vector<std::int64_t>& given, std::int64_t rank) const;

    [[noreturn]] void mismatch(const std::string& what, const std::string& advice = "make the two shapes agree") const {
        throw Error(code::kShapeMismatch, where(), what, advice);
    }
    [[noreturn]] void bad_attribute(const std::string& what, const std::string& advice) const {
        throw Error(code::kAttributeInvalid, where(), what, advice);
    }
    void require_rank(std::size_t i, std::int64_t least, std::int64_t most = 8) const;

private:
    const Node& node_;
    const std::vector<const TensorFacts*>& facts_;
};

using Results = std::vector<TensorFacts>;

inline Results float_result(Shape shape) { return {{ElementType::kFloat32, std::move(shape), nullptr}}; }

// Refuses a quantiser parameter that makes no sense, as far as its value is known.
void check_scale(const Inputs& in, std::size_t i, const char* name);
void check_zero_point(const Inputs& in, std::size_t i);
void check_bits(const Inputs& in, std::size_t i, const char* name);

Results quant(const Quant& op, const Inputs& in);
Results bipolar_quant(const Inputs& in);
Results trunc(const Trunc& op, const Inputs& in);
Results multi_threshold(const MultiThreshold& op, const Inputs& in);
Results quantize_linear(std::int64_t axis, const Inputs& in);

Results matmul(const Inputs& in);
Results gemm(const Gemm& op, const Inputs& in);
Results conv(const Conv& op, const Inputs& in);
Results conv_transpose(const ConvTranspose& op, const Inputs& in);
Results batch_normalization(const BatchNormalization& op, const Inputs& in);
Results pool(const Window& window, bool channels_last, const Inputs& in);
Results global_pool(const Inputs& in);
Results quant_avg_pool(const QuantAvgPool2d& op, const Inputs& in);
Results im2col(const Im2Col& op, const Inputs& in);

Results unary(const Unary& op, const Inputs& in);
Results binary(const Inputs& in);
Results clip(const Inputs& in);
Results prelu(const Inputs& in);

Results reshape(const Reshape& op, const Inputs& in);
Results flatten(const Flatten& op, const Inputs& in);
Results transpose(const Transpose& op, const Inputs& in);
Results squeeze(const Inputs& in);
Results unsqueeze(const Inputs& in);
Results concat(const Concat& op, const Inputs& in);
Results split(const Split& op, const Inputs& in);
Results slice(const Inputs& in);
Results gather(const Gather& op, const Inputs& in);
Results pad(const Pad& op, const Inputs& in);
Results resize(const Resize& op, const Inputs& in);
Results depth_to_space(const DepthToSpace& op, const Inputs& in);
Results space_to_depth(const SpaceToDepth& op, const Inputs& in);
Results constant_of_shape(const ConstantOfShape& op, const Inputs& in);
Results expand(const Inputs& in);
Results reduce(const Reduce& op, const Inputs& in);
Results softmax(const Softmax& op, const Inputs& in);
Results top_k(const TopK& op, const Inputs& in);
Results arg_max(const ArgMax& op, const Inputs& in);

// One Slice along one axis, clamped to the data: `count` values from `start` by `step`.
struct SliceAxis {
    std::int64_t axis = 0;
    std::int64_t start = 0;
    std::int64_t step = 1;
    std::int64_t count = 0;
};
std::vector<SliceAxis> slice_axes(const Inputs& in);
// Pads [begin..., end...] over all axes of X.
std::vector<std::int64_t> pad_amounts(const Inputs& in);
std::vector<std::int64_t> split_sizes(const Split& op, const Inputs& in, std::int64_t size);
std::vector<std::int64_t> reduce_axes(const Inputs& in);

}  // namespace qloom::ir::rules
