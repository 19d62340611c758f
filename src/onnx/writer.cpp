#include "onnx/writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "onnx/datatype_name.h"
#include "onnx/node_writer.h"
#include "onnx/proto.h"
#include "onnx/tensor_proto.h"

namespace qloom::onnx {
namespace {

using ::onnx::TensorProto;

// The smallest of int8, uint8, int16, uint16 and int32 that holds every value, else int64.
std::int32_t tightest_type(const Tensor<std::int64_t>& values) {
    Range range{0, 0};
    for (const std::int64_t value : values) {
        range = range.united({value, value});
    }
    for (const IntType type : {IntType{8, true}, IntType{8, false}, IntType{16, true}, IntType{16, false},
                               IntType{32, true}}) {
        if (type.range().contains(range)) {
            return data_type_of(type);
        }
    }
    return TensorProto::INT64;
}

// The file's type of every constant: FLOAT or INT64, but narrow integers where (De)QuantizeLinear asks for them.
std::vector<std::int32_t> constant_types(const ir::Graph& graph) {
    std::vector<std::int32_t> types(graph.tensors().size(), TensorProto::FLOAT);
    for (std::size_t t = 0; t < types.size(); ++t) {
        const ir::TensorInfo& info = graph.tensors()[t];
        if (info.constant && std::holds_alternative<Tensor<std::int64_t>>(*info.constant)) {
            types[t] = info.type == ir::ElementType::kBool ? TensorProto::BOOL : TensorProto::INT64;
        }
    }
    auto integers = [&](const ir::Node& node, std::size_t input) -> const Tensor<std::int64_t>* {
        if (input >= node.inputs.size() || !graph.is_constant(node.inputs[input])) {
            return nullptr;
        }
        return std::get_if<Tensor<std::int64_t>>(&*graph.tensor(node.inputs[input]).constant);
    };
    for (const ir::Node& node : graph.nodes()) {
        if (!std::holds_alternative<ir::DequantizeLinear>(node.op)) {
            continue;
        }
        // Data and zero point have one type.
        Tensor<std::int64_t> all({0}, std::vector<std::int64_t>{});
        std::vector<std::int64_t> joined;
        for (const std::size_t input : {0U, 2U}) {
            if (const auto* values = integers(node, input)) {
                joined.insert(joined.end(), values->begin(), values->end());
            }
        }
        const auto count = static_cast<std::int64_t>(joined.size());
        const std::int32_t type = tightest_type(Tensor<std::int64_t>({count}, std::move(joined)));
        for (const std::size_t input : {0U, 2U}) {
            if (integers(node, input) != nullptr) {
                types[ir::index_of(node.inputs[input])] = type;
            }
        }
    }
    for (const ir::Node& node : graph.nodes()) {
        if (const auto* op = std::get_if<ir::QuantizeLinear>(&node.op); op != nullptr && integers(node, 2) != nullptr) {
            types[ir::index_of(node.inputs[2])] = data_type_of(op->type);
        }
    }
    return types;
}

std::int32_t value_type(const ir::TensorInfo& info) {
    switch (info.type) {
        case ir::ElementType::kFloat32: return TensorProto::FLOAT;
        case ir::ElementType::kInt64: return info.annotation ? data_type_of(*info.annotation) : TensorProto::INT64;
        case ir::ElementType::kBool: return TensorProto::BOOL;
    }
    return TensorProto::FLOAT;
}

void write_value_info(const ir::TensorInfo& info, ::onnx::ValueInfoProto& proto) {
    proto.set_name(info.name);
    auto* type = proto.mutable_type()->mutable_tensor_type();
    type->set_elem_type(value_type(info));
    if (info.shape) {
        auto* shape = type->mutable_shape();
        for (const std::int64_t size : *info.shape) {
            shape->add_dim()->set_dim_value(size);
        }
    }
}

}  // namespace

std::string serialise_model(const ir::Graph& graph) {
    ::onnx::ModelProto model;
    model.set_ir_version(8);
    model.set_producer_name("qloom");
    std::int64_t opset = 14;
    bool quantisers = false;
    bool channels_last = false;
    ::onnx::GraphProto& proto = *model.mutable_graph();
    proto.set_name(graph.name);
    std::vector<bool> used(graph.tensors().size(), false);
    for (const ir::Node& node : graph.nodes()) {
        opset = std::max(opset, opset_of(node));
        write_node(graph, node, proto);
        for (const ir::TensorId id : node.inputs) {
            if (id != ir::TensorId::kNone) {
                used[ir::index_of(id)] = true;
            }
        }
    }
    for (auto& node : *proto.mutable_node()) {
        quantisers = quantisers || node.domain() == "qonnx.custom_op.general";
        channels_last = channels_last || node.domain() == "qonnx.custom_op.channels_last";
        if (opset >= 18 && node.op_type() == "Split" && (node.input_size() < 2 || node.input(1).empty())) {
            auto* attribute = node.add_attribute();
            attribute->set_name("num_outputs");
            attribute->set_type(::onnx::AttributeProto::INT);
            attribute->set_i(node.output_size());
        }
    }
    for (const ir::TensorId id : graph.inputs()) {
        write_value_info(graph.tensor(id), *proto.add_input());
    }
    for (const ir::TensorId id : graph.outputs()) {
        used[ir::index_of(id)] = true;
        write_value_info(graph.tensor(id), *proto.add_output());
    }
    const std::vector<std::int32_t> types = constant_types(graph);
    for (std::size_t t = 0; t < used.size(); ++t) {
        const ir::TensorInfo& info = graph.tensors()[t];
        if (info.constant && used[t]) {
            write_tensor(*info.constant, info.name, types[t], *proto.add_initializer());
        }
        // The declared type of an integer input says the same as an annotation would.
        if (info.annotation && !(info.type == ir::ElementType::kInt64 && !info.constant)) {
            auto* annotation = proto.add_quantization_annotation();
            annotation->set_tensor_name(info.name);
            auto* entry = annotation->add_quant_parameter_tensor_names();
            entry->set_key("finn_datatype");
            entry->set_value(datatype_name(*info.annotation));
        }
    }
    auto import = [&model](const char* domain, std::int64_t version) {
        auto* set = model.add_opset_import();
        set->set_domain(domain);
        set->set_version(version);
    };
    import("", opset);
    if (quantisers) {
        import("qonnx.custom_op.general", 1);
    }
    if (channels_last) {
        import("qonnx.custom_op.channels_last", 1);
    }
    for (const auto& [key, value] : graph.metadata) {
        auto* entry = model.add_metadata_props();
        entry->set_key(key);
        entry->set_value(value);
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

void write_model(const ir::Graph& graph, const std::filesystem::path& path) {
    const std::string bytes = serialise_model(graph);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
        throw Error(code::kModelUnwritable, path.string(), fmt::format("cannot be written: {}", std::strerror(errno)),
                    "name a file in a folder that exists and that you may write to");
    }
}

}  // namespace qloom::onnx
