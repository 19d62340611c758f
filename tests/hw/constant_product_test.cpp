// Constant matrices as additions, against plain products; the numbers of LUTs where they are known.

#include <gtest/gtest.h>

#include <random>

#include "hw/adder_count.h"
#include "hw/adder_pipeline.h"
#include "hw/adder_sharing.h"
#include "hw/constant_product.h"

namespace qloom::hw {
namespace {

struct Case {
    std::int64_t rows;
    std::int64_t columns;
    IntType input;
    Range weights;
    bool is_xnor = false;
    bool no_zero = false;
};

class Products : public ::testing::Test {
protected:
    std::int64_t uniform(Range range) {
        return std::uniform_int_distribution<std::int64_t>(range.lo, range.hi)(random_);
    }

    Tensor<std::int32_t> weights_of(const Case& c) {
        Tensor<std::int32_t> weights({c.rows, c.columns});
        for (std::int32_t& w : weights) {
            do {
                w = static_cast<std::int32_t>(uniform(c.weights));
            } while (c.no_zero && w == 0);
        }
        return weights;
    }

    static std::vector<std::int64_t> product(const Case& c, const Tensor<std::int32_t>& weights,
                                             const std::vector<std::int64_t>& x) {
        std::vector<std::int64_t> y;
        for (std::int64_t m = 0; m < c.rows; ++m) {
            std::int64_t sum = 0;
            for (std::int64_t k = 0; k < c.columns; ++k) {
                const std::int64_t w = weights[m * c.columns + k];
                const std::int64_t value = x[static_cast<std::size_t>(k)];
                sum += c.is_xnor ? (w == value ? 1 : 0) : w * value;
            }
            y.push_back(sum);
        }
        return y;
    }

    // Every plan, on random vectors, and on those that make each row largest and smallest.
    void check(const Case& c) {
        const Tensor<std::int32_t> weights = weights_of(c);
        const Range range = c.input.range();
        for (std::int64_t group = 0; group <= c.rows; ++group) {
            std::int64_t used = group;
            const AdderGraph graph =
                constant_product({weights, c.input, range, c.is_xnor}, used);
            std::vector<std::int64_t> x(static_cast<std::size_t>(c.columns));
            for (int trial = 0; trial < 20; ++trial) {
                for (std::int64_t& value : x) value = uniform(range);
                ASSERT_EQ(graph.evaluate(x), product(c, weights, x)) << "group " << group;
            }
            for (std::int64_t row = 0; row < c.rows; ++row) {
                for (const bool most : {false, true}) {
                    for (std::int64_t k = 0; k < c.columns; ++k) {
                        const std::int64_t w = weights[row * c.columns + k];
                        const bool up = c.is_xnor ? w == 1 : w > 0;
                        x[static_cast<std::size_t>(k)] = up == most ? range.hi : range.lo;
                    }
                    const std::vector<std::int64_t> y = graph.evaluate(x);
                    ASSERT_EQ(y, product(c, weights, x));
                    // The node's bounds are reached: a bit less would not hold the sum.
                    const AdderResult& result = graph.results[static_cast<std::size_t>(row)];
                    if (result.term.is_zero()) continue;
                    const Range bounds = graph.range_of(result.term);
                    EXPECT_EQ(y[static_cast<std::size_t>(row)] - result.offset,
                              most ? bounds.hi : bounds.lo)
                        << "group " << group << " row " << row;
                }
            }
        }
    }

