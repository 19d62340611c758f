#pragma once

#include <cstdint>

#include "hw/network_builder.h"
#include "hw/network_meaning.h"
#include "network/network.h"

// Whole networks with random contents.
namespace qloom::testing {

// A random network of every kind of layer, and a target that it can reach.
struct RandomDesign {
    network::Network network;
    std::int64_t target_ii = 2;
};
RandomDesign random_design(std::uint32_t seed);
// The same of layers on images: windows of any geometry, convolutions, depthwise products, pooling.
RandomDesign random_convolutions(std::uint32_t seed);

// The network of the tutorial, 784-64-64-10 with 4-bit weights and activations and an 8-bit input.
network::Network tutorial_network(bool with_argmax);

}  // namespace qloom::testing
