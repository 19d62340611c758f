#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "ir/graph.h"
#include "lower/lower.h"
#include "network/network.h"

// The model at one step of the compile as nodes and tensors: what the page draws and lists.
// docs/formats.md names the keys.
namespace qloom::view {

// "hardware", "host-before", "host-after", "folded", "unsupported".
std::string_view placement_name(lower::Placement placement);

// A model graph. With `placements` every operator says where it ends up; with `lowered` every
// quantised tensor says which integers stand for it.
nlohmann::ordered_json graph_of(const ir::Graph& model,
                                const std::vector<lower::NodePlacement>& placements = {},
                                const lower::Lowered* lowered = nullptr);

// The integer network: layers with weights and thresholds, streams with exact ranges.
nlohmann::ordered_json graph_of(const network::Network& network);

}  // namespace qloom::view
