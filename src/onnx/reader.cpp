#include "onnx/reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "onnx/datatype_name.h"
#include "onnx/node_reader.h"
#include "onnx/proto.h"
#include "onnx/tensor_proto.h"

namespace qloom::onnx {
namespace {

using ::onnx::GraphProto;
using ::onnx::ModelProto;

constexpr std::int64_t kOldestOpset = 7;
constexpr std::int64_t kNewestOpset = 21;

// What a file that is no model looks like, from its first bytes.
std::string guess(std::string_view bytes) {
    struct Magic {
        std::string_view begin;
        const char* what;
    };
    static constexpr Magic kMagic[] = {
        {"\x89PNG", "a PNG image"},
        {"\xFF\xD8\xFF", "a JPEG image"},
        {"PK\x03\x04", "a zip archive (a PyTorch checkpoint or .npz?)"},
        {"\x89HDF", "an HDF5 file (a Keras model?)"},
        {"\x93NUMPY", "a .npy array"},
        {"\x1F\x8B", "a gzip archive"},
        {"\x7F" "ELF", "a program"},
        {"version https://git-lfs", "a Git LFS pointer; fetch the file itself with 'git lfs pull'"},
        {"{", "a JSON text"},
        {"<", "an XML or HTML text"},
        {"\x80\x02", "a Python pickle (a PyTorch checkpoint?)"},
        {"\x80\x04", "a Python pickle (a PyTorch checkpoint?)"},
    };
    for (const Magic& magic : kMagic) {
        if (bytes.starts_with(magic.begin)) {
            return fmt::format("this looks like {}", magic.what);
        }
    }
    if (bytes.size() > 8 && bytes.substr(4, 4) == "TFL3") {
        return "this looks like a TensorFlow Lite model";
    }
    const std::string_view start = bytes.substr(0, 256);
    if (std::ranges::all_of(start, [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; })) {
        return "this looks like a text";
    }
    return "";
}

[[noreturn]] void not_a_model(const std::string& name, std::string what) {
    throw Error(code::kModelNotOnnx, name, std::move(what), "give an ONNX file with a whole model");
}

void read_inputs(const GraphProto& proto, const std::unordered_set<std::string>& initialisers, Build& build) {
    std::vector<ir::TensorId> inputs;
    for (const auto& value : proto.input()) {
        if (initialisers.contains(value.name())) {
            continue;  // files before IR version 4 list weights among the inputs
        }
        const std::string where = fmt::format("input {}", value.name());
        ir::TensorInfo info;
        info.name = value.name();
        if (info.name.empty()) {
            throw Error(code::kTensorUndefined, "inputs", "an input of the model has no name", "export the model again");
        }
        const auto& type = value.type().tensor_type();
        if (!value.type().has_tensor_type() || !type.has_shape()) {
            throw Error(code::kShapeDynamic, where, "its shape is not given",
                        "export the model with fixed input shapes (only the frame axis may be open)");
        }
        info.type = element_type_of(type.elem_type(), where);
        info.annotation = integer_type_of(type.elem_type());
        Shape shape;
        for (int axis = 0; axis < type.shape().dim_size(); ++axis) {
            const auto& dim = type.shape().dim(axis);
            if (axis == 0 && type.shape().dim_size() > 1) {
                shape.push_back(1);  // the frame axis: open, named, or a batch the exporter used
                continue;
            }
            if (!dim.has_dim_value() || dim.dim_value() < 1) {
                throw Error(code::kShapeDynamic, where,
                            dim.has_dim_param() ? fmt::format("axis {} is open ('{}')", axis, dim.dim_param())
                            : dim.has_dim_value() ? fmt::format("axis {} has size {}", axis, dim.dim_value())
                                                  : fmt::format("axis {} is open", axis),
                            "export the model with fixed input shapes (only the frame axis may be open)");
            }
            if (dim.dim_value() > (std::int64_t{1} << 31)) {
                throw Error(code::kShapeDynamic, where, fmt::format("axis {} has size {}", axis, dim.dim_value()),
                            "export the model with a size that fits into memory");
            }
            shape.push_back(dim.dim_value());
        }
        std::int64_t elements = 1;
        for (const std::int64_t size : shape) {
            if (elements > (std::int64_t{1} << 31) / size) {
                throw Error(code::kShapeDynamic, where, fmt::format("its shape is {}", shape_text(shape)),
                            "export the model with a size that fits into memory");
            }
            elements *= size;
        }
        info.shape = std::move(shape);
        const std::string tensor_name = info.name;
        if (build.ids.contains(tensor_name)) {
            throw Error(code::kNameDuplicate, where, "two tensors of the model have this name", "export the model again");
        }
        build.data_types[tensor_name] = type.elem_type();
        inputs.push_back(build.ids[tensor_name] = build.graph.add_tensor(std::move(info)));
    }
    build.graph.set_inputs(std::move(inputs));
}

void read_initialisers(const GraphProto& proto, Build& build) {
    if (proto.sparse_initializer_size() > 0) {
        throw Error(code::kElementType, "initialisers", "the model stores sparse tensors", "store its weights densely");
    }
    for (const auto& initialiser : proto.initializer()) {
        const std::string where = fmt::format("initialiser {}", initialiser.name());
        if (initialiser.name().empty()) {
            throw Error(code::kTensorUndefined, "initialisers", "an initialiser has no name", "export the model again");
        }
        if (build.ids.contains(initialiser.name())) {
            throw Error(code::kNameDuplicate, where, "two tensors of the model have this name", "export the model again");
        }
        build.ids[initialiser.name()] =
            build.graph.add_constant(initialiser.name(), read_tensor(initialiser, where));
        build.data_types[initialiser.name()] = initialiser.data_type();
    }
}

ir::Value list_value(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return Tensor<std::int64_t>({count}, std::move(values));
}

// Constant nodes become constants at once, under the name of their output.
void read_constant(const ::onnx::NodeProto& proto, Build& build) {
    const std::string where =
        fmt::format("node {} (Constant)", proto.name().empty() ? proto.output(0) : proto.name());
    ir::Value value;
    std::int32_t data_type = ::onnx::TensorProto::FLOAT;
    bool found = false;
    for (const auto& attribute : proto.attribute()) {
        using Type = ::onnx::AttributeProto;
        found = true;
        if (attribute.name() == "value" && attribute.has_t()) {
            value = read_tensor(attribute.t(), where);
            data_type = attribute.t().data_type();
        } else if (attribute.name() == "value_float" && attribute.type() == Type::FLOAT) {
            value = Tensor<float>(Shape{}, attribute.f());
        } else if (attribute.name() == "value_floats" && attribute.type() == Type::FLOATS) {
            value = Tensor<float>({attribute.floats_size()},
                                  std::vector<float>(attribute.floats().begin(), attribute.floats().end()));
        } else if (attribute.name() == "value_int" && attribute.type() == Type::INT) {
            value = Tensor<std::int64_t>(Shape{}, attribute.i());
            data_type = ::onnx::TensorProto::INT64;
        } else if (attribute.name() == "value_ints" && attribute.type() == Type::INTS) {
            value = list_value({attribute.ints().begin(), attribute.ints().end()});
            data_type = ::onnx::TensorProto::INT64;
        } else {
            throw Error(code::kAttributeType, where, fmt::format("its attribute '{}' is no tensor of numbers", attribute.name()),
                        "use a dense tensor of floats, integers or bools");
        }
    }
    if (!found) {
        throw Error(code::kAttributeType, where, "it has no value", "export the model again");
    }
    ir::TensorInfo& info = build.graph.tensor(build.ids.at(proto.output(0)));
    info.type = std::holds_alternative<Tensor<float>>(value) ? ir::ElementType::kFloat32 : ir::ElementType::kInt64;
    info.shape = ir::shape_of(value);
    info.constant = std::move(value);
    build.data_types[proto.output(0)] = data_type;
}

bool is_constant_node(const ::onnx::NodeProto& proto) {
    return proto.op_type() == "Constant" && (proto.domain().empty() || proto.domain() == "ai.onnx") &&
           proto.output_size() == 1 && !proto.output(0).empty();
}

// Every output of every node gets its tensor first, so that nodes may come in any order.
void declare_outputs(const GraphProto& proto, Build& build) {
    for (const auto& node : proto.node()) {
        for (const std::string& output : node.output()) {
            if (output.empty()) {
                continue;
            }
            if (build.ids.contains(output)) {
                throw Error(code::kNameDuplicate,
                            fmt::format("node {} ({})", node.name().empty() ? output : node.name(), node.op_type()),
                            fmt::format("it makes '{}', which the model has already", output),
                            "export the model again; every tensor has one maker");
            }
            ir::TensorInfo info;
            info.name = output;
            build.ids[output] = build.graph.add_tensor(std::move(info));
        }
        build.read_tensors.insert(node.input().begin(), node.input().end());
    }
    for (const auto& output : proto.output()) {
        build.read_tensors.insert(output.name());
    }
}

void read_outputs(const GraphProto& proto, Build& build, const std::string& file) {
    if (proto.output_size() == 0) {
        throw Error(code::kTensorUndefined, file, "the model has no outputs", "export the model again");
    }
    std::vector<ir::TensorId> outputs;
    for (const auto& output : proto.output()) {
        const auto found = build.ids.find(output.name());
        if (found == build.ids.end()) {
            throw Error(code::kTensorUndefined, fmt::format("output {}", output.name()), "nothing makes it",
                        "export the model again");
        }
        outputs.push_back(found->second);
    }
    build.graph.set_outputs(std::move(outputs));
}

void read_annotations(const GraphProto& proto, Build& build) {
    for (const auto& annotation : proto.quantization_annotation()) {
        const auto found = build.ids.find(annotation.tensor_name());
        if (found == build.ids.end()) {
            continue;  // tools leave annotations of tensors they removed
        }
        for (const auto& entry : annotation.quant_parameter_tensor_names()) {
            if (entry.key() == "finn_datatype") {
                build.graph.tensor(found->second).annotation = parse_datatype_name(entry.value());
            }
        }
    }
}

// Removes Transposes whose result no one reads any more because channels-last operators read their source.
void remove_bypassed(Build& build) {
    if (build.bypassed.empty()) {
        return;
    }
    const ir::Uses uses(build.graph);
    std::vector<bool> erase(build.graph.nodes().size(), false);
    for (const ir::TensorId id : build.bypassed) {
        const auto& outputs = build.graph.outputs();
        if (uses.consumers(id).empty() && std::ranges::find(outputs, id) == outputs.end()) {
            erase[ir::index_of(uses.producer(id))] = true;
        }
    }
    build.graph.erase_nodes(erase);
}

std::int64_t standard_opset(const ModelProto& model, const std::string& name) {
    std::int64_t opset = 14;
    for (const auto& import : model.opset_import()) {
        if (import.domain().empty() || import.domain() == "ai.onnx") {
            opset = import.version();
        }
    }
    if (opset < kOldestOpset || opset > kNewestOpset) {
        throw Error(code::kOpsetUnsupported, name, fmt::format("the model uses opset {}", opset),
                    fmt::format("export it with an opset from {} to {}", kOldestOpset, kNewestOpset));
    }
    return opset;
}

}  // namespace

ir::Graph parse_model(std::string_view bytes, const std::string& name) {
    if (bytes.empty()) {
        not_a_model(name, "the file is empty");
    }
    ModelProto model;
    const bool parsed = bytes.size() < (std::size_t{1} << 31) &&
                        model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (!parsed || !model.has_graph()) {
        const std::string looks = guess(bytes);
        if (!looks.empty()) {
            not_a_model(name, fmt::format("this is not an ONNX model: {}", looks));
        }
        not_a_model(name, parsed ? "this is not an ONNX model: it holds no graph"
                                 : "this is not an ONNX model, or a truncated or damaged one: its structure ends early");
    }
    const GraphProto& proto = model.graph();
    if (proto.node_size() == 0) {
        not_a_model(name, "the model has no operators");
    }
    Build build;
    build.opset = standard_opset(model, name);
    build.graph.name = proto.name().empty() ? "model" : proto.name();
    for (const auto& property : model.metadata_props()) {
        build.graph.metadata.emplace_back(property.key(), property.value());
    }
    std::unordered_set<std::string> initialisers;
    for (const auto& initialiser : proto.initializer()) {
        initialisers.insert(initialiser.name());
    }
    read_inputs(proto, initialisers, build);
    read_initialisers(proto, build);
    declare_outputs(proto, build);
    for (const auto& node : proto.node()) {
        if (is_constant_node(node)) {
            read_constant(node, build);
        }
    }
    for (const auto& node : proto.node()) {
        if (!is_constant_node(node)) {
            NodeReader reader(build, node);
            convert_node(reader, node.domain());
        }
    }
    read_outputs(proto, build, name);
    read_annotations(proto, build);
    remove_bypassed(build);
    build.graph.sort();
    return std::move(build.graph);
}

ir::Graph read_model(const std::filesystem::path& path) {
    std::error_code problem;
    const auto status = std::filesystem::status(path, problem);
    if (!std::filesystem::exists(status)) {
        throw Error(code::kModelUnreadable, path.string(), "there is no such file", "name an existing ONNX file");
    }
    if (!std::filesystem::is_regular_file(status)) {
        throw Error(code::kModelUnreadable, path.string(),
                    std::filesystem::is_directory(status) ? "this is a folder" : "this is not a regular file",
                    "name an ONNX file");
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw Error(code::kModelUnreadable, path.string(), fmt::format("cannot be opened: {}", std::strerror(errno)),
                    "check the file's permissions");
    }
    std::string bytes(std::filesystem::file_size(path), '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
    return parse_model(bytes, path.string());
}

}  // namespace qloom::onnx
