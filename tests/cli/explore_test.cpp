#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <map>

#include "base/npy.h"
#include "one_node_slurm.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kSweep = R"(
name = "tiny"
[fixed]
board = "pynq-z1"
model = "dense.onnx"
[grid]
ii = [2, 6, 24]
)";

class Explore : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        place_.write("sweep.toml", kSweep);
    }
    // The result files of a folder of tasks, by name of the task.
    std::map<std::string, fs::file_time_type> results(const std::string& kind) const {
        std::map<std::string, fs::file_time_type> found;
        for (const auto& entry : fs::directory_iterator(place_.path("w/" + kind))) {
            if (fs::exists(entry.path() / "result.json"))
                found[entry.path().filename()] = fs::last_write_time(entry.path() / "result.json");
        }
        return found;
    }
    Workplace place_;
};

TEST_F(Explore, EveryPointIsCompiledComparedAndKept) {
    const Outcome first = place_.qloom({"explore", "sweep.toml", "-o", "w", "--json"});
    ASSERT_EQ(first.exit_code, 0) << first.err;
    const nlohmann::json json = first.json();
    ASSERT_EQ(json["points"].size(), 3U);
    EXPECT_EQ(json["done"], 3);
    EXPECT_EQ(json["failed"], 0);
    for (const auto& point : json["points"]) {
        EXPECT_LE(point["ii_cycles"], point["settings"]["ii"]);
        EXPECT_GT(point["luts"], 0.0);
        EXPECT_TRUE(point["error"].is_null());
    }
    // Fewer cycles cost more, so that all of them are on the front.
    EXPECT_EQ(json["pareto"].size(), 3U);
    for (const char* file : {"w/points.json", "w/points.csv", "w/pareto.txt"})
        EXPECT_TRUE(place_.exists(file)) << file;

    // A point without a result is half a point: it alone is done again.
    const auto before = results("points");
    ASSERT_EQ(before.size(), 3U);
    const std::string lost = before.begin()->first;
    fs::remove(place_.path("w/points/" + lost + "/result.json"));
    const Outcome second = place_.qloom({"explore", "sweep.toml", "-o", "w", "--json"});
    ASSERT_EQ(second.exit_code, 0) << second.err;
    EXPECT_EQ(second.json()["points"], json["points"]);
    const auto after = results("points");
    ASSERT_EQ(after.size(), 3U);
    for (const auto& [name, time] : after) EXPECT_EQ(time == before.at(name), name != lost) << name;
}

TEST_F(Explore, AKilledSweepGoesOn) {
    // Wherever it was: the rest is done.
    static_cast<void>(place_.qloom({"explore", "sweep.toml", "-o", "w", "-j", "1", "--quiet"},
                                   {"timeout", "-s", "KILL", "0.3"}));
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "-o", "w", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["done"], 3);
}

TEST_F(Explore, AFailingPointIsReportedAndTheOthersGoOn) {
    place_.write("sweep.toml",
                 "[fixed]\nmodel = \"dense.onnx\"\nii = 24\n[grid]\nboard = [\"pynq-z1\", \"pynq-zl\"]\n");
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "-o", "w", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["done"], 1);
    EXPECT_EQ(json["failed"], 1);
    EXPECT_THAT(json["points"][1]["error"].get<std::string>(),
                HasSubstr("Q0500: pynq-zl: there is no such board"));
    EXPECT_THAT(outcome.err, HasSubstr("(board = pynq-zl): Q0500"));
    place_.write("sweep.toml", "[fixed]\nmodel = \"dense.onnx\"\nii = 24\nboard = \"pynq-zl\"\n");
    const Outcome none = place_.qloom({"explore", "sweep.toml", "-o", "n"});
    EXPECT_EQ(none.exit_code, 1);
    EXPECT_THAT(none.err, HasSubstr("Q1502: sweep: none of the 1 points could be finished; the first: "
                                    "Q0500: pynq-zl"));
}

TEST_F(Explore, AnotherFolderIsLeftAlone) {
    place_.write("mine/file.txt", "mine");
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "-o", "mine"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("Q1501: "));
    EXPECT_THAT(outcome.err, HasSubstr("exists and is not the folder of a sweep; name another folder with -o"));
}

TEST_F(Explore, TheListDoesNothing) {
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "--list", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["points"].size(), 3U);
    EXPECT_FALSE(place_.exists("explore"));
}

#ifdef QLOOM_HAS_TRAINER
TEST_F(Explore, NetworksAreTrainedOnceEach) {
    write_npy(place_.path("x.npy"), dense_frames(60));
    Tensor<std::int64_t> labels({60});
    for (std::int64_t i = 0; i < 60; ++i) labels[i] = i % 3;
    write_npy(place_.path("labels.npy"), labels);
    const std::string data = fmt::format("npy:{},{}", place_.path("x.npy").string(),
                                         place_.path("labels.npy").string());
    place_.write("tiny.toml", fmt::format(R"(
name = "tiny"
description = "6-4-3"
[data]
train = "{0}"
test = "{0}"
[input]
features = 6
[training]
epochs = 2
batch_size = 20
[quantisation]
weights = {{ bits = 4, narrow = true, scale = "learned" }}
activations = {{ bits = 4, scale = "learned" }}
[[layers]]
type = "linear"
name = "fc1"
outputs = 4
bias = false
[[layers]]
type = "batch_norm"
name = "bn1"
[[layers]]
type = "relu"
name = "act1"
[[layers]]
type = "linear"
name = "fc2"
outputs = 3
)", data));
    place_.write("sweep.toml", R"(
[fixed]
recipe = "tiny.toml"
board = "pynq-z1"
training.epochs = 1
[grid]
layers.fc1.outputs = [4, 8]
ii = [2, 24]
)");
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "-o", "w", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["done"], 4) << outcome.err;
    EXPECT_EQ(results("models").size(), 2U);
    for (const auto& point : json["points"]) EXPECT_TRUE(point["accuracy"].is_number());
    // Points of one network have one accuracy.
    EXPECT_EQ(json["points"][0]["accuracy"], json["points"][1]["accuracy"]);
    EXPECT_EQ(json["points"][0]["network"], json["points"][1]["network"]);
    EXPECT_NE(json["points"][0]["network"], json["points"][2]["network"]);
}
#endif

