#include "train/export_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "round_trip.h"

namespace qloom::train {
namespace {

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
        expect_round_trip(recipe_text("", "{ bits = 4 }", "false", function),
                          function == "identity" ? Lowering::kWhole : Lowering::kNone);
    }
}

TEST(Export, RoundTripOfInputs) {
    expect_round_trip(
        recipe_text("scale = 0.0078125\noffset = -1", "{ bits = 4 }", "{ bits = 4 }", "relu"));
    expect_round_trip(recipe_text("scale = 0.0078125\noffset = -1\nquantiser = { bits = 8 }",
                                  "{ bits = 4 }", "{ bits = 4 }", "relu"));
    expect_round_trip(recipe_text("quantiser = { bits = 8, signed = false, scale = \"max\" }",
                                  "false", "false", "relu"),
                      Lowering::kNone);
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
    const ir::Graph graph = export_graph(network_of(trained_model(recipe)));
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
    const ir::Graph graph = export_graph(network_of(trained_model(recipe)));
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
    EXPECT_EQ(node_texts(export_graph(network_of(trained_model(recipe)))),
              (std::vector<std::string>{"fc1.weight_quant:BipolarQuant", "fc1:MatMul",
                                        "fc1.bias_add:Add", "bn1:BatchNormalization",
                                        "act1:BipolarQuant", "fc2.weight_quant:BipolarQuant",
                                        "fc2:MatMul", "fc2.bias_add:Add"}));
}

}  // namespace
}  // namespace qloom::train
