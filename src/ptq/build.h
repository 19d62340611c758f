#pragma once

#include <vector>

#include "ir/graph.h"
#include "ptq/layer.h"
#include "ptq/levels.h"
#include "ptq/place.h"

namespace qloom::ptq {

// Which quantisers a graph gets; empty: all.
struct Parts {
    std::vector<bool> weights = {};  // by layer
    std::vector<bool> spots = {};    // by spot
};

// The graph with a Quant behind every weight and at every spot. Names of inputs and outputs stay.
ir::Graph with_quantisers(const ir::Graph& graph, const std::vector<Layer>& layers,
                          const Plan& plan, const std::vector<std::vector<Levels>>& weights,
                          const std::vector<Levels>& spots, const Parts& parts = {});

}  // namespace qloom::ptq
