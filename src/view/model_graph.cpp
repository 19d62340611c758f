#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "onnx/attributes.h"
#include "view/families.h"
#include "view/graphs.h"
#include "view/statistics.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

// Constants up to this size are listed value by value.
constexpr std::int64_t kMostValuesListed = 8;

std::string type_of(const ir::TensorInfo& tensor) {
    if (tensor.annotation) return tensor.annotation->text();
    switch (tensor.type) {
        case ir::ElementType::kFloat32:
            return "float32";
        case ir::ElementType::kInt64:
            return "int64";
        case ir::ElementType::kBool:
            return "bool";
    }
    return "";
}

// One number, or the least and the largest where channels differ.
void add_scale(Json& json, const char* name, const std::vector<double>& values) {
    if (values.empty()) return;
    const auto [lo, hi] = std::ranges::minmax(values);
    if (lo == hi) {
        json[name] = lo;
    } else {
        json[std::string(name) + "_range"] = {lo, hi};
    }
}

// Which integers stand for which tensor of the model.
std::map<std::string, Json> integers_of(const lower::Lowered& lowered) {
    std::map<std::string, Json> integers;
    const auto add = [&](const std::string& tensor, network::StreamId id,
                         const std::vector<double>& scale, const std::vector<double>& bias) {
        if (id == network::StreamId::kNone) return;
        const network::Stream& stream = lowered.network.stream(id);
        Json json{{"type", stream.type.text()},
                  {"range", {stream.range.lo, stream.range.hi}},
                  {"stream", stream.name}};
        add_scale(json, "scale", scale);
        add_scale(json, "bias", bias);
        integers.emplace(tensor, std::move(json));
    };
    for (const lower::InputBinding& input : lowered.inputs) {
        add(input.tensor, input.stream,
            input.channel_scale.empty() ? std::vector<double>{input.scale} : input.channel_scale,
            input.channel_bias.empty() ? std::vector<double>{input.bias} : input.channel_bias);
    }
    for (const lower::Probe& probe : lowered.probes)
        add(probe.tensor, probe.stream, probe.scale, probe.bias);
    for (const lower::OutputBinding& output : lowered.outputs) {
        if (output.terms.size() == 1) {
            add(output.tensor, output.terms.front().stream, output.terms.front().scale,
                output.bias);
        }
    }
    return integers;
}

Json constant_values(const ir::Value& value) {
    return std::visit(
        [](const auto& tensor) {
            Json json{{"statistics", statistics(tensor)}};
            if (tensor.size() <= kMostValuesListed) json["values"] = tensor.values();
            return json;
        },
        value);
}

Json ids_of(const std::vector<ir::TensorId>& ids) {
    Json json = Json::array();
    for (const ir::TensorId id : ids) {
        if (id != ir::TensorId::kNone) json.push_back(ir::index_of(id));
    }
    return json;
}

}  // namespace

std::string_view placement_name(lower::Placement placement) {
    switch (placement) {
        case lower::Placement::kHardware:
            return "hardware";
        case lower::Placement::kHostBefore:
            return "host-before";
        case lower::Placement::kHostAfter:
            return "host-after";
        case lower::Placement::kFolded:
            return "folded";
        case lower::Placement::kUnsupported:
            return "unsupported";
    }
    return "";
}

Json graph_of(const ir::Graph& model, const std::vector<lower::NodePlacement>& placements,
              const lower::Lowered* lowered) {
    std::map<std::string, const lower::NodePlacement*> placed;
    for (const lower::NodePlacement& placement : placements)
        placed.emplace(placement.node, &placement);
    const std::map<std::string, Json> integers =
        lowered == nullptr ? std::map<std::string, Json>{} : integers_of(*lowered);

    Json tensors = Json::array();
    for (const ir::TensorInfo& tensor : model.tensors()) {
        Json json{{"name", tensor.name}, {"type", type_of(tensor)}};
        if (tensor.shape) json["shape"] = *tensor.shape;
        if (tensor.constant) json["constant"] = constant_values(*tensor.constant);
        if (const auto found = integers.find(tensor.name); found != integers.end())
            json["integers"] = found->second;
        tensors.push_back(std::move(json));
    }
    Json nodes = Json::array();
    for (const ir::Node& node : model.nodes()) {
        Json json{{"name", node.name},
                  {"op", ir::op_name(node.op)},
                  {"family", family_of(node.op)},
                  {"inputs", ids_of(node.inputs)},
                  {"outputs", ids_of(node.outputs)}};
        Json facts = Json::array();
        for (const auto& [key, text] : onnx::attribute_texts(model, node))
            facts.push_back({key, text});
        json["facts"] = std::move(facts);
        if (const auto found = placed.find(node.name); found != placed.end()) {
            json["placement"] = {{"where", placement_name(found->second->placement)},
                                 {"reason", found->second->reason},
                                 {"advice", found->second->advice}};
        }
        nodes.push_back(std::move(json));
    }
    return {{"inputs", ids_of(model.inputs())},
            {"outputs", ids_of(model.outputs())},
            {"tensors", std::move(tensors)},
            {"nodes", std::move(nodes)}};
}

}  // namespace qloom::view
