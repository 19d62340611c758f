#include "round_trip.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/execute.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"
#include "onnx/writer.h"
#include "train/export_model.h"
#include "train/optimiser.h"
#include "train/random.h"

namespace qloom::train {

Samples samples_of(const Recipe& recipe, std::int64_t rows, std::uint64_t seed) {
    Random random(seed);
    Samples result;
    const std::int64_t classes = recipe.outputs();
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto label =
            static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(classes)));
        for (std::int64_t i = 0; i < recipe.input.features; ++i) {
            result.values.push_back(
                static_cast<float>(random.below(128) + (i % classes == label ? 100U : 0U)));
        }
        result.labels.push_back(label);
    }
    return result;
}

namespace {

// What the first layer sees, by the definition of InputSpec.
std::vector<float> scaled(const InputSpec& input, std::vector<float> values) {
    const std::int64_t plane = input.features / input.shape[0];
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto channel =
            static_cast<std::size_t>(static_cast<std::int64_t>(i) % input.features / plane);
        const double scale = input.scale[input.scale.size() == 1 ? 0 : channel];
        const double offset = input.offset[input.offset.size() == 1 ? 0 : channel];
        values[i] = values[i] * static_cast<float>(scale) + static_cast<float>(offset);
    }
    return values;
}

}  // namespace

Model trained_model(const Recipe& recipe, int steps) {
    Model model(recipe, 1);
    FlatOptimiser optimiser(recipe.training, static_cast<std::int64_t>(model.parameters().size()),
                            model.decayed());
    for (int step = 0; step < steps; ++step) {
        const Samples batch = samples_of(recipe, 32, static_cast<std::uint64_t>(step));
        model.train_step(scaled(recipe.input, batch.values), batch.labels,
                         static_cast<std::uint64_t>(step));
        optimiser.step(model.parameters(), model.gradients(), 0.01);
    }
    return model;
}

TrainedNetwork network_of(const Model& model) {
    TrainedNetwork network = model.trained();
    network.input_is_bytes = true;
    return network;
}

void expect_round_trip(const std::string& recipe_text, Lowering lowering, double tolerated) {
    SCOPED_TRACE(recipe_text);
    const Recipe recipe = parse_recipe(recipe_text, "r");
    const Model model = trained_model(recipe);
    const ir::Graph graph = export_graph(network_of(model));
    const ir::Graph read = onnx::parse_model(onnx::serialise_model(graph), "m");
    constexpr std::int64_t kRows = 48;
    const Samples test = samples_of(recipe, kRows, 999);
    const std::vector<float> expected = model.evaluate(scaled(recipe.input, test.values), kRows);
    Shape shape = recipe.input.shape;
    shape.insert(shape.begin(), kRows);
    const std::vector<ir::Value> outputs =
        ir::Executor(read).run({Tensor<float>(shape, test.values)});
    ASSERT_EQ(outputs.size(), 1U);
    const auto& found = std::get<Tensor<float>>(outputs[0]);
    ASSERT_EQ(found.size(), static_cast<std::int64_t>(expected.size()));
    std::size_t differing = 0;
    double spread = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const float difference = std::fabs(found.values()[i] - expected[i]);
        if (!(difference <= 1e-4F * (1.0F + std::fabs(expected[i])))) {
            ++differing;
            EXPECT_GT(tolerated, 0.0)
                << i << ": " << found.values()[i] << " instead of " << expected[i];
        }
        spread = std::max(spread, static_cast<double>(std::fabs(expected[i] - expected[0])));
    }
    EXPECT_GT(spread, 1e-3) << "the outputs say nothing";
    if (lowering == Lowering::kNone) {
        return;
    }
    const ir::Graph tidy = ir::tidy(read);
    const lower::CheckResult check = lower::check(tidy);
    ASSERT_FALSE(check.error) << check.error->text();
    const std::vector<ir::Value> integers =
        lower::Engine(lower::lower(tidy)).run({Tensor<float>(shape, test.values)});
    const auto& engine = std::get<Tensor<float>>(integers[0]);
    ASSERT_EQ(engine.size(), found.size());
    for (std::int64_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(engine[i], found[i], 1e-4F * (1.0F + std::fabs(found[i])))
            << "integer engine, " << i;
    }
    EXPECT_LE(static_cast<double>(differing), tolerated * static_cast<double>(expected.size()));
}

}  // namespace qloom::train
