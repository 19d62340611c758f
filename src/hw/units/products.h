#pragma once

#include <cstdint>

#include "base/int_type.h"
#include "hw/accelerator.h"

// What MatrixVector and VectorVector units share: products of inputs with weights on chip.
namespace qloom::hw {

struct Products {
    int input_bits = 1;
    int weight_bits = 2;  // in the memory
    bool bipolar = false;
    bool xnor = false;
    bool input_signed = false;
};

// Bits of an integer weight in the memory; one for bipolar weights.
int stored_weight_bits(IntType weight_type, bool is_bipolar);

// How ql_dot_product sums `simd` products (rtl/ql_dot_product.sv explains the parts).
struct DotShape {
    bool paired = false;  // rows of two inputs each, in chains
    // Leaves of at most `leaf_pairs` pairs, each `chains` chains of at most `planes` bits of a
    // weight. Not paired: leaves are products or counts.
    std::int64_t leaves = 1;
    std::int64_t leaf_pairs = 1;
    std::int64_t chains = 1;
    std::int64_t planes = 1;
    int latency = 1;  // clocks from the inputs to the sum
};
DotShape dot_shape(const Products& products, std::int64_t simd);

// The same where some results come from DSP blocks (ql_dsp_pair): clocks from the inputs to the
// sum.
int dsp_latency(std::int64_t simd);

// Whether the sums of two results fit a DSP block whose wide factor has so many bits.
bool fits_dsp(const Products& products, std::int64_t simd, int factor_bits);

// Two results of `simd` inputs each from DSP blocks, two products a block.
Resources dsp_pair_cost(const Products& products, std::int64_t simd);

// LUTs of `simd` products and the tree that adds them up (without the accumulator).
double dot_product_luts(const Products& products, std::int64_t simd);

// LUTs of what dot products of the same inputs share.
double shared_luts(const Products& products, std::int64_t simd);

// Flip-flops of a product and its share of the tree.
double product_ffs(const Products& products, std::int64_t simd);

// Dot products of `lanes` results from `simd` inputs each, `sharers` results from the same inputs,
// with accumulators where a result takes several beats.
Resources dot_products_cost(const Products& products, std::int64_t lanes, std::int64_t simd,
                            std::int64_t sharers, int accumulator, bool accumulates);

}  // namespace qloom::hw
