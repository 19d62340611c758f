#pragma once

#include <cstdint>
#include <vector>

#include "hw/adder_graph.h"

namespace qloom::hw {

struct SharingOptions {
    // Adder levels that a row may be deeper than a tree of all its terms would be.
    int slack = 2;
};

// sum_j matrix[r][j] * sources[j] for every row r, in as few adder bits as a greedy search finds:
// weights become signed digits (canonical: no two neighbours), and the pair of digits that saves
// most wherever it occurs, whatever its place and sign, becomes a node of its own, again and again.
//   before:  y0 = 5 a + 3 b, y1 = 10 a + 6 b        after:  t = 5 a + 3 b, y0 = t, y1 = t << 1
// Sources are independent of each other; none is zero.
// Ref: arXiv:2507.04535 (the second of its stages)
std::vector<AdderTerm> shared_sums(AdderGraph& graph, const std::vector<AdderTerm>& sources,
                                   const std::vector<std::vector<std::int64_t>>& matrix,
                                   const SharingOptions& options = {});

// Digits of the canonical signed form: 7 = 8 - 1 -> {+3, -0}.
struct SignedDigit {
    int shift = 0;
    bool negative = false;
};
std::vector<SignedDigit> signed_digits(std::int64_t value);

}  // namespace qloom::hw
