#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/codes/lower.h"
#include "lower/chain.h"
#include "lower/scaled_int.h"
#include "network/network.h"

namespace qloom::lower {

// The integers a quantiser's output is carried as: real[c] = scale[c] * level + bias[c].
struct LevelGrid {
    std::vector<double> scale;  // one a channel, not 0
    std::vector<double> bias;
    Range range;                // of the quantiser's type
};

// integer -> level, for `rows` vectors at once: takes and returns rows x channels in stream order.
using LevelFunction = std::function<std::vector<std::int64_t>(const std::vector<std::int64_t>&)>;

// The level function of a value (single term) through its chain onto a grid. Levels are clamped to nothing: the
// quantiser inside the chain already did.
LevelFunction level_function(const Value& value, const LevelGrid& grid);

// A step function ready for hardware. `offset`: level = int + offset for every value, so no layer is needed.
struct StepIdentity {
    std::int64_t offset = 0;
};
// A function without order over many integers: thresholds count the segments below, a table gives each its level.
struct StepTable {
    network::Threshold segments;
    network::Lookup levels;
    std::vector<Range> segment_ranges;  // 0 to the number of thresholds that are reached, one a channel
};
struct StepFunction {
    std::variant<StepIdentity, network::Threshold, network::Lookup, network::Requantize, StepTable> kind;
    std::vector<Range> output;  // reached levels, one a channel
    // Steps at which a multiply-add-shift rounds as exact arithmetic does and the model's float32 does not.
    std::int64_t float_noise_steps = 0;
};

struct StepInput {
    std::vector<Range> ranges;          // of the integers, one a channel
    std::vector<Direction> directions;  // what is known symbolically, one a channel
    // Slope and offset of level(int) where it is not clipped; empty when the chain is not affine up to clipping.
    std::vector<double> slope;
    std::vector<double> offset;
    Range level_range;
    std::string where;                  // the quantiser's name, for diagnostics
};

// Finds the step function exactly.
//   Ranges up to kTabulateLimit integers over all channels are tabulated whole. Larger ones are bisected, which needs a
//   chain known to be monotone. More than 255 steps become a multiply-add-shift when that is proven equal at every step,
//   up to the noise of float32. A function without order becomes a table of its integers, or of its segments where the
//   integers are too many.
// Throws code::kNotMonotone when the function has no order and its range is too large to be looked at.
StepFunction find_step_function(const StepInput& input, const LevelFunction& levels);

// Equal rows are kept once.
void merge_equal_rows(network::Threshold& threshold);
void merge_equal_rows(network::Lookup& lookup);

}  // namespace qloom::lower
