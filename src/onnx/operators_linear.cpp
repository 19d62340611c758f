// Standard matrix products, convolutions, normalisation, pooling and the QCDQ dialect.
#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "onnx/node_reader.h"
#include "onnx/tensor_proto.h"
#include "onnx/window_attributes.h"

namespace qloom::onnx {
namespace {

void matmul(NodeReader& node) { node.emit(ir::MatMul{}); }

void gemm(NodeReader& node) {
    node.emit(ir::Gemm{.alpha = node.real("alpha", 1.0F),
                       .beta = node.real("beta", 1.0F),
                       .trans_a = node.flag("transA", false),
                       .trans_b = node.flag("transB", false)});
}

void conv(NodeReader& node) {
    node.emit(ir::Conv{.window = read_window(node), .group = node.integer("group", 1)});
}

void conv_transpose(NodeReader& node) {
    node.emit(ir::ConvTranspose{.window = read_window(node),
                                .group = node.integer("group", 1),
                                .output_padding = node.integers("output_padding"),
                                .output_shape = node.integers("output_shape")});
}

void batch_normalization(NodeReader& node) {
    if (!node.flag("spatial", true)) {
        node.unsupported("it normalises every pixel on its own (spatial = 0)", "export it over channels");
    }
    node.drop_outputs(1, "training statistics");
    node.emit(ir::BatchNormalization{.epsilon = node.real("epsilon", 1e-5F)});
}

void max_pool(NodeReader& node) {
    node.drop_outputs(1, "indices");
    node.emit(ir::MaxPool{.window = read_window(node)});
}

void average_pool(NodeReader& node) {
    node.emit(
        ir::AveragePool{.window = read_window(node), .count_include_pad = node.flag("count_include_pad", false)});
}

void global_average_pool(NodeReader& node) { node.emit(ir::GlobalAveragePool{}); }
void global_max_pool(NodeReader& node) { node.emit(ir::GlobalMaxPool{}); }

void refuse_blocks(const NodeReader& node) {
    if (node.integer("block_size", 0) != 0) {
        node.unsupported("it quantises in blocks", "quantise per tensor or per axis");
    }
}

void quantize_linear(NodeReader& node) {
    refuse_blocks(node);
    ir::QuantizeLinear op{.axis = node.integer("axis", 1), .type = IntType{8, false}};
    std::int32_t type = static_cast<std::int32_t>(node.integer("output_dtype", 0));
    if (node.given(2)) {
        const auto found = node.build().data_types.find(node.input_name(2));
        if (found == node.build().data_types.end()) {
            node.unsupported("its zero point is computed", "give the zero point as a constant");
        }
        type = found->second;
    }
    if (type != 0) {
        const std::optional<IntType> integer = integer_type_of(type);
        if (!integer) {
            throw Error(code::kElementType, node.where(),
                        fmt::format("it quantises to {}", data_type_name(type)),
                        "quantise to int8, uint8, int16, uint16 or int32");
        }
        op.type = *integer;
    }
    node.emit(op);
}

void dequantize_linear(NodeReader& node) {
    refuse_blocks(node);
    node.emit(ir::DequantizeLinear{.axis = node.integer("axis", 1)});
}

}  // namespace

const ConvertTable& standard_linear() {
    static const ConvertTable kTable{
        {"MatMul", matmul},
        {"Gemm", gemm},
        {"Conv", conv},
        {"ConvTranspose", conv_transpose},
        {"BatchNormalization", batch_normalization},
        {"MaxPool", max_pool},
        {"AveragePool", average_pool},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalMaxPool", global_max_pool},
        {"QuantizeLinear", quantize_linear},
        {"DequantizeLinear", dequantize_linear},
    };
    return kTable;
}

}  // namespace qloom::onnx
