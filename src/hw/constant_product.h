#pragma once

#include <cstdint>

#include "base/int_type.h"
#include "base/tensor.h"
#include "hw/adder_graph.h"

namespace qloom::hw {

// y[m] = sum_k weights[m][k] * x[k], or #{k : x[k] == weights[m][k]} for bits.
struct ConstantProduct {
    const Tensor<std::int32_t>& weights;  // (M, K)
    IntType input_type;                   // of the wires
    Range input_range;                    // of the values
    bool is_xnor = false;
};

// The product as additions, with the fewest LUTs of several plans. Columns that are equal in a
// group of rows (up to sign) are added up first, once for the group; the sums are combined by
// shared_sums(). The plans differ in how many rows form a group:
//   one row    equal weights are added up before they are multiplied
//   few rows   for weights of few values: k rows of +/-1 tell only 2^(k-1) kinds of columns apart,
//              so that all k rows together cost hardly more than one (the four Russians' method)
//   all rows   nothing is added up first; digits are shared across the whole matrix
// One-bit columns are counted by tables and carry chains (count_bits), wider ones bit plane by bit
// plane or as words, whichever is smaller. Zeros cost nothing.
// `group` names the rows a group of one plan; 0: the cheapest, which is written back.
AdderGraph constant_product(const ConstantProduct& product, std::int64_t& group);

}  // namespace qloom::hw
