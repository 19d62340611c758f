// Networks of every kind of layer, trained a little, exported, read back and evaluated by the
// reference executor.
#include <gtest/gtest.h>

#include "ir/ops.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "round_trip.h"
#include "train/export_model.h"

namespace qloom::train {
namespace {

constexpr const char* kImages = "[input]\nshape = [2, 6, 5]\nscale = 0.0078125\n";
constexpr const char* kSequences = "[input]\nshape = [3, 12]\nscale = 0.0078125\n";

// A layer as a table; `keys` are TOML lines.
std::string layer(const std::string& type, const std::string& keys = "") {
    return "[[layers]]\ntype = \"" + type + "\"\n" + keys + "\n";
}
std::string head(const std::string& keys = "") {
    return layer("flatten") + layer("linear", "outputs = 4\n" + keys);
}
std::string norm_relu() { return layer("batch_norm") + layer("relu"); }

TEST(ExportNetwork, Convolutions) {
    for (const std::string keys :
         {"kernel = 3", "kernel = [3, 2]\nstride = 2", "kernel = 3\npadding = 1\ndilation = 2",
          "kernel = 3\npadding = [0, 1, 2, 1]", "kernel = 3\nstride = 2\npadding = \"same\"",
          "kernel = 1", "kernel = [6, 5]\nbias = false", "kernel = 3\ngroups = 2\npadding = 1",
          "kernel = 3\npadding = 1\nweights = { bits = 3, per = \"channel\" }"}) {
        expect_round_trip(kImages + layer("conv2d", "outputs = 6\n" + keys) + norm_relu() + head());
    }
    expect_round_trip(kImages + layer("conv2d", "groups = \"depthwise\"\nkernel = 3\npadding = 1") +
                      norm_relu() + layer("conv2d", "outputs = 4\nkernel = 1") + norm_relu() +
                      head());
    expect_round_trip(kImages + layer("conv2d", "groups = \"depthwise\"\noutputs = 4\nkernel = 3") +
                      norm_relu() + head());
}

TEST(ExportNetwork, Sequences) {
    expect_round_trip(
        kSequences + layer("conv1d", "outputs = 5\nkernel = 3\nstride = 2\npadding = [1, 0]") +
        norm_relu() + layer("max_pool") + layer("conv1d", "outputs = 4\nkernel = 2\ndilation = 1") +
        norm_relu() + head());
    expect_round_trip(kSequences +
                      layer("conv_transpose1d", "outputs = 5\nkernel = 3\nstride = 2") +
                      norm_relu() + layer("avg_pool", "kernel = 5") + layer("relu") + head());
    expect_round_trip(kSequences + layer("conv1d", "outputs = 4\nkernel = 3") + norm_relu() +
                      layer("upsample", "factor = 3") + layer("global_avg_pool") + layer("relu") +
                      head());
}

TEST(ExportNetwork, TransposedConvolutions) {
    for (const std::string keys :
         {"kernel = 3", "kernel = 3\nstride = 2\npadding = 1\noutput_padding = 1",
          "kernel = [2, 3]\nstride = 2", "kernel = 3\ngroups = 2",
          "kernel = 3\npadding = [1, 0, 0, 1]",
          "kernel = 3\nstride = 2\nweights = { bits = 4, per = \"channel\" }"}) {
        expect_round_trip(kImages + layer("conv_transpose2d", "outputs = 4\n" + keys) +
                          norm_relu() + layer("global_max_pool") + head());
    }
}

TEST(ExportNetwork, Pools) {
    for (const std::string type : {"max_pool", "avg_pool"}) {
        for (const std::string keys :
             {"kernel = 2", "kernel = [2, 1]", "kernel = 3\nstride = 2\npadding = 1"}) {
            expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                              norm_relu() + layer(type, keys) + layer("relu") + head());
        }
    }
    for (const std::string type : {"global_max_pool", "global_avg_pool"}) {
        expect_round_trip(kImages + layer("conv2d", "outputs = 5\nkernel = 3") + norm_relu() +
                          layer(type) + layer("identity") + head());
    }
}

TEST(ExportNetwork, TruncatedAveragePools) {
    for (const std::string keys :
         {"kernel = 2", "kernel = 2\nbits = 5", "kernel = [3, 2]\nstride = 1",
          "kernel = \"global\"\nbits = 6"}) {
        expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                          norm_relu() + layer("trunc_avg_pool", keys) + head());
        expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                          layer("batch_norm") + layer("identity") + layer("trunc_avg_pool", keys) +
                          head());
    }
}

