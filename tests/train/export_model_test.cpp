#include "train/export_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/execute.h"
#include "onnx/reader.h"
#include "onnx/writer.h"
#include "train/model.h"
#include "train/optimiser.h"
#include "train/random.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kFeatures = 12;
constexpr std::int64_t kClasses = 4;

struct Samples {
    std::vector<float> values;
    std::vector<std::int32_t> labels;
};

// Bytes, as an image dataset has them.
Samples samples_of(std::int64_t rows, std::uint64_t seed) {
    Random random(seed);
    Samples result;
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto label = static_cast<std::int32_t>(random.below(kClasses));
        for (std::int64_t i = 0; i < kFeatures; ++i) {
            result.values.push_back(
                static_cast<float>(random.below(128) + (i % kClasses == label ? 100U : 0U)));
        }
        result.labels.push_back(label);
    }
    return result;
}

// A network that has taken some steps, so that no scale or statistic stands at its start.
Model trained_model(const Recipe& recipe) {
    Model model(recipe, 1);
    FlatOptimiser optimiser(recipe.training, static_cast<std::int64_t>(model.parameters().size()),
                            model.decayed());
    for (std::uint64_t step = 0; step < 20; ++step) {
        const Samples batch = samples_of(32, step);
        model.train_step(batch.values, batch.labels, 0.0, step);
        optimiser.step(model.parameters(), model.gradients(), 0.01);
    }
    return model;
}

std::string recipe_text(const std::string& input, const std::string& weights,
                        const std::string& activations, const std::string& function) {
    return "[input]\nfeatures = 12\n" + input + "\n[quantisation]\nweights = " + weights +
           "\nactivations = " + activations +
           "\n[[layers]]\ntype = \"linear\"\nname = \"fc1\"\noutputs = 9\n"
           "[[layers]]\ntype = \"batch_norm\"\nname = \"bn1\"\n[[layers]]\ntype = \"" +
           function +
           "\"\nname = \"act1\"\n[[layers]]\ntype = \"dropout\"\nrate = 0.1\n"
           "[[layers]]\ntype = \"linear\"\nname = \"fc2\"\noutputs = 4\n";
}

TrainedModel facts_of(const Recipe& recipe, const Model& model) {
    return {.name = "m",
            .input = recipe.input,
            .input_is_bytes = true,
            .layers = model.trained_layers()};
}

// The promise of export: the reference executor gives what the trainer's own evaluation gives. A
// value within float rounding of a rounding border may fall on its other side; the networks here
// are small enough that none does.
void expect_round_trip(const std::string& text) {
    SCOPED_TRACE(text);
    const Recipe recipe = parse_recipe(text, "r");
    const Model model = trained_model(recipe);
    const ir::Graph graph = export_graph(facts_of(recipe, model));
    const ir::Graph read = onnx::parse_model(onnx::serialise_model(graph), "m");
    constexpr std::int64_t kRows = 64;
    const Samples test = samples_of(kRows, 999);
    std::vector<float> scaled = test.values;
    for (float& value : scaled) {
        value = value * static_cast<float>(recipe.input.scale) +
                static_cast<float>(recipe.input.offset);
    }
    const std::vector<float> expected = model.evaluate(scaled, kRows);
    const std::vector<ir::Value> outputs =
        ir::Executor(read).run({Tensor<float>({kRows, kFeatures}, test.values)});
    ASSERT_EQ(outputs.size(), 1U);
    const auto& found = std::get<Tensor<float>>(outputs[0]);
    ASSERT_EQ(found.shape(), (Shape{kRows, kClasses}));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(found.values()[i], expected[i], 1e-4F * (1.0F + std::fabs(expected[i]))) << i;
    }
}

TEST(Export, RoundTripOfEveryBitWidth) {
    for (int bits = 1; bits <= 8; ++bits) {
        const std::string width = std::to_string(bits);
        expect_round_trip(recipe_text(
            "", "{ bits = " + width + ", narrow = " + (bits == 1 ? "false" : "true") + " }",
            "{ bits = " + width + " }", "relu"));
        expect_round_trip(recipe_text("", "{ bits = " + width + ", narrow = false }",
                                      "{ bits = " + width + ", signed = true }", "identity"));
    }
}

TEST(Export, RoundTripOfEveryScaleAndGranularity) {
    for (const std::string scale : {"learned", "max", "mean-sigma", "mse", "constant"}) {
        for (const std::string per : {"tensor", "channel"}) {
            const std::string rest =
                ", scale = \"" + scale + "\", constant = 0.125, per = \"" + per + "\" }";
            expect_round_trip(
                recipe_text("", "{ bits = 4" + rest,
                            "{ bits = 4, scale = \"" + scale + "\", constant = 0.125 }", "relu"));
            expect_round_trip(recipe_text("", "{ bits = 3" + rest, "{ bits = 3" + rest, "relu"));
        }
    }
}

