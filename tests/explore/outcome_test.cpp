#include "explore/outcome.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/diagnostic.h"
#include "explore/plot.h"
#include "explore/task.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;

class Outcomes : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_outcome_" + std::to_string(::getpid()));
        sweep_.name = "a \"sweep\"";
        sweep_.axes = {{"fps", {1000, 2000, 3000}}};
        const char* keys[] = {"p0", "p1", "p2"};
        for (int i = 0; i < 3; ++i) {
            Point point;
            point.key = keys[i];
            point.model_key = "m";
            point.settings = {{"fps", 1000 * (i + 1)}};
            sweep_.points.push_back(point);
        }
        write(0, R"({"ok": true, "accuracy": 0.5, "fps": 1000.0, "clock_mhz": 100.0,
                     "latency_cycles": 250, "ii_cycles": 100, "luts": 900, "bram36": 1.5, "dsps": 0})");
        write(1, R"({"ok": true, "accuracy": 0.5, "fps": 2000.0, "clock_mhz": 100.0,
                     "latency_cycles": 250, "ii_cycles": 50, "luts": 700, "bram36": 1.5, "dsps": 0,
                     "synth": {"luts": 1200}})");
        write_failure(folder_, {TaskKind::kPoint, "p2", nullptr}, "it, \"broke\"");
    }
    void TearDown() override { fs::remove_all(folder_); }
    void write(int point, const std::string& text) {
        const Task task{TaskKind::kPoint, sweep_.points[static_cast<std::size_t>(point)].key, nullptr};
        fs::create_directories(task_folder(folder_, task));
        std::ofstream(task_folder(folder_, task) / "result.json") << text;
    }
    std::string read(const fs::path& file) {
        std::stringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    fs::path folder_;
    Sweep sweep_;
};

TEST_F(Outcomes, SynthesisCountsBeforeEstimates) {
    const std::vector<PointOutcome> outcomes = outcomes_of(sweep_, folder_);
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_EQ(outcomes[0].luts(), 900.0);
    EXPECT_EQ(outcomes[1].luts(), 1200.0);
    EXPECT_TRUE(outcomes[0].is_pareto);
    EXPECT_TRUE(outcomes[1].is_pareto);
    EXPECT_FALSE(outcomes[2].is_pareto);
    EXPECT_EQ(outcomes[2].error(), "it, \"broke\"");
}

TEST_F(Outcomes, TablesAndListsHoldEveryPoint) {
    const std::vector<PointOutcome> outcomes = outcomes_of(sweep_, folder_);
    EXPECT_EQ(points_csv(sweep_, outcomes),
              "point,network,settings.fps,accuracy,fps,ii_cycles,latency_cycles,clock_mhz,luts,ffs,bram36,"
              "dsps,pareto,error\n"
              "p0,m,1000,0.5,1000.0,100,250,100.0,900,,1.5,0,1,\n"
              "p1,m,2000,0.5,2000.0,50,250,100.0,700,,1.5,0,1,\n"
              "p2,m,3000,,,,,,,,,,0,\"it, \"\"broke\"\"\"\n");
    const auto json = points_json(sweep_, outcomes);
    EXPECT_EQ(json[1]["settings"]["fps"], 2000);
    EXPECT_EQ(json[1]["pareto"], true);
    EXPECT_EQ(json[2]["error"], "it, \"broke\"");
    EXPECT_EQ(pareto_table(sweep_, outcomes).text(),
              "point  fps   accuracy  frames/s  latency µs   LUT  BRAM36  DSP\n"
              "-----  ----  --------  --------  ----------  ----  ------  ---\n"
              "p1     2000   50.00 %      2000        2.50  1200     1.5    0\n"
              "p0     1000   50.00 %      1000        2.50   900     1.5    0\n");
}

TEST_F(Outcomes, PlotsAreDrawnByGnuplot) {
    if (!can_draw()) GTEST_SKIP() << "gnuplot is not installed";
    const std::vector<fs::path> pictures = draw_plots(sweep_, outcomes_of(sweep_, folder_), folder_);
    ASSERT_EQ(pictures.size(), 2U);
    for (const fs::path& picture : pictures) {
        const std::string svg = read(picture);
        EXPECT_NE(svg.find("<svg"), std::string::npos);
        EXPECT_NE(svg.find("LUTs (estimated)"), std::string::npos);
        EXPECT_NE(svg.find("a \"sweep\""), std::string::npos);
    }
    EXPECT_EQ(read(folder_ / "plots" / "fps_luts.dat"),
              "# LUTs  value\n900 1000\n1200 2000\n\n\n900 1000\n1200 2000\n");
}

}  // namespace
}  // namespace qloom::explore
