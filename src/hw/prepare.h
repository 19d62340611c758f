#pragma once

#include <string>
#include <vector>

#include "network/network.h"

namespace qloom::hw {

// All of the below, in order: the network whose layers are units.
network::Network hardware_form(const network::Network& network);

// The network as the hardware library can compute it: an addition of more than two streams becomes
// a chain.
//   before:  a, b, c --> Add(m) --> y
//   after:   a, b --> Add(m0, m1) --> y_sum_1;  y_sum_1, c --> Add(1, m2) --> y
// Ensures: the same outputs; streams of the given network keep their ids.
network::Network binary_additions(const network::Network& network);

// A product with one vector a frame becomes a product with that vector repeated for every pixel.
//   before:  a (H, W, C), v (1, 1, C) --> Multiply --> y
//   after:   v --> Upsample(H, W) --> v_repeated (H, W, C);  a, v_repeated --> Multiply --> y
// Ensures: the same outputs; streams of the given network keep their ids.
network::Network repeated_vectors(const network::Network& network);

// An up-sampling along both axes becomes one of rows and one of columns, a memory each.
//   before:  x --> Upsample(fy, fx) --> y
//   after:   x --> Upsample(fy, 1) --> y_rows --> Upsample(1, fx) --> y
// Ensures: the same outputs; streams of the given network keep their ids.
network::Network single_repetitions(const network::Network& network);
// Whether an up-sampling of such an image repeats one block of neighbours.
bool is_one_repetition(const std::vector<std::int64_t>& factors, const Shape& image);

// For every stream the stream whose wires it uses: itself, or what a chain of reshapes stands for.
std::vector<network::StreamId> wire_streams(const network::Network& network);

// Instance names: layer names made into identifiers, unique, none of them a word of SystemVerilog.
std::vector<std::string> instance_names(const network::Network& network);

}  // namespace qloom::hw
