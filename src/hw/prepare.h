#pragma once

#include <string>
#include <vector>

#include "network/network.h"

namespace qloom::hw {

// The network as the hardware library can compute it: an addition of more than two streams becomes
// a chain.
//   before:  a, b, c --> Add(m) --> y
//   after:   a, b --> Add(m0, m1) --> y_sum_1;  y_sum_1, c --> Add(1, m2) --> y
// Ensures: the same outputs; streams of the given network keep their ids.
network::Network binary_additions(const network::Network& network);

// For every stream the stream whose wires it uses: itself, or what a chain of reshapes stands for.
std::vector<network::StreamId> wire_streams(const network::Network& network);

// Instance names: layer names made into identifiers, unique, none of them a word of SystemVerilog.
std::vector<std::string> instance_names(const network::Network& network);

}  // namespace qloom::hw
