#include "hw/step_logic.h"

#include <algorithm>
#include <array>
#include <bit>

namespace qloom::hw {
namespace {

std::int64_t floor_shift(std::int64_t value, int shift) { return value >> shift; }
std::int64_t ceil_shift(std::int64_t value, int shift) { return -((-value) >> shift); }

// LUTs and levels that turn ascending comparisons into their count of `bits` bits: a multiplexer
// of 2^l inputs for the l-th bit.
double encode_luts(int bits) {
    constexpr std::array<double, 9> kLuts{0, 0, 1, 2, 5, 10, 21, 42, 85};
    return kLuts[static_cast<std::size_t>(std::min(bits, 8))];
}
int encode_levels(int bits) { return std::max(bits - 1, 0); }
int compare_levels(int bits) { return bits <= 6 ? 1 : bits <= 11 ? 2 : 3; }

// The distance of equally spaced steps if it is a power of two, else -1.
int even_shift(const std::vector<std::int64_t>& steps) {
    if (steps.size() < 2) return -1;
    const std::int64_t distance = steps[1] - steps[0];
    if (distance <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(distance))) return -1;
    for (std::size_t i = 2; i < steps.size(); ++i) {
        if (steps[i] - steps[i - 1] != distance) return -1;
    }
    return std::countr_zero(static_cast<std::uint64_t>(distance));
}

void choose_form(StepLogic& logic, int width, int output_bits) {
    if (logic.steps.empty()) return;
    const int bits = logic.count_bits();
    // What is not the plain count takes a table of the count.
    const double finish = logic.base == 0 && !logic.falls ? 0.0
                          : bits == 1                     ? 0.0
                                                          : output_bits;
    const int finish_levels = finish > 0.0 ? 1 : 0;
    const auto m = static_cast<double>(logic.steps.size());
    logic.form = StepLogic::Form::kParallel;
    logic.luts = m * constant_compare(width) + encode_luts(bits) + finish;
    logic.levels = compare_levels(width) + encode_levels(bits) + finish_levels;
    const auto consider = [&](StepLogic::Form form, double luts, int levels) {
        if (luts >= logic.luts) return;
        logic.form = form;
        logic.luts = luts;
        logic.levels = levels;
    };
    if (bits <= 8 && bits > 1) {
        consider(StepLogic::Form::kSearch,
                 constant_compare(width) + (bits - 1) * width + (bits > 6 ? 2.0 * width : 0.0) +
                     finish,
                 bits + 1 + finish_levels);
    }
    if (const int shift = even_shift(logic.steps); shift >= 0) {
        const std::int64_t constant = (std::int64_t{1} << shift) - logic.steps.front();
        const int zeros =
            constant == 0 ? width : std::countr_zero(static_cast<std::uint64_t>(constant));
        const double luts = std::max(width - zeros, 0) + bits + 2.0 + finish;
        consider(StepLogic::Form::kShift, luts, 4 + finish_levels);
        if (logic.form == StepLogic::Form::kShift) logic.shift = shift;
    }
    if (width <= 8) {
        constexpr std::array<double, 3> kLuts{1.0, 2.5, 5.0};
        consider(StepLogic::Form::kTable,
                 kLuts[static_cast<std::size_t>(std::max(width - 6, 0))] * output_bits,
                 width <= 6 ? 1 : 2);
    }
}

}  // namespace

int StepLogic::count_bits() const {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(steps.size())));
}

std::int64_t StepLogic::value(std::int64_t v) const {
    const std::int64_t count =
        std::ranges::count_if(steps, [v](std::int64_t step) { return v >= step; });
    return falls ? base - count : base + count;
}

double constant_compare(int bits) { return bits <= 6 ? 1.0 : 1.0 + (bits - 6 + 4) / 5; }

StepLogic step_logic(const network::Threshold& threshold, std::int64_t row,
                     const AdderResult& result, const AdderNode* node, int output_bits) {
    if (threshold.thresholds.dim(0) == 1) row = 0;
    const std::int64_t count = threshold.thresholds.dim(1);
    const bool decreasing =
        !threshold.decreasing.empty() && threshold.decreasing[static_cast<std::size_t>(row)];
    const bool flips = result.term.negative;
    StepLogic logic;
    logic.falls = decreasing != flips;
    logic.base = threshold.out_bias + (logic.falls ? count : 0);
    const Range range = node != nullptr ? node->range : Range{0, 0};
    for (std::int64_t t = 0; t < count; ++t) {
        const std::int64_t y = threshold.thresholds[row * count + t] - result.offset;
        // v << s >= y, or -(v << s) >= y, which is not (v >= floor(-y >> s) + 1).
        const std::int64_t step = flips ? floor_shift(-y, result.term.shift) + 1
                                        : ceil_shift(y, result.term.shift);
        if (step <= range.lo) {
            logic.base += logic.falls ? -1 : 1;
        } else if (step <= range.hi) {
            logic.steps.push_back(step);
        }
    }
    std::ranges::sort(logic.steps);
    if (node != nullptr) choose_form(logic, node->type.bits, output_bits);
    return logic;
}

}  // namespace qloom::hw
