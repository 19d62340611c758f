#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "network/execute.h"
#include "network/network.h"

// What some hardware computed, beside what the integer engine computes.
namespace qloom::cli {

// The first place where they disagree.
struct Difference {
    std::string output;
    std::int64_t frame = 0;
    std::int64_t element = 0;
    std::int64_t expected = 0;
    std::int64_t found = 0;
};

struct Comparison {
    std::int64_t mismatches = 0;  // frames with any difference
    std::optional<Difference> first = {};
};

// Both in the order and shapes of the network's outputs.
Comparison compare_frames(const network::Network& network,
                          const std::vector<network::Frames>& expected,
                          const std::vector<network::Frames>& found);

// `frames`, of any shape with as many values, as (F, one...).
network::Frames with_shape(network::Frames frames, const Shape& one);

}  // namespace qloom::cli
