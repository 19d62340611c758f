#include "explore/pareto.h"

#include <gtest/gtest.h>

#include <random>

namespace qloom::explore {
namespace {

TEST(Pareto, OnlyWhatNothingBeatsInEverythingStays) {
    EXPECT_EQ(pareto({{0.9, 100.0, 1000.0},    // dearer than the next, and no better
                      {0.9, 100.0, 900.0},     //
                      {0.8, 100.0, 900.0},     // less accurate
                      {0.8, 200.0, 900.0},     // but faster
                      {0.7, 50.0, 100.0}}),    // or cheaper
              (std::vector<bool>{false, true, false, true, true}));
}

TEST(Pareto, TwinsStayBoth) {
    EXPECT_EQ(pareto({{0.5, 1.0, 1.0}, {0.5, 1.0, 1.0}}), (std::vector<bool>{true, true}));
    EXPECT_TRUE(pareto({}).empty());
}

// A point is out exactly when one of the points that stay is better than it.
TEST(Pareto, WhatIsLeftOutIsBeatenBySomethingThatStays) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> any(0, 5);
    for (int round = 0; round < 200; ++round) {
        std::vector<Merit> merits(12);
        for (Merit& it : merits) it = {any(random) * 0.1, any(random) * 1.0, any(random) * 1.0};
        const std::vector<bool> best = pareto(merits);
        for (std::size_t i = 0; i < merits.size(); ++i) {
            bool beaten = false;
            for (std::size_t k = 0; k < merits.size(); ++k) {
                if (!best[k]) continue;
                const double gain = (merits[k].accuracy - merits[i].accuracy) +
                                    (merits[k].fps - merits[i].fps) +
                                    (merits[i].luts - merits[k].luts);
                beaten = beaten || (merits[k].accuracy >= merits[i].accuracy &&
                                    merits[k].fps >= merits[i].fps &&
                                    merits[k].luts <= merits[i].luts && gain > 1e-9);
            }
            EXPECT_EQ(beaten, !best[i]);
        }
    }
}

}  // namespace
}  // namespace qloom::explore