TEST(Export, RoundTripOfEveryActivation) {
    for (const std::string function : {"identity", "relu", "hardtanh", "sigmoid", "tanh"}) {
        expect_round_trip(recipe_text("", "{ bits = 4 }", "{ bits = 4 }", function));
        expect_round_trip(recipe_text("", "{ bits = 4 }", "false", function));
    }
}

TEST(Export, RoundTripOfInputs) {
    expect_round_trip(
        recipe_text("scale = 0.0078125\noffset = -1", "{ bits = 4 }", "{ bits = 4 }", "relu"));
    expect_round_trip(recipe_text("scale = 0.0078125\noffset = -1\nquantiser = { bits = 8 }",
                                  "{ bits = 4 }", "{ bits = 4 }", "relu"));
    expect_round_trip(recipe_text("quantiser = { bits = 8, signed = false, scale = \"max\" }",
                                  "false", "false", "relu"));
}

std::vector<std::string> node_texts(const ir::Graph& graph) {
    std::vector<std::string> texts;
    for (const ir::Node& node : graph.nodes()) {
        texts.push_back(node.name + ":" + ir::op_name(node.op));
    }
    return texts;
}

TEST(Export, StructureOfAnMlp) {
    const Recipe recipe =
        parse_recipe(recipe_text("", "{ bits = 4 }", "{ bits = 4 }", "relu"), "r");
    const ir::Graph graph = export_graph(facts_of(recipe, trained_model(recipe)));
    EXPECT_EQ(node_texts(graph), (std::vector<std::string>{
                                     "fc1.weight_quant:Quant", "fc1:MatMul", "fc1.bias_add:Add",
                                     "bn1:BatchNormalization", "act1:Relu", "act1.quant:Quant",
                                     "fc2.weight_quant:Quant", "fc2:MatMul", "fc2.bias_add:Add"}));
    const ir::TensorInfo& input = graph.tensor(graph.inputs().at(0));
    EXPECT_EQ(input.name, "input");
    EXPECT_EQ(input.shape, (Shape{1, 12}));
    EXPECT_EQ(input.annotation, (IntType{8, false}));
    EXPECT_EQ(graph.metadata,
              (std::vector<std::pair<std::string, std::string>>{{"qloom.input", "uint8"}}));
    EXPECT_EQ(graph.tensor(graph.outputs().at(0)).name, "logits");
    for (const ir::TensorInfo& tensor : graph.tensors()) {
        EXPECT_TRUE(tensor.shape.has_value() || tensor.constant.has_value()) << tensor.name;
    }
}

// Weight constants are whole levels times the scale: quantising them again changes no bit.
TEST(Export, WeightsLieOnTheirLevels) {
    const Recipe recipe = parse_recipe(
        recipe_text("", "{ bits = 4, per = \"channel\" }", "{ bits = 4 }", "relu"), "r");
    const ir::Graph graph = export_graph(facts_of(recipe, trained_model(recipe)));
    const auto& weights =
        std::get<Tensor<float>>(*graph.tensor(graph.find_tensor("fc1.weight")).constant);
    const auto& scale = std::get<Tensor<float>>(
        *graph.tensor(graph.find_tensor("fc1.weight_quant.scale")).constant);
    ASSERT_EQ(scale.shape(), (Shape{1, 9}));
    for (std::int64_t in = 0; in < 12; ++in) {
        for (std::int64_t out = 0; out < 9; ++out) {
            const float weight = weights[in * 9 + out];
            const float level = std::nearbyint(weight / scale[out]);
            EXPECT_LE(std::fabs(level), 7.0F);
            EXPECT_EQ(weight, level * scale[out]);
        }
    }
}

TEST(Export, BipolarHasAnOperatorOfItsOwn) {
    const Recipe recipe = parse_recipe(
        recipe_text("", "{ bits = 1, narrow = false }", "{ bits = 1, signed = true }", "identity"),
        "r");
    EXPECT_EQ(node_texts(export_graph(facts_of(recipe, trained_model(recipe)))),
              (std::vector<std::string>{"fc1.weight_quant:BipolarQuant", "fc1:MatMul",
                                        "fc1.bias_add:Add", "bn1:BatchNormalization",
                                        "act1:BipolarQuant", "fc2.weight_quant:BipolarQuant",
                                        "fc2:MatMul", "fc2.bias_add:Add"}));
}

}  // namespace
}  // namespace qloom::train
