#include "hw/units/products.h"

#include <algorithm>
#include <cmath>

#include "hw/cost.h"

namespace qloom::hw {
namespace {

// Weights of up to this many bits are multiplied in pairs.
constexpr int kPairedWeightBits = 4;

}  // namespace

int stored_weight_bits(IntType weight_type, bool is_bipolar) {
    return is_bipolar ? 1 : std::max(2, weight_type.bits + (weight_type.is_signed ? 0 : 1));
}

double dot_product_luts(const Products& products, double simd) {
    const int input = products.input_bits;
    if (products.xnor) return 1.35 * simd;
    if (products.bipolar) return simd * (input + 0.75) + (simd - 1.0) * (input + 2);
    // A Booth digit is two bits of a weight; each costs a row a little wider than the input.
    const int weight = products.weight_bits;
    const bool paired = weight <= kPairedWeightBits;
    const double rows = simd * ((weight + 1) / 2) * (input + 3) * (paired ? 1.1 : 1.5);
    const double leaves = paired ? std::ceil(simd / 2.0) : simd;
    return rows + (leaves - 1.0) * (weight + input + 2);
}

double product_ffs(const Products& products) {
    if (products.xnor) return 0.4;
    const int bits = products.input_bits + products.weight_bits;
    return products.bipolar || products.weight_bits > kPairedWeightBits ? 1.4 * bits : 1.0 * bits;
}

Resources dot_products_cost(const Products& products, std::int64_t lanes, std::int64_t simd,
                            std::int64_t beat_inputs, int accumulator, bool accumulates) {
    const auto results = static_cast<double>(lanes);
    const auto inputs = static_cast<double>(simd);
    Resources cost;
    cost.luts = results * dot_product_luts(products, inputs) + 20.0;
    cost.ffs = results * inputs * product_ffs(products) +
               static_cast<double>(beat_inputs * products.input_bits) + 30.0;
    if (accumulates) {
        cost.luts += results * accumulator;       // accumulator
        cost.ffs += 2.0 * results * accumulator;  // and output register
    } else {
        cost += cost::skid(lanes * accumulator);
    }
    return cost;
}

}  // namespace qloom::hw
