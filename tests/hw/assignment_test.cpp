#include "hw/assignment.h"

#include <gtest/gtest.h>

#include <random>

namespace qloom::hw {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The problem again, in the form in which it is gone through one by one.
struct Plain {
    std::vector<int> sizes;
    std::vector<Factor> factors;
};

struct Best {
    double price = kInfinity;
    Usage usage = {};
};

// Every assignment, every alternative.
Best exhaustive(const Plain& plain, const Usage& weights, const Usage& budgets,
                const std::function<double(const Usage&)>& surcharge = {}) {
    Best best;
    std::vector<int> values(plain.sizes.size(), 0);
    const std::function<void(std::size_t, Usage)> factors = [&](std::size_t f, Usage usage) {
        if (f == plain.factors.size()) {
            for (std::size_t i = 0; i < kUsageKinds; ++i) {
                if (usage[i] > budgets[i] + 1e-9) return;
            }
            const double price = dot(weights, usage) + (surcharge ? surcharge(usage) : 0.0);
            if (price < best.price) best = {price, usage};
            return;
        }
        const Factor& factor = plain.factors[f];
        std::size_t entry = 0;
        for (const int variable : factor.scope) {
            entry = entry * static_cast<std::size_t>(plain.sizes[static_cast<std::size_t>(variable)]) +
                    static_cast<std::size_t>(values[static_cast<std::size_t>(variable)]);
        }
        for (int a = factor.first[entry]; a < factor.first[entry + 1]; ++a) {
            Usage next = usage;
            for (std::size_t i = 0; i < kUsageKinds; ++i)
                next[i] += factor.alternatives[static_cast<std::size_t>(a)][i];
            factors(f + 1, next);
        }
    };
    const std::function<void(std::size_t)> variables = [&](std::size_t v) {
        if (v == values.size()) {
            factors(0, {});
            return;
        }
        for (values[v] = 0; values[v] < plain.sizes[v]; ++values[v]) variables(v + 1);
    };
    variables(0);
    return best;
}

// Chains, rings and meshes of few variables, with forbidden pairs.
Plain random_problem(std::mt19937& random, AssignmentProblem& problem, std::int64_t most_entries) {
    const auto uniform = [&](int lo, int hi) {
        return std::uniform_int_distribution<int>(lo, hi)(random);
    };
    Plain plain;
    const int variables = uniform(2, 5);
    for (int v = 0; v < variables; ++v) {
        plain.sizes.push_back(uniform(1, 4));
        problem.add_variable(plain.sizes.back());
    }
    const auto add = [&](std::vector<int> scope, int most_alternatives, bool forbids) {
        Factor factor{.scope = std::move(scope), .first = {0}, .alternatives = {}};
        std::size_t entries = 1;
        for (const int v : factor.scope)
            entries *= static_cast<std::size_t>(plain.sizes[static_cast<std::size_t>(v)]);
        for (std::size_t e = 0; e < entries; ++e) {
            const int count = forbids && uniform(0, 4) == 0 ? 0 : uniform(1, most_alternatives);
            for (int a = 0; a < count; ++a) {
                factor.alternatives.push_back({uniform(0, 20) * 1.0, uniform(0, 20) * 1.0,
                                               uniform(0, 8) * 0.5, uniform(0, 6) * 1.0});
            }
            factor.first.push_back(static_cast<int>(factor.alternatives.size()));
        }
        plain.factors.push_back(factor);
        problem.add_factor(factor);
    };
    for (int v = 0; v < variables; ++v) add({v}, 2, false);
    for (int v = 0; v + 1 < variables; ++v) add({v, v + 1}, 2, true);
    if (variables > 2 && uniform(0, 1) == 1) add({0, variables - 1}, 1, false);
    if (variables > 3 && uniform(0, 1) == 1) add({1, variables - 1}, 1, false);
    problem.prepare(most_entries);
    return plain;
}

class Assignments : public ::testing::TestWithParam<std::int64_t> {};

// 1,000,000: exact tables. 6: tables that must be split.
TEST_P(Assignments, TheCheapestIsThatOfExhaustiveSearch) {
    std::mt19937 random(1);
    const Usage weights{1.0, 0.05, 130.0, 60.0};
    int impossible = 0;
    for (int round = 0; round < 150; ++round) {
        AssignmentProblem problem;
        const Plain plain = random_problem(random, problem, GetParam());
        const Best best = exhaustive(plain, weights, kNoLimit);
        const SearchResult found = problem.search({.weights = weights});
        ASSERT_EQ(found.best.has_value(), best.price != kInfinity) << round;
        EXPECT_TRUE(found.is_proven);
        if (!found.best) {
            ++impossible;
            continue;
        }
        EXPECT_NEAR(found.price, best.price, 1e-6) << round;
        EXPECT_NEAR(found.lower_bound, best.price, 1e-6) << round;
    }
    EXPECT_LT(impossible, 75);
}

TEST_P(Assignments, BudgetsAreKeptAndTheCheapestOfThoseIsFound) {
    std::mt19937 random(2);
    const Usage weights{1.0, 0.05, 13.0, 6.0};
    int bound = 0;
    int impossible = 0;
    for (int round = 0; round < 400; ++round) {
        AssignmentProblem problem;
        const Plain plain = random_problem(random, problem, GetParam());
        const Best free = exhaustive(plain, weights, kNoLimit);
        if (free.price == kInfinity) continue;
        // A little, or a lot, less than the cheapest uses.
        Usage budgets = kNoLimit;
        for (std::size_t i = 0; i < kUsageKinds; ++i) {
            if (std::uniform_int_distribution<int>(0, 1)(random) == 1) {
                budgets[i] = std::floor(
                    free.usage[i] * std::uniform_real_distribution<double>(0.4, 1.1)(random));
            }
        }
        const Best best = exhaustive(plain, weights, budgets);
        const SearchResult found = problem.search({.weights = weights, .budgets = budgets});
        EXPECT_TRUE(found.is_proven) << round;
        ASSERT_EQ(found.best.has_value(), best.price != kInfinity) << round;
        if (!found.best) {
            ++impossible;
            EXPECT_TRUE(found.closest.has_value() || !problem.is_exact());
            continue;
        }
        EXPECT_NEAR(found.price, best.price, 1e-6) << round;
        for (std::size_t i = 0; i < kUsageKinds; ++i)
            EXPECT_LE(found.best->usage[i], budgets[i] + 1e-6);
        if (best.price > free.price) ++bound;
    }
    EXPECT_GT(bound, 40);
    EXPECT_GT(impossible, 20);
}

TEST_P(Assignments, WhatIsKnownOnlyOfWholeAssignmentsCounts) {
    std::mt19937 random(3);
    const Usage weights{1.0, 1.0, 1.0, 1.0};
    const auto surcharge = [](const Usage& usage) {
        return static_cast<double>(static_cast<int>(usage[0]) % 7) * 3.0;
    };
    for (int round = 0; round < 100; ++round) {
        AssignmentProblem problem;
        const Plain plain = random_problem(random, problem, GetParam());
        const Best best = exhaustive(plain, weights, kNoLimit, surcharge);
        const SearchResult found = problem.search(
            {.weights = weights,
             .surcharge = [&](const Assignment& it) { return surcharge(it.usage); },
             .most_surcharges = 1'000'000});
        ASSERT_EQ(found.best.has_value(), best.price != kInfinity) << round;
        if (found.best) {
            EXPECT_NEAR(found.price, best.price, 1e-6) << round;
        }
    }
}

TEST_P(Assignments, AnyIsOneThatKeepsTheBudgets) {
    std::mt19937 random(4);
    const Usage weights{1.0, 0.0, 1.0, 1.0};
    for (int round = 0; round < 100; ++round) {
        AssignmentProblem problem;
        const Plain plain = random_problem(random, problem, GetParam());
        const Usage budgets{40.0, 40.0, 8.0, 12.0};
        const Best best = exhaustive(plain, weights, budgets);
        const SearchResult found =
            problem.search({.weights = weights, .budgets = budgets, .any = true});
        ASSERT_EQ(found.best.has_value(), best.price != kInfinity) << round;
        if (!found.best) continue;
        for (std::size_t i = 0; i < kUsageKinds; ++i)
            EXPECT_LE(found.best->usage[i], budgets[i] + 1e-6);
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, Assignments, ::testing::Values(1'000'000, 6));

TEST(AssignmentProblem, AnotherPickChangesTheValuesItStandsFor) {
    AssignmentProblem problem;
    problem.add_variable(2);
    problem.add_variable(3);
    Factor layer{.scope = {0, 1}, .first = {0, 1, 1, 2, 4, 5, 6}, .alternatives = {}};
    for (int a = 0; a < 6; ++a) layer.alternatives.push_back({a * 1.0, 0.0, 0.0, 0.0});
    Factor unary{.scope = {1}, .first = {0, 1, 2, 3},
                 .alternatives = {{10.0, 0, 0, 0}, {20.0, 0, 0, 0}, {30.0, 0, 0, 0}}};
    const int first = problem.add_factor(layer);
    problem.add_factor(unary);
    problem.prepare();
    const Assignment start = *problem.cheapest({1.0, 0.0, 0.0, 0.0});
    EXPECT_EQ(start.usage[0], 10.0);  // alternative 0 at (0, 0)
    const Assignment other = problem.with_pick(start, first, 1);  // at (0, 2)
    EXPECT_EQ(other.values, (std::vector<int>{0, 2}));
    EXPECT_EQ(other.usage[0], 31.0);
    EXPECT_EQ(problem.with_pick(other, first, 3).values, (std::vector<int>{1, 0}));
    EXPECT_EQ(problem.with_pick(other, first, 3).usage[0], 13.0);
}

}  // namespace
}  // namespace qloom::hw
