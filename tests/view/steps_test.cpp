#include "view/steps.h"

#include <gtest/gtest.h>

#include <map>

#include "hw/fold.h"
#include "hw/random_network.h"
#include "onnx/proto.h"
#include "onnx/reader.h"

namespace qloom::view {
namespace {

ir::Graph small_model() {
    ir::Graph model;
    ir::TensorInfo x;
    x.name = "x";
    x.shape = Shape{1, 4};
    ir::TensorInfo y;
    y.name = "y";
    y.shape = Shape{1, 4};
    const ir::TensorId in = model.add_tensor(x);
    const ir::TensorId out = model.add_tensor(y);
    model.add_node(
        {.name = "relu", .op = ir::Unary{ir::UnaryKind::kRelu}, .inputs = {in}, .outputs = {out}});
    model.set_inputs({in});
    model.set_outputs({out});
    return model;
}

// What protobuf alone reads out of a file.
::onnx::ModelProto parsed(const StepFile& file) {
    ::onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(file.bytes)) << file.path;
    return model;
}

TEST(Steps, FilesAreNumberedAndHoldTheirStep) {
    const ir::Graph model = small_model();
    lower::Lowered lowered;
    lowered.network = testing::tutorial_network(false);
    lowered.placements.push_back({"relu", "Relu", lower::Placement::kHardware, "thresholds", ""});
    lowered.probes.push_back({.tensor = "y",
                              .stream = lowered.network.inputs.front(),
                              .scale = {0.5},
                              .bias = {0.0},
                              .order = {}});
    const hw::Accelerator accelerator =
        hw::fold(lowered.network, {.board = hw::find_board("pynq-z1"), .target_ii = 784});
    const std::vector<StepFile> files = step_files(model, model, lowered, accelerator);
    std::vector<std::string> paths;
    for (const StepFile& file : files) paths.push_back(file.path);
    EXPECT_EQ(paths, (std::vector<std::string>{"steps/01_import.onnx", "steps/02_tidy.onnx",
                                               "steps/03_integers.onnx", "steps/04_network.onnx",
                                               "steps/05_accelerator.onnx"}));

    // The first three are the model itself.
    for (std::size_t i = 0; i < 3; ++i) {
        const ir::Graph again = onnx::parse_model(files[i].bytes, files[i].path);
        ASSERT_EQ(again.nodes().size(), 1U);
        EXPECT_EQ(again.nodes()[0].name, "relu");
    }
    std::map<std::string, std::string> properties;
    const ::onnx::ModelProto integers = parsed(files[2]);
    for (const auto& entry : integers.metadata_props())
        properties[entry.key()] = entry.value();
    EXPECT_EQ(properties["qloom.placement.relu"], "hardware: thresholds");
    EXPECT_EQ(properties["qloom.integers.y"].substr(0, 5), "UINT8");

    // The network: one operator a layer, weights as they are.
    const ::onnx::ModelProto network = parsed(files[3]);
    ASSERT_EQ(static_cast<std::size_t>(network.graph().node_size()), lowered.network.layers.size());
    EXPECT_EQ(network.opset_import(0).domain(), "qloom.network");
    std::map<std::string, const ::onnx::TensorProto*> constants;
    for (const auto& tensor : network.graph().initializer()) constants[tensor.name()] = &tensor;
    for (std::size_t i = 0; i < lowered.network.layers.size(); ++i) {
        const network::Layer& layer = lowered.network.layers[i];
        const auto& node = network.graph().node(static_cast<int>(i));
        EXPECT_EQ(node.op_type(), network::kind_name(layer.kind));
        if (const auto* matrix = std::get_if<network::MatrixVector>(&layer.kind)) {
            const ::onnx::TensorProto* weights = constants[layer.name + ".weights"];
            ASSERT_NE(weights, nullptr);
            ASSERT_EQ(weights->data_type(), ::onnx::TensorProto::INT8);
            ASSERT_EQ(weights->raw_data().size(), matrix->weights.values().size());
            for (std::size_t k = 0; k < weights->raw_data().size(); ++k) {
                ASSERT_EQ(static_cast<signed char>(weights->raw_data()[k]),
                          matrix->weights.values()[k]);
            }
        }
    }

    // The accelerator: one operator a unit, every stream has its two ends.
    const ::onnx::ModelProto hardware = parsed(files[4]);
    ASSERT_EQ(static_cast<std::size_t>(hardware.graph().node_size()), accelerator.units.size());
    std::map<std::string, int> ends;
    for (const auto& node : hardware.graph().node()) {
        for (const auto& name : node.input()) ++ends[name];
        for (const auto& name : node.output()) ++ends[name];
    }
    for (const auto& port : hardware.graph().input()) ++ends[port.name()];
    for (const auto& port : hardware.graph().output()) ++ends[port.name()];
    EXPECT_EQ(ends.size(), accelerator.channels.size());
    for (const auto& [name, count] : ends) EXPECT_EQ(count, 2) << name;
}

}  // namespace
}  // namespace qloom::view
