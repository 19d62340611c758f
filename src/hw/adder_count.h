#pragma once

#include <vector>

#include "hw/adder_graph.h"

namespace qloom::hw {

// How many of any number of bits are set, with the fewest LUTs.
//   up to 6 bits   a table of three LUTs
//   up to 12 bits  such a count, plus a count of five that the adder's own LUTs hold, plus a carry
//   more           sums of two counts, with one more bit as their carry
// Costs about 0.5 LUT a bit for 12 bits, 0.8 for 49, 0.9 for 400; plain compressors cost 1.
AdderTerm count_bits(AdderGraph& graph, const std::vector<AdderBit>& bits);

// LUTs that takes.
double count_luts(std::size_t bits);

}  // namespace qloom::hw
