#include "ptq/quantise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lowers.h"
#include "networks.h"
#include "ptq/build.h"
#include "ptq/calibrate.h"
#include "ptq/prepare.h"
#include "ptq/sensitivity.h"

namespace qloom::ptq {
namespace {

using testing::FloatNet;

const QuantiserReport& row(const Quantised& result, const std::string& name) {
    for (const QuantiserReport& one : result.report.quantisers) {
        if (one.name == name) {
            return one;
        }
    }
    throw std::runtime_error("no quantiser " + name);
}

const ir::Node& quantiser_behind(const ir::Graph& graph, const std::string& tensor) {
    for (const ir::Node& node : graph.nodes()) {
        if (std::holds_alternative<ir::Quant>(node.op) &&
            graph.tensor(node.inputs[0]).name == tensor) {
            return node;
        }
    }
    throw std::runtime_error("no quantiser behind " + tensor);
}

float number(const ir::Graph& graph, ir::TensorId id) {
    return std::get<Tensor<float>>(*graph.tensor(id).constant)[0];
}

TEST(SignalToNoise, InDecibels) {
    EXPECT_NEAR(signal_to_noise_db({3.0F, 4.0F}, {3.0F, 3.5F}), 20.0, 1e-12);
    EXPECT_EQ(signal_to_noise_db({1.0F}, {1.0F}), 200.0);
    EXPECT_EQ(signal_to_noise_db({0.0F}, {1.0F}), -200.0);
}

TEST(Gains, ExampleOfTheHeader) {
    const std::vector<double> gains = gains_db({{4.0, 1.0}, {4.0, 1.0}, {0.0, 0.0}});
    EXPECT_NEAR(gains[0], 10.0 * std::log10(8.0 / 5.0), 1e-12);
    EXPECT_NEAR(gains[1], gains[0], 1e-12);
    EXPECT_EQ(gains[2], 0.0);
    EXPECT_EQ(gains_db({{1.0, 0.0}})[0], 200.0);
    EXPECT_EQ(gains_db({{0.0, 0.0}})[0], 0.0);
}

TEST(Quantise, WidthsTypesAndNames) {
    const ir::Graph model = testing::small_cnn(1);
    const Tensor<float> frames = testing::correlated_frames(40, {1, 2, 8, 8}, 1);
    const Quantised result = quantise(
        model, {frames},
        {.weight_bits = 4, .activation_bits = 5, .bits = {{"conv2", 3}, {"relu3_out", 6}}});
    EXPECT_EQ(row(result, "conv1").type, (IntType{8, true, true}));
    EXPECT_EQ(row(result, "conv2").type, (IntType{3, true, true}));
    EXPECT_EQ(row(result, "fc1").type, (IntType{4, true, true}));
    EXPECT_EQ(row(result, "fc2").type, (IntType{8, true, true}));
    EXPECT_EQ(row(result, "x").type, (IntType{8, true, false}));
    EXPECT_EQ(row(result, "relu2_out").type, (IntType{5, false}));
    EXPECT_EQ(row(result, "relu3_out").type, (IntType{6, false}));
    EXPECT_EQ(result.report.frames, 30);
    EXPECT_EQ(result.report.judged, 10);
    EXPECT_EQ(result.report.tried.size(), 3U);
    EXPECT_EQ(result.graph.tensor(result.graph.inputs()[0]).name, "x");
    EXPECT_EQ(result.graph.tensor(result.graph.outputs()[0]).name,
              model.tensor(model.outputs()[0]).name);
    // One scale an output channel.
    const ir::Node& weights = quantiser_behind(
        result.graph, result.graph.tensor(result.graph.find_tensor("fc1_weights")).name);
    EXPECT_EQ(*result.graph.tensor(weights.inputs[1]).shape, (Shape{1, 12}));
    testing::expect_lowers(result.graph, {frames}, "cnn");
}

TEST(Quantise, IsDeterministic) {
    const Tensor<float> frames = testing::correlated_frames(24, {1, 2, 8, 8}, 2);
    const Quantised a = quantise(testing::small_cnn(2), {frames});
    const Quantised b = quantise(testing::small_cnn(2), {frames});
    EXPECT_EQ(onnx::serialise_model(a.graph), onnx::serialise_model(b.graph));
}

// The ratios of the report are those of the file, measured by hand; the output's is measured on the
// frames kept apart.
TEST(Quantise, ReportsWhatItDid) {
    const ir::Graph model = testing::small_mlp(3);
    const Tensor<float> frames = testing::correlated_frames(80, {1, 12}, 3);
    const Quantised result = quantise(model, {frames}, {.equalisation = Equalisation::kNone});
    const Tensor<float> judged({20, 12}, {frames.begin() + 60 * 12, frames.end()});
    const std::vector<float> reals = testing::outputs_of(model, judged);
    const std::vector<float> changed = testing::outputs_of(result.graph, judged);
    EXPECT_NEAR(result.report.output_snr_db, signal_to_noise_db(reals, changed), 1e-3);
    EXPECT_NEAR(row(result, "fc3").output_snr_db, result.report.output_snr_db, 1e-3);
    const auto wanted = ir::Executor(model).trace({judged});
    const auto found = ir::Executor(result.graph).trace({judged});
    const ir::Node& quantiser = quantiser_behind(result.graph, "relu2_out");
    EXPECT_NEAR(row(result, "relu2_out").snr_db,
                signal_to_noise_db(std::get<Tensor<float>>(wanted.at("relu2_out")).values(),
                                   std::get<Tensor<float>>(
                                       found.at(result.graph.tensor(quantiser.outputs[0]).name))
                                       .values()),
                1e-3);
}

TEST(Quantise, MoreBitsAreBetter) {
    const Tensor<float> frames = testing::correlated_frames(200, {1, 12}, 4);
    double before = -1e9;
    for (const int bits : {2, 3, 4, 6, 8}) {
        const Quantised result = quantise(testing::small_mlp(4), {frames},
                                          {.weight_bits = bits,
                                           .activation_bits = bits,
                                           .edge_weight_bits = bits,
                                           .advise = false});
        EXPECT_GT(result.report.output_snr_db, before + 2.0) << bits;
        before = result.report.output_snr_db;
    }
    EXPECT_GT(before, 30.0);
}

// The sum over several networks of the squared error at the outputs, relative to the signal.
double noise_of(const QuantiseOptions& options) {
    double noise = 0.0;
    for (std::uint32_t seed = 10; seed < 16; ++seed) {
        const Tensor<float> frames = testing::correlated_frames(200, {1, 12}, seed);
        noise += std::pow(
            10.0,
            -quantise(testing::small_mlp(seed), {frames}, options).report.output_snr_db / 10.0);
    }
    return noise;
}

TEST(Quantise, EachMethodPays) {
    QuantiseOptions plain{.weight_bits = 3,
                          .activation_bits = 4,
                          .edge_weight_bits = 3,
                          .rounding = WeightRounding::kNearest,
                          .equalisation = Equalisation::kNone,
                          .bias_correction = BiasCorrection::kNone,
                          .fit_inputs = false,
                          .advise = false};
    const double nearest = noise_of(plain);
    QuantiseOptions options = plain;
    options.bias_correction = BiasCorrection::kAnalytic;
    const double analytic = noise_of(options);
    options.bias_correction = BiasCorrection::kEmpirical;
    const double empirical = noise_of(options);
    options.rounding = WeightRounding::kGptq;
    const double gptq = noise_of(options);
    options.fit_inputs = true;
    const double fitted = noise_of(options);
    options.equalisation = Equalisation::kBest;
    const double equalised = noise_of(options);
    std::printf(
        "noise: nearest %.4f, analytic %.4f, empirical %.4f, gptq %.4f, fitted %.4f, equalised "
        "%.4f\n",
        nearest, analytic, empirical, gptq, fitted, equalised);
    EXPECT_LT(analytic, nearest);
    EXPECT_LT(empirical, nearest);
    EXPECT_LT(gptq, 0.7 * empirical);
    EXPECT_LT(fitted, gptq * 1.02);
    EXPECT_LE(equalised, fitted);
}

// The parts of a calibrated network whose layer `l` is looked at.
struct OneLayer {
    ir::Graph graph = prepare(ir::tidy(testing::small_mlp(5)));
    std::vector<Layer> layers = layers_of(graph);
    Plan plan = place(graph, layers);
    Widths widths{.weights = {3, 3, 3}, .spots = {4, 4, 4}, .spot_fixed = {false, false, false}};
    Tensor<float> frames = testing::correlated_frames(300, {1, 12}, 5);

