// What is chosen against going through every folding of every layer.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/diagnostic.h"
#include "hw/fold.h"
#include "hw/fold_choice.h"
#include "hw/fold_space.h"
#include "hw/prepare.h"
#include "hw/random_network.h"
#include "hw/registry.h"
#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;
using qloom::testing::NetworkBuilder;
using qloom::testing::tutorial_network;

// Prices of the board as the documentation states them: a third of the LUTs' share.
Prices documented_prices(const Board& board) {
    return {.ff = 0.05,
            .bram36 = static_cast<double>(board.luts) / static_cast<double>(board.bram36) / 3.0,
            .dsp = static_cast<double>(board.luts) / static_cast<double>(board.dsps) / 3.0};
}

Diagnostic refusal_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.diagnostic();
    }
    return {.code = Code{0}, .where = "", .what = "no error", .advice = ""};
}

struct Best {
    double price = std::numeric_limits<double>::infinity();
    Resources total;
};

// Every legal folding of every layer that meets the target, with its converters, forks, ports and
// FIFOs; memories by the board's prices, or in `thorough` by each of three.
Best exhaustive(const Network& given, const FoldOptions& options, const Resources* limits,
                bool thorough) {
    const Network network = hardware_form(given);
    const Prices prices = documented_prices(options.board);
    std::vector<Prices> ways{prices};
    if (thorough) {
        ways.push_back(prices);
        ways.back().bram36 = 1e9;
        ways.push_back(prices);
        ways.back().bram36 = 1e-3;
    }
    Best best;
    Plan plan;
    plan.prices = prices;
    plan.foldings.assign(network.layers.size(), Folding{});
    plan.layer_prices.assign(network.layers.size(), prices);
    const std::function<void(std::size_t)> choose = [&](std::size_t i) {
        if (i == network.layers.size()) {
            choose_ports(network, *options.target_ii, options, plan);
            Plan whole = plan;
            if (prices.of(assemble(network, whole).total()) >= best.price) return;
            choose_fifos(network, whole);
            const Resources total = assemble(network, whole).total();
            if (limits != nullptr &&
                (total.luts > limits->luts + 1e-6 || total.bram36 > limits->bram36 + 1e-6))
                return;
            if (prices.of(total) < best.price) best = {prices.of(total), total};
            return;
        }
        const network::Layer& layer = network.layers[i];
        if (std::holds_alternative<network::Reshape>(layer.kind)) return choose(i + 1);
        const LayerView view{network, layer};
        const UnitModel& model = unit_model(layer.kind);
        if (model.leader(view) != nullptr) return choose(i + 1);
        for (const Folding folding : model.legal_foldings(view)) {
            if (model.cycles(view, folding) > *options.target_ii) continue;
            plan.foldings[i] = folding;
            for (const Prices& way : ways) {
                plan.layer_prices[i] = way;
                choose(i + 1);
            }
        }
    };
    choose(0);
    return best;
}

// Whether a layer's weights become logic is decided before foldings are chosen: not the subject here.
FoldingFile weights_in_memories(const Network& network) {
    FoldingFile file;
    for (const network::Layer& layer : network.layers) {
        if (std::holds_alternative<network::MatrixVector>(layer.kind))
            file.constant[layer.name] = false;
    }
    return file;
}

Network chain() {
    NetworkBuilder build(3);
    auto x = build.input("x", {12}, {0, 15});
    x = build.threshold(build.dense(x, 8, {-2, 1}), 3);
    return build.finish({build.dense(x, 6, {-2, 1})});
}

// Branches of different length that join.
Network diamond() {
    NetworkBuilder build(4);
    auto x = build.input("x", {6}, {0, 15});
    x = build.threshold(build.dense(x, 4, {-2, 1}), 3);
    const auto y = build.threshold(build.dense(x, 4, {-2, 1}), 3);
    return build.finish({build.add({x, y}, {1, 1})});
}

