// Step functions with constant thresholds, against their definition.

#include "hw/step_logic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace qloom::hw {
namespace {

TEST(StepLogic, OffsetSignAndShiftMoveIntoTheSteps) {
    std::mt19937 random(3);
    const auto uniform = [&](std::int64_t lo, std::int64_t hi) {
        return std::uniform_int_distribution<std::int64_t>(lo, hi)(random);
    };
    for (int trial = 0; trial < 300; ++trial) {
        AdderNode node;
        node.range = {uniform(-40, 0), uniform(1, 40)};
        node.type = IntType::smallest(node.range);
        const AdderResult result{{0, static_cast<int>(uniform(0, 2)), uniform(0, 1) == 1},
                                 uniform(-20, 20)};
        network::Threshold threshold;
        const std::int64_t count = uniform(1, 9);
        threshold.thresholds = Tensor<std::int64_t>({1, count});
        for (std::int64_t& t : threshold.thresholds) t = uniform(-200, 200);
        std::ranges::sort(threshold.thresholds.values());
        threshold.out_bias = uniform(-4, 4);
        if (uniform(0, 1) == 1) threshold.decreasing = {true};
        const StepLogic logic = step_logic(threshold, 0, result, &node, 5);
        for (const std::int64_t step : logic.steps) {
            EXPECT_GT(step, node.range.lo);  // none is reached always, none never
            EXPECT_LE(step, node.range.hi);
        }
        for (std::int64_t v = node.range.lo; v <= node.range.hi; ++v) {
            const std::int64_t term = v * (std::int64_t{1} << result.term.shift);
            const std::int64_t y = (result.term.negative ? -term : term) + result.offset;
            std::int64_t expected = threshold.out_bias;
            for (const std::int64_t t : threshold.thresholds)
                expected += threshold.decreasing.empty() ? y >= t : y < t;
            ASSERT_EQ(logic.value(v), expected);
        }
    }
}

StepLogic even_steps(std::int64_t distance, int bits) {
    AdderNode node;
    node.range = {0, (std::int64_t{1} << bits) - 1};
    node.type = IntType::smallest(node.range);
    network::Threshold threshold;
    threshold.thresholds = Tensor<std::int64_t>({1, 15});
    for (std::int64_t i = 0; i < 15; ++i) threshold.thresholds[i] = 37 + distance * i;
    return step_logic(threshold, 0, {{0, 0, false}, 0}, &node, 4);
}

TEST(StepLogic, FormsByCost) {
    EXPECT_EQ(even_steps(32, 10).form, StepLogic::Form::kShift);
    EXPECT_EQ(even_steps(32, 10).shift, 5);
    EXPECT_EQ(even_steps(31, 10).form, StepLogic::Form::kSearch);
    EXPECT_EQ(even_steps(1, 6).form, StepLogic::Form::kTable);
    EXPECT_EQ(constant_compare(6), 1.0);
    EXPECT_EQ(constant_compare(11), 2.0);
}

}  // namespace
}  // namespace qloom::hw
