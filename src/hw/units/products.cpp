#include "hw/units/products.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "hw/cost.h"

namespace qloom::hw {
namespace {

// Weights of up to this many bits are multiplied bit by bit for two inputs at a time.
constexpr int kPairedWeightBits = 8;
constexpr std::int64_t kChainRows = 8;
constexpr std::int64_t kRowsPerClock = 4;
constexpr std::int64_t kLevelsPerClock = 3;
constexpr std::int64_t kCountInputs = 12;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

int stored_weight_bits(IntType weight_type, bool is_bipolar) {
    return is_bipolar ? 1 : std::max(2, weight_type.bits + (weight_type.is_signed ? 0 : 1));
}

DotShape dot_shape(const Products& products, std::int64_t simd) {
    DotShape shape;
    shape.paired = !products.xnor && products.weight_bits <= kPairedWeightBits && simd > 1;
    if (!shape.paired) {
        shape.leaves = products.xnor ? ceil_div(simd, kCountInputs) : simd;
        shape.latency = 1 + (cost::ceil_log2(shape.leaves) + 1) / 2;
        return shape;
    }
    const std::int64_t pairs = ceil_div(simd, 2);
    shape.leaves = ceil_div(pairs, kChainRows);
    shape.leaf_pairs = ceil_div(pairs, shape.leaves);
    std::int64_t fit = std::min<std::int64_t>(kChainRows / shape.leaf_pairs, products.weight_bits);
    if (products.input_signed) fit = std::min<std::int64_t>(fit, products.input_bits + 1);
    shape.chains = ceil_div(products.weight_bits, fit);
    shape.planes = ceil_div(products.weight_bits, shape.chains);
    const std::int64_t levels = cost::ceil_log2(shape.chains) + cost::ceil_log2(shape.leaves);
    shape.latency = static_cast<int>(1 + ceil_div(shape.leaf_pairs * shape.planes, kRowsPerClock) +
                                     ceil_div(levels, kLevelsPerClock));
    return shape;
}

int dsp_latency(std::int64_t simd) {
    constexpr std::int64_t kChain = 4;
    return static_cast<int>(std::min(simd, kChain) + 3 +
                            ceil_div(cost::ceil_log2(ceil_div(simd, kChain)), kLevelsPerClock));
}

bool fits_dsp(const Products& products, std::int64_t simd, int factor_bits) {
    constexpr int kMostInputBits = 17;
    const int lane = products.input_bits + products.weight_bits + cost::ceil_log2(simd);
    return !products.bipolar && dot_shape(products, simd).paired &&
           products.input_bits <= kMostInputBits && lane <= 24 &&
           lane + products.weight_bits + 1 <= factor_bits;
}

Resources dsp_pair_cost(const Products& products, std::int64_t simd) {
    constexpr std::int64_t kChain = 4;
    const int lane = products.input_bits + products.weight_bits + cost::ceil_log2(simd);
    const auto adders = static_cast<double>(ceil_div(simd, kChain) - 1);
    // The later two blocks of a chain take their inputs two clocks after the others.
    const double late =
        static_cast<double>(simd) / 2.0 * 2.0 * (products.input_bits + 2.0 * products.weight_bits);
    return {2.0 * lane * adders, late + 2.0 * lane * adders, 0.0, static_cast<double>(simd)};
}

namespace {

// Bits of the sum of `pairs` pairs of inputs times `planes` bits of their weights.
int planes_width(const Products& products, std::int64_t pairs, std::int64_t planes,
                 bool is_signed) {
    const double most = static_cast<double>(pairs) *
                        (std::ldexp(1.0, products.input_bits + 1) - 2.0) *
                        (std::ldexp(1.0, static_cast<int>(planes)) - 1.0);
    return static_cast<int>(std::ceil(std::log2(most + 1.0))) + (is_signed ? 1 : 0);
}

// A leaf's chains and the tree that adds them up: a row costs a LUT for each bit of a sum of two
// inputs, an adder one for each bit that both its operands have.
double leaf_luts(const Products& products, const DotShape& shape, std::int64_t pairs) {
    const int weight = products.weight_bits;
    double luts = static_cast<double>(pairs) * weight * (products.input_bits + 1);
    for (std::int64_t planes = shape.planes; planes < weight; planes *= 2) {
        for (std::int64_t low = 0; low + planes < weight; low += 2 * planes) {
            const std::int64_t high = std::min<std::int64_t>(2 * planes, weight - low);
            const bool is_signed =
                products.input_signed || (!products.bipolar && low + high == weight);
            luts +=
                planes_width(products, pairs, high, is_signed) - static_cast<double>(planes) - 1.0;
        }
    }
    return luts;
}

// Triples of equal bits are counted in two LUTs, six bits of a column become three in three LUTs;
// adders take the rest at a LUT a bit.
double count_luts(std::int64_t inputs) {
    const int columns = cost::ceil_log2(inputs + 1);
    std::vector<std::int64_t> heights(static_cast<std::size_t>(columns) + 2, 0);
    heights[0] = ceil_div(inputs, 3);
    if (columns > 1) heights[1] = (inputs + 1) / 3;
    auto luts = static_cast<double>(heights[0] + heights[1]);
    while (*std::max_element(heights.begin(), heights.end()) > 5) {
        std::vector<std::int64_t> next(heights.size(), 0);
        for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
            const std::int64_t counts = heights[c] / 6;
            luts += 3.0 * static_cast<double>(counts);
            next[c] += counts + heights[c] % 6;
            next[c + 1] += counts;
            next[c + 2] += counts;
        }
        next[static_cast<std::size_t>(columns)] = 0;
        next[static_cast<std::size_t>(columns) + 1] = 0;
        heights = next;
    }
    for (const std::int64_t height : heights)
        luts += static_cast<double>(std::max<std::int64_t>(0, height - 1));
    return luts;
}

}  // namespace

double dot_product_luts(const Products& products, std::int64_t simd) {
    const DotShape shape = dot_shape(products, simd);
    const int input = products.input_bits;
    const int weight = products.weight_bits;
    if (products.xnor) return count_luts(simd);
    if (shape.paired) {
        const std::int64_t pairs = ceil_div(simd, 2);
        double luts = 0.0;
        int width = input + weight + 1;
        for (std::int64_t done = 0; done < pairs; done += shape.leaf_pairs)
            luts += leaf_luts(products, shape, std::min(shape.leaf_pairs, pairs - done));
        width += cost::ceil_log2(shape.leaf_pairs);
        for (std::int64_t count = shape.leaves; count > 1; count = ceil_div(count, 2))
            luts += static_cast<double>(count / 2) * width++;
        return luts;
    }
    const auto products_in = static_cast<double>(simd);
    if (products.bipolar) return products_in * (input + 0.75) + (products_in - 1.0) * (input + 2);
    // Digits of two bits of the weight, a row each.
    const double rows = products_in * ((weight + 1) / 2) * (input + 3) * 1.5;
    return rows + (products_in - 1.0) * (weight + input + 2);
}

double shared_luts(const Products& products, std::int64_t simd) {
    const DotShape shape = dot_shape(products, simd);
    if (!shape.paired) return 0.0;
    double luts = static_cast<double>(simd / 2) * products.input_bits;
    if (products.bipolar) luts += dot_product_luts(products, simd) * 0.7;
    return luts;
}

double product_ffs(const Products& products, std::int64_t simd) {
    const DotShape shape = dot_shape(products, simd);
    if (products.xnor) return 0.5;
    if (!shape.paired) return 1.4 * (products.input_bits + products.weight_bits);
    // The second half of the rows waits a clock with its weights; chains and adders have registers.
    const auto pairs = static_cast<double>(shape.leaf_pairs);
    const int width = products.input_bits + 1 + cost::ceil_log2(shape.leaf_pairs);
    const bool is_late = shape.leaf_pairs * shape.planes > kRowsPerClock;
    double ffs = static_cast<double>(shape.chains) * width * (is_late ? 2.0 : 1.0);
    if (is_late) ffs += pairs * products.weight_bits;
    if (shape.chains * shape.leaves > 1) ffs += width + products.weight_bits;
    return ffs / (2.0 * pairs);
}

Resources dot_products_cost(const Products& products, std::int64_t lanes, std::int64_t simd,
                            std::int64_t sharers, int accumulator, bool accumulates) {
    const auto results = static_cast<double>(lanes);
    const auto groups = static_cast<double>(lanes / sharers);
    const auto inputs = static_cast<double>(simd);
    const bool paired = dot_shape(products, simd).paired;
    Resources cost;
    cost.luts =
        results * dot_product_luts(products, simd) + groups * shared_luts(products, simd) + 20.0;
    cost.ffs = results * inputs * product_ffs(products, simd) +
               groups * inputs * products.input_bits * (paired ? 4.0 : 1.0) + 30.0;
    if (products.bipolar && paired) cost.luts += results * accumulator;
    if (accumulates) {
        cost.luts += results * accumulator;       // accumulator
        cost.ffs += 2.0 * results * accumulator;  // and output register
    } else {
        cost += cost::skid(lanes * accumulator);
    }
    return cost;
}

}  // namespace qloom::hw