    Calibrated run(const QuantiseOptions& options) {
        return calibrate(graph, layers, plan, widths, {frames}, options, [] {});
    }
    // (frames, outputs) of every layer, in the network with all quantisers of `calibrated`.
    std::map<std::string, ir::Value> trace(const Calibrated& calibrated) const {
        return ir::Executor(with_quantisers(calibrated.graph, layers, plan, calibrated.weights,
                                            calibrated.spots))
            .trace({frames});
    }
};

std::vector<double> channel_means(const Tensor<float>& values) {
    std::vector<double> means(static_cast<std::size_t>(values.dim(1)), 0.0);
    for (std::int64_t i = 0; i < values.size(); ++i) {
        means[static_cast<std::size_t>(i % values.dim(1))] +=
            static_cast<double>(values[i]) / static_cast<double>(values.dim(0));
    }
    return means;
}

TEST(BiasCorrection, EmpiricalLeavesNoMeanError) {
    OneLayer net;
    const auto reals = ir::Executor(net.graph).trace({net.frames});
    const auto fixed = net.trace(net.run({.bias_correction = BiasCorrection::kEmpirical}));
    const auto loose = net.trace(net.run({.bias_correction = BiasCorrection::kNone}));
    double largest_loose = 0.0;
    for (const Layer& layer : net.layers) {
        const std::string& name = net.graph.tensor(layer.output).name;
        const std::vector<double> wanted = channel_means(std::get<Tensor<float>>(reals.at(name)));
        const std::vector<double> found = channel_means(std::get<Tensor<float>>(fixed.at(name)));
        const std::vector<double> without = channel_means(std::get<Tensor<float>>(loose.at(name)));
        for (std::size_t c = 0; c < wanted.size(); ++c) {
            EXPECT_NEAR(found[c], wanted[c], 1e-4) << name << " " << c;
            largest_loose = std::max(largest_loose, std::abs(without[c] - wanted[c]));
        }
    }
    EXPECT_GT(largest_loose, 0.01);
}

TEST(BiasCorrection, AnalyticIsTheWeightErrorTimesTheMeanInput) {
    OneLayer net;
    const Calibrated fixed = net.run(
        {.rounding = WeightRounding::kNearest, .bias_correction = BiasCorrection::kAnalytic});
    const auto reals = ir::Executor(net.graph).trace({net.frames});
    for (const Layer& layer : net.layers) {
        const std::string& input = net.graph.tensor(layer.input).name;
        const auto& x = input == "x" ? net.frames : std::get<Tensor<float>>(reals.at(input));
        const std::vector<double> mean = channel_means(x);
        const Tensor<double> w = weight_matrix(net.graph, layer);
        const Tensor<double> q = weight_matrix(fixed.graph, layer);
        const auto& before = std::get<Tensor<float>>(*net.graph.tensor(layer.bias).constant);
        const auto& after = std::get<Tensor<float>>(*fixed.graph.tensor(layer.bias).constant);
        for (std::int64_t m = 0; m < layer.rows; ++m) {
            double expected = static_cast<double>(before[m]);
            for (std::int64_t k = 0; k < layer.columns; ++k) {
                expected += (w[m * layer.columns + k] - q[m * layer.columns + k]) *
                            mean[static_cast<std::size_t>(k)];
            }
            EXPECT_NEAR(after[m], expected, 1e-5);
        }
    }
}

// Layer by layer: the error of a layer's output on the very inputs it sees.
TEST(Gptq, LowersTheErrorOfEveryLayersOutput) {
    OneLayer net;
    QuantiseOptions options{.bias_correction = BiasCorrection::kNone, .fit_inputs = false};
    const Calibrated gptq = net.run(options);
    options.rounding = WeightRounding::kNearest;
    const Calibrated nearest = net.run(options);
    const auto error =
        [&](const Calibrated& calibrated) {  // of the first layer: both see the same inputs
            const Layer& layer = net.layers[0];
            const Tensor<double> w = weight_matrix(net.graph, layer);
            const Tensor<double> q = weight_matrix(calibrated.graph, layer);
            double sum = 0.0;
            for (std::int64_t f = 0; f < net.frames.dim(0); ++f) {
                for (std::int64_t m = 0; m < layer.rows; ++m) {
                    double difference = 0.0;
                    for (std::int64_t k = 0; k < layer.columns; ++k) {
                        const double x = static_cast<double>(
                            calibrated.spots[0].quantised(net.frames[f * layer.columns + k]));
                        difference += (w[m * layer.columns + k] - q[m * layer.columns + k]) * x;
                    }
                    sum += difference * difference;
                }
            }
            return sum;
        };
    EXPECT_EQ(gptq.spots[0], nearest.spots[0]);
    EXPECT_LT(error(gptq), 0.5 * error(nearest));
}

TEST(Quantise, ResidualAdditionsShareTheirScale) {
    FloatNet net(6);
    const ir::TensorId x = net.builder.input("x", {1, 3, 6, 6});
    const ir::TensorId a = net.relu(net.conv("conv1", x, 3, 4, 3), "r1");
    const ir::TensorId b =
        net.conv("conv2", net.relu(net.conv("conv3", a, 4, 4, 3), "r3"), 4, 4, 3);
    const ir::TensorId c = net.relu(net.builder.add(a, b), "r2");
    const ir::Graph model = net.builder.finish({net.dense("fc", net.flatten(c), 144, 3)});
    const Tensor<float> frames = testing::correlated_frames(30, {1, 3, 6, 6}, 6);
    const Quantised result = quantise(model, {frames});
    const ir::Node& left = quantiser_behind(result.graph, "r1_out");
    const ir::Node& right = quantiser_behind(result.graph, "conv2_out");
    EXPECT_EQ(number(result.graph, left.inputs[1]), number(result.graph, right.inputs[1]));
    EXPECT_EQ(row(result, "r1_out").type, (IntType{4, false}));
    EXPECT_EQ(row(result, "conv2_out").type, (IntType{5, true}))
        << "a bit more beside an unsigned operand";
    testing::expect_lowers(result.graph, {frames}, "residual");
}

TEST(Quantise, BytesStayExact) {
    Tensor<float> frames = testing::correlated_frames(40, {1, 12}, 7);
    for (float& value : frames) {
        value = std::clamp(std::round(value * 60.0F + 128.0F), 0.0F, 255.0F);
    }
    const Quantised bytes = quantise(testing::small_mlp(7), {frames});
    EXPECT_EQ(number(bytes.graph, quantiser_behind(bytes.graph, "x").inputs[1]), 1.0F);
    EXPECT_EQ(row(bytes, "x").snr_db, 200.0);
    for (float& value : frames) {
        value /= 255.0F;
    }
    const Quantised shares = quantise(testing::small_mlp(7), {frames});
    EXPECT_EQ(number(shares.graph, quantiser_behind(shares.graph, "x").inputs[1]), 1.0F / 255.0F);
}

TEST(Quantise, PowersOfTwoEverywhere) {
    const Tensor<float> frames = testing::correlated_frames(40, {1, 12}, 8);
    const Quantised result =
        quantise(testing::small_mlp(8), {frames}, {.scales = {.power_of_two = true}});
    int scales = 0;
    for (const ir::Node& node : result.graph.nodes()) {
        if (std::holds_alternative<ir::Quant>(node.op)) {
            for (const float scale :
                 std::get<Tensor<float>>(*result.graph.tensor(node.inputs[1]).constant)) {
                EXPECT_EQ(std::log2(scale), std::nearbyint(std::log2(scale)));
                ++scales;
            }
        }
    }
    EXPECT_EQ(scales, 16 + 16 + 5 + 3);
    testing::expect_lowers(result.graph, {frames}, "powers of two");
}

// Following the first suggestion makes the outputs better by about what it promised.
TEST(Quantise, SuggestionsHold) {
    const Tensor<float> frames = testing::correlated_frames(400, {1, 12}, 9);
    QuantiseOptions options{.weight_bits = 6,
                            .activation_bits = 6,
                            .edge_weight_bits = 6,
                            .rounding = WeightRounding::kNearest,
                            .equalisation = Equalisation::kNone,
                            .bits = {{"fc2", 3}}};
    const Quantised before = quantise(testing::small_mlp(9), {frames}, options);
    ASSERT_FALSE(before.report.suggestions.empty());
    const Suggestion first = before.report.suggestions[0];
    EXPECT_EQ(first.name, "fc2");
    EXPECT_TRUE(first.is_weights);
    EXPECT_EQ(first.bits, 4);
    options.bits = {{first.name, first.bits}};
    const double gain = quantise(testing::small_mlp(9), {frames}, options).report.output_snr_db -
                        before.report.output_snr_db;
    EXPECT_GT(gain, 0.5 * first.gain_db);
    EXPECT_LT(gain, 2.0 * first.gain_db + 1.0);
}

TEST(Quantise, AllKindsOfNetworksLower) {
    const auto check = [](const std::string& what, FloatNet& net, ir::TensorId end,
                          const QuantiseOptions& options = {}) {
        const ir::Graph model = net.builder.finish({end});
        const Tensor<float> frames =
            testing::correlated_frames(24, *model.tensor(model.inputs()[0]).shape, 1);
        const Quantised result = quantise(model, {frames}, options);
        EXPECT_GT(result.report.output_snr_db, 3.0) << what;
        testing::expect_lowers(result.graph, {frames}, what);
    };
    {
        FloatNet net(20);
        const ir::TensorId x = net.builder.input("x", {1, 2, 16});
        const ir::Conv op{.window = {.strides = {2}, .pads = {1, 1}}};
        const ir::TensorId y =
            net.relu(net.builder.op(op, {x, net.random({4, 2, 3}), net.random({4})}));
        check("conv1d", net, net.dense("fc", net.flatten(y), 32, 3));
    }
    {
        FloatNet net(21);
        const ir::TensorId x = net.builder.input("x", {1, 2, 4, 4});
        const ir::TensorId y = net.relu(net.conv("conv", x, 2, 4, 3));
        const ir::ConvTranspose op{.window = {.strides = {2, 2}}};
        check(
            "transposed", net,
            net.unary(ir::UnaryKind::kSigmoid, net.builder.op(op, {y, net.random({4, 2, 2, 2})})));
    }
    {
        FloatNet net(22);
        const ir::TensorId x = net.builder.input("x", {1, 2, 6, 6});
        ir::TensorId y =
            net.builder.op(ir::Parametric{.alpha = 0.1F}, {net.conv("conv1", x, 2, 4, 3)});
        y = net.unary(ir::UnaryKind::kTanh, net.conv("conv2", y, 4, 4, 3, 4));
        y = net.flatten(net.builder.op(ir::GlobalAveragePool{}, {y}));
        check("leaky, tanh, global average", net,
              net.builder.op(ir::Softmax{}, {net.dense("fc", y, 4, 3)}),
              {.weight_bits = 6, .activation_bits = 6});
    }
    {
        FloatNet net(23);
        const ir::TensorId x = net.builder.input("x", {1, 8});
        ir::TensorId y = net.unary(ir::UnaryKind::kHardSwish, net.dense("a", x, 8, 8));
        y = net.dense("b", y, 8, 8);
        y = net.builder.mul(y, net.unary(ir::UnaryKind::kSigmoid, y));
        check("hard swish and swish", net, net.dense("c", y, 8, 3),
              {.weight_bits = 6, .activation_bits = 6});
    }
    {
        FloatNet net(24);
        const ir::TensorId x = net.builder.input("x", {1, 2, 6, 6});
        const ir::TensorId y = net.relu(net.conv("conv1", x, 2, 4, 3));
        const ir::TensorId all = net.builder.op(ir::Concat{1}, {y, net.conv("conv2", y, 4, 3, 3)});
        const ir::TensorId average =
            net.builder.op(ir::AveragePool{.window = {.kernel = {2, 2}, .strides = {2, 2}}}, {all});
        check("concatenation, average pool", net, net.dense("fc", net.flatten(average), 63, 4));
    }
    {
        FloatNet net(25);
        const ir::TensorId x = net.builder.input("x", {1, 4, 6, 6});
        const ir::TensorId y = net.relu(net.conv("conv1", x, 4, 4, 3));
        const ir::TensorId mean = net.builder.op(ir::GlobalAveragePool{}, {y});
        const ir::TensorId gate =
            net.unary(ir::UnaryKind::kSigmoid, net.conv("gate", mean, 4, 4, 1));
        check("squeeze and excitation", net, net.conv("conv2", net.builder.mul(y, gate), 4, 2, 3));
    }
    {
        FloatNet net(26);
        const ir::TensorId x = net.builder.input("x", {1, 4});
        const ir::TensorId y = net.relu(net.dense("fc1", x, 4, 6));
        check("argmax", net, net.builder.op(ir::ArgMax{.axis = 1}, {net.dense("fc2", y, 6, 3)}));
    }
}

}  // namespace
}  // namespace qloom::ptq