// Windows are folded with the pooling that reads them.
Network pooled() {
    NetworkBuilder build(5);
    auto x = build.input("x", {6, 6, 2}, {0, 7});
    x = build.windows(x, {{.kernel = 2, .stride = 2}, {.kernel = 2, .stride = 2}});
    x = build.window_max(x, 4);
    return build.finish({build.dense(x, 4, {-2, 1})});
}

TEST(BestFold, TheCheapestIsThatOfExhaustiveSearch) {
    struct Case {
        const char* name;
        Network network;
        std::vector<std::int64_t> targets;
    };
    const std::vector<Case> cases{{"chain", chain(), {1, 4, 12, 50}},
                                  {"diamond", diamond(), {1, 3, 8, 30}},
                                  {"pooled", pooled(), {36, 72, 300}}};
    for (const Case& it : cases) {
        for (const std::int64_t target : it.targets) {
            SCOPED_TRACE(std::string(it.name) + " at " + std::to_string(target));
            const FoldOptions options{.board = find_board("pynq-z1"),
                                      .target_ii = target,
                                      .folding = weights_in_memories(it.network),
                                      .slack = 0.0};
            const Accelerator accelerator = fold(it.network, options);
            const Best best = exhaustive(it.network, options, nullptr, false);
            const Prices prices = documented_prices(options.board);
            EXPECT_NEAR(prices.of(accelerator.total()), best.price, 1e-6);
            ASSERT_TRUE(accelerator.decision);
            EXPECT_TRUE(accelerator.decision->is_cheapest);
            EXPECT_NEAR(accelerator.decision->price, best.price, 1e-6);
        }
    }
}

TEST(BestFold, TheCheapestWithinTheBoardIsThatOfExhaustiveSearch) {
    NetworkBuilder build(7);
    auto x = build.input("x", {6}, {0, 15});
    x = build.threshold(build.dense(x, 4, {-8, 7}), 3);
    const Network network = build.finish({build.dense(x, 2, {-8, 7})});
    for (const std::int64_t target : {4, 24}) {
        FoldOptions options{.board = find_board("pynq-z1"),
                            .target_ii = target,
                            .folding = weights_in_memories(network),
                            .most_dsps = 0,
                            .slack = 0.0};
        const Accelerator free = fold(network, options);
        for (const double share : {0.6, 0.8, 0.9, 0.97}) {
            SCOPED_TRACE(std::to_string(share) + " at " + std::to_string(target));
            options.most_luts = static_cast<std::int64_t>(free.total().luts * share);
            const Resources limits{static_cast<double>(*options.most_luts), 0.0,
                                   static_cast<double>(options.board.bram36), 0.0};
            const Best best = exhaustive(network, options, &limits, true);
            if (best.price == std::numeric_limits<double>::infinity()) {
                EXPECT_EQ(refusal_of([&] { fold(network, options); }).code, code::kDoesNotFit);
                continue;
            }
            const Accelerator accelerator = fold(network, options);
            EXPECT_LE(accelerator.total().luts, static_cast<double>(*options.most_luts));
            EXPECT_NEAR(documented_prices(options.board).of(accelerator.total()), best.price, 1e-6);
        }
    }
}

TEST(BestFold, TheSumOfTheChoicesIsWhatTheAcceleratorCosts) {
    // The surcharge of FIFOs is what an accelerator costs beyond the bound: never less than nothing.
    for (std::uint32_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        const auto design = seed % 2 == 0 ? qloom::testing::random_design(seed)
                                          : qloom::testing::random_convolutions(seed);
        const Accelerator accelerator =
            fold(design.network, {.board = find_board("zcu104"), .target_ii = design.target_ii});
        ASSERT_TRUE(accelerator.decision);
        Resources fifos;
        for (const Unit& unit : accelerator.units) {
            if (unit.module == Module::kFifo) fifos += unit.cost;
        }
        const Decision& decision = *accelerator.decision;
        EXPECT_GE(decision.price + 1e-6, decision.lower_bound);
        const double without =
            decision.price - documented_prices(accelerator.board).of(fifos);
        EXPECT_GE(without * (1.0 + 1e-9) + 1e-6, decision.lower_bound - 1e-6 -
                  documented_prices(accelerator.board).of(fifos));
        EXPECT_LE(without, 1.05 * decision.lower_bound + 1e-6);
    }
}

