#include "train/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "../data/test_files.h"
#include "base/diagnostic.h"

namespace qloom::train {
namespace {

using data::error_text;

const std::string kSmall = R"(
[input]
features = 4
[[layers]]
type = "linear"
name = "fc1"
outputs = 3
)";

std::string parse_error(const std::string& text) {
    return error_text([&] { parse_recipe(text, "r.toml"); });
}

TEST(Recipe, TheBuiltInMlp) {
    const Recipe recipe = load_recipe("fashion-mnist-mlp");
    EXPECT_EQ(recipe.name, "fashion-mnist-mlp");
    EXPECT_EQ(recipe.training.epochs, 5);
    EXPECT_EQ(recipe.input.features, 784);
    EXPECT_FALSE(recipe.input.quantiser.has_value());
    EXPECT_EQ(recipe.outputs(), 10);
    std::vector<std::string> names;
    for (const LayerSpec& layer : recipe.layers) {
        names.push_back(layer.name);
        if (const auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            EXPECT_EQ(linear->weights->type, (IntType{4, true, true})) << layer.name;
        } else if (const auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
            EXPECT_EQ(activation->quantiser->type, (IntType{4, false, false})) << layer.name;
        }
    }
    EXPECT_EQ(names, (std::vector<std::string>{"fc1", "bn1", "act1", "fc2", "bn2", "act2", "fc3"}));
}

TEST(Recipe, EveryBuiltInOneLoads) {
    for (const std::string& name : builtin_recipe_names()) {
        EXPECT_EQ(load_recipe(name).name, name);
    }
}

TEST(Recipe, EveryKeyIsRead) {
    const Recipe recipe = parse_recipe(R"(
name = "all"
description = "d"
[data]
train = "mnist:train"
test = "mnist:test"
directory = "/d"
shift = 1
mirror = true
cutout = 3
holdout = 100
[input]
features = 4
scale = 0.5
offset = -1
quantiser = { bits = 8, signed = true }
[training]
epochs = 3
batch_size = 10
seed = 9
optimizer = "sgd"
learning_rate = 0.1
momentum = 0.8
beta1 = 0.85
beta2 = 0.95
weight_decay = 0.001
schedule = "step"
warmup = 0.1
step_factor = 0.5
step_epochs = 2
loss = "bce"
clip_weights = 1.5
patience = 7
keep_best = true
label_smoothing = 0.1
[quantisation]
enabled = true
weights = { bits = 2, narrow = true, scale = "mean-sigma", sigmas = 2.5, per = "channel" }
activations = { bits = 1, signed = true, scale = "constant", constant = 1 }
[[layers]]
type = "linear"
inputs = 4
outputs = 8
bias = false
[[layers]]
type = "batch_norm"
epsilon = 1e-4
momentum = 0.2
[[layers]]
type = "hardtanh"
[[layers]]
type = "dropout"
rate = 0.2
[[layers]]
type = "linear"
name = "head"
outputs = 2
weights = { bits = 8 }
[[layers]]
type = "identity"
quantiser = false
)",
                                       "all.toml");
    EXPECT_EQ(recipe.data, (DataSpec{.train = "mnist:train",
                                     .test = "mnist:test",
                                     .directory = "/d",
                                     .shift = 1,
                                     .mirror = true,
                                     .cutout = 3,
                                     .holdout = 100}));
    const QuantiserSpec input{.type = {8, true, false}};
    EXPECT_EQ(
        recipe.input,
        (InputSpec{
            .features = 4, .shape = {4}, .scale = {0.5}, .offset = {-1.0}, .quantiser = input}));
    EXPECT_EQ(recipe.training, (TrainingSpec{.epochs = 3,
                                             .batch_size = 10,
                                             .seed = 9,
                                             .optimiser = Optimiser::kSgd,
                                             .learning_rate = 0.1,
                                             .momentum = 0.8,
                                             .beta1 = 0.85,
                                             .beta2 = 0.95,
                                             .weight_decay = 0.001,
                                             .schedule = Schedule::kStep,
                                             .warmup = 0.1,
                                             .step_factor = 0.5,
                                             .step_epochs = 2,
                                             .loss = LossKind::kBce,
                                             .label_smoothing = 0.1,
                                             .clip_weights = 1.5,
                                             .patience = 7,
                                             .keep_best = true}));
    const QuantiserSpec weights{.type = {2, true, true},
                                .source = ScaleSource::kMeanSigma,
                                .granularity = Granularity::kChannel,
                                .sigmas = 2.5};
    QuantiserSpec head = weights;
    head.type.bits = 8;
    const QuantiserSpec bipolar{
        .type = {1, true, false}, .source = ScaleSource::kConstant, .constant = 1.0};
    const std::vector<LayerSpec> layers{
        {"linear1",
         LinearSpec{.inputs = 4, .outputs = 8, .bias = false, .weights = weights},
         {"input"},
         {8}},
        {"batch_norm1",
         BatchNormSpec{.channels = 8, .epsilon = 1e-4, .momentum = 0.2},
         {"linear1"},
         {8}},
        {"hardtanh1",
         ActivationSpec{.function = Activation::kHardTanh, .channels = 8, .quantiser = bipolar},
         {"batch_norm1"},
         {8}},
        {"dropout1", DropoutSpec{.rate = 0.2}, {"hardtanh1"}, {8}},
        {"head",
         LinearSpec{.inputs = 8, .outputs = 2, .bias = true, .weights = head},
         {"dropout1"},
         {2}},
        {"identity1",
         ActivationSpec{
             .function = Activation::kIdentity, .channels = 2, .quantiser = std::nullopt},
         {"head"},
         {2}}};
    EXPECT_EQ(recipe.layers, layers);
}

