#pragma once

#include <cstdint>
#include <vector>

#include "base/tensor.h"
#include "network/network.h"

// What a network means, in obvious loops: the oracle of the tests of hw, emit and sim. Nothing here
// is shared with the executor or the hardware.
namespace qloom::testing {

// Random integers inside the range of every network input: (frames, shape...). The first two frames
// hold the extremes.
std::vector<Tensor<std::int64_t>> random_inputs(const network::Network& network,
                                                std::int64_t frames, std::uint32_t seed);

// What the network means; one (frames, shape...) an output.
std::vector<Tensor<std::int64_t>> reference_run(const network::Network& network,
                                                const std::vector<Tensor<std::int64_t>>& inputs);

}  // namespace qloom::testing
