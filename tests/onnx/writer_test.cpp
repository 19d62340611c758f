#include "onnx/writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "../ir/random_graph.h"
#include "all_operators.h"
#include "ir/execute.h"
#include "ir/verify.h"
#include "model_maker.h"
#include "onnx/datatype_name.h"
#include "onnx/reader.h"

namespace qloom::onnx {
namespace {

// The reader fixes types only where the file states them; shape inference completes both sides.
ir::Graph completed(const ir::Graph& graph) { return ir::Executor(graph).graph(); }

TEST(Writer, EveryOperatorIsReadBackEqual) {
    std::set<std::size_t> used;
    for (const ir::Graph& graph : graphs_of_all_operators()) {
        for (const ir::Node& node : graph.nodes()) {
            used.insert(node.op.index());
        }
        ASSERT_EQ(ir::verify(graph), "");
        const ir::Graph once = completed(graph);
        const std::string bytes = serialise_model(once);
        const ir::Graph twice = completed(parse_model(bytes, "m.onnx"));
        EXPECT_EQ(ir::first_difference(once, twice), "");
        EXPECT_EQ(serialise_model(twice), bytes);
    }
    EXPECT_EQ(used.size(), std::variant_size_v<ir::Op>) << "all_operators.h misses an operator";
}

TEST(Writer, RandomGraphsComputeTheSameAfterwards) {
    for (std::uint32_t seed = 0; seed < 30; ++seed) {
        ir::RandomGraph random(seed);
        const ir::Graph graph = random.make();
        const ir::Graph again = parse_model(serialise_model(graph), "m.onnx");
        const Tensor<float> frames = random.frames(3);
        ASSERT_EQ(ir::Executor(graph).run({frames}), ir::Executor(again).run({frames})) << seed;
    }
}

TEST(Writer, EqualGraphsGiveEqualBytes) {
    EXPECT_EQ(serialise_model(ir::RandomGraph(3).make()), serialise_model(ir::RandomGraph(3).make()));
    EXPECT_NE(serialise_model(ir::RandomGraph(3).make()), serialise_model(ir::RandomGraph(4).make()));
}

TEST(Writer, FilesAreWholeOnnxModels) {
    const auto path = std::filesystem::temp_directory_path() / "qloom_writer_test.onnx";
    const ir::Graph graph = ir::RandomGraph(5).make();
    write_model(graph, path);
    EXPECT_EQ(serialise_model(read_model(path)), serialise_model(graph));
    std::filesystem::remove(path);

    ::onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromString(serialise_model(graphs_of_all_operators()[1])));
    EXPECT_EQ(model.producer_name(), "qloom");
    std::set<std::string> domains;
    for (const auto& import : model.opset_import()) {
        domains.insert(import.domain());
    }
    EXPECT_EQ(domains, (std::set<std::string>{"", "qonnx.custom_op.general"}));
    // Integers of (De)QuantizeLinear have the narrow types that other runtimes ask for.
    for (const auto& tensor : model.graph().initializer()) {
        if (tensor.name() == "zero" || tensor.name() == "wi") {
            EXPECT_EQ(tensor.data_type(), ::onnx::TensorProto::INT8) << tensor.name();
        }
    }
}

TEST(Writer, OpsetsRiseOnlyWhereNeeded) {
    auto opset = [](const ir::Graph& graph) {
        ::onnx::ModelProto model;
        EXPECT_TRUE(model.ParseFromString(serialise_model(graph)));
        return model.opset_import(0).version();
    };
    const auto graphs = graphs_of_all_operators();
    EXPECT_EQ(opset(graphs[0]), 14);
    EXPECT_EQ(opset(graphs[5]), 18);  // ReduceMean with axes as an input
}

TEST(DatatypeName, ThereAndBack) {
    for (const char* name : {"INT2", "INT8", "UINT1", "UINT4", "INT32", "TERNARY", "UINT64"}) {
        const auto type = parse_datatype_name(name);
        ASSERT_TRUE(type.has_value()) << name;
        EXPECT_EQ(datatype_name(*type), name);
    }
    EXPECT_EQ(parse_datatype_name("BINARY"), (IntType{1, false}));
    EXPECT_EQ(parse_datatype_name("BIPOLAR"), (IntType{2, true, true}));
    for (const char* name : {"FLOAT32", "INT", "UINT0", "INT65", "INT4x", "FIXED<8,4>", "SCALEDINT<8>", ""}) {
        EXPECT_EQ(parse_datatype_name(name), std::nullopt) << name;
    }
}

}  // namespace
}  // namespace qloom::onnx
