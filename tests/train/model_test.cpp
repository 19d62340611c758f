// Whole networks: gradients against differences, folded norms against plain ones, quantisers that
// start late.
#include "train/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "round_trip.h"
#include "train/optimiser.h"
#include "train/random.h"

namespace qloom::train {
namespace {

std::string layer(const std::string& type, const std::string& keys = "") {
    return "[[layers]]\ntype = \"" + type + "\"\n" + keys + "\n";
}

const std::string kFloatImages =
    "[input]\nshape = [2, 6, 5]\nscale = 0.0078125\n[quantisation]\nenabled = "
    "false\n[training]\nlearning_rate = 0.01\n";

std::vector<float> scaled(const Samples& samples) {
    std::vector<float> values = samples.values;
    for (float& value : values) {
        value *= 0.0078125F;
    }
    return values;
}

// The derivative of the loss by a parameter, by differences, for some parameters of every layer.
// Sigmoids and tanhs keep kinks away.
void expect_gradients(const std::string& layers) {
    SCOPED_TRACE(layers);
    const Recipe recipe = parse_recipe(kFloatImages + layers, "r");
    Model model(recipe, 3);
    const Samples batch = samples_of(recipe, 24, 5);
    const std::vector<float> x = scaled(batch);
    model.train_step(x, batch.labels, 0);
    const std::vector<float> gradients(model.gradients().begin(), model.gradients().end());
    const auto loss_at = [&](std::size_t i, float value) {
        const float before = model.parameters()[i];
        model.parameters()[i] = value;
        const double loss = model.train_step(x, batch.labels, 0).loss;
        model.parameters()[i] = before;
        return loss;
    };
    double largest = 0.0;
    const std::size_t step = std::max<std::size_t>(1, gradients.size() / 60);
    for (std::size_t i = 0; i < gradients.size(); i += step) {
        const float value = model.parameters()[i];
        const float h = 2e-2F;
        const double expected =
            (loss_at(i, value + h) - loss_at(i, value - h)) / (2.0 * static_cast<double>(h));
        EXPECT_NEAR(gradients[i], expected, 2e-3 + 0.03 * std::fabs(expected))
            << model.name_of_parameter(static_cast<std::int64_t>(i));
        largest = std::max(largest, std::fabs(expected));
    }
    EXPECT_GT(largest, 1e-2) << "nothing depends on the parameters";
}

TEST(ModelGradients, EveryLayer) {
    const std::string head = layer("flatten") + layer("linear", "outputs = 4");
    expect_gradients(layer("conv2d", "outputs = 4\npadding = [0, 1, 2, 1]\nstride = [1, 2]") +
                     layer("batch_norm") + layer("tanh") +
                     layer("conv2d", "groups = \"depthwise\"") + layer("sigmoid") + head);
    expect_gradients(layer("conv_transpose2d", "outputs = 3\nstride = 2\npadding = [1, 0, 0, 1]") +
                     layer("batch_norm") + layer("tanh") +
                     layer("avg_pool", "kernel = 3\npadding = 1") + head);
    expect_gradients(layer("conv2d", "outputs = 4\npadding = 1\nbias = false") +
                     layer("batch_norm", "fold = true") + layer("tanh") +
                     layer("upsample", "factor = 2") + layer("global_avg_pool") + head);
    expect_gradients(layer("conv2d", "name = \"a\"\noutputs = 3\npadding = 1") +
                     layer("tanh", "name = \"b\"") +
                     layer("conv2d", "name = \"c\"\noutputs = 3\npadding = 1") +
                     layer("add", "name = \"d\"\nfrom = [\"b\", \"c\"]") +
                     layer("concat", "name = \"e\"\nfrom = [\"d\", \"b\", \"input\"]") +
                     layer("batch_norm") + layer("sigmoid") + head);
}

TEST(Model, SequencesByTheDefinition) {
    const Recipe recipe = parse_recipe(
        "[input]\nshape = [3, 9]\nscale = 0.0078125\n[quantisation]\nenabled = false\n" +
            layer("conv1d", "outputs = 4\ndilation = 2\npadding = [1, 2]") + layer("tanh") +
            layer("flatten") + layer("linear", "outputs = 4"),
        "r");
    Model model(recipe, 3);
    const Samples batch = samples_of(recipe, 16, 5);
    const std::vector<float> x = scaled(batch);
    // The convolution by its definition, in double.
    const State state = model.state();
    const auto array = [&](const std::string& name) {
        for (const NamedArray& entry : state) {
            if (entry.name == name) {
                return entry.value;
            }
        }
        return Tensor<float>();
    };
    const Tensor<float> w = array("conv1d1.weight");
    const Tensor<float> b = array("conv1d1.bias");
    const Tensor<float> v = array("linear1.weight");
    const Tensor<float> c = array("linear1.bias");
    const std::vector<float> found = model.evaluate(x, 16);
    constexpr std::int64_t kLength = 8;  // (9 + 3 - 2 * 2 - 1) / 1 + 1
    for (std::int64_t row = 0; row < 16; ++row) {
        std::vector<double> hidden;
        for (std::int64_t o = 0; o < 4; ++o) {
            for (std::int64_t t = 0; t < kLength; ++t) {
                double sum = static_cast<double>(b[o]);
                for (std::int64_t i = 0; i < 3; ++i) {
                    for (std::int64_t k = 0; k < 3; ++k) {
                        const std::int64_t at = t - 1 + 2 * k;
                        if (at >= 0 && at < 9) {
                            sum += static_cast<double>(w[(o * 3 + i) * 3 + k]) *
                                   static_cast<double>(
                                       x[static_cast<std::size_t>((row * 3 + i) * 9 + at)]);
                        }
                    }
                }
                hidden.push_back(std::tanh(sum));
            }
        }
        for (std::int64_t o = 0; o < 4; ++o) {
            double sum = static_cast<double>(c[o]);
            for (std::size_t i = 0; i < hidden.size(); ++i) {
                sum += static_cast<double>(v[o * static_cast<std::int64_t>(hidden.size()) +
                                             static_cast<std::int64_t>(i)]) *
                       hidden[i];
            }
            EXPECT_NEAR(found[static_cast<std::size_t>(row * 4 + o)], sum, 1e-4);
        }
    }
}

// The losses of some steps of training.
std::vector<double> losses_of(const Recipe& recipe, int steps) {
    Model model(recipe, 3);
    FlatOptimiser optimiser(recipe.training, static_cast<std::int64_t>(model.parameters().size()),
                            model.decayed());
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
        const Samples batch = samples_of(recipe, 32, static_cast<std::uint64_t>(step));
        losses.push_back(
            model.train_step(scaled(batch), batch.labels, static_cast<std::uint64_t>(step)).loss);
        optimiser.step(model.parameters(), model.gradients(), 0.01);
    }
    return losses;
}

// In float a folded norm is a norm.
TEST(Model, FoldedNormTrainsAsAPlainOne) {
    const auto recipe = [&](const std::string& fold) {
        return parse_recipe(kFloatImages + layer("conv2d", "outputs = 4\nbias = false") +
                                layer("batch_norm", fold) + layer("relu") + layer("flatten") +
                                layer("linear", "outputs = 4"),
                            "r");
    };
    const std::vector<double> plain = losses_of(recipe(""), 8);
    const std::vector<double> folded = losses_of(recipe("fold = true"), 8);
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_NEAR(folded[i], plain[i], 1e-3 * plain[i]) << i;
    }
}

