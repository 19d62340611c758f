#include "onnx/diagram.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "onnx/datatype_name.h"
#include "onnx/proto.h"
#include "onnx/tensor_proto.h"

namespace qloom::onnx {
namespace {

// "kernel positions" -> "kernel_positions"
std::string identifier(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return text;
}

void annotate(const std::string& tensor, IntType type, ::onnx::GraphProto& graph) {
    auto* annotation = graph.add_quantization_annotation();
    annotation->set_tensor_name(tensor);
    auto* entry = annotation->add_quant_parameter_tensor_names();
    entry->set_key("finn_datatype");
    entry->set_value(datatype_name(type));
}

void write_info(const DiagramTensor& tensor, ::onnx::ValueInfoProto& proto) {
    proto.set_name(tensor.name);
    auto* type = proto.mutable_type()->mutable_tensor_type();
    type->set_elem_type(data_type_of(tensor.type));
    for (const std::int64_t size : tensor.shape)
        type->mutable_shape()->add_dim()->set_dim_value(size);
}

}  // namespace

std::string serialise_diagram(const Diagram& diagram) {
    ::onnx::ModelProto model;
    model.set_ir_version(8);
    model.set_producer_name("qloom");
    auto* opset = model.add_opset_import();
    opset->set_domain(diagram.domain);
    opset->set_version(1);
    ::onnx::GraphProto& graph = *model.mutable_graph();
    graph.set_name(diagram.name);
    for (const DiagramNode& node : diagram.nodes) {
        ::onnx::NodeProto& proto = *graph.add_node();
        proto.set_name(node.name);
        proto.set_op_type(node.op);
        proto.set_domain(diagram.domain);
        for (const std::string& name : node.inputs) proto.add_input(name);
        for (const std::string& name : node.outputs) proto.add_output(name);
        for (const auto& [key, text] : node.attributes) {
            auto* attribute = proto.add_attribute();
            attribute->set_name(identifier(key));
            attribute->set_type(::onnx::AttributeProto::STRING);
            attribute->set_s(text);
        }
    }
    const std::set<std::string> ends = [&] {
        std::set<std::string> names(diagram.inputs.begin(), diagram.inputs.end());
        names.insert(diagram.outputs.begin(), diagram.outputs.end());
        return names;
    }();
    const auto find = [&](const std::string& name) -> const DiagramTensor& {
        const auto found = std::ranges::find(diagram.tensors, name, &DiagramTensor::name);
        QLOOM_ASSERT(found != diagram.tensors.end(),
                     "inputs and outputs of a diagram are tensors of it");
        return *found;
    };
    for (const std::string& name : diagram.inputs) write_info(find(name), *graph.add_input());
    for (const std::string& name : diagram.outputs) write_info(find(name), *graph.add_output());
    for (const DiagramTensor& tensor : diagram.tensors) {
        if (!ends.contains(tensor.name)) write_info(tensor, *graph.add_value_info());
        annotate(tensor.name, tensor.type, graph);
    }
    for (const DiagramConstant& constant : diagram.constants) {
        write_tensor(constant.value, constant.name, data_type_of(constant.type),
                     *graph.add_initializer());
        annotate(constant.name, constant.type, graph);
    }
    std::string bytes;
    {
        google::protobuf::io::StringOutputStream stream(&bytes);
        google::protobuf::io::CodedOutputStream coded(&stream);
        coded.SetSerializationDeterministic(true);
        model.SerializeToCodedStream(&coded);
    }
    return bytes;
}

}  // namespace qloom::onnx
