#include "view/graphs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hw/random_network.h"
#include "view/view_data.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;
namespace net = network;

// x (4) UINT2 -> matrix (2 x 4) -> thresholds -> y (2).
net::Network two_layers() {
    net::Network network;
    const net::StreamId x = network.add_stream({"x", {4}, {2, false}, {0, 3}});
    const net::StreamId sum = network.add_stream({"sum", {2}, {4, true}, {-6, 6}});
    const net::StreamId y = network.add_stream({"y", {2}, {2, false}, {0, 2}});
    net::MatrixVector matrix;
    matrix.weights = Tensor<std::int32_t>({2, 4}, {1, -1, 0, 1, -1, 0, 1, 0});
    matrix.weight_type = {2, true};
    net::Threshold threshold;
    threshold.thresholds = Tensor<std::int64_t>({2, 2}, {-1, 2, 0, 3});
    threshold.decreasing = {false, true};
    network.layers.push_back({"fc", matrix, {x}, {sum}});
    network.layers.push_back({"act", threshold, {sum}, {y}});
    network.inputs = {x};
    network.outputs = {y};
    net::verify(network);
    return network;
}

TEST(Graphs, NetworkHoldsWhatItsLayersHold) {
    const Json graph = graph_of(two_layers());
    EXPECT_EQ(graph["inputs"], Json({0}));
    EXPECT_EQ(graph["outputs"], Json({2}));
    EXPECT_EQ(graph["tensors"][1],
              Json::parse(R"({"name": "sum", "type": "INT4", "shape": [2], "range": [-6, 6]})"));
    const Json& matrix = graph["nodes"][0];
    EXPECT_EQ(matrix["name"], "fc");
    EXPECT_EQ(matrix["op"], "MatrixVector");
    EXPECT_EQ(matrix["family"], "linear");
    EXPECT_EQ(matrix["inputs"], Json({0}));
    EXPECT_EQ(matrix["outputs"], Json({1}));
    EXPECT_EQ(
        matrix["facts"],
        Json::parse(R"([["matrix", "2 x 4"], ["arithmetic", "integer"], ["weights", "INT2"]])"));
    EXPECT_EQ(matrix["weights"]["counts"], Json({2, 3, 3}));  // -1, 0, +1
    const Json& threshold = graph["nodes"][1];
    EXPECT_EQ(threshold["family"], "quantiser");
    EXPECT_EQ(threshold["thresholds"],
              Json::parse(R"({"rows": 2, "steps": 2, "lowest_output": 0, "channels": [0, 1],
                                                       "values": [[-1, 2], [0, 3]], "decreasing": [false, true]})"));
}

TEST(Graphs, OfManyChannelsAFewAreShown) {
    net::Network network = two_layers();
    auto& threshold = std::get<net::Threshold>(network.layers[1].kind);
    threshold.thresholds = Tensor<std::int64_t>({500, 3}, 7);
    threshold.decreasing.clear();
    const Json graph = graph_of(network);
    const Json& shown = graph["nodes"][1]["thresholds"];
    EXPECT_EQ(shown["rows"], 500);
    EXPECT_EQ(shown["channels"].front(), 0);
    EXPECT_EQ(shown["channels"].back(), 499);
    EXPECT_EQ(shown["channels"].size(), 16U);
    EXPECT_EQ(shown["values"].size(), 16U);
}

// x -> Quant of weights -> MatMul -> Relu, the last one on the host.
TEST(Graphs, ModelSaysPlacementsAndIntegers) {
    ir::Graph model;
    const auto tensor = [&](const std::string& name, Shape shape) {
        ir::TensorInfo info;
        info.name = name;
        info.shape = std::move(shape);
        return model.add_tensor(info);
    };
    const ir::TensorId x = tensor("x", {1, 4});
    const ir::TensorId w = model.add_constant("w", Tensor<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
    const ir::TensorId y = tensor("y", {1, 2});
    const ir::TensorId z = tensor("z", {1, 2});
    model.add_node({.name = "fc", .op = ir::MatMul{}, .inputs = {x, w}, .outputs = {y}});
    model.add_node(
        {.name = "leak", .op = ir::Parametric{.alpha = 0.5F}, .inputs = {y}, .outputs = {z}});
    model.set_inputs({x});
    model.set_outputs({z});

    lower::Lowered lowered;
    const net::StreamId stream = lowered.network.add_stream({"x", {4}, {4, true}, {-8, 7}});
    lowered.inputs.push_back({.tensor = "x",
                              .scale = 0.5,
                              .channel_scale = {},
                              .channel_bias = {},
                              .stream = stream,
                              .model_shape = {},
                              .order = {}});
    lowered.probes.push_back(
        {.tensor = "y", .stream = stream, .scale = {0.25, 0.5}, .bias = {0.0}, .order = {}});
    const Json graph =
        graph_of(model,
                 {{"fc", "MatMul", lower::Placement::kHardware, "", ""},
                  {"leak", "LeakyRelu", lower::Placement::kHostAfter, "why", "what"}},
                 &lowered);
    EXPECT_EQ(graph["nodes"][0]["placement"]["where"], "hardware");
    EXPECT_EQ(graph["nodes"][1]["placement"],
              Json::parse(R"({"where": "host-after", "reason": "why", "advice": "what"})"));
    EXPECT_EQ(graph["nodes"][1]["op"], "LeakyRelu");
    EXPECT_EQ(graph["nodes"][1]["facts"], Json::parse(R"([["alpha", "0.5"]])"));
    EXPECT_EQ(
        graph["tensors"][0]["integers"],
        Json::parse(
            R"({"type": "INT4", "range": [-8, 7], "stream": "x", "scale": 0.5, "bias": 0.0})"));
    EXPECT_EQ(graph["tensors"][2]["integers"]["scale_range"], Json({0.25, 0.5}));
    EXPECT_EQ(graph["tensors"][1]["constant"]["values"].size(), 8U);
    EXPECT_EQ(graph["tensors"][1]["type"], "float32");
}

TEST(ViewData, WithoutHardwareSaysWhy) {
    const ir::Graph model;
    const ViewInput input{.title = "t",
                          .imported = &model,
                          .error = Diagnostic{code::kNoHardware, "layer a", "none", "do"}};
    const Json json = view_data(input);
    EXPECT_EQ(json["format"], "qloom-view");
    EXPECT_EQ(json["version"], 1);
    EXPECT_EQ(
        json["problem"],
        Json::parse(R"({"code": "Q0508", "where": "layer a", "what": "none", "advice": "do"})"));
    EXPECT_TRUE(json["accelerator"].is_null());
    EXPECT_EQ(json["steps"].size(), 1U);
    EXPECT_EQ(view_data(input).dump(), json.dump());
}

}  // namespace
}  // namespace qloom::view