// Before its delay a quantised network is the float one; afterwards it is not.
TEST(Model, DelayedQuantisersStartLate) {
    const std::string layers = layer("conv2d", "outputs = 4\nbias = false") + layer("batch_norm") +
                               layer("relu") + layer("flatten") + layer("linear", "outputs = 4");
    const std::vector<double> plain = losses_of(parse_recipe(kFloatImages + layers, "r"), 8);
    const Recipe delayed = parse_recipe(
        "[input]\nshape = [2, 6, 5]\nscale = 0.0078125\n[quantisation]\nweights = { bits = 2, "
        "narrow = true, delay = 4 }\n"
        "activations = { bits = 2, delay = 4 }\n[training]\nlearning_rate = 0.01\n" +
            layers,
        "r");
    const std::vector<double> late = losses_of(delayed, 8);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(late[i], plain[i], 1e-4 * plain[i]) << i;
    }
    EXPECT_GT(std::fabs(late[4] - plain[4]), 1e-2 * plain[4]);
}

// The example of layer_spec.h.
TEST(Model, TruncatedAverageOfTheHeader) {
    const Recipe recipe = parse_recipe(
        "[input]\nshape = [1, 2, 2]\n" +
            layer(
                "identity",
                "quantiser = { bits = 4, signed = false, scale = \"constant\", constant = 0.5 }") +
            layer("trunc_avg_pool") + layer("flatten") +
            layer("linear", "outputs = 2\nweights = { bits = 8, scale = \"max\" }\nbias = false"),
        "r");
    const Model model(recipe, 1);
    const std::vector<float> y =
        model.evaluate(std::vector<float>{1.5F, 2.0F, 4.5F, 7.5F}, 1);  // levels 3, 4, 9, 15
    const TrainedNetwork network = model.trained();
    const auto& linear = std::get<TrainedLinear>(network.layers.back().kind);
    for (std::size_t o = 0; o < 2; ++o) {
        const float weight =
            linear.numbers.weights[static_cast<std::int64_t>(o)] * linear.numbers.levels.scale[0];
        EXPECT_FLOAT_EQ(y[o], 7.0F * 0.5F * weight);
    }
}

}  // namespace
}  // namespace qloom::train