    std::mt19937 random_{7};
};

TEST_F(Products, EqualThePlainOnes) {
    check({4, 9, {1, false}, {0, 1}, true});
    check({7, 40, {1, false}, {0, 1}, true});
    check({6, 23, {1, false}, {-1, 1}});
    check({5, 17, {2, true}, {-1, 1}, false, true});
    check({6, 12, {4, false}, {-8, 7}});
    check({3, 20, {8, false}, {-4, 3}});
    check({5, 8, {6, true}, {-32, 31}});
    check({4, 6, {8, true}, {-128, 127}});
    check({1, 1, {3, true}, {-5, 5}});
    check({3, 5, {4, false}, {0, 0}});
}

// Four rows of plus and minus one tell eight kinds of columns apart.
TEST_F(Products, GroupsOfRowsShareTheirColumns) {
    const Tensor<std::int32_t> weights = weights_of({64, 256, {1, false}, {0, 1}});
    const auto luts = [&](std::int64_t group) {
        return constant_product({weights, {1, false}, {0, 1}, true}, group).luts();
    };
    const double alone = luts(1);
    EXPECT_NEAR(alone / (64.0 * 256.0), 0.75, 0.1);  // a row by itself: that many LUTs a weight
    EXPECT_LT(luts(4), 0.4 * alone);
    std::int64_t chosen = 0;
    EXPECT_LE(constant_product({weights, {1, false}, {0, 1}, true}, chosen).luts(),
              std::min(luts(3), luts(4)));
    EXPECT_GE(chosen, 3);
}

TEST_F(Products, ZerosAndEqualRowsCostNothing) {
    Tensor<std::int32_t> weights({3, 16}, 0);
    for (const std::int64_t k : {1, 5, 6}) weights[k] = weights[16 + k] = 3;
    for (const std::int64_t k : {1, 5, 6}) weights[32 + k] = -12;
    std::int64_t group = 0;
    const AdderGraph graph = constant_product({weights, {4, false}, {0, 15}}, group);
    // One sum of three inputs, 4 and 5 positions at most, and three times that, 6.
    EXPECT_LE(graph.luts(), 16.0);
    std::vector<std::int64_t> x(16, 9);
    x[1] = 7;
    x[5] = 15;
    x[6] = 2;
    EXPECT_EQ(graph.evaluate(x), (std::vector<std::int64_t>{72, 72, -288}));
}

// Chains of constants by the fewest adders, as exhaustive search knows them: 3, 5, 7, 9 take one,
// 11, 13, 45 two.
TEST_F(Products, SingleConstantsTakeTheKnownNumberOfAdders) {
    const auto adders = [](std::int64_t constant) {
        AdderGraph graph(1, {4, false}, {0, 15});
        const std::vector<AdderTerm> y = shared_sums(graph, {{0, 0, false}}, {{constant}});
        EXPECT_EQ(graph.range_of(y[0]), (Range{0, 15 * constant}));
        return graph.nodes().size() - 1;
    };
    for (const std::int64_t constant : {1, 2, 64}) EXPECT_EQ(adders(constant), 0U) << constant;
    for (const std::int64_t constant : {3, 5, 7, 9, 24}) EXPECT_EQ(adders(constant), 1U) << constant;
    for (const std::int64_t constant : {11, 13, 19, 45, 51})
        EXPECT_EQ(adders(constant), 2U) << constant;
}

TEST_F(Products, DigitsAreSignedAndNoTwoAreNeighbours) {
    for (std::int64_t value = -300; value <= 300; ++value) {
        std::int64_t sum = 0;
        int last = -2;
        for (const SignedDigit digit : signed_digits(value)) {
            EXPECT_GT(digit.shift, last + 1);
            last = digit.shift;
            sum += (digit.negative ? -1 : 1) * (std::int64_t{1} << digit.shift);
        }
        EXPECT_EQ(sum, value);
    }
}

// All words of up to 14 bits, and what each count costs.
TEST_F(Products, BitsAreCountedExhaustively) {
    for (std::size_t n = 1; n <= 14; ++n) {
        AdderGraph graph(static_cast<std::int64_t>(n), {1, false}, {0, 1});
        std::vector<AdderBit> bits;
        for (std::size_t i = 0; i < n; ++i)
            bits.push_back({static_cast<int>(i), 0, i % 3 == 1});
        graph.results.push_back({count_bits(graph, bits), 0});
        std::vector<std::int64_t> x(n);
        for (std::uint32_t word = 0; word < 1U << n; ++word) {
            std::int64_t count = 0;
            for (std::size_t i = 0; i < n; ++i) {
                x[i] = (word >> i) & 1U;
                count += i % 3 == 1 ? 1 - x[i] : x[i];
            }
            ASSERT_EQ(graph.evaluate(x)[0], count);
        }
    }
    EXPECT_EQ(count_luts(6), 3.0);   // a table a bit
    EXPECT_EQ(count_luts(12), 6.0);  // five more and a carry in the adder's own LUTs
    EXPECT_LE(count_luts(98) / 98.0, 0.8);
}

TEST_F(Products, PipelinesKeepTheirLevels) {
    const Tensor<std::int32_t> weights = weights_of({8, 60, {1, false}, {0, 1}});
    std::int64_t group = 3;
    const AdderGraph graph = constant_product({weights, {1, false}, {0, 1}, true}, group);
    const std::vector<bool> merged = graph.merged_counts();
    for (const int levels : {1, 2, 4}) {
        const AdderPipeline pipeline = pipelined(graph, levels, 0);
        std::vector<int> level(graph.nodes().size(), 0);
        for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
            const AdderNode& node = graph.nodes()[i];
            std::vector<int> reads;
            for (const AdderBit bit : node.bits) reads.push_back(bit.node);
            if (node.kind == AdderNode::Kind::kSum) {
                reads.insert(reads.end(), {node.left, node.right});
                if (node.carry.node >= 0) reads.push_back(node.carry.node);
            }
            for (const int id : reads) {
                const auto k = static_cast<std::size_t>(id);
                EXPECT_LE(pipeline.stage[k], pipeline.stage[i]);
                EXPECT_GE(pipeline.last[k], pipeline.stage[i]);
                if (pipeline.stage[k] == pipeline.stage[i])
                    level[i] = std::max(level[i], level[k]);
            }
            const bool has_logic = node.kind != AdderNode::Kind::kInput && !merged[i] &&
                                   (node.kind == AdderNode::Kind::kSum || node.bits.size() > 1);
            level[i] += has_logic ? 1 : 0;
            EXPECT_LE(level[i], levels);
        }
    }
}

}  // namespace
}  // namespace qloom::hw
