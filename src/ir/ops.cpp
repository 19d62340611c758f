#include "ir/ops.h"

namespace qloom::ir {
namespace {

std::string unary_name(UnaryKind kind) {
    switch (kind) {
        case UnaryKind::kIdentity: return "Identity";
        case UnaryKind::kRelu: return "Relu";
        case UnaryKind::kSigmoid: return "Sigmoid";
        case UnaryKind::kTanh: return "Tanh";
        case UnaryKind::kAbs: return "Abs";
        case UnaryKind::kNeg: return "Neg";
        case UnaryKind::kSqrt: return "Sqrt";
        case UnaryKind::kExp: return "Exp";
        case UnaryKind::kLog: return "Log";
        case UnaryKind::kFloor: return "Floor";
        case UnaryKind::kCeil: return "Ceil";
        case UnaryKind::kRound: return "Round";
        case UnaryKind::kSign: return "Sign";
        case UnaryKind::kReciprocal: return "Reciprocal";
        case UnaryKind::kErf: return "Erf";
        case UnaryKind::kSoftplus: return "Softplus";
        case UnaryKind::kSoftsign: return "Softsign";
        case UnaryKind::kHardSwish: return "HardSwish";
        case UnaryKind::kNot: return "Not";
    }
    return "";
}

std::string parametric_name(ParametricKind kind) {
    switch (kind) {
        case ParametricKind::kLeakyRelu: return "LeakyRelu";
        case ParametricKind::kElu: return "Elu";
        case ParametricKind::kSelu: return "Selu";
        case ParametricKind::kHardSigmoid: return "HardSigmoid";
        case ParametricKind::kThresholdedRelu: return "ThresholdedRelu";
        case ParametricKind::kCelu: return "Celu";
    }
    return "";
}

std::string binary_name(BinaryKind kind) {
    switch (kind) {
        case BinaryKind::kAdd: return "Add";
        case BinaryKind::kSub: return "Sub";
        case BinaryKind::kMul: return "Mul";
        case BinaryKind::kDiv: return "Div";
        case BinaryKind::kPow: return "Pow";
        case BinaryKind::kMin: return "Min";
        case BinaryKind::kMax: return "Max";
    }
    return "";
}

std::string reduce_name(ReduceKind kind) {
    switch (kind) {
        case ReduceKind::kMean: return "ReduceMean";
        case ReduceKind::kSum: return "ReduceSum";
        case ReduceKind::kMax: return "ReduceMax";
        case ReduceKind::kMin: return "ReduceMin";
    }
    return "";
}

}  // namespace

std::string op_name(const Op& op) {
    return std::visit(Overloaded{
                          [](const Quant&) -> std::string { return "Quant"; },
                          [](const BipolarQuant&) -> std::string { return "BipolarQuant"; },
                          [](const Trunc&) -> std::string { return "Trunc"; },
                          [](const MultiThreshold&) -> std::string { return "MultiThreshold"; },
                          [](const QuantizeLinear&) -> std::string { return "QuantizeLinear"; },
                          [](const DequantizeLinear&) -> std::string { return "DequantizeLinear"; },
                          [](const MatMul&) -> std::string { return "MatMul"; },
                          [](const Gemm&) -> std::string { return "Gemm"; },
                          [](const XnorPopcountMatMul&) -> std::string { return "XnorPopcountMatMul"; },
                          [](const Conv&) -> std::string { return "Conv"; },
                          [](const ConvTranspose&) -> std::string { return "ConvTranspose"; },
                          [](const BatchNormalization&) -> std::string { return "BatchNormalization"; },
                          [](const MaxPool&) -> std::string { return "MaxPool"; },
                          [](const AveragePool&) -> std::string { return "AveragePool"; },
                          [](const GlobalAveragePool&) -> std::string { return "GlobalAveragePool"; },
                          [](const GlobalMaxPool&) -> std::string { return "GlobalMaxPool"; },
                          [](const QuantAvgPool2d&) -> std::string { return "QuantAvgPool2d"; },
                          [](const Im2Col&) -> std::string { return "Im2Col"; },
                          [](const Unary& unary) { return unary_name(unary.kind); },
                          [](const Parametric& parametric) { return parametric_name(parametric.kind); },
                          [](const Clip&) -> std::string { return "Clip"; },
                          [](const PRelu&) -> std::string { return "PRelu"; },
                          [](const Binary& binary) { return binary_name(binary.kind); },
                          [](const Reshape&) -> std::string { return "Reshape"; },
                          [](const Flatten&) -> std::string { return "Flatten"; },
                          [](const Transpose&) -> std::string { return "Transpose"; },
                          [](const Squeeze&) -> std::string { return "Squeeze"; },
                          [](const Unsqueeze&) -> std::string { return "Unsqueeze"; },
                          [](const Concat&) -> std::string { return "Concat"; },
                          [](const Split&) -> std::string { return "Split"; },
                          [](const Slice&) -> std::string { return "Slice"; },
                          [](const Gather&) -> std::string { return "Gather"; },
                          [](const Pad&) -> std::string { return "Pad"; },
                          [](const Resize&) -> std::string { return "Resize"; },
                          [](const DepthToSpace&) -> std::string { return "DepthToSpace"; },
                          [](const SpaceToDepth&) -> std::string { return "SpaceToDepth"; },
                          [](const ShapeOf&) -> std::string { return "Shape"; },
                          [](const ConstantOfShape&) -> std::string { return "ConstantOfShape"; },
                          [](const Cast&) -> std::string { return "Cast"; },
                          [](const Expand&) -> std::string { return "Expand"; },
                          [](const Dropout&) -> std::string { return "Dropout"; },
                          [](const Reduce& reduce) { return reduce_name(reduce.kind); },
                          [](const Softmax& softmax) -> std::string { return softmax.log ? "LogSoftmax" : "Softmax"; },
                          [](const TopK&) -> std::string { return "TopK"; },
                          [](const ArgMax& arg) -> std::string { return arg.minimum ? "ArgMin" : "ArgMax"; },
                      },
                      op);
}

}  // namespace qloom::ir
