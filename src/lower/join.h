#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/codes/lower.h"
#include "lower/chain.h"
#include "lower/scaled_int.h"
#include "lower/step_function.h"
#include "network/network.h"

namespace qloom::lower {

// A sum of integer streams with different scales, made exact: multipliers[k][c] and thresholds over
// S[c] = sum_k multipliers[k][c] * int_k[c] that decide every combination of values as the model does.
struct Joined {
    std::vector<std::vector<std::int64_t>> multipliers;  // one row a term, one entry a channel
    network::Threshold threshold;                        // over S
    std::vector<Range> sums;                             // of S, one a channel
    // Where the activation neither only rises nor only falls: the threshold counts segments of one level each, and this
    // table, by segment, gives the level.
    std::optional<network::Lookup> lookup;
    std::vector<Range> segments;  // reached, one a channel; empty without a table
    std::vector<Range> output;    // reached levels, one a channel
};

// Finds the smallest multipliers for which every decision of the quantiser is exact, proven for all values in range:
//   for every channel, level L and combination of integers   sum_k a_k i_k + b >= t_L   <=>   sum_k m_k i_k >= T_L
// where t_L is the smallest real at which the model's own arithmetic reaches L (found by bisecting the floats, or, for an
// activation without order, by looking at every sum there is).
// `ranges[k][c]` bounds term k. Throws code::kJoinNotExact naming `where` when no multipliers up to 2^20 do, and
// code::kNotMonotone when an activation without order has too many sums to look at.
Joined join_terms(const Value& value, const LevelGrid& grid, const std::vector<std::vector<Range>>& ranges,
                  const std::string& where);

}  // namespace qloom::lower
