#include <gtest/gtest.h>

#include <algorithm>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

// Labels of the frames, every fourth of them wrong.
Tensor<std::int64_t> labels(std::int64_t frames) {
    const Tensor<float> y = dense_outputs(dense_frames(frames));
    Tensor<std::int64_t> result({frames});
    for (std::int64_t i = 0; i < frames; ++i) {
        const float* row = y.data() + i * 3;
        const std::int64_t right = std::max_element(row, row + 3) - row;
        result[i] = i % 4 == 0 ? (right + 1) % 3 : right;
    }
    return result;
}

class Eval : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        write_npy(place_.path("x.npy"), dense_frames(400));
        write_npy(place_.path("labels.npy"), labels(400));
    }
    Workplace place_;
};

TEST_F(Eval, CountsRightAnswers) {
    for (const std::string engine : {"reference", "integer"}) {
        const Outcome outcome =
            place_.qloom({"eval", "dense.onnx", "--data", "npy:x.npy,labels.npy", "--engine", engine, "--json"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const nlohmann::json json = outcome.json();
        EXPECT_EQ(json["accuracy"], 0.75);
        EXPECT_EQ(json["correct"], 300);
        EXPECT_EQ(json["images"], 400);
        EXPECT_GT(json["images_per_second"], 0.0);
        EXPECT_EQ(json["input_scale"], "raw");
    }
    EXPECT_EQ(place_.qloom({"eval", "dense.onnx", "--data", "npy:x.npy,labels.npy", "--quiet"}).out, "75.00 %\n");
    EXPECT_EQ(place_.qloom({"eval", "dense.onnx", "--data", "npy:x.npy,labels.npy", "--frames", "2", "-q"}).out,
              "50.00 %\n");
}

TEST_F(Eval, SamplesThatDoNotFit) {
    write_npy(place_.path("x5.npy"), Tensor<float>({400, 5}));
    EXPECT_EQ(place_.qloom({"eval", "dense.onnx", "--data", "npy:x5.npy,labels.npy"}).err,
              "qloom: error: Q0908: npy:x5.npy,labels.npy: its samples are [5] and input x of the model is [1, 6]; take the "
              "dataset that the model was trained on\n");
}

TEST_F(Eval, OutputsThatAreNoClasses) {
    Tensor<std::int64_t> five = labels(400);
    five[0] = 4;
    write_npy(place_.path("five.npy"), five);
    EXPECT_EQ(place_.qloom({"eval", "dense.onnx", "--data", "npy:x.npy,five.npy"}).err,
              "qloom: error: Q0909: y: the output has 3 values a frame and npy:x.npy,five.npy has 5 classes; accuracy needs "
              "one value a class, or the label itself\n");
}

TEST_F(Eval, MissingDatasetNamesThePackage) {
    const Outcome outcome = place_.qloom({"eval", "dense.onnx", "--data", "fashion-mnist:test", "--data-dir", "nowhere"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("Q0801"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("dataset-fashion-mnist"), std::string::npos) << outcome.err;
}

TEST_F(Eval, UnknownDatasetProposesOne) {
    const Outcome outcome = place_.qloom({"eval", "dense.onnx", "--data", "fashon-mnist:test", "--json"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.json()["error"]["code"], "Q0800");
}

}  // namespace
}  // namespace qloom::cli
