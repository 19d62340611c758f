#include "view/streams_json.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "hw/fold.h"
#include "hw/random_network.h"
#include "hw/stream_model.h"
#include "view/accelerator_json.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

// In the steady state every channel moves its beats once a frame; what is left of the cycles is waiting.
TEST(StreamsJson, SharesAreTheBeatsOfAFrame) {
    for (const std::int64_t ii : {98, 392}) {
        const hw::Accelerator accelerator =
            hw::fold(testing::tutorial_network(false),
                     {.board = hw::find_board("pynq-z1"), .target_ii = ii});
        const Json json = streams_json(accelerator);
        EXPECT_EQ(json["frames"], 3);
        EXPECT_EQ(json["complete"], true);
        const auto timing = hw::run_streams(accelerator, {.frames = 20});
        EXPECT_EQ(json["cycles"], timing.frame_ends[2] + 1);
        ASSERT_EQ(json["channels"].size(), accelerator.channels.size());
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
            const Json& channel = json["channels"][i];
            const double sum = channel["moves"].get<double>() + channel["waits"].get<double>() +
                               channel["starves"].get<double>();
            EXPECT_LE(sum, 1.0 + 1e-9);
            EXPECT_EQ(channel["wave"].get<std::string>().size(), json["wave_cycles"]);
        }
        // Two frames pass every channel after the first one is out: a beat more or less where that cuts a frame.
        const double cycles = static_cast<double>(timing.frame_ends[2] - timing.frame_ends[0]);
        EXPECT_EQ(cycles, 2.0 * static_cast<double>(accelerator.ii_cycles));
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
            EXPECT_NEAR(json["channels"][i]["moves"].get<double>() * cycles,
                        2.0 * static_cast<double>(accelerator.channels[i].beats), 1.0 + 1e-9);
        }
    }
}

// The waves are the wires: a beat moves into the accelerator in the cycle that the stream model calls its first.
TEST(StreamsJson, WavesBeginWithTheFirstBeat) {
    const hw::Accelerator accelerator = hw::fold(
        testing::tutorial_network(false), {.board = hw::find_board("pynq-z1"), .target_ii = 98});
    const Json json = streams_json(accelerator);
    const auto first = std::ranges::find_if(
        accelerator.channels, [](const hw::Channel& c) { return c.from.unit == hw::Endpoint::kTop; });
    const auto wave = json["channels"][static_cast<std::size_t>(first - accelerator.channels.begin())]["wave"]
                          .get<std::string>();
    EXPECT_EQ(static_cast<std::int64_t>(wave.find('3')),
              hw::run_streams(accelerator, {.frames = 1}).first_accept);
}

// The fill that is drawn has the peak that the stream model reports, and never more than the depth.
TEST(StreamsJson, FifosFillToTheirPeak) {
    int fifos = 0;
    for (std::uint32_t seed = 1; seed <= 12; ++seed) {
        const testing::RandomDesign design = testing::random_design(seed);
        const hw::Accelerator accelerator = hw::fold(
            design.network, {.board = hw::find_board("zcu104"), .target_ii = design.target_ii});
        const auto peaks = hw::run_streams(accelerator, {.frames = 20}).fifo_peaks;
        const Json json = streams_json(accelerator);
        for (const Json& fifo : json["fifos"]) {
            ++fifos;
            const auto unit = fifo["unit"].get<std::size_t>();
            const auto most = fifo["most"].get<std::vector<std::int64_t>>();
            ASSERT_FALSE(most.empty());
            EXPECT_LE(most.size(), 240U);
            EXPECT_LE(*std::ranges::max_element(most), peaks[unit]) << seed;
            EXPECT_GE(*std::ranges::max_element(most), peaks[unit] - 1) << seed;
            EXPECT_LE(*std::ranges::max_element(most), accelerator.units[unit].integer("Depth"));
            const auto spans = static_cast<std::int64_t>(most.size());
            const std::int64_t span = fifo["span_cycles"];
            EXPECT_GE(spans * span, json["cycles"].get<std::int64_t>());
            EXPECT_LT((spans - 1) * span, json["cycles"].get<std::int64_t>());
        }
    }
    EXPECT_GT(fifos, 0);
}

}  // namespace
}  // namespace qloom::view
