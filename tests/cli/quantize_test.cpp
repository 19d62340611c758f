#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/npy.h"
#include "onnx/reader.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

// x (1, 6) -> fc1 -> relu -> fc2 -> y (1, 3), float; `middle` stands between the two layers.
ir::Graph float_model(const ir::Op& middle, const std::string& middle_name) {
    ir::Graph graph;
    const auto tensor = [&](const std::string& name, std::int64_t values) {
        ir::TensorInfo info;
        info.name = name;
        info.shape = Shape{1, values};
        return graph.add_tensor(std::move(info));
    };
    const auto weights = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
        Tensor<float> values({rows, columns});
        for (std::int64_t i = 0; i < values.size(); ++i) {
            values[i] = 0.01F * static_cast<float>((i * 37 + i * i * 11) % 101 - 50);
        }
        return graph.add_constant(name, std::move(values));
    };
    const ir::TensorId x = tensor("x", 6);
    const ir::TensorId h = tensor("h", 8);
    const ir::TensorId a = tensor("a", 8);
    const ir::TensorId y = tensor("y", 3);
    graph.add_node({"fc1", ir::MatMul{}, {x, weights("w1", 6, 8)}, {h}});
    graph.add_node({middle_name, middle, {h}, {a}});
    graph.add_node({"fc2", ir::MatMul{}, {a, weights("w2", 8, 3)}, {y}});
    graph.set_inputs({x});
    graph.set_outputs({y});
    return graph;
}

class Quantize : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(float_model(ir::Unary{ir::UnaryKind::kRelu}, "relu"),
                         place_.path("float.onnx"));
        write_npy(place_.path("x.npy"), dense_frames(120));
        Tensor<std::int64_t> labels({120});
        for (std::int64_t i = 0; i < 120; ++i) {
            labels[i] = i % 3;
        }
        write_npy(place_.path("labels.npy"), labels);
    }
    Workplace place_;
};

