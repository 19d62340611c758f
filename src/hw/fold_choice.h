#pragma once

#include <cstdint>
#include <vector>

#include "hw/assemble.h"
#include "hw/fold.h"
#include "network/network.h"

// Steps of fold(): how wide the ports are, how deep the FIFOs. `network` is prepared.
namespace qloom::hw {

// Elements a beat of one port; `made`: those in which an output's stream is made.
std::int64_t input_port_elements(const network::Network& network, std::size_t index,
                                 std::int64_t target_ii, const FoldOptions& options);
std::int64_t output_port_elements(const network::Network& network, std::size_t index,
                                  std::int64_t target_ii, const FoldOptions& options,
                                  std::int64_t made);
// Of every input and output port of a plan. Throws code::kFoldingUnknownLayer for a port that a
// folding file makes up.
void choose_ports(const network::Network& network, std::int64_t target_ii,
                  const FoldOptions& options, Plan& plan);

// The smallest FIFOs that keep the best rate the streams can have and cannot deadlock: none of them
// can be one beat smaller. False when the search was cut short; the depths then keep the rate too.
bool choose_fifos(const network::Network& network, Plan& plan);

}  // namespace qloom::hw