TEST(ExportNetwork, ResidualAdditions) {
    for (const std::string quantiser : {"", "quantiser = { bits = 4, signed = false }",
                                        "quantiser = { bits = 8, scale = \"max\" }"}) {
        expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                          layer("batch_norm") + layer("relu", "name = \"trunk\"") +
                          layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                          layer("batch_norm") + layer("identity", "name = \"branch\"") +
                          layer("add", "from = [\"trunk\", \"branch\"]\n" + quantiser) +
                          layer("relu") + head());
    }
}

TEST(ExportNetwork, Concatenations) {
    for (const std::string quantiser : {"", "quantiser = { bits = 4, signed = false }"}) {
        expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") +
                          layer("batch_norm") + layer("relu", "name = \"left\"") +
                          layer("conv2d", "from = \"input\"\noutputs = 3\nkernel = 1") +
                          layer("batch_norm") + layer("relu", "name = \"right\"") +
                          layer("concat", "from = [\"left\", \"right\", \"left\"]\n" + quantiser) +
                          layer("conv2d", "outputs = 4\nkernel = 3") + norm_relu() + head());
    }
}

TEST(ExportNetwork, UpsampleAndDropout) {
    expect_round_trip(kImages + layer("conv2d", "outputs = 3\nkernel = 3") + norm_relu() +
                      layer("dropout", "rate = 0.2") + layer("upsample", "factor = [2, 3]") +
                      layer("conv2d", "outputs = 4\nkernel = 3") + norm_relu() +
                      layer("global_avg_pool") + layer("relu") + head());
}

TEST(ExportNetwork, EveryQuantiserOfWeightsAndActivations) {
    const std::string body = layer("conv2d", "outputs = 6\nkernel = 3\npadding = 1\nbias = false") +
                             norm_relu() + layer("conv2d", "outputs = 5\nkernel = 3") +
                             layer("batch_norm") + layer("hardtanh") + head();
    const auto with = [&](const std::string& weights, const std::string& activations) {
        // A scale a channel of activations cannot leave the sums of the next layer.
        const bool channels = activations.find("per = \"channel\"") != std::string::npos;
        expect_round_trip(std::string(kImages) + "[quantisation]\nweights = " + weights +
                              "\nactivations = " + activations + "\n" + body,
                          channels ? Lowering::kNone : Lowering::kWhole);
    };
    for (const std::string scale :
         {"learned", "max", "percentile", "mean-sigma", "mse", "constant"}) {
        for (const std::string extra :
             {"", ", per = \"channel\"", ", asymmetric = true", ", power_of_two = true",
              ", asymmetric = true, power_of_two = true, per = \"channel\"", ", narrow = true"}) {
            const std::string rest =
                ", scale = \"" + scale + "\", constant = 0.125, percentile = 99" + extra + " }";
            with("{ bits = 4" + rest, "{ bits = 4" + rest);
            with("{ bits = 8, signed = false, asymmetric = true }",
                 "{ bits = 3, signed = true" + rest);
        }
    }
    for (const std::string bits : {"1", "2", "3", "8"}) {
        with("{ bits = " + bits + ", narrow = " + (bits == "1" ? "false" : "true") + " }",
             "{ bits = " + bits + ", signed = true }");
    }
}

TEST(ExportNetwork, FoldedNorms) {
    for (const std::string weights :
         {"{ bits = 4 }", "{ bits = 4, scale = \"max\", per = \"channel\" }", "false"}) {
        const std::string start =
            std::string(kImages) + "[quantisation]\nweights = " + weights + "\n";
        expect_round_trip(start + layer("conv2d", "outputs = 4\nkernel = 3\nbias = false") +
                              layer("batch_norm", "fold = true") + layer("relu") +
                              layer("flatten") + layer("linear", "outputs = 8\nbias = false") +
                              layer("batch_norm", "fold = true") + layer("relu") +
                              layer("linear", "outputs = 4"),
                          weights == "false" ? Lowering::kNone : Lowering::kWhole);
    }
    expect_round_trip(kImages + layer("conv2d", "outputs = 4\nkernel = 3\nbias = { bits = 16 }") +
                      layer("batch_norm", "fold = true") + layer("relu") + head());
}