// Where neither block RAM nor LUTs suffice for all memories, some go here and some there.
TEST(BestFold, ScarceBlockRamIsSharedOut) {
    NetworkBuilder build(6);
    auto x = build.input("x", {64}, {0, 15});
    for (int layer = 0; layer < 4; ++layer)
        x = build.threshold(build.dense(x, layer == 1 ? 256 : 64, {-8, 7}), 3);
    const Network network = build.finish({x});
    FoldOptions options{.board = find_board("pynq-z1"), .target_ii = 4096};
    const Resources in_blocks = fold(network, options).total();
    ASSERT_GE(in_blocks.bram36, 4.0);
    options.board.bram36 = 0;
    const Resources in_luts = fold(network, options).total();
    EXPECT_EQ(in_luts.bram36, 0.0);
    options.board.bram36 = static_cast<std::int64_t>(in_blocks.bram36 * 0.75);
    options.board.luts = static_cast<std::int64_t>((in_luts.luts + in_blocks.luts) / 2.0);
    options.must_fit = true;
    const Resources both = fold(network, options).total();
    EXPECT_LE(both.bram36, static_cast<double>(options.board.bram36));
    EXPECT_LE(both.luts, static_cast<double>(options.board.luts));
    EXPECT_GT(both.bram36, 0.0);
}

TEST(BestFold, TheHighestRateFitsAndTheNextDoesNot) {
    const Network network = tutorial_network(false);
    const Board board = find_board("zybo-z7-10");
    const Accelerator fastest = fold(network, {.board = board, .max_rate = true});
    ASSERT_TRUE(fastest.decision);
    EXPECT_LE(fastest.total().luts, 0.8 * static_cast<double>(board.luts));
    EXPECT_LE(fastest.total().bram36, 0.8 * static_cast<double>(board.bram36));
    ASSERT_TRUE(fastest.decision->next);
    EXPECT_FALSE(fastest.decision->next->fits);
    EXPECT_EQ(fastest.decision->binding, fastest.decision->next->lacks);
    EXPECT_GT(fastest.decision->next->by, 0.0);
    const Diagnostic refused = refusal_of([&] {
        fold(network, {.board = board,
                       .target_ii = fastest.decision->next->ii_cycles,
                       .headroom = 0.2,
                       .must_fit = true});
    });
    EXPECT_EQ(refused.code, code::kDoesNotFit);
    // The message names the rate that was found.
    EXPECT_NE(refused.advice.find(std::to_string(fastest.target_ii) + " cycles a frame"),
              std::string::npos)
        << refused.advice;
    // More headroom, a lower rate; and that of no headroom is at least as high.
    const Accelerator roomy = fold(network, {.board = board, .max_rate = true, .headroom = 0.5});
    EXPECT_GT(roomy.target_ii, fastest.target_ii);
    const Accelerator full = fold(network, {.board = board, .max_rate = true, .headroom = 0.0});
    EXPECT_LE(full.target_ii, fastest.target_ii);
}

TEST(BestFold, TheHighestRateOfAllNeedsNoMoreThanEveryLayerUnrolled) {
    const Accelerator accelerator =
        fold(chain(), {.board = find_board("pynq-z1"), .max_rate = true});
    EXPECT_EQ(accelerator.ii_cycles, 1);
    EXPECT_FALSE(accelerator.decision->next);
}

TEST(BestFold, ANextStepCostsWhatFoldingForItCosts) {
    const Network network = chain();
    const Board board = find_board("pynq-z1");
    const Accelerator now = fold(network, {.board = board, .target_ii = 24, .slack = 0.0});
    ASSERT_TRUE(now.decision && now.decision->next);
    const Accelerator next = fold(
        network, {.board = board, .target_ii = now.decision->next->ii_cycles, .slack = 0.0});
    EXPECT_NEAR(now.decision->next->more.luts, next.total().luts - now.total().luts, 1e-6);
    EXPECT_NEAR(now.decision->next->more.bram36, next.total().bram36 - now.total().bram36, 1e-6);
    EXPECT_LT(now.decision->next->ii_cycles, now.ii_cycles);
}

