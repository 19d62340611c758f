#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lower/chain.h"
#include "lower/scaled_int.h"
#include "lower/step_function.h"

// Where on the line of real numbers a quantiser behind a sum of differently scaled streams changes
// its level.
namespace qloom::lower {

struct ChannelSteps {
    // Ascending. In order: level lowest + 1 + t is reached iff real >= thresholds[t]. Without
    // order: from thresholds[t] on the level is segment_levels[t + 1].
    std::vector<double> thresholds;
    std::int64_t lowest = 0;
    std::vector<std::int64_t> segment_levels;  // one more than thresholds; only without order
};

// For activations that only rise or only fall in each channel (no direction is kUnknown): bisects
// the floats. Falling channels are given as if negated.
std::vector<ChannelSteps> real_steps(const Value& value, const LevelGrid& grid,
                                     const std::vector<Direction>& directions,
                                     const std::vector<std::vector<Range>>& ranges);

// For any activation: looks at every sum that the terms can make. Throws code::kNotMonotone naming
// `where` when there are more than 2^24 over all channels.
std::vector<ChannelSteps> real_segments(const Value& value, const LevelGrid& grid,
                                        const std::vector<std::vector<Range>>& ranges,
                                        const std::string& where);

}  // namespace qloom::lower