TEST(Recipe, QuantisationCanBeSwitchedOff) {
    const Recipe recipe = parse_recipe("[quantisation]\nenabled = false\n" + kSmall, "r.toml");
    EXPECT_FALSE(recipe.quantised);
    EXPECT_FALSE(std::get<LinearSpec>(recipe.layers[0].kind).weights.has_value());
    EXPECT_EQ(recipe.layers, without_quantisers(parse_recipe(kSmall, "r.toml")).layers);
}

// Whatever changes the trained weights changes the fingerprint.
TEST(Recipe, FingerprintTellsTrainingsApart) {
    const Recipe recipe = parse_recipe(kSmall, "r.toml");
    std::vector<Recipe> others(6, recipe);
    others[0].training.seed = 2;
    others[1].training.learning_rate *= 2;
    std::get<LinearSpec>(others[2].layers[0].kind).weights->type.bits = 3;
    others[3].data.train = "mnist:train";
    others[4].layers[0].name = "other";
    others[5] = without_quantisers(recipe);
    for (const Recipe& other : others) {
        EXPECT_NE(fingerprint(other), fingerprint(recipe));
    }
    Recipe elsewhere = recipe;
    elsewhere.data.directory = "/elsewhere";
    EXPECT_EQ(fingerprint(elsewhere), fingerprint(recipe));
}

TEST(RecipeErrors, Unknown) {
    EXPECT_THAT(
        error_text([] { load_recipe("fashion-mnist-mpl"); }),
        testing::StartsWith(
            "Q0810: fashion-mnist-mpl: there is no built-in recipe and no readable file of this "
            "name; did you mean fashion-mnist-mlp? the built-in recipes are "));
}

TEST(RecipeErrors, NotToml) {
    EXPECT_EQ(parse_error("[training]\nepochs = = 5\n").substr(0, 42),
              "Q0811: r.toml:2: this is not valid TOML (E");
}

TEST(RecipeErrors, UnknownKeys) {
    EXPECT_EQ(parse_error("[training]\nepoch = 5\n" + kSmall),
              "Q0812: r.toml:2: training: unknown key epoch; did you mean epochs?");
    EXPECT_EQ(
        parse_error(
            "[input]\nfeatures = 4\nzzzzzzzz = 1\n[[layers]]\ntype = \"linear\"\noutputs = 1\n"),
        "Q0812: r.toml:3: input: unknown key zzzzzzzz; the keys are features, mean, offset, "
        "quantiser, scale, shape, std");
    EXPECT_EQ(parse_error(kSmall + "probability = 0.5\n"),
              "Q0812: r.toml:8: layer fc1: unknown key probability; the keys are accumulator, "
              "bias, from, "
              "inputs, name, outputs, type, weights");
    EXPECT_EQ(parse_error(kSmall + "weights = { bit = 4 }\n"),
              "Q0812: r.toml:8: layer fc1: weights: unknown key bit; did you mean bits?");
}

