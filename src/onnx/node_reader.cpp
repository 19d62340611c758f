#include "onnx/node_reader.h"

#include <algorithm>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "ir/infer_node.h"

namespace qloom::onnx {

using ::onnx::AttributeProto;

std::string Build::fresh_tensor_name(const std::string& base) const {
    std::string result = base;
    for (int suffix = 1; ids.contains(result); ++suffix) {
        result = fmt::format("{}_{}", base, suffix);
    }
    return result;
}

ir::TensorId Build::add_tensor(const std::string& base) {
    ir::TensorInfo info;
    info.name = fresh_tensor_name(base);
    const std::string tensor_name = info.name;
    return ids[tensor_name] = graph.add_tensor(std::move(info));
}

ir::TensorId Build::add_constant(const std::string& base, ir::Value value) {
    const std::string tensor_name = fresh_tensor_name(base);
    return ids[tensor_name] = graph.add_constant(tensor_name, std::move(value));
}

std::string Build::unique_node_name(const std::string& base) {
    std::string result = base;
    for (int suffix = 1; !node_names.insert(result).second; ++suffix) {
        result = fmt::format("{}_{}", base, suffix);
    }
    return result;
}

NodeReader::NodeReader(Build& build, const ::onnx::NodeProto& proto) : build_(build), proto_(proto) {
    std::string base = proto.name();
    if (base.empty()) {
        base = proto.output_size() > 0 ? fmt::format("{}_{}", proto.op_type(), proto.output(0)) : proto.op_type();
    }
    name_ = build.unique_node_name(base);
    for (const AttributeProto& attribute : proto.attribute()) {
        if (!attributes_.emplace(attribute.name(), &attribute).second) {
            throw Error(code::kNameDuplicate, where(), fmt::format("it has two attributes '{}'", attribute.name()),
                        "export the model again");
        }
    }
    for (const std::string& input : proto.input()) {
        if (input.empty()) {
            inputs.push_back(ir::TensorId::kNone);
            continue;
        }
        const auto found = build.ids.find(input);
        if (found == build.ids.end()) {
            std::vector<std::string> names;
            for (const auto& entry : build.ids) {
                names.push_back(entry.first);
            }
            std::ranges::sort(names);
            const std::string near = nearest_word(input, names);
            throw Error(code::kTensorUndefined, where(), fmt::format("it reads '{}', which nothing makes", input),
                        near.empty() ? "export the model again"
                                     : fmt::format("export the model again (the nearest name is '{}')", near));
        }
        inputs.push_back(found->second);
    }
    for (const std::string& output : proto.output()) {
        outputs.push_back(output.empty() ? ir::TensorId::kNone : build.ids.at(output));
    }
}

std::string NodeReader::where() const { return fmt::format("node {} ({})", name_, proto_.op_type()); }

const AttributeProto* NodeReader::find(const std::string& attribute, AttributeProto::AttributeType type) const {
    const auto found = attributes_.find(attribute);
    if (found == attributes_.end()) {
        return nullptr;
    }
    // The oldest files leave the type open; then the field that is there decides.
    const AttributeProto& proto = *found->second;
    const bool untyped = proto.type() == AttributeProto::UNDEFINED;
    if (proto.type() != type && !untyped) {
        throw Error(code::kAttributeType, where(),
                    fmt::format("attribute '{}' is {}, it must be {}", attribute,
                                AttributeProto::AttributeType_Name(proto.type()),
                                AttributeProto::AttributeType_Name(type)),
                    "export the model again; the file does not follow the operator's definition");
    }
    return &proto;
}

std::int64_t NodeReader::integer(const std::string& attribute, std::int64_t fallback) const {
    const AttributeProto* proto = find(attribute, AttributeProto::INT);
    return proto == nullptr ? fallback : proto->i();
}

float NodeReader::real(const std::string& attribute, float fallback) const {
    const AttributeProto* proto = find(attribute, AttributeProto::FLOAT);
    return proto == nullptr ? fallback : proto->f();
}

std::string NodeReader::text(const std::string& attribute, const std::string& fallback) const {
    const AttributeProto* proto = find(attribute, AttributeProto::STRING);
    return proto == nullptr ? fallback : proto->s();
}

std::vector<std::int64_t> NodeReader::integers(const std::string& attribute) const {
    const AttributeProto* proto = find(attribute, AttributeProto::INTS);
    return proto == nullptr ? std::vector<std::int64_t>{}
                            : std::vector<std::int64_t>(proto->ints().begin(), proto->ints().end());
}

std::vector<float> NodeReader::reals(const std::string& attribute) const {
    const AttributeProto* proto = find(attribute, AttributeProto::FLOATS);
    return proto == nullptr ? std::vector<float>{}
                            : std::vector<float>(proto->floats().begin(), proto->floats().end());
}

const ::onnx::TensorProto& NodeReader::tensor(const std::string& attribute) const {
    const AttributeProto* proto = find(attribute, AttributeProto::TENSOR);
    QLOOM_ASSERT(proto != nullptr, "asked only for attributes that are there");
    return proto->t();
}

bool NodeReader::is_read(std::size_t output) const {
    return output < static_cast<std::size_t>(proto_.output_size()) &&
           !proto_.output(static_cast<int>(output)).empty() &&
           build_.read_tensors.contains(proto_.output(static_cast<int>(output)));
}

void NodeReader::drop_outputs(std::size_t first, const std::string& what) {
    for (std::size_t i = first; i < outputs.size(); ++i) {
        if (is_read(i)) {
            unsupported(fmt::format("its output {} ({}) is used", i, what), "remove what reads it");
        }
    }
    if (outputs.size() > first) {
        outputs.resize(first);
    }
}

void NodeReader::set_input(std::size_t input, const std::string& role, ir::Value value) {
    if (inputs.size() <= input) {
        inputs.resize(input + 1, ir::TensorId::kNone);
    }
    inputs[input] = build_.add_constant(fmt::format("{}_{}", name_, role), std::move(value));
}

void NodeReader::emit(ir::Op op) {
    while (!inputs.empty() && inputs.back() == ir::TensorId::kNone) {
        inputs.pop_back();
    }
    ir::Node node{name_, std::move(op), inputs, outputs};
    ir::check_arity(node);
    if (std::ranges::any_of(outputs, [](ir::TensorId id) { return id != ir::TensorId::kNone; })) {
        build_.graph.add_node(std::move(node));
    }
}

ir::TensorId NodeReader::emit_helper(const std::string& role, ir::Op op, std::vector<ir::TensorId> from) {
    const std::string base = fmt::format("{}_{}", name_, role);
    const ir::TensorId result = build_.add_tensor(base);
    ir::Node node{build_.unique_node_name(base), std::move(op), std::move(from), {result}};
    ir::check_arity(node);
    build_.graph.add_node(std::move(node));
    return result;
}

void NodeReader::unsupported(const std::string& what, const std::string& advice) const {
    throw Error(code::kOperatorUnsupported, where(), what, advice);
}

}  // namespace qloom::onnx
