#pragma once

#include <vector>

#include "hw/adder_graph.h"

namespace qloom::hw {

// Where registers stand in an adder graph: logic of stage s reads what stages before it made
// through registers. Inputs are stage 0 and not registered.
struct AdderPipeline {
    std::vector<int> stage;  // of a node's logic
    std::vector<int> last;   // the last stage that reads it
    int stages = 1;          // the results are read in stage stages - 1
    int result_level = 0;    // LUT levels in that stage in front of what reads the results

    // Register bits, and those of delays that tools make of shift registers in LUTs.
    [[nodiscard]] double ffs(const AdderGraph& graph) const;
    [[nodiscard]] double shift_luts(const AdderGraph& graph) const;
};

// As soon as possible, at most `levels` LUT levels a stage, for results behind which `tail` more
// follow in the same stage.
AdderPipeline pipelined(const AdderGraph& graph, int levels, int tail);

}  // namespace qloom::hw
