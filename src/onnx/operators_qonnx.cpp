// The operators of QONNX, Brevitas and FINN.
#include <algorithm>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "onnx/node_reader.h"
#include "onnx/window_attributes.h"

namespace qloom::onnx {
namespace {

RoundingMode rounding(const NodeReader& node, const std::string& fallback) {
    const std::string name = node.text("rounding_mode", fallback);
    RoundingMode mode{};
    if (!parse_rounding_mode(name, mode)) {
        throw Error(code::kQuantiserAttribute, node.where(), fmt::format("its rounding mode is '{}'", name),
                    "use ROUND, HALF_EVEN, CEIL, FLOOR, UP, DOWN, HALF_UP, HALF_DOWN or ROUND_TO_ZERO");
    }
    return mode;
}

// "NHWC" and its like; refuses what is no layout.
bool channels_last(const NodeReader& node) {
    const std::string layout = node.text("data_layout", "NCHW");
    static const std::vector<std::string> kLast{"NHWC", "NWC", "NHC"};
    static const std::vector<std::string> kFirst{"NCHW", "NCW", "NCH", "NC", ""};
    if (std::ranges::find(kLast, layout) != kLast.end()) {
        return true;
    }
    if (std::ranges::find(kFirst, layout) == kFirst.end()) {
        throw Error(code::kQuantiserAttribute, node.where(), fmt::format("its data layout is '{}'", layout),
                    "use NCHW, NHWC or NC");
    }
    return false;
}

void quant(NodeReader& node) {
    node.emit(ir::Quant{.is_signed = node.flag("signed", true),
                        .narrow = node.flag("narrow", false),
                        .rounding = rounding(node, "ROUND")});
}

void bipolar_quant(NodeReader& node) { node.emit(ir::BipolarQuant{}); }

void trunc(NodeReader& node) {
    node.emit(ir::Trunc{.version = node.inputs.size() >= 6 ? 2 : 1,
                        .is_signed = node.flag("signed", true),
                        .narrow = node.flag("narrow", false),
                        .rounding = rounding(node, "FLOOR")});
}

void multi_threshold(NodeReader& node) {
    node.emit(ir::MultiThreshold{.out_scale = node.real("out_scale", 1.0F),
                                 .out_bias = node.real("out_bias", 0.0F),
                                 .out_datatype = node.text("out_dtype", ""),
                                 .channels_last = channels_last(node)});
}

void xnor_popcount(NodeReader& node) { node.emit(ir::XnorPopcountMatMul{}); }

void quant_avg_pool(NodeReader& node) {
    node.emit(ir::QuantAvgPool2d{.stride = node.integer("stride", 1),
                                 .kernel = node.integer("kernel", 1),
                                 .input_bits = node.integer("ibits", 1),
                                 .output_bits = node.integer("obits", 1),
                                 .is_signed = node.flag("signed", false),
                                 .channels_last = channels_last(node)});
}

// Very old FINN files give one number where newer ones give one an axis.
std::vector<std::int64_t> one_or_many(const NodeReader& node, const std::string& attribute, std::size_t count,
                                      std::int64_t fallback) {
    if (!node.has(attribute)) {
        return std::vector<std::int64_t>(count, fallback);
    }
    return node.integers(attribute);
}

void im2col(NodeReader& node) {
    ir::Im2Col op;
    op.window.kernel = node.integers("kernel_size");
    op.window.strides = one_or_many(node, "stride", 2, 1);
    op.window.dilations = one_or_many(node, "dilations", 2, 1);
    op.window.pads = one_or_many(node, "pad_amount", 4, 0);
    op.pad_value = static_cast<float>(node.integer("pad_value", 0));
    op.depthwise = node.flag("depthwise", false);
    node.emit(op);
}

void max_pool_last(NodeReader& node) {
    node.emit(ir::MaxPool{.window = read_window(node), .channels_last = true});
}

void identity(NodeReader& node) { node.emit(ir::Unary{ir::UnaryKind::kIdentity}); }

// In QONNX the weights of a channels-last convolution are channels last as well, (M, kernel..., C); the IR keeps
// (M, C, kernel...). A Transpose that made them so is undone by reading what it reads.
void conv_last(NodeReader& node) {
    ir::Conv op{.window = read_window(node), .group = node.integer("group", 1), .channels_last = true};
    const auto axes = static_cast<std::int64_t>(op.window.kernel.size());
    if (axes < 1 || axes > 3 || !node.given(1)) {
        node.unsupported("it has no kernel_shape or no weights", "export the model again");
    }
    std::vector<std::int64_t> to_last{0};
    std::vector<std::int64_t> to_first{0, axes + 1};
    for (std::int64_t axis = 0; axis < axes; ++axis) {
        to_last.push_back(axis + 2);
        to_first.push_back(axis + 1);
    }
    to_last.push_back(1);
    const ir::TensorId weights = node.inputs[1];
    const ir::NodeId maker = node.build().graph.producer(weights);
    const ir::Node* source = maker == ir::NodeId::kNone ? nullptr : &node.build().graph.node(maker);
    const auto* transpose = source == nullptr ? nullptr : std::get_if<ir::Transpose>(&source->op);
    if (transpose != nullptr && transpose->perm == to_last && source->inputs.size() == 1 &&
        source->inputs[0] != ir::TensorId::kNone) {
        node.inputs[1] = source->inputs[0];
        node.build().bypassed.push_back(weights);
    } else {
        node.inputs[1] = node.emit_helper("weights_channels_first", ir::Transpose{to_first}, {weights});
    }
    node.emit(op);
}

void batch_normalization_last(NodeReader& node) {
    node.drop_outputs(1, "training statistics");
    node.emit(ir::BatchNormalization{.epsilon = node.real("epsilon", 1e-5F), .channels_last = true});
}

// The IR pools averages channels first only: the data are turned there and back.
void average_pool_last(NodeReader& node) {
    const ir::Window window = read_window(node);
    const auto axes = static_cast<std::int64_t>(window.kernel.size());
    if (axes < 1 || axes > 3 || !node.given(0)) {
        node.unsupported("it has no kernel_shape or no data", "export the model again");
    }
    std::vector<std::int64_t> to_last{0};
    std::vector<std::int64_t> to_first{0, axes + 1};
    for (std::int64_t axis = 0; axis < axes; ++axis) {
        to_last.push_back(axis + 2);
        to_first.push_back(axis + 1);
    }
    to_last.push_back(1);
    const ir::TensorId first = node.emit_helper("channels_first", ir::Transpose{to_first}, {node.inputs[0]});
    const ir::TensorId pooled =
        node.emit_helper("pooled", ir::AveragePool{window, node.flag("count_include_pad", false)}, {first});
    node.inputs = {pooled};
    node.emit(ir::Transpose{to_last});
}

}  // namespace

const ConvertTable& quantisation_operators() {
    static const ConvertTable kTable{
        {"Quant", quant},
        {"IntQuant", quant},
        {"BipolarQuant", bipolar_quant},
        {"Trunc", trunc},
        {"MultiThreshold", multi_threshold},
        {"XnorPopcountMatMul", xnor_popcount},
        {"QuantAvgPool2d", quant_avg_pool},
        {"Im2Col", im2col},
        {"MaxPoolNHWC", max_pool_last},
        {"DebugMarker", identity},
    };
    return kTable;
}

const ConvertTable& channels_last_operators() {
    static const ConvertTable kTable{
        {"Conv", conv_last},
        {"MaxPool", max_pool_last},
        {"AveragePool", average_pool_last},
        {"BatchNormalization", batch_normalization_last},
    };
    return kTable;
}

}  // namespace qloom::onnx
