#include <algorithm>

#include <nlohmann/json.hpp>

#include "view/families.h"
#include "view/graphs.h"
#include "view/layer_facts.h"
#include "view/statistics.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;
namespace net = network;

// A page shows a few channels' staircases, not a thousand: whole rows, evenly spread, up to this
// many numbers in all.
constexpr std::int64_t kMostRows = 16;
constexpr std::int64_t kMostNumbers = 4096;

struct Rows {
    Json channels = Json::array();
    Json values = Json::array();
};

Rows some_rows(const Tensor<std::int64_t>& table) {
    const std::int64_t rows = table.dim(0);
    const std::int64_t size = table.dim(1);
    const std::int64_t shown = std::clamp<std::int64_t>(
        kMostNumbers / std::max<std::int64_t>(size, 1), 1, std::min(rows, kMostRows));
    Rows some;
    for (std::int64_t k = 0; k < shown; ++k) {
        const std::int64_t row = shown == 1 ? 0 : k * (rows - 1) / (shown - 1);
        some.channels.push_back(row);
        some.values.push_back(std::vector<std::int64_t>(table.begin() + row * size,
                                                        table.begin() + (row + 1) * size));
    }
    return some;
}

void add_numbers(const net::LayerKind& kind, Json& json) {
    if (const auto* layer = std::get_if<net::MatrixVector>(&kind))
        json["weights"] = statistics(layer->weights);
    if (const auto* layer = std::get_if<net::VectorVector>(&kind))
        json["weights"] = statistics(layer->weights);
    if (const auto* layer = std::get_if<net::Threshold>(&kind)) {
        Rows rows = some_rows(layer->thresholds);
        Json falling = Json::array();
        for (const Json& channel : rows.channels) {
            falling.push_back(!layer->decreasing.empty() &&
                              layer->decreasing[channel.get<std::size_t>()]);
        }
        json["thresholds"] = {
            {"rows", layer->thresholds.dim(0)}, {"steps", layer->thresholds.dim(1)},
            {"lowest_output", layer->out_bias}, {"channels", std::move(rows.channels)},
            {"values", std::move(rows.values)}, {"decreasing", std::move(falling)}};
    }
    if (const auto* layer = std::get_if<net::Lookup>(&kind)) {
        Rows rows = some_rows(layer->table);
        json["table"] = {{"rows", layer->table.dim(0)},
                         {"entries", layer->table.dim(1)},
                         {"first_input", layer->input_lo},
                         {"channels", std::move(rows.channels)},
                         {"values", std::move(rows.values)}};
    }
}

Json ids_of(const std::vector<net::StreamId>& ids) {
    Json json = Json::array();
    for (const net::StreamId id : ids) json.push_back(net::index_of(id));
    return json;
}

}  // namespace

Json graph_of(const net::Network& network) {
    Json tensors = Json::array();
    for (const net::Stream& stream : network.streams) {
        tensors.push_back({{"name", stream.name},
                           {"type", stream.type.text()},
                           {"shape", stream.shape},
                           {"range", {stream.range.lo, stream.range.hi}}});
    }
    Json nodes = Json::array();
    for (const net::Layer& layer : network.layers) {
        Json json{{"name", layer.name},
                  {"op", net::kind_name(layer.kind)},
                  {"family", family_of(layer.kind)},
                  {"inputs", ids_of(layer.inputs)},
                  {"outputs", ids_of(layer.outputs)}};
        Json facts = Json::array();
        for (const auto& [key, text] : layer_facts(layer.kind)) facts.push_back({key, text});
        json["facts"] = std::move(facts);
        add_numbers(layer.kind, json);
        nodes.push_back(std::move(json));
    }
    return {{"inputs", ids_of(network.inputs)},
            {"outputs", ids_of(network.outputs)},
            {"tensors", std::move(tensors)},
            {"nodes", std::move(nodes)}};
}

}  // namespace qloom::view
