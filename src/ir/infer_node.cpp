#include "ir/infer_node.h"

#include <limits>

#include "base/codes/ir.h"
#include "ir/infer_rules.h"

namespace qloom::ir {
namespace {

constexpr std::size_t kMany = std::numeric_limits<std::size_t>::max();

using rules::Inputs;
using rules::Results;

Results same(const Inputs& in) { return {{in[0].type, in.shape(0), nullptr}}; }

ElementType element_type(CastTarget target) {
    switch (target) {
        case CastTarget::kFloat32: return ElementType::kFloat32;
        case CastTarget::kInt64: return ElementType::kInt64;
        case CastTarget::kBool: return ElementType::kBool;
    }
    return ElementType::kFloat32;
}

Results infer(const Op& op, const Inputs& in) {
    return std::visit(
        Overloaded{
            [&](const Quant& o) { return rules::quant(o, in); },
            [&](const BipolarQuant&) { return rules::bipolar_quant(in); },
            [&](const Trunc& o) { return rules::trunc(o, in); },
            [&](const MultiThreshold& o) { return rules::multi_threshold(o, in); },
            [&](const QuantizeLinear& o) { return rules::quantize_linear(o.axis, in); },
            [&](const DequantizeLinear& o) { return rules::quantize_linear(o.axis, in); },
            [&](const MatMul&) { return rules::matmul(in); },
            [&](const Gemm& o) { return rules::gemm(o, in); },
            [&](const XnorPopcountMatMul&) { return rules::matmul(in); },
            [&](const Conv& o) { return rules::conv(o, in); },
            [&](const ConvTranspose& o) { return rules::conv_transpose(o, in); },
            [&](const BatchNormalization& o) { return rules::batch_normalization(o, in); },
            [&](const MaxPool& o) { return rules::pool(o.window, o.channels_last, in); },
            [&](const AveragePool& o) { return rules::pool(o.window, false, in); },
            [&](const GlobalAveragePool&) { return rules::global_pool(in); },
            [&](const GlobalMaxPool&) { return rules::global_pool(in); },
            [&](const QuantAvgPool2d& o) { return rules::quant_avg_pool(o, in); },
            [&](const Im2Col& o) { return rules::im2col(o, in); },
            [&](const Unary& o) { return rules::unary(o, in); },
            [&](const Parametric&) { return rules::float_result(in.shape(0)); },
            [&](const Clip&) { return rules::clip(in); },
            [&](const PRelu&) { return rules::prelu(in); },
            [&](const Binary&) { return rules::binary(in); },
            [&](const Reshape& o) { return rules::reshape(o, in); },
            [&](const Flatten& o) { return rules::flatten(o, in); },
            [&](const Transpose& o) { return rules::transpose(o, in); },
            [&](const Squeeze&) { return rules::squeeze(in); },
            [&](const Unsqueeze&) { return rules::unsqueeze(in); },
            [&](const Concat& o) { return rules::concat(o, in); },
            [&](const Split& o) { return rules::split(o, in); },
            [&](const Slice&) { return rules::slice(in); },
            [&](const Gather& o) { return rules::gather(o, in); },
            [&](const Pad& o) { return rules::pad(o, in); },
            [&](const Resize& o) { return rules::resize(o, in); },
            [&](const DepthToSpace& o) { return rules::depth_to_space(o, in); },
            [&](const SpaceToDepth& o) { return rules::space_to_depth(o, in); },
            [&](const ShapeOf&) { return Results{{ElementType::kInt64, Shape{in.rank(0)}, nullptr}}; },
            [&](const ConstantOfShape& o) { return rules::constant_of_shape(o, in); },
            [&](const Cast& o) { return Results{{element_type(o.to), in.shape(0), nullptr}}; },
            [&](const Expand&) { return rules::expand(in); },
            [&](const Dropout&) { return same(in); },
            [&](const Reduce& o) { return rules::reduce(o, in); },
            [&](const Softmax& o) { return rules::softmax(o, in); },
            [&](const TopK& o) { return rules::top_k(o, in); },
            [&](const ArgMax& o) { return rules::arg_max(o, in); },
        },
        op);
}

}  // namespace

std::string node_text(const Node& node) { return fmt::format("node {} ({})", node.name, op_name(node.op)); }

Arity arity_of(const Op& op) {
    return std::visit(
        Overloaded{
            [](const Quant&) { return Arity{4, 4, 1}; },
            [](const BipolarQuant&) { return Arity{2, 2, 1}; },
            [](const Trunc& o) { return o.version == 1 ? Arity{5, 5, 1} : Arity{6, 6, 1}; },
            [](const MultiThreshold&) { return Arity{2, 2, 1}; },
            [](const QuantizeLinear&) { return Arity{2, 3, 1}; },
            [](const DequantizeLinear&) { return Arity{2, 3, 1}; },
            [](const MatMul&) { return Arity{2, 2, 1}; },
            [](const Gemm&) { return Arity{2, 3, 1}; },
            [](const XnorPopcountMatMul&) { return Arity{2, 2, 1}; },
            [](const Conv&) { return Arity{2, 3, 1}; },
            [](const ConvTranspose&) { return Arity{2, 3, 1}; },
            [](const BatchNormalization&) { return Arity{5, 5, 1}; },
            [](const MaxPool&) { return Arity{1, 1, 1}; },
            [](const AveragePool&) { return Arity{1, 1, 1}; },
            [](const GlobalAveragePool&) { return Arity{1, 1, 1}; },
            [](const GlobalMaxPool&) { return Arity{1, 1, 1}; },
            [](const QuantAvgPool2d&) { return Arity{1, 1, 1}; },
            [](const Im2Col&) { return Arity{1, 1, 1}; },
            [](const Unary&) { return Arity{1, 1, 1}; },
            [](const Parametric&) { return Arity{1, 1, 1}; },
            [](const Clip&) { return Arity{1, 3, 1}; },
            [](const PRelu&) { return Arity{2, 2, 1}; },
            [](const Binary&) { return Arity{2, 2, 1}; },
            [](const Reshape&) { return Arity{2, 2, 1}; },
            [](const Flatten&) { return Arity{1, 1, 1}; },
            [](const Transpose&) { return Arity{1, 1, 1}; },
            [](const Squeeze&) { return Arity{1, 2, 1}; },
            [](const Unsqueeze&) { return Arity{2, 2, 1}; },
            [](const Concat&) { return Arity{1, kMany, 1}; },
            [](const Split&) { return Arity{1, 2, kMany}; },
            [](const Slice&) { return Arity{3, 5, 1}; },
            [](const Gather&) { return Arity{2, 2, 1}; },
            [](const Pad&) { return Arity{2, 3, 1}; },
            [](const Resize&) { return Arity{1, 4, 1}; },
            [](const DepthToSpace&) { return Arity{1, 1, 1}; },
            [](const SpaceToDepth&) { return Arity{1, 1, 1}; },
            [](const ShapeOf&) { return Arity{1, 1, 1}; },
            [](const ConstantOfShape&) { return Arity{1, 1, 1}; },
            [](const Cast&) { return Arity{1, 1, 1}; },
            [](const Expand&) { return Arity{2, 2, 1}; },
            [](const Dropout&) { return Arity{1, 1, 1}; },
            [](const Reduce&) { return Arity{1, 2, 1}; },
            [](const Softmax&) { return Arity{1, 1, 1}; },
            [](const TopK&) { return Arity{2, 2, 2}; },
            [](const ArgMax&) { return Arity{1, 1, 1}; },
        },
        op);
}

namespace {

void check_counts(const Node& node, std::size_t inputs, std::size_t outputs, auto present) {
    static constexpr const char* kAdvice = "export the model again; the file does not follow the operator's definition";
    const Arity arity = arity_of(node.op);
    while (inputs > 0 && !present(inputs - 1)) {
        --inputs;  // trailing absent inputs count as not given
    }
    if (inputs < arity.least || inputs > arity.most) {
        throw Error(code::kInputCount, node_text(node),
                    fmt::format("has {} inputs, the operator takes {}", inputs,
                                arity.least == arity.most ? fmt::format("{}", arity.least)
                                : arity.most == kMany     ? fmt::format("{} or more", arity.least)
                                                          : fmt::format("{} to {}", arity.least, arity.most)),
                    kAdvice);
    }
    if (outputs > arity.outputs) {
        throw Error(code::kInputCount, node_text(node),
                    fmt::format("has {} outputs, the operator gives {}", outputs, arity.outputs), kAdvice);
    }
    const bool variadic = arity.most == kMany;
    for (std::size_t i = 0; i < (variadic ? inputs : arity.least); ++i) {
        if (!present(i)) {
            throw Error(code::kInputCount, node_text(node), fmt::format("input {} is missing", i), kAdvice);
        }
    }
}

}  // namespace

void check_arity(const Node& node) {
    check_counts(node, node.inputs.size(), node.outputs.size(),
                 [&node](std::size_t i) { return node.inputs[i] != TensorId::kNone; });
}

std::vector<TensorFacts> infer_node(const Node& node, const std::vector<const TensorFacts*>& inputs) {
    check_counts(node, inputs.size(), node.outputs.size(), [&inputs](std::size_t i) { return inputs[i] != nullptr; });
    Results results = infer(node.op, Inputs(node, inputs));
    if (results.size() < node.outputs.size()) {
        throw Error(code::kInputCount, node_text(node),
                    fmt::format("has {} outputs, its attributes give {}", node.outputs.size(), results.size()),
                    "export the model again; the file does not follow the operator's definition");
    }
    for (const TensorFacts& result : results) {
        std::int64_t elements = 1;
        for (const std::int64_t size : result.shape) {
            if (size < 0 || (size > 0 && elements > kMaxElements / size)) {
                throw Error(code::kTensorTooLarge, node_text(node),
                            fmt::format("its result would have the shape {}, more than {} values",
                                        shape_text(result.shape), kMaxElements),
                            "check the shapes and scales that feed it");
            }
            elements *= size;
        }
    }
    return results;
}

namespace rules {

std::vector<std::int64_t> Inputs::integers(std::size_t i, const char* what) const {
    const Value* value = facts_[i]->value;
    if (value == nullptr) {
        throw Error(code::kShapeDependsOnData, where(), fmt::format("its {} is computed from the model's input", what),
                    "hardware needs fixed shapes: export the model with constants there");
    }
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(value)) {
        return ints->values();
    }
    std::vector<std::int64_t> result;
    for (const float f : std::get<Tensor<float>>(*value)) {
        if (!(f >= -9.2e18F && f <= 9.2e18F)) {
            bad_attribute(fmt::format("its {} contains {}", what, f), "give whole numbers");
        }
        result.push_back(static_cast<std::int64_t>(f));
    }
    return result;
}

std::vector<float> Inputs::floats(std::size_t i, const char* what) const {
    const Value* value = facts_[i]->value;
    if (value == nullptr) {
        throw Error(code::kShapeDependsOnData, where(), fmt::format("its {} is computed from the model's input", what),
                    "hardware needs fixed shapes: export the model with constants there");
    }
    if (const auto* floats = std::get_if<Tensor<float>>(value)) {
        return floats->values();
    }
    std::vector<float> result;
    for (const std::int64_t n : std::get<Tensor<std::int64_t>>(*value)) {
        result.push_back(static_cast<float>(n));
    }
    return result;
}

std::int64_t Inputs::axis(std::int64_t given, std::int64_t rank, const char* what) const {
    if (given < -rank || given >= rank) {
        bad_attribute(fmt::format("{} {} is outside the {} axes", what, given, rank),
                      rank == 0 ? std::string("the data has no axes")
                                : fmt::format("legal: {} to {}", -rank, rank - 1));
    }
    return given < 0 ? given + rank : given;
}

std::vector<std::int64_t> Inputs::axes(const std::vector<std::int64_t>& given, std::int64_t rank) const {
    std::vector<std::int64_t> result;
    for (const std::int64_t a : given) {
        result.push_back(axis(a, rank));
        for (std::size_t i = 0; i + 1 < result.size(); ++i) {
            if (result[i] == result.back()) {
                bad_attribute(fmt::format("axis {} is named twice", a), "name each axis once");
            }
        }
    }
    return result;
}

void Inputs::require_rank(std::size_t i, std::int64_t least, std::int64_t most) const {
    if (rank(i) < least || rank(i) > most) {
        mismatch(fmt::format("input {} has shape {}", i, shape_text(shape(i))),
                 least == most ? fmt::format("the operator takes {} axes", least)
                               : fmt::format("the operator takes {} to {} axes", least, most));
    }
}

}  // namespace rules
}  // namespace qloom::ir
