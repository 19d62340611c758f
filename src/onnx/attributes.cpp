#include "onnx/attributes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "onnx/node_writer.h"
#include "onnx/proto.h"

namespace qloom::onnx {
namespace {

std::string text_of(const ::onnx::AttributeProto& attribute) {
    switch (attribute.type()) {
        case ::onnx::AttributeProto::FLOAT:
            return fmt::format("{:g}", attribute.f());
        case ::onnx::AttributeProto::INT:
            return fmt::format("{}", attribute.i());
        case ::onnx::AttributeProto::STRING:
            return attribute.s();
        case ::onnx::AttributeProto::FLOATS:
            return fmt::format("{:g}", fmt::join(attribute.floats(), ", "));
        case ::onnx::AttributeProto::INTS:
            return fmt::format("{}", fmt::join(attribute.ints(), ", "));
        case ::onnx::AttributeProto::TENSOR:
            return fmt::format("tensor [{}]", fmt::join(attribute.t().dims(), ", "));
        default:
            return "";
    }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> attribute_texts(const ir::Graph& graph,
                                                                 const ir::Node& node) {
    ::onnx::GraphProto proto;
    write_node(graph, node, proto);
    std::vector<std::pair<std::string, std::string>> texts;
    for (const ::onnx::NodeProto& written : proto.node()) {
        for (const ::onnx::AttributeProto& attribute : written.attribute()) {
            texts.emplace_back(attribute.name(), text_of(attribute));
        }
    }
    return texts;
}

}  // namespace qloom::onnx
