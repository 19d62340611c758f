#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hw/fold.h"
#include "hw/fold_problem.h"
#include "hw/fold_space.h"

namespace qloom::hw {

// The plan for a target, with its FIFOs.
struct Chosen {
    Plan plan;
    Accelerator accelerator;  // assembled; board, clock and timing are not set
    double price = 0.0;
    double lower_bound = 0.0;
    bool fits = true;                            // the limits, FIFOs included
    std::optional<std::int64_t> latency_cycles;  // where a latency was asked for
};

// Chooses foldings of one network for any number of targets. `network` (prepared) and `options`
// outlive it.
class Chooser {
public:
    Chooser(const network::Network& network, const FoldOptions& options);

    [[nodiscard]] const FoldSpace& space() const { return base_; }
    // What may be used; infinite where nothing is said.
    [[nodiscard]] const Usage& limits() const { return limits_; }
    [[nodiscard]] const Usage& weights() const { return weights_; }
    // The rates that differ, ascending cycles a frame, from the fastest that any folding reaches.
    [[nodiscard]] std::vector<std::int64_t> rates() const;

    // The cheapest without FIFOs that keeps the limits.
    struct Probe {
        std::optional<Usage> usage;  // nothing: no folding keeps them, or none was found
        std::string lacks;           // then: the resource ("luts")
        double by = 0.0;             // how much of it is missing at least
        Usage closest = {};          // the usage that exceeds the limits least
    };
    // any: the first that keeps the limits will do. Requires: target_ii >= space().fastest_ii.
    [[nodiscard]] Probe probe(std::int64_t target_ii, bool any);
    [[nodiscard]] Chosen choose(std::int64_t target_ii);

private:
    [[nodiscard]] bool keeps(const Usage& usage) const;
    [[nodiscard]] const FoldSpace& wide();
    [[nodiscard]] Chosen finish(const FoldProblem& problem, const Assignment& assignment);
    [[nodiscard]] std::int64_t latency_limit() const;

    const network::Network& network_;
    const FoldOptions& options_;
    Prices prices_;
    Usage weights_ = {};
    Usage limits_ = kNoLimit;
    FoldSpace base_;                 // implementations by the board's prices
    std::optional<FoldSpace> wide_;  // all implementations: where a limit binds
};

// The depths of its FIFOs, chosen or as the folding file says. Throws code::kFoldingUnknownLayer,
// code::kFoldingIllegal.
void add_fifos(const network::Network& network, const FoldOptions& options, Plan& plan);

}  // namespace qloom::hw
