#include <gtest/gtest.h>

#include <filesystem>

#include "base/npy.h"
#include "base/process.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

// The program without the shared object beside it.
TEST(Train, MissingTrainerIsSaid) {
    const Workplace place;
    fs::copy(QLOOM_PROGRAM, place.path("qloom"));
    const ToolResult result = run_tool({place.path("qloom").string(), "train", "x"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.output.find("qloom: error: Q0913: libqloom_trainer.so: the training room cannot be loaded ("),
              std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find("keep the file beside the program"), std::string::npos);
}

#ifdef QLOOM_HAS_TRAINER
constexpr const char* kRecipe = R"(
name = "tiny"
description = "6-4-3"
[data]
train = "npy:x.npy,labels.npy"
test = "npy:x.npy,labels.npy"
[input]
features = 6
[training]
epochs = 2
batch_size = 20
[quantisation]
weights = { bits = 4, narrow = true, scale = "learned" }
activations = { bits = 4, scale = "learned" }
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
)";

class TrainVerbTest : public testing::Test {
protected:
    void SetUp() override {
        place_.write("tiny.toml", kRecipe);
        write_npy(place_.path("x.npy"), dense_frames(60));
        Tensor<std::int64_t> labels({60});
        for (std::int64_t i = 0; i < 60; ++i) {
            labels[i] = i % 3;
        }
        write_npy(place_.path("labels.npy"), labels);
    }
    Workplace place_;
};

TEST_F(TrainVerbTest, TrainsExportsAndTheModelCompiles) {
    const Outcome outcome = place_.qloom({"train", "tiny.toml", "-o", "run", "--epochs", "3", "--seed", "5", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_TRUE(json["accuracy"].is_number());
    EXPECT_TRUE(json["seconds_per_epoch"].is_number());
    EXPECT_EQ(json["seed"], 5);
    EXPECT_EQ(json["epochs"].size(), 3U);
    EXPECT_TRUE(place_.exists("run/model.onnx"));
    EXPECT_TRUE(place_.exists("run/metrics.json"));
    const Outcome eval = place_.qloom({"eval", "run/model.onnx", "--data", "npy:x.npy,labels.npy", "--json"});
    ASSERT_EQ(eval.exit_code, 0) << eval.err;
    EXPECT_EQ(eval.json()["accuracy"], json["accuracy"]);
    EXPECT_EQ(place_.qloom({"compile", "run/model.onnx", "--board", "pynq-z1", "--ii", "50", "-o", "out"}).exit_code, 0);
}

TEST_F(TrainVerbTest, QuantisesAFloatModel) {
    ASSERT_EQ(place_.qloom({"train", "tiny.toml", "-o", "float", "--float", "--epochs", "20", "--quiet"}).exit_code, 0);
    const Outcome outcome = place_.qloom({"quantize", "float/model.onnx", "--calibrate", "npy:x.npy,labels.npy", "--weights",
                                          "8", "--activations", "8", "--data", "npy:x.npy,labels.npy", "-o", "q.onnx", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_NEAR(json["accuracy"].get<double>(), json["float_accuracy"].get<double>(), 0.051);
    EXPECT_FALSE(json["layers"].empty());
    EXPECT_GT(json["layers"][0]["decibels"].get<double>(), 15.0);
    EXPECT_TRUE(json["weakest"].is_string());
    EXPECT_EQ(place_.qloom({"check", "q.onnx"}).exit_code, 0);
    // A model of the same kind is what training goes on from.
    place_.write("fine.toml", "model = \"q.onnx\"\n[data]\ntrain = \"npy:x.npy,labels.npy\"\ntest = \"npy:x.npy,labels.npy\"\n"
                              "[training]\nepochs = 1\nbatch_size = 20\n");
    EXPECT_EQ(place_.qloom({"train", "fine.toml", "-o", "fine"}).exit_code, 0);
    EXPECT_TRUE(place_.exists("fine/model.onnx"));
}

TEST_F(TrainVerbTest, ListsRecipes) {
    const nlohmann::json recipes = place_.qloom({"train", "--list", "--json"}).json()["recipes"];
    ASSERT_FALSE(recipes.empty());
    EXPECT_TRUE(std::ranges::any_of(recipes, [](const auto& recipe) { return recipe["name"] == "fashion-mnist-mlp"; }));
}

TEST_F(TrainVerbTest, UnknownRecipeProposesOne) {
    const Outcome outcome = place_.qloom({"train", "fashion-mnist-mpl", "-o", "run"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("Q0810"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("fashion-mnist-mlp"), std::string::npos) << outcome.err;
    EXPECT_FALSE(place_.exists("run"));
}
#endif

}  // namespace
}  // namespace qloom::cli