TEST_F(Quantize, WritesAModelThatTheOtherVerbsTake) {
    const Outcome outcome = place_.qloom({"quantize", "float.onnx", "--calibrate", "x.npy", "-o",
                                          "q.onnx", "--data", "npy:x.npy,labels.npy", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_GT(json["output_snr_db"], 10.0);
    EXPECT_EQ(json["frames"], 90);
    EXPECT_EQ(json["judged"], 30);
    EXPECT_EQ(json["images"], 120);
    EXPECT_EQ(json["quantisers"].size(), 4U);
    EXPECT_EQ(json["quantisers"][0]["name"], "x");
    EXPECT_EQ(json["quantisers"][0]["type"], "UINT8");
    EXPECT_EQ(json["quantisers"][1]["name"], "fc1");
    EXPECT_EQ(json["quantisers"][1]["kind"], "weights");
    EXPECT_EQ(json["quantisers"][2]["type"], "UINT4");
    EXPECT_GT(json["self_check"]["values"], 0);
    const Outcome check = place_.qloom({"check", "q.onnx"});
    EXPECT_EQ(check.exit_code, 0) << check.err;
    const Outcome eval =
        place_.qloom({"eval", "q.onnx", "--data", "npy:x.npy,labels.npy", "--json"});
    ASSERT_EQ(eval.exit_code, 0) << eval.err;
    EXPECT_EQ(eval.json()["accuracy"], json["accuracy"]);
    EXPECT_EQ(place_
                  .qloom({"quantize", "float.onnx", "--calibrate", "npy:x.npy,labels.npy", "-o",
                          "r.onnx", "-q"})
                  .exit_code,
              0);
    EXPECT_EQ(place_.read("r.onnx"), place_.read("q.onnx"))
        << "a dataset and its array calibrate alike";
}

TEST_F(Quantize, TableAndAdvice) {
    const Outcome outcome = place_.qloom({"quantize", "float.onnx", "--calibrate", "x.npy", "-o",
                                          "q.onnx", "--bits", "a=2", "--weights", "8"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("fc1 (weights)"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("UINT2"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("one bit more pays: --bits a=3"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("Next: qloom compile q.onnx"), std::string::npos) << outcome.out;
    const Outcome quiet = place_.qloom({"quantize", "float.onnx", "--calibrate", "x.npy", "-o",
                                        "q.onnx", "--quiet", "--no-advice"});
    EXPECT_TRUE(quiet.out.ends_with(" dB\n")) << quiet.out;
}

TEST_F(Quantize, OptionsReachTheRoom) {
    const auto bytes = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"quantize", "float.onnx", "--calibrate", "x.npy",
                                           "-o",       "q.onnx",     "--no-advice", "-q"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Outcome outcome = place_.qloom(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return place_.read("q.onnx");
    };
    const std::string plain = bytes({});
    EXPECT_EQ(bytes({}), plain);
    for (const std::vector<std::string>& more :
         std::vector<std::vector<std::string>>{{"--weights", "3", "--edge-weights", "3"},
                                               {"--activations", "5"},
                                               {"--method", "nearest"},
                                               {"--bias-correction", "none"},
                                               {"--clip", "max"},
                                               {"--power-of-two"},
                                               {"--samples", "20"}}) {
        EXPECT_NE(bytes(more), plain) << more[0];
    }
}

TEST_F(Quantize, RefusalsLeaveNothing) {
    write_model_file(dense_model(), place_.path("dense.onnx"));
    write_model_file(float_model(ir::Softmax{}, "soft"), place_.path("soft.onnx"));
    write_npy(place_.path("none.npy"), Tensor<float>({0, 6}));
    const std::vector<std::string> before = place_.listing();
    const auto error = [&](const std::string& model, const std::string& data,
                           std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"quantize", model, "--calibrate", data, "-o", "q.onnx"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Outcome outcome = place_.qloom(arguments);
        EXPECT_NE(outcome.exit_code, 0);
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(place_.listing(), before);
        return outcome.err;
    };
    const std::string quantised = error("dense.onnx", "x.npy");
    EXPECT_TRUE(quantised.starts_with("qloom: error: Q1200: node ")) << quantised;
    EXPECT_TRUE(quantised.ends_with(
        ": the model has quantisers already; give the float model, or compile this one as it is\n"))
        << quantised;
    EXPECT_EQ(error("soft.onnx", "x.npy"),
              "qloom: error: Q1201: node soft (Softmax): node fc2 (MatMul) follows it, and what "
              "this operator gives has no integer "
              "form; replace the operator, or move it behind the last layer with weights\n");
    EXPECT_EQ(error("float.onnx", "none.npy"),
              "qloom: error: Q1203: none.npy: its shape [0, 6] holds no frame; give a few hundred "
              "typical frames\n");
    EXPECT_EQ(error("float.onnx", "x.npy", {"--bits", "fc3=5"}),
              "qloom: error: Q1205: fc3: neither a layer with weights nor a quantised activation "
              "has this name; did you mean fc1? the "
              "names are: fc1, fc2, x, a\n");
    EXPECT_EQ(error("float.onnx", "x.npy", {"--bits", "fc1"}),
              "qloom: error: Q0902: --bits: `fc1` is not NAME=N; write the name of a layer or "
              "tensor, =, and its bits: --bits conv1=8\n");
    EXPECT_NE(error("float.onnx", "x.npy", {"--weights", "9"}).find("Q0902"), std::string::npos);
    EXPECT_NE(error("float.onnx", "x.npy", {"--data", "npy:x.npy,x.npy"}).find("qloom: error: Q08"),
              std::string::npos);
    EXPECT_EQ(
        place_
            .qloom({"quantize", "float.onnx", "--calibrate", "x.npy", "-o", "nowhere/q.onnx", "-q"})
            .err,
        "qloom: error: Q0113: nowhere/q.onnx: cannot be written: No such file or directory; name a "
        "file in a folder "
        "that exists and that you may write to\n");
    EXPECT_EQ(place_.listing(), before);
}

TEST_F(Quantize, FullDiskLeavesNothing) {
    // No file may grow beyond 512 bytes.
    const Outcome outcome = place_.qloom({"quantize", "float.onnx", "--calibrate", "x.npy", "-o", "q.onnx"},
                                         {"sh", "-c", "ulimit -f 1; exec \"$@\"", "sh"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err.substr(0, outcome.err.find(';')),
              "qloom: error: Q0113: q.onnx: cannot be written: File too large");
    EXPECT_FALSE(place_.exists("q.onnx"));
    EXPECT_FALSE(place_.exists("q.onnx.partial"));
}

#ifdef QLOOM_HAS_TRAINER
// A float classifier of FashionMNIST, and the same with 4-bit weights and activations.
TEST(QuantizeFashionMnist, FourBitsWithinAPointOfFloat) {
    const Workplace place;
    if (place.qloom({"train", "fashion-mnist-mlp", "--float", "--epochs", "2", "-o", "float", "-q"})
            .exit_code != 0) {
        GTEST_SKIP() << "the dataset is not installed";
    }
    const Outcome outcome =
        place.qloom({"quantize", "float/model.onnx", "--calibrate", "fashion-mnist:train", "-o",
                     "q.onnx", "--data", "fashion-mnist:test", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    const double before = json["accuracy_float"];
    const double after = json["accuracy"];
    std::printf("float %.2f %%, W4A4 %.2f %%\n", before * 100.0, after * 100.0);
    EXPECT_GT(before, 0.85);
    EXPECT_GT(after, before - 0.01);
    EXPECT_EQ(place.qloom({"check", "q.onnx", "-q"}).exit_code, 0);
}
#endif

}  // namespace
}  // namespace qloom::cli
