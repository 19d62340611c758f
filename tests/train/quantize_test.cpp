#include "train/quantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../data/test_files.h"
#include "ir/execute.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "round_trip.h"
#include "train/export_model.h"
#include "train/ptq_layers.h"

namespace qloom::train {
namespace {

std::string layer(const std::string& type, const std::string& keys = "") {
    return "[[layers]]\ntype = \"" + type + "\"\n" + keys + "\n";
}

const std::string kFloat =
    "[input]\nshape = [2, 6, 6]\nscale = 0.0078125\n[quantisation]\nenabled = false\n";
const std::string kChain =
    layer("conv2d", "name = \"c1\"\noutputs = 8\npadding = 1\nbias = false") +
    layer("batch_norm", "name = \"bn1\"") + layer("relu", "name = \"r1\"") +
    layer("conv2d", "name = \"dw\"\ngroups = \"depthwise\"\npadding = 1") +
    layer("relu", "name = \"r2\"") + layer("max_pool", "name = \"p\"") +
    layer("conv2d", "name = \"c2\"\noutputs = 8\nkernel = 1") + layer("relu", "name = \"r3\"") +
    layer("flatten", "name = \"flat\"") + layer("linear", "name = \"fc\"\noutputs = 4");
const std::string kResidual =
    layer("conv2d", "name = \"c1\"\noutputs = 6\npadding = 1") +
    layer("batch_norm", "name = \"bn1\"") + layer("relu", "name = \"r1\"") +
    layer("conv2d", "name = \"c2\"\noutputs = 6\npadding = 1") +
    layer("batch_norm", "name = \"bn2\"") +
    layer("add", "name = \"sum\"\nfrom = [\"bn2\", \"r1\"]") + layer("relu", "name = \"r2\"") +
    layer("global_avg_pool", "name = \"p\"") + layer("flatten", "name = \"flat\"") +
    layer("linear", "name = \"fc\"\noutputs = 4");

struct FloatModel {
    explicit FloatModel(const std::string& layers)
        : recipe(parse_recipe(kFloat + layers, "r")),
          graph(ir::tidy(export_graph(network_of(trained_model(recipe, 60))))) {}

    [[nodiscard]] data::Dataset dataset(std::int64_t rows, std::uint64_t seed) const {
        const Samples samples = samples_of(recipe, rows, seed);
        data::Dataset result;
        result.name = "made up";
        result.samples = Tensor<std::uint8_t>(
            {rows, 2, 6, 6},
            std::vector<std::uint8_t>(samples.values.begin(), samples.values.end()));
        result.labels = samples.labels;
        result.classes = 4;
        return result;
    }
    [[nodiscard]] static Tensor<float> outputs(const ir::Graph& graph,
                                               const data::Dataset& dataset) {
        return std::get<Tensor<float>>(
            ir::Executor(graph).run({dataset.frames(0, dataset.size())})[0]);
    }
    // Mean squared difference from the float outputs on samples that were not looked at, over their
    // mean square.
    [[nodiscard]] double error(const QuantizeOptions& options) const {
        const data::Dataset test = dataset(200, 77);
        const Tensor<float> wanted = outputs(graph, test);
        const Tensor<float> found = outputs(quantize(graph, dataset(256, 1), options).graph, test);
        double difference = 0.0;
        double power = 0.0;
        for (std::int64_t i = 0; i < wanted.size(); ++i) {
            difference += std::pow(static_cast<double>(wanted[i] - found[i]), 2.0);
            power += std::pow(static_cast<double>(wanted[i]), 2.0);
        }
        return difference / power;
    }

