// Standard elementwise operators, reductions and heads of classifiers.
#include "base/diagnostic.h"
#include "onnx/node_reader.h"
#include "onnx/tensor_proto.h"

namespace qloom::onnx {
namespace {

using ir::BinaryKind;
using ir::ParametricKind;
using ir::ReduceKind;
using ir::TensorId;
using ir::UnaryKind;

template <UnaryKind kKind>
void unary(NodeReader& node) {
    node.emit(ir::Unary{kKind});
}

template <BinaryKind kKind>
void binary(NodeReader& node) {
    node.emit(ir::Binary{kKind});
}

// Any number of inputs: a chain of binary operators; one input is itself.
void chain(NodeReader& node, BinaryKind kind) {
    std::vector<TensorId> inputs = node.inputs;
    if (inputs.size() < 2) {
        node.emit(ir::Unary{UnaryKind::kIdentity});
        return;
    }
    TensorId sum = inputs[0];
    for (std::size_t i = 1; i + 1 < inputs.size(); ++i) {
        sum = node.emit_helper(fmt::format("part{}", i), ir::Binary{kind}, {sum, inputs[i]});
    }
    node.inputs = {sum, inputs.back()};
    node.emit(ir::Binary{kind});
}

template <BinaryKind kKind>
void variadic(NodeReader& node) {
    chain(node, kKind);
}

void mean(NodeReader& node) {
    std::vector<TensorId> inputs = node.inputs;
    if (inputs.size() < 2) {
        node.emit(ir::Unary{UnaryKind::kIdentity});
        return;
    }
    TensorId sum = inputs[0];
    for (std::size_t i = 1; i < inputs.size(); ++i) {
        sum = node.emit_helper(fmt::format("part{}", i), ir::Binary{BinaryKind::kAdd}, {sum, inputs[i]});
    }
    node.inputs = {sum};
    node.set_input(1, "count", Tensor<float>(Shape{}, static_cast<float>(inputs.size())));
    node.emit(ir::Binary{BinaryKind::kDiv});
}

template <ParametricKind kKind>
void parametric(NodeReader& node) {
    // ONNX' defaults for (alpha, beta or gamma).
    float alpha = 1.0F;
    float beta = 0.0F;
    switch (kKind) {
        case ParametricKind::kLeakyRelu: alpha = 0.01F; break;
        case ParametricKind::kElu: break;
        case ParametricKind::kSelu: alpha = 1.67326319217681884765625F; beta = 1.05070102214813232421875F; break;
        case ParametricKind::kHardSigmoid: alpha = 0.2F; beta = 0.5F; break;
        case ParametricKind::kThresholdedRelu: break;
        case ParametricKind::kCelu: break;
    }
    ir::Parametric op{.kind = kKind, .alpha = node.real("alpha", alpha), .beta = beta};
    if (kKind == ParametricKind::kSelu) {
        op.beta = node.real("gamma", beta);
    } else if (kKind == ParametricKind::kHardSigmoid) {
        op.beta = node.real("beta", beta);
    }
    node.emit(op);
}

void clip(NodeReader& node) {
    for (const auto& [attribute, input] : {std::pair{"min", 1U}, std::pair{"max", 2U}}) {
        if (node.has(attribute)) {
            node.set_input(input, attribute, Tensor<float>(Shape{}, node.real(attribute, 0.0F)));
        }
    }
    node.emit(ir::Clip{});
}

void cast(NodeReader& node) {
    if (!node.has("to")) {
        node.unsupported("it has no attribute 'to'", "export the model again");
    }
    switch (element_type_of(static_cast<std::int32_t>(node.integer("to", 0)), node.where())) {
        case ir::ElementType::kFloat32: node.emit(ir::Cast{ir::CastTarget::kFloat32}); break;
        case ir::ElementType::kInt64: node.emit(ir::Cast{ir::CastTarget::kInt64}); break;
        case ir::ElementType::kBool: node.emit(ir::Cast{ir::CastTarget::kBool}); break;
    }
}

Tensor<std::int64_t> list(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return {Shape{count}, std::move(values)};
}

template <ReduceKind kKind>
void reduce(NodeReader& node) {
    if (node.has("axes")) {
        node.set_input(1, "axes", list(node.integers("axes")));
    }
    if (!node.given(1) && node.flag("noop_with_empty_axes", false)) {
        node.emit(ir::Unary{UnaryKind::kIdentity});
        return;
    }
    node.emit(ir::Reduce{.kind = kKind, .keep_dims = node.flag("keepdims", true)});
}

TensorId number(NodeReader& node, const std::string& role, float value) {
    return node.build().add_constant(node.name() + "_" + role, Tensor<float>(Shape{}, value));
}

// x * (1 + erf(x / sqrt 2)) / 2, or its approximation x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2.
void gelu(NodeReader& node) {
    if (node.inputs.size() != 1) {
        node.emit(ir::Unary{});  // refused with the right number of inputs
        return;
    }
    const ir::Binary mul{BinaryKind::kMul};
    const TensorId x = node.inputs[0];
    TensorId gate = x;
    if (node.text("approximate", "none") == "tanh") {
        const TensorId square = node.emit_helper("square", mul, {x, x});
        const TensorId cube = node.emit_helper("cube", mul, {square, x});
        const TensorId bent = node.emit_helper("bent", mul, {cube, number(node, "cubic", 0.044715F)});
        const TensorId sum = node.emit_helper("sum", ir::Binary{BinaryKind::kAdd}, {x, bent});
        const TensorId scaled = node.emit_helper("scaled", mul, {sum, number(node, "slope", 0.7978845608F)});
        gate = node.emit_helper("gate", ir::Unary{UnaryKind::kTanh}, {scaled});
    } else {
        const TensorId scaled = node.emit_helper("scaled", mul, {x, number(node, "slope", 0.70710678118F)});
        gate = node.emit_helper("gate", ir::Unary{UnaryKind::kErf}, {scaled});
    }
    gate = node.emit_helper("open", ir::Binary{BinaryKind::kAdd}, {gate, number(node, "one", 1.0F)});
    const TensorId half = node.emit_helper("half", mul, {x, number(node, "share", 0.5F)});
    node.inputs = {half, gate};
    node.emit(mul);
}

// x * tanh(softplus(x)).
void mish(NodeReader& node) {
    if (node.inputs.size() != 1) {
        node.emit(ir::Unary{});
        return;
    }
    const TensorId x = node.inputs[0];
    const TensorId plus = node.emit_helper("plus", ir::Unary{UnaryKind::kSoftplus}, {x});
    const TensorId gate = node.emit_helper("gate", ir::Unary{UnaryKind::kTanh}, {plus});
    node.inputs = {x, gate};
    node.emit(ir::Binary{BinaryKind::kMul});
}

template <bool kLog>
void softmax(NodeReader& node) {
    if (node.opset() >= 13) {
        node.emit(ir::Softmax{.axis = node.integer("axis", -1), .log = kLog});
        return;
    }
    // Old meaning: over all axes from `axis` on, seen as one.
    const std::int64_t axis = node.integer("axis", 1);
    if (axis == -1) {
        node.emit(ir::Softmax{.axis = -1, .log = kLog});
        return;
    }
    const TensorId x = node.inputs.empty() ? TensorId::kNone : node.inputs[0];
    const TensorId shape = node.emit_helper("shape", ir::ShapeOf{}, {x});
    const TensorId flat = node.emit_helper("flat", ir::Flatten{axis}, {x});
    const TensorId result = node.emit_helper("soft", ir::Softmax{.axis = -1, .log = kLog}, {flat});
    node.inputs = {result, shape};
    node.emit(ir::Reshape{});
}

void top_k(NodeReader& node) {
    if (node.has("k")) {
        node.set_input(1, "k", list({node.integer("k", 1)}));
    }
    node.emit(ir::TopK{.axis = node.integer("axis", -1),
                       .largest = node.flag("largest", true),
                       .sorted = node.flag("sorted", true)});
}

template <bool kMinimum>
void arg_max(NodeReader& node) {
    node.emit(ir::ArgMax{.axis = node.integer("axis", 0),
                         .keep_dims = node.flag("keepdims", true),
                         .select_last_index = node.flag("select_last_index", false),
                         .minimum = kMinimum});
}

void dropout(NodeReader& node) {
    node.drop_outputs(1, "mask");
    if (node.inputs.size() > 1) {  // ratio and training mode do not matter for inference
        node.inputs.erase(node.inputs.begin() + 1, node.inputs.end());
    }
    node.emit(ir::Dropout{});
}

void prelu(NodeReader& node) { node.emit(ir::PRelu{}); }

}  // namespace

const ConvertTable& standard_elementwise() {
    static const ConvertTable kTable{
        {"Identity", unary<UnaryKind::kIdentity>},
        {"Relu", unary<UnaryKind::kRelu>},
        {"Sigmoid", unary<UnaryKind::kSigmoid>},
        {"Tanh", unary<UnaryKind::kTanh>},
        {"Abs", unary<UnaryKind::kAbs>},
        {"Neg", unary<UnaryKind::kNeg>},
        {"Sqrt", unary<UnaryKind::kSqrt>},
        {"Exp", unary<UnaryKind::kExp>},
        {"Log", unary<UnaryKind::kLog>},
        {"Floor", unary<UnaryKind::kFloor>},
        {"Ceil", unary<UnaryKind::kCeil>},
        {"Round", unary<UnaryKind::kRound>},
        {"Sign", unary<UnaryKind::kSign>},
        {"Reciprocal", unary<UnaryKind::kReciprocal>},
        {"Erf", unary<UnaryKind::kErf>},
        {"Softplus", unary<UnaryKind::kSoftplus>},
        {"Softsign", unary<UnaryKind::kSoftsign>},
        {"HardSwish", unary<UnaryKind::kHardSwish>},
        {"Gelu", gelu},
        {"Mish", mish},
        {"Not", unary<UnaryKind::kNot>},
        {"LeakyRelu", parametric<ParametricKind::kLeakyRelu>},
        {"Elu", parametric<ParametricKind::kElu>},
        {"Selu", parametric<ParametricKind::kSelu>},
        {"HardSigmoid", parametric<ParametricKind::kHardSigmoid>},
        {"ThresholdedRelu", parametric<ParametricKind::kThresholdedRelu>},
        {"Celu", parametric<ParametricKind::kCelu>},
        {"Clip", clip},
        {"PRelu", prelu},
        {"Add", binary<BinaryKind::kAdd>},
        {"Sub", binary<BinaryKind::kSub>},
        {"Mul", binary<BinaryKind::kMul>},
        {"Div", binary<BinaryKind::kDiv>},
        {"Pow", binary<BinaryKind::kPow>},
        {"Min", variadic<BinaryKind::kMin>},
        {"Max", variadic<BinaryKind::kMax>},
        {"Sum", variadic<BinaryKind::kAdd>},
        {"Mean", mean},
        {"Cast", cast},
        {"ReduceMean", reduce<ReduceKind::kMean>},
        {"ReduceSum", reduce<ReduceKind::kSum>},
        {"ReduceMax", reduce<ReduceKind::kMax>},
        {"ReduceMin", reduce<ReduceKind::kMin>},
        {"Softmax", softmax<false>},
        {"LogSoftmax", softmax<true>},
        {"TopK", top_k},
        {"ArgMax", arg_max<false>},
        {"ArgMin", arg_max<true>},
        {"Dropout", dropout},
    };
    return kTable;
}

}  // namespace qloom::onnx
