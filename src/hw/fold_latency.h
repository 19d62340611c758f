#pragma once

#include <cstdint>
#include <optional>

#include "hw/fold_problem.h"

namespace qloom::hw {

struct LatencyOptions {
    Usage weights = {};
    Usage budgets = kNoLimit;
    double most_price = 0.0;    // of usage, by the weights
    // A latency that must be reached; 0: as low as is worth its price.
    std::int64_t most_cycles = 0;
    std::int64_t most_steps = 0;  // machine steps of the stream model: the search ends there
};

struct LatencyResult {
    Assignment assignment;
    std::optional<std::int64_t> cycles;  // nothing: too long to run, or it stops for good
};

// A local search from an assignment: two neighbouring layers at a time get other foldings of nearly
// the same price, and the stream model runs one frame of each. A layer that takes its inputs as they
// come (all rows in parallel) and one that gives its outputs as they come (all columns in parallel)
// overlap; two of a kind do not.
LatencyResult shorten_latency(const network::Network& network, const FoldProblem& problem,
                              const Assignment& start, const LatencyOptions& options);

}  // namespace qloom::hw
