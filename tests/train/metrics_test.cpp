#include "train/metrics.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace qloom::train {
namespace {

TEST(Metrics, AreJsonWithEveryFact) {
    TrainResult result;
    result.recipe = "r";
    result.seed = 7;
    result.parameters = 100;
    result.accuracy = 0.875;
    result.seconds_per_epoch = 0.5;
    result.epochs = {{.epoch = 1, .loss = 2.0}, {.epoch = 2, .loss = 1.0, .test_accuracy = 0.875}};
    const std::string text = metrics_json(result);
    EXPECT_EQ(text.back(), '\n');
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json["recipe"], "r");
    EXPECT_EQ(json["seed"], 7);
    EXPECT_EQ(json["accuracy"], 0.875);
    EXPECT_EQ(json["seconds_per_epoch"], 0.5);
    ASSERT_EQ(json["epochs"].size(), 2U);
    EXPECT_FALSE(json["epochs"][0].contains("test_accuracy"));  // not evaluated
    EXPECT_EQ(json["epochs"][1]["test_accuracy"], 0.875);
}

}  // namespace
}  // namespace qloom::train
