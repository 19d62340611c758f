#pragma once

#include <cstdint>
#include <vector>

#include "hw/assemble.h"
#include "hw/fold.h"
#include "network/network.h"

// The steps of fold(): which foldings are allowed, which are chosen, how wide the ports are.
// `network` is prepared.
namespace qloom::hw {

struct Candidate {
    Folding folding;
    std::int64_t cycles = 0;
    double price = 0.0;
};

// For every layer the foldings that meet the target (or are pinned by the file), cheapest first;
// empty for reshapes.
std::vector<std::vector<Candidate>> feasible_foldings(const network::Network& network,
                                                      std::int64_t target_ii,
                                                      const FoldOptions& options, double clock_mhz,
                                                      const Prices& prices);

// Elements a beat of every input and output port.
void choose_ports(const network::Network& network, std::int64_t target_ii,
                  const FoldOptions& options, Plan& plan);

// Starts from the cheapest folding of every layer, then prefers lower latency among plans of nearly
// equal price.
void choose_foldings(const network::Network& network,
                     const std::vector<std::vector<Candidate>>& candidates, std::int64_t target_ii,
                     const FoldOptions& options, Plan& plan);

// The smallest FIFOs that keep the best rate the streams can have and cannot deadlock: none of them
// can be one beat smaller. False when the search was cut short; the depths then keep the rate too.
bool choose_fifos(const network::Network& network, Plan& plan);

}  // namespace qloom::hw
