#pragma once

#include <cstdint>
#include <vector>

#include "base/int_type.h"
#include "hw/adder_graph.h"
#include "network/network.h"

// A step function of an integer as logic with constant thresholds, one channel.
namespace qloom::hw {

// LUT levels of a step function in one clock; longer ones take two.
constexpr int kMostStepLevels = 5;

struct StepLogic {
    enum class Form {
        kConstant,  // y = base
        kTable,     // every bit of y is a table of v
        kParallel,  // v >= every step, then the count read off: steps ascend, so one bit a level
        kSearch,    // one adder a level: v against the step that the bits so far select
        kShift      // steps at equal distances of 2^shift: an addition, a shift, a clip
    };
    Form form = Form::kConstant;
    // y = base + c, or base - c where it falls; c = #{t : v >= steps[t]}; steps ascend, and none
    // is always or never reached.
    std::int64_t base = 0;
    bool falls = false;
    std::vector<std::int64_t> steps;
    int shift = 0;
    double luts = 0.0;
    int levels = 0;  // LUT levels

    // Bits of c.
    [[nodiscard]] int count_bits() const;
    [[nodiscard]] std::int64_t value(std::int64_t v) const;
};

// Row `row` of the thresholds behind y = result.term + result.offset, as a function of the term's
// node: offset, sign and shift of the result move into the steps. `type` is of the node's wires.
StepLogic step_logic(const network::Threshold& threshold, std::int64_t row,
                     const AdderResult& result, const AdderNode* node, int output_bits);

// LUTs of v >= constant for v of so many bits.
double constant_compare(int bits);

}  // namespace qloom::hw
