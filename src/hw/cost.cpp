#include "hw/cost.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

namespace qloom::hw::cost {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
double as_double(std::int64_t value) { return static_cast<double>(value); }

}  // namespace

int ceil_log2(std::int64_t n) {
    return n <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n - 1)));
}

double rom_luts(std::int64_t words, std::int64_t bits) {
    if (words <= 1) return 0.0;  // a constant disappears in the logic that reads it
    // A LUT6 holds 64 words of one bit; deeper ones need a multiplexer tree of about a third again.
    if (words <= 16) {
        // Of so few words many bits are alike, and one LUT does for all of them.
        const double kinds = std::ldexp(1.0, static_cast<int>(words));
        return kinds * (1.0 - std::pow(1.0 - 1.0 / kinds, as_double(bits)));
    }
    if (words <= 64) return as_double(bits);
    if (words <= 128) return 3.2 * as_double(bits);
    return 1.35 * as_double(bits * ceil_div(words, 64));
}

double block_rams(std::int64_t words, std::int64_t bits) {
    // Width of one RAMB36 (simple dual port) at each depth; half of it is a RAMB18.
    struct Aspect {
        std::int64_t depth;
        std::int64_t width;
    };
    constexpr std::array<Aspect, 6> kAspects{
        {{512, 72}, {1024, 36}, {2048, 18}, {4096, 9}, {8192, 4}, {16384, 2}}};
    double best = 1e18;
    for (const Aspect aspect : kAspects) {
        const std::int64_t deep = ceil_div(words, aspect.depth);
        const std::int64_t halves = ceil_div(2 * bits, aspect.width);
        best = std::min(best, as_double(deep * halves) / 2.0);
    }
    return best;
}

double ram_luts(std::int64_t words, std::int64_t bits) {
    // RAM32M: four LUTs hold 32 words of 6 bits. Beyond 64 words a multiplexer chooses.
    return 4.0 * as_double(ceil_div(bits, 6) * ceil_div(words, 32)) +
           0.6 * as_double(bits * (ceil_div(words, 64) - 1));
}

double compare_luts(int bits) { return 0.5 * bits + 1.0; }
double constant_compare_luts(int bits) { return 0.25 * bits + 1.0; }
double product_luts(int a_bits, int b_bits) { return 1.7 * a_bits * b_bits; }

Resources skid(std::int64_t bits) {
    return {as_double(bits) + 4.0, 2.0 * as_double(bits) + 2.0, 0.0, 0.0};
}

Resources fifo_control(std::int64_t depth) {
    return {3.0 * ceil_log2(depth) + 8.0, 3.0 * ceil_log2(depth) + 4.0, 0.0, 0.0};
}

Resources width_converter(int element_bits, std::int64_t in_elements, std::int64_t out_elements) {
    if (in_elements == out_elements) return skid(element_bits * in_elements);
    const std::int64_t slot = std::gcd(in_elements, out_elements);
    const std::int64_t in = in_elements / slot;
    const std::int64_t out = out_elements / slot;
    const std::int64_t slots = in + out + std::min(in, out) - 1;
    const double bits = as_double(slots * slot * element_bits);
    if (out == 1) {
        // Each bit that leaves is chosen among those of a beat, four by a LUT, or is the first.
        const double chosen = as_double(slot * element_bits);
        return {chosen * (0.6 + 0.42 * as_double(in - 1)) + 3.0 * ceil_log2(slots + 1) + 4.0,
                bits + 2.0 * ceil_log2(slots + 1), 0.0, 0.0};
    }
    if (in == 1) {
        // Each slot is written when its turn comes.
        return {1.2 * as_double(slots) + 3.0 * ceil_log2(slots + 1), bits + ceil_log2(slots + 1),
                0.0, 0.0};
    }
    // Each bit chooses between itself, a later bit and the input; uneven ratios take the input from
    // many places.
    const double choice = 0.6 + 0.62 * as_double(std::min(in, out));
    return {choice * bits + 3.0 * ceil_log2(slots + 1) + 4.0, bits + ceil_log2(slots + 1), 0.0,
            0.0};
}

Resources fork(std::int64_t bits, int ways) {
    return {as_double(bits) + 4.0 * ways, as_double(bits) * 2.0 + ways + 2.0, 0.0, 0.0};
}

Resources output_stage(std::int64_t bits) {
    return {as_double(bits) + 12.0, 2.0 * as_double(bits) + 12.0, 0.0, 0.0};
}

}  // namespace qloom::hw::cost
