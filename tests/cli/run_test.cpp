#include <gtest/gtest.h>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

class Run : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        write_model_file(two_input_model(), place_.path("two.onnx"));
        write_npy(place_.path("x.npy"), dense_frames(300));
        write_npy(place_.path("l.npy"), Tensor<std::int64_t>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
        write_npy(place_.path("r.npy"), Tensor<std::int64_t>({2, 4}, {-1, 0, 1, 0, 9, 9, 9, -9}));
    }

    Tensor<float> floats(const std::string& name) { return std::get<Tensor<float>>(read_npy(place_.path(name))); }

    Workplace place_;
};

TEST_F(Run, BothEnginesGiveTheModelsOutputs) {
    for (const std::string engine : {"reference", "integer"}) {
        const Outcome outcome = place_.qloom(
            {"run", "dense.onnx", "--input", "x.npy", "--output", "y.npy", "--engine", engine, "--json"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const nlohmann::json json = outcome.json();
        EXPECT_EQ(json["frames"], 300);
        EXPECT_EQ(json["engine"], engine);
        EXPECT_EQ(json["outputs"][0]["shape"], (std::vector<int>{300, 3}));
        EXPECT_EQ(json["outputs"][0]["dtype"], "float32");
        EXPECT_EQ(floats("y.npy"), dense_outputs(dense_frames(300))) << engine;
    }
}

TEST_F(Run, IntegerIsTheDefaultAndTextGoesToStdout) {
    const Outcome outcome = place_.qloom({"run", "dense.onnx", "--input", "x.npy", "--output", "y.npy"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_NE(outcome.out.find("integer engine"), std::string::npos);
    EXPECT_NE(outcome.out.find("y: float32 [300, 3] -> y.npy"), std::string::npos) << outcome.out;
    EXPECT_EQ(place_.qloom({"run", "dense.onnx", "--input", "x.npy", "--output", "y.npy", "--quiet"}).out, "");
}

TEST_F(Run, InputsByNameInAnyOrder) {
    ASSERT_EQ(place_.qloom({"run", "two.onnx", "-i", "right=r.npy", "-i", "left=l.npy", "-o", "a.npy"}).exit_code, 0);
    ASSERT_EQ(place_.qloom({"run", "two.onnx", "-i", "l.npy", "-i", "r.npy", "-o", "sum=b.npy", "--engine", "reference"})
                  .exit_code,
              0);
    EXPECT_EQ(floats("a.npy"), floats("b.npy"));
    EXPECT_EQ(floats("a.npy").shape(), (Shape{2, 2}));
}

TEST_F(Run, UnknownTensor) {
    EXPECT_EQ(place_.qloom({"run", "dense.onnx", "--input", "z=x.npy", "--output", "y.npy"}).err,
              "qloom: error: Q0904: x.npy: the model has no input `z`; did you mean x? its inputs are: x\n");
    EXPECT_EQ(place_.qloom({"run", "dense.onnx", "-i", "x.npy", "-i", "x.npy"}).err,
              "qloom: error: Q0904: x.npy: the model has only 1 input; its inputs are: x\n");
    EXPECT_EQ(place_.qloom({"run", "dense.onnx", "-i", "x.npy", "-o", "why=y.npy"}).exit_code, 1);
    EXPECT_FALSE(place_.exists("y.npy"));
}

TEST_F(Run, MissingInput) {
    EXPECT_EQ(place_.qloom({"run", "two.onnx", "--input", "l.npy", "--output", "y.npy"}).err,
              "qloom: error: Q0905: no array is given for input right of the model; add --input right=FILE.npy\n");
}

TEST_F(Run, WrongShape) {
    EXPECT_EQ(place_.qloom({"run", "dense.onnx", "--input", "l.npy", "--output", "y.npy"}).err,
              "qloom: error: Q0906: l.npy: shape [2, 4] does not hold frames of input x, which are [6] (6 values); axis 0 "
              "counts the frames; the values of one frame must be as many as the model takes\n");
    EXPECT_FALSE(place_.exists("y.npy"));
}

TEST_F(Run, DifferentFrameCounts) {
    write_npy(place_.path("r3.npy"), Tensor<float>({3, 4}));
    EXPECT_EQ(place_.qloom({"run", "two.onnx", "-i", "l.npy", "-i", "r3.npy"}).err,
              "qloom: error: Q0907: input left has 2 frames and input right has 3; give every input equally many frames\n");
}

TEST_F(Run, UnwritableOutputLeavesNothing) {
    const Outcome outcome = place_.qloom({"run", "dense.onnx", "-i", "x.npy", "-o", "no/such/folder/y.npy", "--json"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.json()["error"]["code"], "Q0014");
    EXPECT_FALSE(place_.exists("no"));
}

// Fractions are no integers: what stands before the first quantiser then runs on the host.
TEST_F(Run, FractionsRunOnTheHostUnlessATypeIsDeclared) {
    const Tensor<float> half({2, 6}, 0.5F);
    write_npy(place_.path("half.npy"), half);
    ASSERT_EQ(place_.qloom({"run", "dense.onnx", "-i", "half.npy", "-o", "y.npy"}).exit_code, 0);
    EXPECT_EQ(floats("y.npy"), dense_outputs(half));
    const Outcome declared =
        place_.qloom({"run", "dense.onnx", "-i", "half.npy", "-o", "z.npy", "--input-type", "uint8", "--json"});
    EXPECT_EQ(declared.exit_code, 1);
    EXPECT_EQ(declared.json()["error"]["code"], "Q0304");
    EXPECT_FALSE(place_.exists("z.npy"));
}

}  // namespace
}  // namespace qloom::cli
