#include "onnx/node_writer.h"

#include "base/diagnostic.h"

namespace qloom::onnx {
namespace {

using ::onnx::AttributeProto;

constexpr const char* kQonnx = "qonnx.custom_op.general";
constexpr const char* kChannelsLast = "qonnx.custom_op.channels_last";

// Sets the operator, domain and attributes of one node.
class Out {
public:
    Out(const ir::Node& node, ::onnx::NodeProto& proto) : node_(node), proto_(proto) {
        proto_.set_op_type(ir::op_name(node.op));
    }

    void domain(const char* name) { proto_.set_domain(name); }
    void integer(const char* name, std::int64_t value) { add(name, AttributeProto::INT)->set_i(value); }
    void flag(const char* name, bool value) { integer(name, value ? 1 : 0); }
    void real(const char* name, float value) { add(name, AttributeProto::FLOAT)->set_f(value); }
    void text(const char* name, const std::string& value) { add(name, AttributeProto::STRING)->set_s(value); }
    void integers(const char* name, const std::vector<std::int64_t>& values) {
        if (!values.empty()) {
            AttributeProto* attribute = add(name, AttributeProto::INTS);
            for (const std::int64_t value : values) {
                attribute->add_ints(value);
            }
        }
    }
    void window(const ir::Window& window) {
        integers("kernel_shape", window.kernel);
        integers("strides", window.strides);
        integers("dilations", window.dilations);
        integers("pads", window.pads);
        switch (window.auto_pad) {
            case ir::AutoPad::kNotSet: break;
            case ir::AutoPad::kSameUpper: text("auto_pad", "SAME_UPPER"); break;
            case ir::AutoPad::kSameLower: text("auto_pad", "SAME_LOWER"); break;
            case ir::AutoPad::kValid: text("auto_pad", "VALID"); break;
        }
        if (window.ceil_mode) {
            flag("ceil_mode", true);
        }
    }
    void layout(bool channels_last) { text("data_layout", channels_last ? "NHWC" : "NCHW"); }

    void operator()(const ir::Quant& op) {
        domain(kQonnx);
        flag("signed", op.is_signed);
        flag("narrow", op.narrow);
        text("rounding_mode", std::string(rounding_mode_name(op.rounding)));
    }
    void operator()(const ir::BipolarQuant&) { domain(kQonnx); }
    void operator()(const ir::Trunc& op) {
        domain(kQonnx);
        text("rounding_mode", std::string(rounding_mode_name(op.rounding)));
        if (op.version != 1 || !op.is_signed || op.narrow) {
            flag("signed", op.is_signed);
            flag("narrow", op.narrow);
        }
    }
    void operator()(const ir::MultiThreshold& op) {
        domain(kQonnx);
        text("out_dtype", op.out_datatype);
        real("out_scale", op.out_scale);
        real("out_bias", op.out_bias);
        layout(op.channels_last);
    }
    void operator()(const ir::QuantizeLinear& op) { integer("axis", op.axis); }
    void operator()(const ir::DequantizeLinear& op) { integer("axis", op.axis); }
    void operator()(const ir::MatMul&) {}
    void operator()(const ir::Gemm& op) {
        real("alpha", op.alpha);
        real("beta", op.beta);
        flag("transA", op.trans_a);
        flag("transB", op.trans_b);
    }
    void operator()(const ir::XnorPopcountMatMul&) { domain(kQonnx); }
    void operator()(const ir::Conv& op) {
        if (op.channels_last) {
            domain(kChannelsLast);
        }
        window(op.window);
        integer("group", op.group);
    }
    void operator()(const ir::ConvTranspose& op) {
        window(op.window);
        integer("group", op.group);
        integers("output_padding", op.output_padding);
        integers("output_shape", op.output_shape);
    }
    void operator()(const ir::BatchNormalization& op) {
        if (op.channels_last) {
            domain(kChannelsLast);
        }
        real("epsilon", op.epsilon);
    }
    void operator()(const ir::MaxPool& op) {
        if (op.channels_last) {
            domain(kChannelsLast);
        }
        window(op.window);
    }
    void operator()(const ir::AveragePool& op) {
        window(op.window);
        flag("count_include_pad", op.count_include_pad);
    }
    void operator()(const ir::GlobalAveragePool&) {}
    void operator()(const ir::GlobalMaxPool&) {}
    void operator()(const ir::QuantAvgPool2d& op) {
        domain(kQonnx);
        integer("stride", op.stride);
        integer("kernel", op.kernel);
        integer("ibits", op.input_bits);
        integer("obits", op.output_bits);
        flag("signed", op.is_signed);
        layout(op.channels_last);
    }
    void operator()(const ir::Im2Col& op) {
        domain(kQonnx);
        integers("kernel_size", op.window.kernel);
        integers("stride", op.window.strides);
        integers("dilations", op.window.dilations);
        integers("pad_amount", op.window.pads);
        integer("pad_value", static_cast<std::int64_t>(op.pad_value));
        flag("depthwise", op.depthwise);
    }
    void operator()(const ir::Unary&) {}
    void operator()(const ir::Parametric& op) {
        real("alpha", op.alpha);
        if (op.kind == ir::ParametricKind::kSelu) {
            real("gamma", op.beta);
        } else if (op.kind == ir::ParametricKind::kHardSigmoid) {
            real("beta", op.beta);
        }
    }
    void operator()(const ir::Clip&) {}
    void operator()(const ir::PRelu&) {}
    void operator()(const ir::Binary&) {}
    void operator()(const ir::Reshape& op) {
        if (op.allow_zero) {
            flag("allowzero", true);
        }
    }
    void operator()(const ir::Flatten& op) { integer("axis", op.axis); }
    void operator()(const ir::Transpose& op) { integers("perm", op.perm); }
    void operator()(const ir::Squeeze&) {}
    void operator()(const ir::Unsqueeze&) {}
    void operator()(const ir::Concat& op) { integer("axis", op.axis); }
    void operator()(const ir::Split& op) {
        integer("axis", op.axis);
    }
    void operator()(const ir::Slice&) {}
    void operator()(const ir::Gather& op) { integer("axis", op.axis); }
    void operator()(const ir::Pad& op) {
        switch (op.mode) {
            case ir::PadMode::kConstant: text("mode", "constant"); break;
            case ir::PadMode::kReflect: text("mode", "reflect"); break;
            case ir::PadMode::kEdge: text("mode", "edge"); break;
        }
    }
    void operator()(const ir::Resize& op) {
        text("mode", op.mode);
        text("coordinate_transformation_mode", op.coordinate_transformation);
        text("nearest_mode", op.nearest_mode);
    }
    void operator()(const ir::DepthToSpace& op) {
        integer("blocksize", op.block_size);
        text("mode", op.column_row_depth ? "CRD" : "DCR");
    }
    void operator()(const ir::SpaceToDepth& op) { integer("blocksize", op.block_size); }
    void operator()(const ir::ShapeOf&) {}
    void operator()(const ir::ConstantOfShape& op) {
        ::onnx::TensorProto* tensor = add("value", AttributeProto::TENSOR)->mutable_t();
        tensor->add_dims(1);
        if (op.is_int64) {
            tensor->set_data_type(::onnx::TensorProto::INT64);
            tensor->add_int64_data(static_cast<std::int64_t>(op.value));
        } else {
            tensor->set_data_type(::onnx::TensorProto::FLOAT);
            tensor->add_float_data(op.value);
        }
    }
    void operator()(const ir::Cast& op) {
        switch (op.to) {
            case ir::CastTarget::kFloat32: integer("to", ::onnx::TensorProto::FLOAT); break;
            case ir::CastTarget::kInt64: integer("to", ::onnx::TensorProto::INT64); break;
            case ir::CastTarget::kBool: integer("to", ::onnx::TensorProto::BOOL); break;
        }
    }
    void operator()(const ir::Expand&) {}
    void operator()(const ir::Dropout&) {}
    void operator()(const ir::Reduce& op) { flag("keepdims", op.keep_dims); }
    void operator()(const ir::Softmax& op) { integer("axis", op.axis); }
    void operator()(const ir::TopK& op) {
        integer("axis", op.axis);
        flag("largest", op.largest);
        flag("sorted", op.sorted);
    }
    void operator()(const ir::ArgMax& op) {
        integer("axis", op.axis);
        flag("keepdims", op.keep_dims);
        flag("select_last_index", op.select_last_index);
    }

private:
    AttributeProto* add(const char* name, AttributeProto::AttributeType type) {
        AttributeProto* attribute = proto_.add_attribute();
        attribute->set_name(name);
        attribute->set_type(type);
        return attribute;
    }

