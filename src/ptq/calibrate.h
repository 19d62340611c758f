#pragma once

#include <functional>
#include <vector>

#include "ptq/layer.h"
#include "ptq/levels.h"
#include "ptq/place.h"
#include "ptq/quantise.h"

namespace qloom::ptq {

// Bit widths of everything quantised.
struct Widths {
    std::vector<int> weights;      // by layer
    std::vector<int> spots;        // by spot
    std::vector<bool> spot_fixed;  // the width was asked for: a join does not widen it
};

// A graph whose weights lie on their levels, with biases that make good what that changes, and all
// levels.
struct Calibrated {
    ir::Graph graph;
    std::vector<std::vector<Levels>> weights;  // by layer, output channel
    std::vector<Levels> spots;                 // by spot
};

// Goes through the graph once, node by node, with the frames as the float network sees them and as
// the network quantised so far sees them; quantises each tensor and each layer where it meets it.
// `step` hears of every node done. Throws kPtqNotFinite.
Calibrated calibrate(const ir::Graph& graph, const std::vector<Layer>& layers, const Plan& plan,
                     const Widths& widths, const std::vector<ir::Value>& frames,
                     const QuantiseOptions& options, const std::function<void()>& step);

// The levels of a spot alone: the values of its tensor in the float network, and in the network
// quantised so far.
Levels spot_levels(const Samples& samples, int bits, Role role, const QuantiseOptions& options);

// At most this many values decide on the levels of a tensor.
constexpr std::int64_t kSampledValues = 1 << 16;
// Some of all values, evenly spread.
std::vector<float> sampled(const std::vector<ir::Value>& chunks);

// Levels for the rows of a weight matrix (groups, rows, columns), each column's error weighed by
// `importance` (groups, columns; empty: all alike).
std::vector<Levels> weight_levels(const Tensor<double>& matrix,
                                  const std::vector<double>& importance, int bits,
                                  const QuantiseOptions& options);

}  // namespace qloom::ptq