    Recipe recipe;
    ir::Graph graph;
};

TEST(Quantize, EightBitsAreNearlyFloatAndFewerAreFurther) {
    for (const std::string& layers : {kChain, kResidual}) {
        const FloatModel model(layers);
        const double eight = model.error({.weight_bits = 8, .activation_bits = 8});
        const double four = model.error({.weight_bits = 4, .activation_bits = 4});
        EXPECT_LT(eight, 1e-3);
        EXPECT_LT(four, 0.1);
        EXPECT_LT(eight, four);
    }
}

// The corrections are worth it: less error than rounding to nearest, on samples they have not seen.
TEST(Quantize, CorrectionsHelp) {
    const FloatModel model(kChain);
    const double plain = model.error({.weight_bits = 3,
                                      .activation_bits = 8,
                                      .equalise = false,
                                      .correct_rounding = false,
                                      .correct_bias = false});
    const double gptq = model.error(
        {.weight_bits = 3, .activation_bits = 8, .equalise = false, .correct_bias = false});
    const double all = model.error({.weight_bits = 3, .activation_bits = 8});
    EXPECT_LT(gptq, 0.8 * plain);
    EXPECT_LT(all, 0.8 * plain);
}

TEST(Quantize, TheResultIsIntegersThroughout) {
    for (const std::string& layers : {kChain, kResidual}) {
        const FloatModel model(layers);
        const QuantizeResult result = quantize(model.graph, model.dataset(64, 1));
        const lower::CheckResult check = lower::check(ir::tidy(result.graph));
        EXPECT_FALSE(check.error) << check.error->text();
        EXPECT_FALSE(result.weakest.empty());
        for (const LayerNoise& noise : result.layers) {
            EXPECT_GT(noise.decibels, 3.0) << noise.layer;
        }
    }
}

TEST(Quantize, DataThatDoNotFit) {
    const FloatModel model(kChain);
    data::Dataset other = model.dataset(4, 1);
    other.samples = Tensor<std::uint8_t>({4, 5});
    EXPECT_EQ(data::error_text([&] { quantize(model.graph, other); }),
              "Q0817: made up: the model takes 72 values, but a sample has 5; calibrate with data "
              "of the model's own kind");
}

// Folding and equalising change the weights, not what the network computes.
TEST(PtqLayers, FoldingAndEqualisingChangeNoOutput) {
    for (const std::string& layers : {kChain, kResidual}) {
        const FloatModel model(layers);
        ImportedModel changed = import_graph(model.graph);
        const std::size_t before = changed.layers.size();
        fold_norms(changed);
        EXPECT_LT(changed.layers.size(), before);
        equalise(changed);
        Recipe recipe;
        recipe.input = changed.input;
        recipe.layers = changed.layers;
        recipe.start = changed.state;
        const data::Dataset test = model.dataset(50, 3);
        const Tensor<float> wanted = FloatModel::outputs(model.graph, test);
        std::vector<float> seen = test.frames(0, 50).values();
        for (float& value : seen) {
            value *= 0.0078125F;
        }
        const std::vector<float> found = Model(recipe, 1).evaluate(seen, 50);
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_NEAR(found[i], wanted.values()[i], 1e-4F * (1.0F + std::fabs(found[i])));
        }
    }
}

// Afterwards both sides of every channel have the same range.
TEST(PtqLayers, EqualisedRanges) {
    const FloatModel model(layer("conv2d", "name = \"a\"\noutputs = 5") + layer("relu") +
                           layer("conv2d", "name = \"b\"\noutputs = 4\nkernel = 2") +
                           layer("flatten") + layer("linear", "outputs = 4"));
    ImportedModel changed = import_graph(model.graph);
    fold_norms(changed);
    equalise(changed);
    const Tensor<float>& a = array_of(changed.state, "a.weight");
    const Tensor<float>& b = array_of(changed.state, "b.weight");
    for (std::int64_t c = 0; c < 5; ++c) {
        float first = 0.0F;
        float second = 0.0F;
        for (std::int64_t i = 0; i < 18; ++i) {
            first = std::max(first, std::fabs(a[c * 18 + i]));
        }
        for (std::int64_t o = 0; o < 4; ++o) {
            for (std::int64_t i = 0; i < 4; ++i) {
                second = std::max(second, std::fabs(b[(o * 5 + c) * 4 + i]));
            }
        }
        EXPECT_NEAR(first, second, 1e-5F * first);
    }
}

}  // namespace
}  // namespace qloom::train
