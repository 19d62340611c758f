#include "lower/join.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "graph_builder.h"

namespace qloom::lower {
namespace {

// A Quant node after a sum of two streams, with the pieces join_terms wants.
struct Sum {
    ir::Graph graph;
    Value value;
    LevelGrid grid;
    std::vector<std::vector<Range>> ranges;
};

Sum make_sum(std::vector<std::vector<double>> scales, std::vector<double> bias, std::vector<std::vector<Range>> ranges,
             float out_scale, int bits, std::optional<ir::UnaryKind> activation) {
    testing::GraphBuilder builder;
    const auto channels = static_cast<std::int64_t>(bias.size());
    const ir::TensorId x = builder.input("x", {1, channels});
    const ir::TensorId y = activation ? builder.op(ir::Unary{*activation}, {x}) : x;
    const bool relu = activation == ir::UnaryKind::kRelu;
    const ir::TensorId q = builder.quant(y, out_scale, 0, bits, {.is_signed = !relu});
    Sum sum{.graph = builder.finish({q}), .value = {}, .grid = {}, .ranges = std::move(ranges)};
    for (const ir::Node& node : sum.graph.nodes()) {
        ChainStep step;
        step.node = &node;
        step.layout = Layout::vector(channels);
        step.channels = channels;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            step.constants.emplace_back(i == 0 ? std::nullopt : sum.graph.tensor(node.inputs[i]).constant);
        }
        sum.value.chain.push_back(std::move(step));
    }
    for (std::size_t k = 0; k < scales.size(); ++k) {
        sum.value.base.terms.push_back({static_cast<network::StreamId>(k), scales[k]});
    }
    sum.value.base.bias = std::move(bias);
    sum.value.layout = Layout::vector(channels);
    sum.grid.scale.assign(static_cast<std::size_t>(channels), static_cast<double>(out_scale));
    sum.grid.bias.assign(static_cast<std::size_t>(channels), 0.0);
    sum.grid.range = IntType{bits, !relu}.range();
    return sum;
}

std::int64_t level_of(const network::Threshold& threshold, std::size_t channel, std::int64_t x) {
    const std::int64_t rows = threshold.thresholds.dim(0);
    const std::int64_t steps = threshold.thresholds.dim(1);
    const std::int64_t row = rows == 1 ? 0 : static_cast<std::int64_t>(channel);
    const bool down = !threshold.decreasing.empty() && threshold.decreasing[static_cast<std::size_t>(row)];
    std::int64_t level = threshold.out_bias;
    for (std::int64_t t = 0; t < steps; ++t) {
        level += (x >= threshold.thresholds[row * steps + t]) != down ? 1 : 0;
    }
    return level;
}

std::int64_t level_of(const Joined& joined, std::size_t channel, std::int64_t x) {
    const std::int64_t counted = level_of(joined.threshold, channel, x);
    if (!joined.lookup) {
        return counted;
    }
    EXPECT_TRUE(joined.segments[channel].contains(counted));
    const Tensor<std::int64_t>& table = joined.lookup->table;
    const std::int64_t row = table.dim(0) == 1 ? 0 : static_cast<std::int64_t>(channel);
    return table[row * table.dim(1) + counted - joined.lookup->input_lo];
}

// Every combination of values against the model's own arithmetic.
void check_all(const Sum& sum, const Joined& joined) {
    const std::size_t channels = sum.value.base.bias.size();
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::int64_t i = sum.ranges[0][c].lo; i <= sum.ranges[0][c].hi; ++i) {
            for (std::int64_t j = sum.ranges[1][c].lo; j <= sum.ranges[1][c].hi; ++j) {
                std::vector<float> reals(channels, 0.0F);
                reals[c] = static_cast<float>(sum.value.base.terms[0].scale[c] * static_cast<double>(i) +
                                              sum.value.base.terms[1].scale[c] * static_cast<double>(j) +
                                              sum.value.base.bias[c]);
                const float out = run_chain(sum.value.chain, reals, static_cast<std::int64_t>(channels))[c];
                const std::int64_t wanted = std::llround(static_cast<double>(out) / sum.grid.scale[c]);
                const std::int64_t key = joined.multipliers[0][c] * i + joined.multipliers[1][c] * j;
                ASSERT_TRUE(joined.sums[c].contains(key));
                ASSERT_TRUE(joined.output[c].contains(wanted));
                ASSERT_EQ(level_of(joined, c, key), wanted) << "channel " << c << ": " << i << ", " << j;
            }
        }
    }
}

