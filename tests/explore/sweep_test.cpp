#include "explore/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/diagnostic.h"
#include "explore/task.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepFile : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_sweep_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    Sweep read(const std::string& text, const SweepOverrides& overrides = {}) {
        std::ofstream(file()) << text;
        return read_sweep(file(), overrides);
    }
    std::string file() const { return (folder_ / "s.toml").string(); }
    // The message without the file's name.
    std::string refusal(const std::string& text) {
        try {
            read(text);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code::kSweepBad);
            return error.diagnostic().what + "; " + error.diagnostic().advice;
        }
        return "no error";
    }
    fs::path folder_;
};

constexpr const char* kSweep = R"(
name = "widths"
[fixed]
recipe = "fashion-mnist-mlp"
board = "pynq-z1"
training.epochs = 1
[grid]
quantisation.weights.bits = [2, 4]
"layers.fc1.outputs, layers.fc2.outputs" = [32, 64]
fps = [1000, 100000, 1000000]
)";

TEST_F(SweepFile, EveryCombinationIsAPoint) {
    const Sweep sweep = read(kSweep);
    EXPECT_EQ(sweep.name, "widths");
    ASSERT_EQ(sweep.axes.size(), 3U);
    EXPECT_EQ(sweep.axes[0].key, "quantisation.weights.bits");
    EXPECT_EQ(sweep.axes[1].key, "layers.fc1.outputs, layers.fc2.outputs");
    EXPECT_EQ(sweep.axes[2].key, "fps");
    ASSERT_EQ(sweep.points.size(), 12U);
    std::set<std::string> models;
    std::set<std::string> points;
    for (const Point& point : sweep.points) {
        models.insert(point.model_key);
        points.insert(point.key);
    }
    EXPECT_EQ(models.size(), 4U);
    EXPECT_EQ(points.size(), 12U);
    const Point& last = sweep.points.back();
    EXPECT_THAT(last.compile_options, ElementsAre("--board", "pynq-z1", "--fps", "1000000"));
    EXPECT_THAT(last.recipe_text, HasSubstr("epochs = 1"));
    EXPECT_THAT(last.recipe_text, HasSubstr("outputs = 64"));
    EXPECT_EQ(last.settings.size(), 3U);
    EXPECT_EQ(value_text(last.settings[2].second), "1000000");
    // Each network once, before the points.
    const std::vector<Task> tasks = tasks_of(sweep);
    ASSERT_EQ(tasks.size(), 16U);
    EXPECT_EQ(tasks[3].kind, TaskKind::kModel);
    EXPECT_EQ(tasks[4].kind, TaskKind::kPoint);
}

TEST_F(SweepFile, PointsKeepTheirNamesWhenTheGridGrows) {
    const Sweep before = read(kSweep);
    std::string more = kSweep;
    more.replace(more.find("[2, 4]"), 6, "[2, 3, 4]");
    const Sweep after = read(more);
    ASSERT_EQ(after.points.size(), 18U);
    for (const Point& point : before.points) {
        EXPECT_TRUE(std::ranges::any_of(after.points,
                                        [&](const Point& other) { return other.key == point.key; }));
    }
    // Other values, other names.
    std::string other = kSweep;
    other.replace(other.find("epochs = 1"), 10, "epochs = 2");
    for (const Point& point : read(other).points) {
        EXPECT_FALSE(std::ranges::any_of(before.points,
                                         [&](const Point& it) { return it.key == point.key; }));
    }
    EXPECT_NE(read(kSweep, {.synth = "xc7"}).points[0].key, before.points[0].key);
}

TEST_F(SweepFile, ModelsAreNamedByTheirContents) {
    std::ofstream(folder_ / "a.onnx") << "first";
    const std::string text = "[fixed]\nboard = \"b.toml\"\nmax_fps = true\n[grid]\nmodel = [\"a.onnx\"]\n";
    const Sweep first = read(text);
    ASSERT_EQ(first.points.size(), 1U);
    EXPECT_EQ(first.points[0].model_file, (folder_ / "a.onnx").string());
    EXPECT_THAT(first.points[0].compile_options,
                ElementsAre("--board", (folder_ / "b.toml").string(), "--max-fps"));
    std::ofstream(folder_ / "a.onnx") << "second";
    EXPECT_NE(read(text).points[0].model_key, first.points[0].model_key);
}

TEST_F(SweepFile, WhatMakesNoSenseIsRefused) {
    const std::string fixed = "[fixed]\nrecipe = \"fashion-mnist-mlp\"\nboard = \"pynq-z1\"\n";
    EXPECT_EQ(refusal(fixed), "no rate is given; give fps, ii or max_fps = true in [fixed] or [grid]");
    EXPECT_EQ(refusal(fixed + "fps = 1\nii = 3\n"),
              "more than one of fps, ii and max_fps is given; give fps, ii or max_fps = true in "
              "[fixed] or [grid]");
    EXPECT_EQ(refusal(fixed + "[grid]\nfps = []\n"),
              "fps in [grid] is not a list of values; write it like fps = [10000, 100000]");
    EXPECT_EQ(refusal(fixed + "fsp = 3\n"), "there is no key fsp; did you mean fps?");
    EXPECT_EQ(refusal(fixed + "fps = [3]\n"),
              "fps in [fixed] is not one value; several values belong into [grid]");
    EXPECT_EQ(refusal("frames = 3\n"), "there is no key frames; known: name, data, synth, [fixed], [grid]");
    EXPECT_EQ(refusal("[fixed]\nboard = \"pynq-z1\"\nfps = 3\n"),
              "neither a recipe nor a model is given; give one of them in [fixed] or [grid]: recipe "
              "= \"fashion-mnist-mlp\"");
    EXPECT_EQ(refusal("[fixed]\nrecipe = \"fashion-mnist-mlp\"\nfps = 3\n"),
              "no board is given; write board = \"pynq-z1\" under [fixed]");
    EXPECT_THAT(refusal("[fixed\n"), HasSubstr("line 1: "));
}

TEST(SweepText, KeysAreShort) {
    EXPECT_EQ(short_key("fps"), "fps");
    EXPECT_EQ(short_key("training.epochs"), "training.epochs");
    EXPECT_EQ(short_key("layers.fc1.outputs, layers.fc2.outputs"), "fc1.outputs");
}

}  // namespace
}  // namespace qloom::explore
