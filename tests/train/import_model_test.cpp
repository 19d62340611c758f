// A model's file read back as a network that trains, and knowledge distilled from one.
#include "train/import_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../data/test_files.h"
#include "base/diagnostic.h"
#include "base/npy.h"
#include "ir/execute.h"
#include "ir/tidy.h"
#include "onnx/reader.h"
#include "onnx/writer.h"
#include "round_trip.h"
#include "train/export_model.h"
#include "train/loss.h"
#include "train/train.h"

namespace qloom::train {
namespace {

using data::error_text;
using data::TestFolder;

std::string layer(const std::string& type, const std::string& keys = "") {
    return "[[layers]]\ntype = \"" + type + "\"\n" + keys + "\n";
}
std::string conv_relu(const std::string& keys) {
    return layer("conv2d", keys) + layer("batch_norm") + layer("relu");
}
std::string head() { return layer("flatten") + layer("linear", "outputs = 4"); }
constexpr const char* kImages = "[input]\nshape = [2, 6, 5]\nscale = 0.0078125\n";

ir::Graph graph_of(const std::string& text, int steps = 20) {
    return export_graph(network_of(trained_model(parse_recipe(text, "r"), steps)));
}

Recipe recipe_of(const ImportedModel& imported) {
    Recipe recipe;
    recipe.name = "imported";
    recipe.input = imported.input;
    recipe.layers = imported.layers;
    recipe.start = imported.state;
    return recipe;
}

// The network that is read back computes what the reference executor computes for the file, and can
// be trained on.
void expect_same(const std::string& text) {
    SCOPED_TRACE(text);
    const ir::Graph graph = graph_of(text);
    const Recipe recipe = recipe_of(import_graph(ir::tidy(graph)));
    Model model(recipe, 7);
    constexpr std::int64_t kRows = 32;
    const Samples test = samples_of(recipe, kRows, 5);
    Shape shape = recipe.input.shape;
    shape.insert(shape.begin(), kRows);
    const auto expected =
        std::get<Tensor<float>>(ir::Executor(graph).run({Tensor<float>(shape, test.values)})[0]);
    std::vector<float> seen = test.values;
    for (float& value : seen) {
        value = value * static_cast<float>(recipe.input.scale[0]) +
                static_cast<float>(recipe.input.offset[0]);
    }
    const std::vector<float> found = model.evaluate(seen, kRows);
    ASSERT_EQ(static_cast<std::int64_t>(found.size()), expected.size());
    std::size_t differing =
        0;  // a scale that went through its logarithm may move a value over a rounding border
    for (std::size_t i = 0; i < found.size(); ++i) {
        differing +=
            std::fabs(found[i] - expected.values()[i]) > 2e-4F * (1.0F + std::fabs(found[i])) ? 1
                                                                                              : 0;
    }
    EXPECT_LE(differing, found.size() / 50);
    model.train_step(seen, test.labels, 0);
    double size = 0.0;
    for (const float g : model.gradients()) {
        size += std::fabs(static_cast<double>(g));
    }
    EXPECT_GT(size, 0.0);
    EXPECT_TRUE(std::isfinite(size));
}

TEST(Import, EveryLayerComesBack) {
    expect_same("[input]\nfeatures = 12\nscale = 0.01\n" + layer("linear", "outputs = 9") +
                layer("batch_norm") + layer("relu") + layer("dropout", "rate = 0.1") +
                layer("linear", "outputs = 4"));
    expect_same(kImages + conv_relu("outputs = 4\nkernel = 3\npadding = [0, 1, 2, 1]") +
                layer("max_pool") + head());
    expect_same(
        kImages +
        layer("conv2d", "outputs = 4\nkernel = 3\nweights = { bits = 3, per = \"channel\" }") +
        layer("hardtanh") + layer("avg_pool") + layer("identity") + head());
    expect_same(kImages + layer("conv2d", "groups = \"depthwise\"\npadding = 1") +
                layer("sigmoid") + layer("upsample", "factor = 2") +
                layer("conv_transpose2d", "outputs = 3\nstride = 2") + layer("tanh") +
                layer("global_avg_pool") + layer("relu") + head());
    expect_same(kImages + conv_relu("outputs = 4\npadding = 1") +
                layer("trunc_avg_pool", "bits = 5") + head());
    expect_same(kImages + layer("conv2d", "outputs = 4\npadding = 1") +
                layer("relu", "name = \"a\"") + layer("conv2d", "outputs = 4\npadding = 1") +
                layer("add", "from = [\"a\", \"conv2d2\"]\nquantiser = { bits = 4 }") +
                layer("relu", "name = \"b\"") + layer("concat", "from = [\"a\", \"b\"]") +
                layer("global_max_pool") + head());
    expect_same(
        "[input]\nshape = [3, 12]\noffset = -128\nquantiser = { bits = 8, scale = \"constant\" "
        "}\n" +
        layer("conv1d", "outputs = 4") + layer("relu") + layer("max_pool") + head());
}

TEST(Import, Quantisers) {
    for (const std::string quantiser :
         {"{ bits = 4, asymmetric = true, scale = \"max\" }",
          "{ bits = 2, narrow = true, signed = true }", "{ bits = 1, signed = true }",
          "{ bits = 3, power_of_two = true }", "{ bits = 8, per = \"channel\" }"}) {
        expect_same(std::string(kImages) + "[quantisation]\nactivations = " + quantiser + "\n" +
                    layer("conv2d", "outputs = 4\npadding = 1") + layer("batch_norm") +
                    layer("identity") + head());
    }
    expect_same(std::string(kImages) + "[quantisation]\nbias = { bits = 16 }\n" +
                layer("conv2d", "outputs = 4\npadding = 1") + layer("relu") + head());
    expect_same(std::string(kImages) + "[quantisation]\nweights = false\nactivations = false\n" +
                layer("conv2d", "outputs = 4\npadding = 1") + layer("relu") + head());
}

TEST(Import, LayersKeepTheirNames) {
    const ImportedModel imported =
        import_graph(ir::tidy(graph_of(kImages + conv_relu("name = \"c\"\noutputs = 4") + head())));
    std::vector<std::string> names;
    for (const LayerSpec& spec : imported.layers) {
        names.push_back(spec.name);
    }
    EXPECT_EQ(names,
              (std::vector<std::string>{"c", "batch_norm1", "relu1", "flatten1", "linear1"}));
    EXPECT_EQ(imported.input.scale, (std::vector<double>{0.0078125}));
    EXPECT_EQ(std::get<ConvSpec>(imported.layers[0].kind).weights->type, (IntType{4, true, true}));
}

TEST(Import, WhatCannotBeTrained) {
    ir::Graph graph = graph_of("[input]\nfeatures = 12\n" + layer("linear", "outputs = 4"));
    const ir::TensorId logits = graph.outputs()[0];
    const ir::TensorId output = graph.add_tensor({.name = "y",
                                                  .type = ir::ElementType::kFloat32,
                                                  .shape = std::nullopt,
                                                  .constant = std::nullopt,
                                                  .annotation = std::nullopt});
    graph.add_node({.name = "soft",
                    .op = ir::Unary{ir::UnaryKind::kSoftplus},
                    .inputs = {logits},
                    .outputs = {output}});
    graph.set_outputs({output});
    EXPECT_EQ(error_text([&] { import_graph(ir::tidy(graph)); }),
              "Q0819: node soft (Softplus): this operator is no layer that is trained here; train "
              "a recipe of your own "
              "with these layers");
}

// ---- fine-tuning and distillation
// ----------------------------------------------------------------------------------

class FromModel : public testing::Test {
protected:
    FromModel() {
        const Recipe shape =
            parse_recipe("[input]\nfeatures = 12\n" + layer("linear", "outputs = 4"), "r");
        const Samples samples = samples_of(shape, 300, 1);
        Tensor<std::int64_t> x({300, 12});
        std::copy(samples.values.begin(), samples.values.end(), x.begin());
        write_npy(folder_.path() / "x.npy", x);
        write_npy(folder_.path() / "y.npy",
                  Tensor<std::int64_t>({300}, {samples.labels.begin(), samples.labels.end()}));
    }
    [[nodiscard]] std::string start(const std::string& training) const {
        const std::string pair = "npy:" + path("x.npy") + "," + path("y.npy");
        return "[data]\ntrain = \"" + pair + "\"\ntest = \"" + pair +
               "\"\n[training]\nbatch_size = 30\n" + training;
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_.path() / name).string();
    }
    void write_model(const std::string& name, const std::string& layers, int steps) const {
        onnx::write_model(graph_of("[input]\nfeatures = 12\n" + layers, steps), path(name));
    }
    const TestFolder folder_{std::string("from_model_") +
                             testing::UnitTest::GetInstance()->current_test_info()->name()};
};

const std::string kMlp = layer("linear", "outputs = 12\nbias = false") + layer("batch_norm") +
                         layer("relu") + layer("linear", "outputs = 4");

TEST_F(FromModel, TrainingGoesOnFromAFile) {
    write_model("start.onnx", kMlp, 60);
    const auto trained = [&](const std::string& from, const std::string& rate) {
        return train(
            parse_recipe(
                from + start("epochs = 1\nschedule = \"constant\"\nlearning_rate = " + rate + "\n"),
                "r"),
            {.output = path("run" + rate)});
    };
    const std::string model = "model = \"" + path("start.onnx") + "\"\n";
    const TrainResult still = trained(model, "1e-12");
    EXPECT_GT(still.accuracy, 0.8);  // what the file knew already
    const TrainResult further = trained(model, "0.01");
    EXPECT_GE(further.accuracy, still.accuracy);
    EXPECT_TRUE(std::filesystem::exists(further.model_file));
    EXPECT_EQ(error_text([&] { parse_recipe(model + "[input]\nfeatures = 12\n", "r"); }),
              "Q0814: r:2: input = ... beside model = \"" + path("start.onnx") +
                  "\", which brings its own; take out input or model");
}

TEST_F(FromModel, AStudentFollowsItsTeacher) {
    write_model("teacher.onnx", "[quantisation]\nenabled = false\n" + kMlp, 200);
    const std::string network = "[input]\nfeatures = 12\nscale = 0.01\n" + kMlp;
    const std::string distillation = "[distillation]\nteacher = \"" + path("teacher.onnx") +
                                     "\"\nweight = 1.0\ntemperature = 3\n";
    Recipe recipe =
        parse_recipe(start("epochs = 12\nlearning_rate = 0.02\n") + distillation + network, "r");
    // With weight 1 nothing is learned from the labels: the teacher alone leads to its own
    // accuracy.
    EXPECT_GT(train(recipe).accuracy, 0.85);
    Recipe other = recipe;
    other.distillation.temperature = 1.0;
    EXPECT_NE(fingerprint(other), fingerprint(recipe));
    write_model("wide.onnx", layer("linear", "outputs = 5"), 1);
    recipe.distillation.teacher = path("wide.onnx");
    EXPECT_EQ(error_text([&] { train(recipe); }),
              "Q0817: " + path("wide.onnx") +
                  ": the teacher maps 12 values to 5, the network 12 to 4; take a teacher of the "
                  "same samples and classes");
}

TEST(Distil, ExampleOfTheHeaderAndDerivative) {
    const std::vector<float> teacher{2.0F, 0.0F};
    const DistillationSpec spec{.teacher = "t", .weight = 1.0, .temperature = 2.0};
    LossSums sums;
    std::vector<float> gradient(2, 0.0F);
    distil(std::vector<float>{0.0F, 0.0F}, teacher, 2, spec, sums, gradient);
    EXPECT_NEAR(sums.loss, 0.444, 1e-3);
    EXPECT_NEAR(gradient[0], -0.462, 1e-3);
    EXPECT_NEAR(gradient[1], 0.462, 1e-3);
    // Against differences, mixed with a plain loss.
    const DistillationSpec half{.teacher = "t", .weight = 0.4, .temperature = 3.0};
    const std::vector<float> logits{0.3F, -0.8F, 1.2F, 0.1F};
    const std::vector<float> teachers{2.0F, 0.0F, -1.0F, 0.5F};
    const std::vector<std::int32_t> labels{1, 0};
    const auto both = [&](const std::vector<float>& z, std::vector<float>& g) {
        LossSums result = loss_of(LossKind::kCrossEntropy, z, labels, 2, 0.0, g);
        distil(z, teachers, 2, half, result, g);
        return result.loss;
    };
    std::vector<float> g(4);
    std::vector<float> ignored(4);
    both(logits, g);
    for (std::size_t i = 0; i < 4; ++i) {
        std::vector<float> up = logits;
        std::vector<float> down = logits;
        up[i] += 1e-2F;
        down[i] -= 1e-2F;
        EXPECT_NEAR(g[i], (both(up, ignored) - both(down, ignored)) / 2e-2, 1e-4);
    }
}

}  // namespace
}  // namespace qloom::train
