#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "hw/accelerator.h"
#include "hw/unit.h"
#include "network/network.h"

namespace qloom::hw {

// Matrix layers that become units of constant weights (hw/units/constant_matrix.h), each with the
// thresholds that alone read it.
//   before:  x --> MatrixVector(W) --> s --> Threshold(T) --> y
//   after:   x --> MatrixVector(W), with a ConstantMatrixForm --> y
// A layer becomes one where the target leaves at most eight clocks a vector and that is cheaper
// than its cheapest folding within the target, or where `wanted` says so (by layer name; false: never). Thresholds in `pinned` stay units of their own.
// Ensures: streams of the given network keep their ids.
struct ConstantChoice {
    std::int64_t target_ii = 1;
    Prices prices = {};
    std::map<std::string, bool> wanted = {};
    std::map<std::string, Folding> pinned = {};
};
network::Network with_constant_matrices(const network::Network& prepared,
                                        const ConstantChoice& choice);

// The same network again, from the accelerator that was made of it.
network::Network with_constant_matrices(const network::Network& prepared,
                                        const Accelerator& accelerator);

}  // namespace qloom::hw