TEST(Join, EqualScalesNeedNoMultipliers) {
    const Sum sum = make_sum({{0.25}, {0.25}}, {0.0}, {{{-15, 15}}, {{0, 31}}}, 0.5F, 5, std::nullopt);
    const Joined joined = join_terms(sum.value, sum.grid, sum.ranges, "q");
    EXPECT_EQ(joined.multipliers[0][0], 1);
    EXPECT_EQ(joined.multipliers[1][0], 1);
    check_all(sum, joined);
}

TEST(Join, IncommensurateScalesAreExactEverywhere) {
    const Sum sum = make_sum({{0.0137, 0.021}, {0.0411, -0.00713}}, {0.05, -0.2}, {{{-31, 31}, {0, 60}}, {{0, 63}, {-50, 13}}},
                             0.11F, 4, ir::UnaryKind::kRelu);
    const Joined joined = join_terms(sum.value, sum.grid, sum.ranges, "q");
    check_all(sum, joined);
}

// Smaller multipliers than the ones found fail: there is no cheaper exact ratio of this form.
TEST(Join, MultipliersAreNoLargerThanNeeded) {
    const Sum sum = make_sum({{0.1}, {0.3000003}}, {0.0}, {{{0, 15}}, {{0, 15}}}, 0.37F, 4, ir::UnaryKind::kRelu);
    const Joined joined = join_terms(sum.value, sum.grid, sum.ranges, "q");
    EXPECT_EQ(joined.multipliers[0][0], 1);
    EXPECT_EQ(joined.multipliers[1][0], 3);
    check_all(sum, joined);
}

// Accumulator-sized operands, spot-checked around every step.
TEST(Join, WideOperands) {
    const Sum sum = make_sum({{0.00031}, {0.00077}}, {0.4}, {{{-9000, 9000}}, {{-5000, 7000}}}, 0.3F, 4, ir::UnaryKind::kRelu);
    const Joined joined = join_terms(sum.value, sum.grid, sum.ranges, "q");
    for (std::int64_t i = -9000; i <= 9000; i += 7) {
        for (int level = 1; level < 16; ++level) {
            const double edge = ((level - 0.5) * 0.3 - 0.4 - 0.00031 * static_cast<double>(i)) / 0.00077;
            for (std::int64_t j = std::llround(edge) - 1; j <= std::llround(edge) + 1; ++j) {
                if (j < -5000 || j > 7000) {
                    continue;
                }
                const auto real = static_cast<float>(0.00031 * static_cast<double>(i) + 0.00077 * static_cast<double>(j) + 0.4);
                const float out = run_chain(sum.value.chain, {real}, 1)[0];
                ASSERT_EQ(level_of(joined.threshold, 0, joined.multipliers[0][0] * i + joined.multipliers[1][0] * j),
                          std::llround(static_cast<double>(out) / static_cast<double>(0.3F)));
            }
        }
    }
}

// HardSwish falls, then rises: the thresholds count segments, a table gives their levels.
TEST(Join, AnActivationWithoutOrder) {
    const Sum sum = make_sum({{0.0537, -0.11}, {0.0811, 0.0713}}, {-1.5, 0.2}, {{{-31, 31}, {0, 60}}, {{0, 63}, {-50, 13}}},
                             0.05F, 6, ir::UnaryKind::kHardSwish);
    const Joined joined = join_terms(sum.value, sum.grid, sum.ranges, "q");
    ASSERT_TRUE(joined.lookup.has_value());
    check_all(sum, joined);
}

TEST(Join, AnActivationWithoutOrderBehindTooManySumsIsRefused) {
    const Sum sum = make_sum({{0.001}, {0.0007}}, {0.0}, {{{-4096, 4095}}, {{-2048, 2047}}}, 0.3F, 4,
                             ir::UnaryKind::kHardSwish);
    try {
        join_terms(sum.value, sum.grid, sum.ranges, "node q (Quant)");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0303: node q (Quant): the activation between an addition of differently scaled values and this "
                     "quantiser neither only rises nor only falls, and there are too many sums to look at each; quantise the "
                     "sum before the activation, or use a monotone activation");
    }
}

TEST(Join, TooManyCombinationsAreRefused) {
    const std::vector<Range> wide{{-3000000, 3000000}};
    const Sum sum = make_sum({{0.001}, {0.0007}, {0.0003}}, {0.0}, {wide, wide, wide}, 0.3F, 4, ir::UnaryKind::kRelu);
    try {
        join_terms(sum.value, sum.grid, sum.ranges, "node q (Quant)");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q0308: node q (Quant): an addition of 3 unquantised values has too many combinations to decide "
                     "exactly; quantise the operands of the addition");
    }
}

}  // namespace
}  // namespace qloom::lower
