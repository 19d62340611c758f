#include <algorithm>

#include "base/codes/onnx.h"
#include "base/diagnostic.h"
#include "onnx/node_reader.h"

namespace qloom::onnx {
namespace {

bool is_quantisation_domain(const std::string& domain) {
    static const std::vector<std::string> kDomains{"qonnx.custom_op.general", "onnx.brevitas",
                                                   "finn.custom_op.general",  "finn",
                                                   "brevitas",                "brevitas.onnx"};
    return std::ranges::find(kDomains, domain) != kDomains.end();
}

std::vector<const ConvertTable*> tables_of(const std::string& domain) {
    if (domain.empty() || domain == "ai.onnx") {
        return {&standard_elementwise(), &standard_linear(), &standard_movement()};
    }
    if (is_quantisation_domain(domain)) {
        return {&quantisation_operators()};
    }
    if (domain == "qonnx.custom_op.channels_last") {
        return {&channels_last_operators()};
    }
    return {};
}

}  // namespace

void convert_node(NodeReader& node, const std::string& domain) {
    const std::vector<const ConvertTable*> tables = tables_of(domain);
    std::vector<std::string> names;
    for (const ConvertTable* table : tables) {
        if (const auto found = table->find(node.op_type()); found != table->end()) {
            found->second(node);
            return;
        }
        for (const auto& entry : *table) {
            names.push_back(entry.first);
        }
    }
    if (tables.empty()) {
        throw Error(code::kOperatorUnknown, node.where(),
                    fmt::format("operators of the domain '{}' are not known", domain),
                    "known domains: the standard one, qonnx.custom_op.general, qonnx.custom_op.channels_last, "
                    "onnx.brevitas, finn.custom_op.general");
    }
    std::ranges::sort(names);
    const std::string near = nearest_word(node.op_type(), names);
    throw Error(code::kOperatorUnknown, node.where(),
                fmt::format("the operator '{}'{} is not known", node.op_type(),
                            domain.empty() ? "" : fmt::format(" of the domain '{}'", domain)),
                near.empty() ? "replace it in the model by operators of the list in docs/operators.md"
                             : fmt::format("did you mean '{}'?", near));
}

}  // namespace qloom::onnx