    const ir::Node& node_;
    ::onnx::NodeProto& proto_;
};

std::string name_of(const ir::Graph& graph, ir::TensorId id) {
    return id == ir::TensorId::kNone ? std::string() : graph.tensor(id).name;
}

// Weights of a channels-last convolution are channels last in the file, (M, kernel..., C): a Transpose makes them so.
std::string write_weights_last(const ir::Graph& graph, const ir::Node& node, std::size_t axes,
                               ::onnx::GraphProto& proto) {
    const std::string name = fmt::format("{}_weights_channels_last", node.name);
    ::onnx::NodeProto* transpose = proto.add_node();
    transpose->set_name(name);
    transpose->set_op_type("Transpose");
    transpose->add_input(name_of(graph, node.inputs[1]));
    transpose->add_output(name);
    AttributeProto* perm = transpose->add_attribute();
    perm->set_name("perm");
    perm->set_type(AttributeProto::INTS);
    perm->add_ints(0);
    for (std::size_t axis = 0; axis < axes; ++axis) {
        perm->add_ints(static_cast<std::int64_t>(axis) + 2);
    }
    perm->add_ints(1);
    return name;
}

}  // namespace

std::int64_t opset_of(const ir::Node& node) {
    if (const auto* reduce = std::get_if<ir::Reduce>(&node.op);
        reduce != nullptr && reduce->kind != ir::ReduceKind::kSum && node.inputs.size() > 1) {
        return 18;  // axes as an input
    }
    if (const auto* pool = std::get_if<ir::AveragePool>(&node.op);
        pool != nullptr && !pool->window.dilations.empty()) {
        return 19;
    }
    return 14;
}

void write_node(const ir::Graph& graph, const ir::Node& node, ::onnx::GraphProto& proto) {
    std::string weights;
    const auto* conv = std::get_if<ir::Conv>(&node.op);
    if (conv != nullptr && conv->channels_last) {
        QLOOM_ASSERT(!conv->window.kernel.empty(), "a channels-last convolution states its kernel");
        weights = write_weights_last(graph, node, conv->window.kernel.size(), proto);
    }
    ::onnx::NodeProto* out = proto.add_node();
    out->set_name(node.name);
    Out writer(node, *out);
    std::visit(writer, node.op);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        out->add_input(i == 1 && !weights.empty() ? weights : name_of(graph, node.inputs[i]));
    }
    for (const ir::TensorId id : node.outputs) {
        out->add_output(name_of(graph, id));
    }
}

}  // namespace qloom::onnx
