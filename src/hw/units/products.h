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
};

// Bits of an integer weight in the memory; one for bipolar weights.
int stored_weight_bits(IntType weight_type, bool is_bipolar);

// LUTs of `simd` products and the tree that adds them up (without the accumulator).
double dot_product_luts(const Products& products, double simd);

// Flip-flops of a product and its share of the tree.
double product_ffs(const Products& products);

// Dot products of `lanes` results from `simd` inputs each, `beat_inputs` inputs a beat, with
// accumulators where a result takes several beats.
Resources dot_products_cost(const Products& products, std::int64_t lanes, std::int64_t simd,
                            std::int64_t beat_inputs, int accumulator, bool accumulates);

}  // namespace qloom::hw
