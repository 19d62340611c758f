#include "base/progress.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace qloom {
namespace {

TEST(Progress, DurationsReadWell) {
    EXPECT_EQ(duration_text(0.04), "0.0 s");
    EXPECT_EQ(duration_text(9.94), "9.9 s");
    EXPECT_EQ(duration_text(9.96), "10 s");
    EXPECT_EQ(duration_text(59.6), "1 min 00 s");
    EXPECT_EQ(duration_text(200), "3 min 20 s");
    EXPECT_EQ(duration_text(7500), "2 h 05 min");
}

TEST(Progress, BarShowsShareDetailsAndRemainingTime) {
    const ProgressState state{.title = "train", .done = 1, .total = 4, .elapsed_seconds = 5, .details = "loss 0.5"};
    EXPECT_EQ(progress_bar_text(state, 100), "train [=======>                      ]  25 %  loss 0.5  ETA 15 s");
}

TEST(Progress, BarFitsAnyTerminal) {
    const ProgressState state{.title = "simulate", .done = 5, .total = 10, .elapsed_seconds = 10, .details = "5 frames"};
    for (int columns = 0; columns < 120; ++columns) {
        EXPECT_LE(progress_bar_text(state, columns).size(), static_cast<std::size_t>(columns)) << columns;
    }
    EXPECT_EQ(progress_bar_text(state, 38), "simulate  50 %  5 frames  ETA 10 s");
}

TEST(Progress, FullAndEmptyWorkHaveNoRemainingTime) {
    EXPECT_EQ(progress_line_text({.title = "x", .done = 10, .total = 10, .elapsed_seconds = 3}), "x: 100 % (10/10)");
    EXPECT_EQ(progress_line_text({.title = "x", .done = 0, .total = 0}), "x: 0 % (0/0)");
    EXPECT_EQ(progress_line_text({.title = "x", .done = 1, .total = 2, .elapsed_seconds = 3, .eta_seconds = 70}),
              "x: 50 % (1/2)  ETA 1 min 10 s");
}

TEST(Progress, QuietPrintsNothing) {
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(progress_style(file, true), ProgressStyle::kSilent);
    EXPECT_EQ(progress_style(file, false), ProgressStyle::kLines);
    {
        Progress progress(file, ProgressStyle::kSilent, "work", 10);
        progress.update(5);
        progress.begin_stage("more work", 3);
        progress.line("hello");
    }
    EXPECT_EQ(std::ftell(file), 0);
    {
        Progress progress(file, ProgressStyle::kLines, "work", 10);
        progress.line("hello");
    }
    EXPECT_EQ(std::ftell(file), 6);  // the line alone: short work leaves no closing line
    std::fclose(file);
}

// A program that shows progress by itself hears every part begin and the lines that stay; what it throws goes up.
TEST(Progress, SinksHearItAll) {
    std::vector<std::string> heard;
    {
        Progress progress({.update = [&](const ProgressState& state) {
                               heard.push_back(fmt::format("{} {}/{}", state.title, state.done, state.total));
                           },
                           .line = [&](std::string_view text) { heard.emplace_back(text); }},
                          "train", 10);
        progress.begin_stage("load", 4);
        progress.line("epoch 1");
        progress.begin_stage("train", 8);
    }
    EXPECT_EQ(heard, (std::vector<std::string>{"load 0/4", "epoch 1", "train 0/8"}));
    Progress progress({.update = [](const ProgressState&) { throw std::runtime_error("stop"); }, .line = {}}, "x", 1);
    EXPECT_THROW(progress.begin_stage("y", 2), std::runtime_error);
}

}  // namespace
}  // namespace qloom