TEST(RecipeErrors, WrongTypes) {
    EXPECT_EQ(
        parse_error("[training]\nepochs = \"five\"\n" + kSmall),
        "Q0813: r.toml:2: training: epochs is a string, expected an integer; give an integer");
    EXPECT_EQ(
        parse_error("[training]\nlearning_rate = true\n" + kSmall),
        "Q0813: r.toml:2: training: learning_rate is a boolean, expected a number; give a number");
    EXPECT_EQ(parse_error("[data]\ntrain = 3\n" + kSmall),
              "Q0813: r.toml:2: data: train is an integer, expected a string; give a string");
    EXPECT_EQ(
        parse_error("[data]\nmirror = 1\n" + kSmall),
        "Q0813: r.toml:2: data: mirror is an integer, expected true or false; give true or false");
    EXPECT_EQ(parse_error("quantisation = [1]\n" + kSmall),
              "Q0813: r.toml:1: quantisation is an array, expected a table; give a table");
    EXPECT_EQ(parse_error("layers = 3\n[input]\nfeatures = 4\n"),
              "Q0813: r.toml:1: layers is an integer, expected an array of tables; give an array "
              "of tables");
}

TEST(RecipeErrors, MissingKeys) {
    EXPECT_EQ(parse_error("[[layers]]\ntype = \"linear\"\noutputs = 3\n"),
              "Q0813: r.toml: the table [input] is missing; give [input] with features = 784");
    EXPECT_EQ(parse_error("[input]\nfeatures = 4\n"),
              "Q0813: r.toml: there is no layer with weights; give at least one [[layers]] table "
              "of type = \"linear\" or \"conv2d\"");
    EXPECT_EQ(parse_error("[input]\nfeatures = 4\n[[layers]]\ntype = \"linear\"\nname = \"fc1\"\n"),
              "Q0813: r.toml:3: layer fc1: outputs is missing; give outputs = an integer");
}

TEST(RecipeErrors, WrongValues) {
    EXPECT_EQ(parse_error("[training]\nepochs = 0\n" + kSmall),
              "Q0814: r.toml:2: training: epochs = 0 is out of range; give 1 to 100000");
    EXPECT_EQ(parse_error("[training]\nlearning_rate = -0.5\n" + kSmall),
              "Q0814: r.toml:2: training: learning_rate = -0.5 is out of range; give 0 to 1e+09");
    EXPECT_EQ(parse_error("[training]\nlearning_rate = nan\n" + kSmall),
              "Q0814: r.toml:2: training: learning_rate = nan is out of range; give 0 to 1e+09");
    EXPECT_EQ(parse_error("[training]\noptimizer = \"adan\"\n" + kSmall),
              "Q0814: r.toml:2: training: optimizer = \"adan\" is not known; did you mean adam? "
              "choose one of sgd, "
              "adam, adamw");
    EXPECT_EQ(
        parse_error("[input]\nfeatures = 4\n[[layers]]\ntype = \"linaer\"\n"),
        "Q0814: r.toml:4: layer linaer1: type = \"linaer\" is not known; did you mean "
        "linear? choose one of "
        "linear, conv1d, conv2d, conv_transpose1d, conv_transpose2d, batch_norm, max_pool, "
        "avg_pool, trunc_avg_pool, global_max_pool, global_avg_pool, relu, hardtanh, identity, "
        "sigmoid, tanh, add, concat, dropout, upsample, flatten");
    EXPECT_EQ(parse_error(kSmall + "[[layers]]\ntype = \"relu\"\nname = \"fc1\"\n"),
              "Q0814: r.toml:10: layers: name = \"fc1\" is empty or taken; give every layer a name "
              "of its own");
}

TEST(RecipeErrors, Bits) {
    const std::string advice = "; choose 1 to 8; 1 and signed is bipolar, 2 and narrow is ternary";
    EXPECT_EQ(parse_error(kSmall + "weights = { bits = 0 }\n"),
              "Q0815: r.toml:8: layer fc1: weights: 0 bits are not possible" + advice);
    EXPECT_EQ(parse_error("[quantisation]\nactivations = { bits = 9 }\n" + kSmall),
              "Q0815: r.toml:2: quantisation: activations: 9 bits are not possible" + advice);
    EXPECT_EQ(parse_error("[quantisation]\nactivations = { bits = 1, narrow = true }\n" + kSmall),
              "Q0815: r.toml:2: quantisation: activations: 1 bit, unsigned and narrow leaves the "
              "level 0 alone; leave "
              "narrow out");
}

TEST(RecipeErrors, LayersThatDoNotChain) {
    EXPECT_EQ(
        parse_error(kSmall +
                    "[[layers]]\ntype = \"linear\"\nname = \"fc2\"\ninputs = 5\noutputs = 2\n"),
        "Q0816: r.toml:11: fc2 takes 5 inputs, but fc1 gives 3; make them equal, or leave out "
        "inputs of fc2");
    EXPECT_EQ(parse_error(kSmall + "inputs = 5\n"),
              "Q0816: r.toml:8: fc1 takes 5 inputs, but the input gives 4; make them equal, or "
              "leave out inputs of fc1");
}

}  // namespace
}  // namespace qloom::train
