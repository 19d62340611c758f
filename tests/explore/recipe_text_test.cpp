#include "explore/recipe_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/diagnostic.h"

namespace qloom::explore {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRecipe = R"(
name = "tiny"
[training]
epochs = 2
[quantisation]
weights = { bits = 4, narrow = true }
[[layers]]
type = "linear"
name = "fc1"
outputs = 4
[[layers]]
type = "linear"
name = "fc2"
outputs = 3
)";

std::string refusal(const std::string& key) {
    try {
        with_values(kRecipe, {{key, 1}}, "s.toml");
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST(RecipeText, ValuesAreSetByTheirWay) {
    const std::string text = with_values(kRecipe,
                                         {{"training.epochs", 7},
                                          {"quantisation.weights.bits", 2},
                                          {"layers.fc1.outputs", 16},
                                          {"training.optimizer", "sgd"},
                                          {"training.learning_rate", 0.5}},
                                         "s.toml");
    EXPECT_THAT(text, HasSubstr("epochs = 7"));
    EXPECT_THAT(text, HasSubstr("bits = 2"));
    EXPECT_THAT(text, HasSubstr("narrow = true"));
    EXPECT_THAT(text, HasSubstr("outputs = 16"));
    EXPECT_THAT(text, HasSubstr("outputs = 3"));
    EXPECT_THAT(text, ::testing::ContainsRegex("optimizer = ['\"]sgd['\"]"));
    EXPECT_THAT(text, HasSubstr("learning_rate = 0.5"));
    // Once more, from what was written.
    EXPECT_THAT(with_values(text, {{"training.epochs", 9}}, "s.toml"), HasSubstr("epochs = 9"));
}

TEST(RecipeText, SeveralKeysGetTheSameValue) {
    const std::string text =
        with_values(kRecipe, {{"layers.fc1.outputs, layers.fc2.outputs", 32}}, "s.toml");
    const auto first = text.find("outputs = 32");
    ASSERT_NE(first, std::string::npos);
    EXPECT_NE(text.find("outputs = 32", first + 1), std::string::npos);
}

TEST(RecipeText, WhatTheRecipeDoesNotHaveIsRefused) {
    EXPECT_EQ(refusal("layers.fc3.outputs"),
              "Q1500: s.toml: layers.fc3.outputs: the recipe has no layer fc3; did you mean fc1?");
    EXPECT_EQ(refusal("quantisation.weight.bits"),
              "Q1500: s.toml: quantisation.weight.bits: the recipe has no weight; did you mean "
              "weights?");
    EXPECT_EQ(refusal("training.epochs.more"),
              "Q1500: s.toml: training.epochs.more: epochs is not a table of the recipe; name a "
              "value by the tables around it, a layer by its name: layers.fc1.outputs");
}

TEST(RecipeText, BuiltInRecipesAreKnown) {
    EXPECT_THAT(recipe_text("fashion-mnist-mlp", "s.toml"), HasSubstr("784-64-64-10"));
    try {
        recipe_text("fashion-mnist-mpl", "s.toml");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "Q1500: s.toml: there is no recipe fashion-mnist-mpl; did you mean "
                  "fashion-mnist-mlp?");
    }
}

}  // namespace
}  // namespace qloom::explore
