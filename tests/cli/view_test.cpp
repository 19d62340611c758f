#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/npy.h"
#include "cli/simulation_record.h"
#include "program_run.h"
#include "tiny_models.h"
#include "view/page.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

class View : public testing::Test {
protected:
    View() { write_model_file(dense_model(), place_.path("dense.onnx")); }

    [[nodiscard]] Outcome compile(const std::string& output,
                                  const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words{"compile", "dense.onnx",   "--board", "pynq-z1", "--ii",
                                       "24",      "--no-package", "-o",      output,    "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return place_.qloom(words);
    }

    Workplace place_;
};

TEST_F(View, DocumentOfACompiledFolderHasTheNumbersOfCompile) {
    const Outcome compiled = compile("out");
    ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
    const Outcome view = place_.qloom({"view", "out", "--json"});
    ASSERT_EQ(view.exit_code, 0) << view.err;
    const nlohmann::json document = view.json();
    EXPECT_EQ(document["format"], "qloom-view");
    EXPECT_EQ(document["version"], 1);
    EXPECT_EQ(document["title"], "dense");
    std::vector<std::string> steps;
    for (const auto& step : document["steps"]) steps.push_back(step["id"]);
    EXPECT_EQ(steps,
              (std::vector<std::string>{"import", "tidy", "integers", "network", "accelerator"}));
    for (const char* key :
         {"board", "part", "clock_mhz", "target_ii_cycles", "ii_cycles", "latency_cycles", "fps",
          "luts", "ffs", "bram36", "dsps", "utilisation"}) {
        EXPECT_EQ(document["accelerator"][key], compiled.json()[key]) << key;
    }
    const nlohmann::json units = compiled.json()["units"];
    ASSERT_EQ(document["accelerator"]["units"].size(), units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
        for (const auto& [key, value] : units[i].items())
            EXPECT_EQ(document["accelerator"]["units"][i][key], value) << key;
    }
    EXPECT_EQ(document["self_check"], compiled.json()["self_check"]);
    EXPECT_TRUE(document["training"].is_null());
    EXPECT_TRUE(document["problem"].is_null());
}

TEST_F(View, ModelThatIsNotCompiledStartsWithTheSmallestAccelerator) {
    const nlohmann::json document =
        place_.qloom({"view", "dense.onnx", "--board", "zcu104", "--json"}).json();
    EXPECT_EQ(document["accelerator"]["board"], "zcu104");
    // fc1 with one multiplier: 6 x 4 products a frame.
    EXPECT_EQ(document["target_limits"]["slowest_ii_cycles"], 24);
    for (const auto& unit : document["accelerator"]["units"]) {
        if (unit["layer"] == "fc1") {
            EXPECT_LE(unit["cycles"], 24);
        }
    }
}

TEST_F(View, ModelThatCannotBecomeHardwareIsShownWithTheReason) {
    write_model_file(unsupported_model(), place_.path("bad.onnx"));
    const Outcome view = place_.qloom({"view", "bad.onnx", "--json"});
    ASSERT_EQ(view.exit_code, 0) << view.err;
    const nlohmann::json document = view.json();
    EXPECT_TRUE(document["accelerator"].is_null());
    EXPECT_EQ(document["steps"].size(), 3U);
    EXPECT_EQ(document["problem"]["code"], place_
                                               .qloom({"compile", "bad.onnx", "--board", "pynq-z1",
                                                       "--ii", "24", "-o", "no", "--json"})
                                               .json()["error"]["code"]);
}

TEST_F(View, NothingToViewIsSaid) {
    const Outcome outcome = place_.qloom({"view", "nowhere"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q1302: nowhere: there is no such file or folder, and no training "
              "writes one; give a model file, or a "
              "folder that `qloom train` or `qloom compile` wrote\n");
}

TEST_F(View, ReportIsOneFileAndTheSameEveryTime) {
    if (view::page().empty()) GTEST_SKIP() << "built without npm";
    ASSERT_EQ(compile("a").exit_code, 0);
    ASSERT_EQ(compile("b").exit_code, 0);
    const std::string report = place_.read("a/report.html");
    EXPECT_EQ(report, place_.read("b/report.html"));
    EXPECT_LT(report.size(), 1U << 20U);
    EXPECT_EQ(report.find(place_.path("").string()), std::string::npos) << "names a path";
    EXPECT_NE(report.find("\"format\":\"qloom-view\""), std::string::npos);
}

TEST_F(View, StepsAreWrittenOnRequest) {
    ASSERT_EQ(compile("plain").exit_code, 0);
    EXPECT_FALSE(place_.exists("plain/steps"));
    ASSERT_EQ(compile("out", {"--steps"}).exit_code, 0);
    for (const char* file :
         {"01_import", "02_tidy", "03_integers", "04_network", "05_accelerator"}) {
        EXPECT_TRUE(place_.exists(std::string("out/steps/") + file + ".onnx")) << file;
    }
    // The first three compute what the model computes.
    write_npy(place_.path("x.npy"), dense_frames(5));
    for (const char* file : {"01_import", "02_tidy", "03_integers"}) {
        const Outcome run = place_.qloom({"run", std::string("out/steps/") + file + ".onnx",
                                          "--input", "x.npy", "--output", "y.npy"});
        ASSERT_EQ(run.exit_code, 0) << run.err;
        EXPECT_EQ(std::get<Tensor<float>>(read_npy(place_.path("y.npy"))),
                  dense_outputs(dense_frames(5)))
            << file;
    }
}

TEST_F(View, TrainingBesideTheModelStaysWithTheAccelerator) {
    place_.write("metrics.json", R"({"recipe": "r", "epochs": [{"epoch": 1, "loss": 0.5}]})");
    ASSERT_EQ(compile("out").exit_code, 0);
    EXPECT_EQ(place_.qloom({"view", "out", "--json"}).json()["training"]["recipe"], "r");
}

TEST_F(View, RunningTrainingCanBeLookedAt) {
    place_.write("run.metrics.json", R"({"recipe": "r", "finished": false, "epochs": []})");
    const nlohmann::json document = place_.qloom({"view", "run", "--json"}).json();
    EXPECT_EQ(document["title"], "r");
    EXPECT_EQ(document["training"]["finished"], false);
    EXPECT_EQ(document["steps"].size(), 0U);
}

// Twenty frames of two pixels; every third answer is wrong.
TEST(SimulationRecord, PicksTheFirstFramesAndWrongOnes) {
    Tensor<float> frames({40, 2});
    std::vector<std::int64_t> answers;
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < 40; ++i) {
        frames[2 * i] = -1.0F;
        frames[2 * i + 1] = static_cast<float>(i);
        labels.push_back(1);
        answers.push_back(i % 3 == 0 ? 0 : 1);
    }
    const std::vector<SampleFrame> samples = pick_samples(frames, answers, labels);
    std::vector<std::int64_t> picked;
    for (const SampleFrame& sample : samples) picked.push_back(sample.frame);
    EXPECT_EQ(picked, (std::vector<std::int64_t>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                                 12, 13, 14, 15, 18, 21, 24, 27, 30, 33, 36, 39}));
    // From -1 (0) to 39 (255), the largest among those picked.
    EXPECT_EQ(samples.front().pixels, (std::vector<std::uint8_t>{0, 6}));
    EXPECT_EQ(samples.back().pixels, (std::vector<std::uint8_t>{0, 255}));
}

}  // namespace
}  // namespace qloom::cli
