#include "view/accelerator_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

hw::Accelerator tutorial(std::int64_t ii) {
    return hw::fold(testing::tutorial_network(false),
                    {.board = hw::find_board("pynq-z1"), .target_ii = ii});
}

TEST(AcceleratorJson, NumbersAreTheAccelerators) {
    const hw::Accelerator accelerator = tutorial(98);
    const Json json = accelerator_json(accelerator);
    const Json summary = summary_of(accelerator);
    for (const auto& [key, value] : summary.items()) {
        if (key != "units") {
            EXPECT_EQ(json[key], value) << key;
        }
    }
    double luts = 0.0;
    double bram36 = 0.0;
    ASSERT_EQ(json["units"].size(), accelerator.units.size());
    for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
        const hw::Unit& unit = accelerator.units[i];
        EXPECT_EQ(json["units"][i]["name"], unit.name);
        EXPECT_EQ(json["units"][i]["cycles"], unit.cycles);
        EXPECT_EQ(json["units"][i]["pe"], unit.folding.pe);
        EXPECT_EQ(json["units"][i]["simd"], unit.folding.simd);
        luts += unit.cost.luts;
        bram36 += unit.cost.bram36;
    }
    EXPECT_EQ(json["luts"], std::llround(luts));
    EXPECT_EQ(json["bram36"], bram36);
    EXPECT_DOUBLE_EQ(json["utilisation"]["luts"], luts / 53200.0);
    EXPECT_EQ(json["available"]["dsps"], 220);
    EXPECT_DOUBLE_EQ(json["fps"], 100e6 / json["ii_cycles"].get<double>());
    for (const Json& channel : json["channels"]) {
        EXPECT_LT(channel["from"], static_cast<int>(accelerator.units.size()));
        EXPECT_GT(channel["bits"], 0);
    }
}

// A FIFO is as deep as it must be: what it holds is never above.
TEST(AcceleratorJson, FifoOccupancyStaysBelowTheDepth) {
    int fifos = 0;
    int fullest = 0;
    for (std::uint32_t seed = 1; seed <= 12; ++seed) {
        const testing::RandomDesign design = testing::random_design(seed);
        const Json json = accelerator_json(hw::fold(
            design.network, {.board = hw::find_board("zcu104"), .target_ii = design.target_ii}));
        for (const Json& unit : json["units"]) {
            if (!unit.contains("depth_beats")) continue;
            ++fifos;
            EXPECT_EQ(unit["kind"], "Fifo");
            EXPECT_GE(unit["peak_beats"], 0);
            fullest = std::max(fullest, unit["peak_beats"].get<int>());
            EXPECT_LE(unit["peak_beats"], unit["depth_beats"]);
        }
    }
    EXPECT_GT(fifos, 0);
    EXPECT_GT(fullest, 1);
}

TEST(AcceleratorJson, LimitsAreTheTightestAndTheLoosestTarget) {
    const network::Network network = testing::tutorial_network(false);
    const TargetLimits limits = target_limits(network);
    const hw::Board board = hw::find_board("zcu104");
    EXPECT_EQ(hw::fold(network, {.board = board, .target_ii = limits.fastest_ii}).target_ii,
              limits.fastest_ii);
    if (limits.fastest_ii > 1) {
        EXPECT_EQ(testing::error_of([&] {
                      hw::fold(network, {.board = board, .target_ii = limits.fastest_ii - 1});
                  }).substr(0, 5),
                  "Q0504");
    }
    // 784 x 64 products, one at a time, are the most that any layer can take.
    EXPECT_EQ(limits.slowest_ii, 784 * 64);
}

}  // namespace
}  // namespace qloom::view