TEST(BestFold, DspsCanBeForbidden) {
    const Accelerator accelerator = fold(
        tutorial_network(false), {.board = find_board("pynq-z1"), .target_ii = 784, .most_dsps = 0});
    EXPECT_EQ(accelerator.total().dsps, 0.0);
}

TEST(BestFold, ALatencyIsReachedOrRefused) {
    const Network network = chain();
    const Board board = find_board("pynq-z1");
    const Accelerator free = fold(network, {.board = board, .target_ii = 48});
    const double free_us = static_cast<double>(free.latency_cycles) / free.clock_mhz;
    const Accelerator quick =
        fold(network, {.board = board, .target_ii = 48, .most_latency_us = free_us * 0.6});
    EXPECT_LE(static_cast<double>(quick.latency_cycles), 0.6 * static_cast<double>(free.latency_cycles));
    EXPECT_GE(quick.total().luts, free.total().luts);
    const Diagnostic refused = refusal_of([&] {
        fold(network, {.board = board, .target_ii = 48, .most_latency_us = 0.01});
    });
    EXPECT_EQ(refused.code, code::kTargetUnreachable);
    EXPECT_EQ(refused.where, "latency");
    EXPECT_EQ(refused.what,
              "no folding was found that answers within 0.01 us (1 cycle at 100 MHz)");
}

TEST(BestFold, WhatDoesNotFitSaysWhatIsMissing) {
    const Diagnostic refused = refusal_of([&] {
        fold(tutorial_network(false),
             {.board = find_board("pynq-z1"), .target_ii = 98, .most_luts = 3000});
    });
    EXPECT_EQ(refused.code, code::kDoesNotFit);
    EXPECT_EQ(refused.where, "target of 98 cycles a frame");
    EXPECT_THAT(refused.what, ::testing::MatchesRegex("needs at least [0-9]+ LUTs, and 3000 may be "
                                                      "used: [0-9]+ \\([0-9]+ %\\) too many"));
    EXPECT_THAT(refused.advice,
                ::testing::MatchesRegex("the best that fits is [0-9]+ cycles a frame, [0-9]+ "
                                        "frames/s at 100 MHz"));
}

TEST(BestFold, LimitsThatMakeNoSenseAreRefused) {
    const Network network = chain();
    const auto what = [&](FoldOptions options) {
        options.board = find_board("pynq-z1");
        options.target_ii = 12;
        const Diagnostic refused = refusal_of([&] { fold(network, options); });
        EXPECT_EQ(refused.code, code::kTargetBad);
        return refused.what;
    };
    EXPECT_EQ(what({.headroom = 1.0}), "a headroom of 100 % leaves nothing");
    EXPECT_EQ(what({.most_luts = 0}), "0 LUTs are none");
    EXPECT_EQ(what({.most_dsps = -1}), "-1 DSP blocks make no sense");
    EXPECT_EQ(what({.most_latency_us = -2.0}), "a latency of -2 us makes no sense");
    EXPECT_EQ(what({.slack = -0.5}), "a slack of -0.5 makes no sense");
    EXPECT_EQ(what({.max_rate = true}), "a rate and the highest rate are asked for");
}

TEST(BestFold, TheReportSaysWhatDecided) {
    const Accelerator accelerator =
        fold(tutorial_network(false), {.board = find_board("pynq-z1"), .target_ii = 98});
    const std::vector<std::string> lines = explain(accelerator);
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_THAT(lines[0], ::testing::StartsWith("cost: worth "));
    EXPECT_THAT(lines[1], ::testing::MatchesRegex("fullest: .*% of the [0-9]+ that may be used"));
    EXPECT_THAT(lines[2], ::testing::StartsWith("slowest: s_axis_0, fc1"));
    EXPECT_THAT(lines[3], ::testing::MatchesRegex("next step: a frame every [0-9]+ cycles "
                                                  "\\([0-9]+ frames/s\\) costs .*"));
}

}  // namespace
}  // namespace qloom::hw