// Stands in for sbatch: checks what it is told against the options of the real one, and runs the
// jobs of the array one after another. A job that is named in `dies` ends without having run, once
// for each time that it stands there.
constexpr const char* kSbatch = R"sh(#!/bin/sh
set -eu
here=$(dirname "$0")
array= output= script= wait=
for argument in "$@"; do
    case "$argument" in
        --wait) wait=yes ;;
        --parsable) ;;
        --job-name=?*|--ntasks=[0-9]*|--partition=?*|--time=?*|--mem=?*|--cpus-per-task=[0-9]*) ;;
        --array=*) array=${argument#--array=} ;;
        --output=*) output=${argument#--output=} ;;
        -*) echo "sbatch: unrecognized option '$argument'" >&2; exit 1 ;;
        *) [ -z "$script" ] || { echo "sbatch: two scripts" >&2; exit 1; }; script=$argument ;;
    esac
done
echo "$array $script" >> "$here/calls"
case "$array" in *[!0-9,]*|'') echo "sbatch: error: Invalid job array specification" >&2; exit 1 ;; esac
[ "$(head -c 2 "$script")" = '#!' ] || { echo "sbatch: error: This does not look like a batch script" >&2; exit 1; }
[ "$wait" = yes ]
echo 17
worst=0
for task in $(echo "$array" | tr , ' '); do
    if grep -qx "$task" "$here/dies" 2>/dev/null; then
        awk -v task="$task" '$0 == task && !seen { seen = 1; next } { print }' "$here/dies" > "$here/dies.new"
        mv "$here/dies.new" "$here/dies"
        worst=1
        continue
    fi
    SLURM_ARRAY_TASK_ID=$task sh "$script" > "$(echo "$output" | sed "s/%a/$task/")" 2>&1 || worst=1
done
exit $worst
)sh";

class ExploreSlurm : public Explore {
protected:
    void SetUp() override {
        Explore::SetUp();
        place_.write("bin/sbatch", kSbatch);
        fs::permissions(place_.path("bin/sbatch"), fs::perms::owner_all);
    }
    Outcome run(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"explore", "sweep.toml", "-o", "w", "--slurm", "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return place_.qloom(arguments, {"env", fmt::format("PATH={}:{}", place_.path("bin").string(),
                                                           std::getenv("PATH"))});
    }
};

TEST_F(ExploreSlurm, TasksAreArraysAndADeadJobIsSubmittedOnceMore) {
    // Task 0 is the network; 1, 2 and 3 are the points.
    place_.write("bin/dies", "2\n3\n3\n");
    const Outcome outcome = run({"--sbatch=--partition=short", "--sbatch=--time=10"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["done"], 2);
    EXPECT_EQ(json["failed"], 1);
    EXPECT_EQ(json["points"][2]["error"],
              "its Slurm job ended twice without a result; see slurm/points-again-3.log");
    EXPECT_THAT(outcome.err, HasSubstr("2 of the points ended without a result and are submitted again"));
    const std::string calls = place_.read("bin/calls");
    const std::string script = place_.path("w/slurm").string();
    EXPECT_EQ(calls, fmt::format("0 {0}/networks-0.sh\n1,2,3 {0}/points-0.sh\n2,3 {0}/points-0.sh\n",
                                 script));
    // Nothing is left to do.
    EXPECT_EQ(run().exit_code, 0);
    EXPECT_EQ(place_.read("bin/calls"), calls);
}

TEST_F(ExploreSlurm, WhatSbatchRefusesIsSaid) {
    const Outcome outcome = run({"--sbatch=--nonsense"});
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_THAT(outcome.err, HasSubstr("sbatch: unrecognized option '--nonsense'"));
    EXPECT_THAT(outcome.err, HasSubstr("options for the cluster go into --sbatch, as --sbatch=--partition=short"));
}

TEST_F(Explore, RunsOnARealSlurm) {
    const OneNodeSlurm slurm(place_.path("slurm"));
    if (!slurm.problem().empty()) {
        std::printf("no Slurm: %s\n", slurm.problem().c_str());
        GTEST_SKIP() << slurm.problem();
    }
    const Outcome outcome = place_.qloom({"explore", "sweep.toml", "-o", "w", "--slurm", "--json"},
                                         {"env", "SLURM_CONF=" + slurm.configuration()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["done"], 3) << outcome.err;
    EXPECT_TRUE(place_.exists("w/slurm/points-first-1.log"));
}

}  // namespace
}  // namespace qloom::cli
