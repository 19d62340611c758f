#include "view/steps.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ir/ops.h"
#include "onnx/diagram.h"
#include "onnx/writer.h"
#include "view/graphs.h"
#include "view/layer_facts.h"

namespace qloom::view {
namespace {

namespace net = network;

Tensor<std::int64_t> widened(const Tensor<std::int32_t>& values) {
    return {values.shape(), std::vector<std::int64_t>(values.begin(), values.end())};
}

Range range_of(const Tensor<std::int64_t>& values) {
    Range range{values[0], values[0]};
    for (const std::int64_t value : values) range = range.united({value, value});
    return range;
}

// The matrix, thresholds or table of a layer as a constant beside it.
void add_constant(const net::Layer& layer, onnx::Diagram& diagram, onnx::DiagramNode& node) {
    const auto add = [&](const char* what, Tensor<std::int64_t> values) {
        const IntType type = IntType::smallest(range_of(values));
        node.inputs.push_back(fmt::format("{}.{}", layer.name, what));
        diagram.constants.push_back({node.inputs.back(), type, std::move(values)});
    };
    if (const auto* kind = std::get_if<net::MatrixVector>(&layer.kind))
        add("weights", widened(kind->weights));
    if (const auto* kind = std::get_if<net::VectorVector>(&layer.kind))
        add("weights", widened(kind->weights));
    if (const auto* kind = std::get_if<net::Threshold>(&layer.kind))
        add("thresholds", kind->thresholds);
    if (const auto* kind = std::get_if<net::Lookup>(&layer.kind)) add("table", kind->table);
}

onnx::Diagram network_diagram(const net::Network& network, const std::string& name) {
    onnx::Diagram diagram{.name = name,
                          .domain = "qloom.network",
                          .nodes = {},
                          .tensors = {},
                          .constants = {},
                          .inputs = {},
                          .outputs = {}};
    const auto names_of = [&](const std::vector<net::StreamId>& ids) {
        std::vector<std::string> names;
        for (const net::StreamId id : ids) names.push_back(network.stream(id).name);
        return names;
    };
    for (const net::Stream& stream : network.streams)
        diagram.tensors.push_back({stream.name, stream.type, stream.shape});
    for (const net::Layer& layer : network.layers) {
        onnx::DiagramNode node{.name = layer.name,
                               .op = net::kind_name(layer.kind),
                               .inputs = names_of(layer.inputs),
                               .outputs = names_of(layer.outputs),
                               .attributes = layer_facts(layer.kind)};
        add_constant(layer, diagram, node);
        diagram.nodes.push_back(std::move(node));
    }
    diagram.inputs = names_of(network.inputs);
    diagram.outputs = names_of(network.outputs);
    return diagram;
}

// Channels as tensors of (beats, elements a beat).
onnx::Diagram accelerator_diagram(const hw::Accelerator& accelerator, const std::string& name) {
    onnx::Diagram diagram{.name = name,
                          .domain = "qloom.hw",
                          .nodes = {},
                          .tensors = {},
                          .constants = {},
                          .inputs = {},
                          .outputs = {}};
    for (const hw::Unit& unit : accelerator.units) {
        onnx::DiagramNode node{
            .name = unit.name, .op = unit.kind, .inputs = {}, .outputs = {}, .attributes = {}};
        node.attributes = {{"module", std::string(hw::module_name(unit.module))},
                           {"shape", unit.shape},
                           {"cycles", fmt::format("{}", unit.cycles)},
                           {"luts", fmt::format("{:.0f}", unit.cost.luts)},
                           {"ffs", fmt::format("{:.0f}", unit.cost.ffs)},
                           {"bram36", fmt::format("{:g}", unit.cost.bram36)},
                           {"dsps", fmt::format("{:.0f}", unit.cost.dsps)}};
        if (!unit.layer.empty()) {
            node.attributes.emplace_back("layer", unit.layer);
            node.attributes.emplace_back("pe", fmt::format("{}", unit.folding.pe));
            node.attributes.emplace_back("simd", fmt::format("{}", unit.folding.simd));
        }
        diagram.nodes.push_back(std::move(node));
    }
    for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
        const hw::Channel& channel = accelerator.channels[i];
        const std::string tensor =
            fmt::format("{}#{}", channel.name, i);  // a stream may run through several channels
        diagram.tensors.push_back({tensor, channel.type, {channel.beats, channel.elements}});
        if (channel.from.unit == hw::Endpoint::kTop) {
            diagram.inputs.push_back(tensor);
        } else {
            diagram.nodes[static_cast<std::size_t>(channel.from.unit)].outputs.push_back(tensor);
        }
        if (channel.to.unit == hw::Endpoint::kTop) {
            diagram.outputs.push_back(tensor);
        } else {
            diagram.nodes[static_cast<std::size_t>(channel.to.unit)].inputs.push_back(tensor);
        }
    }
    return diagram;
}

// What lowering found out, as properties of the model: they change nothing of what it computes.
void add_integers(const lower::Lowered& lowered, ir::Graph& model) {
    for (const lower::NodePlacement& placement : lowered.placements) {
        model.metadata.emplace_back(
            "qloom.placement." + placement.node,
            placement.reason.empty()
                ? std::string(placement_name(placement.placement))
                : fmt::format("{}: {}", placement_name(placement.placement), placement.reason));
    }
    for (const lower::Probe& probe : lowered.probes) {
        const net::Stream& stream = lowered.network.stream(probe.stream);
        const auto text = [](const std::vector<double>& values) {
            const auto [lo, hi] = std::ranges::minmax(values);
            return lo == hi ? fmt::format("{:g}", lo)
                            : fmt::format("({:g} to {:g}, by channel)", lo, hi);
        };
        model.metadata.emplace_back(
            "qloom.integers." + probe.tensor,
            fmt::format("{} from {} to {}, real = {} x integer + {}", stream.type.text(),
                        stream.range.lo, stream.range.hi, text(probe.scale), text(probe.bias)));
    }
}

}  // namespace

std::vector<StepFile> step_files(const ir::Graph& imported, const ir::Graph& prepared,
                                 const lower::Lowered& lowered,
                                 const hw::Accelerator& accelerator) {
    ir::Graph integers = prepared;
    add_integers(lowered, integers);
    const std::vector<std::pair<StepInfo, std::string>> steps{
        {kImportStep, onnx::serialise_model(imported)},
        {kTidyStep, onnx::serialise_model(prepared)},
        {kIntegersStep, onnx::serialise_model(integers)},
        {kNetworkStep, onnx::serialise_diagram(network_diagram(lowered.network, prepared.name))},
        {kAcceleratorStep,
         onnx::serialise_diagram(accelerator_diagram(accelerator, prepared.name))}};
    std::vector<StepFile> files;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        files.push_back(
            {fmt::format("steps/{:02}_{}.onnx", i + 1, steps[i].first.id), steps[i].second});
    }
    return files;
}

}  // namespace qloom::view