TEST(ExportNetwork, QuantisedBiases) {
    for (const std::string bias : {"{ bits = 32 }", "{ bits = 16, scale = \"accumulator\" }",
                                   "{ bits = 8, scale = \"max\" }"}) {
        for (const std::string weights : {"{ bits = 4 }", "{ bits = 4, per = \"channel\" }"}) {
            expect_round_trip(std::string(kImages) + "[quantisation]\nbias = " + bias +
                              "\nweights = " + weights + "\n" +
                              layer("conv2d", "outputs = 4\nkernel = 3") + layer("relu") +
                              layer("max_pool") + head());
        }
    }
}

TEST(ExportNetwork, DelayedQuantisers) {
    // Past the delay after 20 steps, and not yet: exported quantised all the same.
    for (const std::string delay : {"5", "19"}) {
        expect_round_trip(std::string(kImages) + "[quantisation]\nweights = { bits = 4, delay = " +
                          delay + " }\nactivations = { bits = 4, delay = " + delay + " }\n" +
                          layer("conv2d", "outputs = 4\nkernel = 3") + norm_relu() + head());
    }
}

TEST(ExportNetwork, InputsOfChannels) {
    expect_round_trip("[input]\nshape = [2, 6, 5]\nmean = [100, 120]\nstd = [60, 64]\n" +
                      layer("conv2d", "outputs = 4\nkernel = 3") + norm_relu() + head());
    // The 0 of padding must be an integer of the input, the same in every channel.
    expect_round_trip("[input]\nshape = [2, 6, 5]\nmean = 120\nstd = 64\n" +
                      layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") + norm_relu() +
                      head());
    expect_round_trip(
        "[input]\nshape = [2, 6, 5]\nmean = [100, 120]\nstd = 64\nquantiser = { bits = 8 }\n" +
        layer("conv2d", "outputs = 4\nkernel = 3\npadding = 1") + norm_relu() + head());
}

std::vector<std::string> node_texts(const ir::Graph& graph) {
    std::vector<std::string> texts;
    for (const ir::Node& node : graph.nodes()) {
        texts.push_back(node.name + ":" + ir::op_name(node.op));
    }
    return texts;
}

// The networks of all built-in recipes, untrained, are integers throughout for the compiler.
TEST(ExportNetwork, BuiltInRecipesLower) {
    for (const std::string& name : builtin_recipe_names()) {
        const Recipe recipe = load_recipe(name);
        const Model model(recipe, 1);
        const lower::CheckResult check = lower::check(ir::tidy(export_graph(network_of(model))));
        EXPECT_FALSE(check.error) << name << ": " << check.error->text();
    }
}

TEST(ExportNetwork, NodesBearTheLayersNames) {
    const Recipe recipe = parse_recipe(
        kImages +
            layer("conv2d",
                  "name = \"c1\"\noutputs = 4\nkernel = 3\npadding = 1\nbias = { bits = 16 }") +
            layer("relu", "name = \"r1\"") +
            layer("conv2d", "name = \"c2\"\noutputs = 4\nkernel = 1") +
            layer("add", "name = \"sum\"\nfrom = [\"c2\", \"r1\"]\nquantiser = { bits = 4 }") +
            layer("identity", "name = \"q\"") + layer("trunc_avg_pool", "name = \"pool\"") +
            layer("flatten", "name = \"flat\"") +
            layer("linear", "name = \"fc\"\noutputs = 4\nbias = false"),
        "r");
    EXPECT_EQ(
        node_texts(export_graph(network_of(trained_model(recipe)))),
        (std::vector<std::string>{"input_scale:Mul", "c1.weight_quant:Quant", "c1.bias_quant:Quant",
                                  "c1:Conv", "r1:Relu", "r1.quant:Quant", "c2.weight_quant:Quant",
                                  "c2:Conv", "sum.quant1:Quant", "sum.quant2:Quant", "sum:Add",
                                  "q:Quant", "pool:AveragePool", "pool.sum:Mul", "pool.trunc:Trunc",
                                  "flat:Flatten", "fc.weight_quant:Quant", "fc:MatMul"}));
}

}  // namespace
}  // namespace qloom::train
