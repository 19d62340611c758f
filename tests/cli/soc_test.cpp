#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/npy.h"
#include "base/process.h"
#include "cli/firmware_output.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

// One compiled folder for all tests: firmware and simulator are built once.
class Soc : public testing::Test {
protected:
    static void SetUpTestSuite() {
        place_ = new Workplace;  // NOLINT: lives as long as the suite
        write_model_file(dense_model(), place_->path("dense.onnx"));
        write_npy(place_->path("x.npy"), dense_frames(40));
        Tensor<std::int64_t> labels({40});
        const Tensor<float> y = dense_outputs(dense_frames(40));
        for (std::int64_t i = 0; i < 40; ++i) {
            labels[i] =
                std::max_element(y.data() + i * 3, y.data() + i * 3 + 3) - (y.data() + i * 3);
        }
        labels[0] = (labels[0] + 1) % 3;
        labels[39] = 2;  // so that there are three classes
        write_npy(place_->path("labels.npy"), labels);
        ASSERT_EQ(
            place_
                ->qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24", "-o", "out"})
                .exit_code,
            0);
    }
    static void TearDownTestSuite() {
        delete place_;  // NOLINT
        place_ = nullptr;
    }
    void SetUp() override {
#ifndef QLOOM_HAS_SOC
        GTEST_SKIP() << "qloom-soc was not built (libunicorn-dev is not installed)";
#endif
        if (!tool_exists("clang") || !tool_exists("ld.lld"))
            GTEST_SKIP() << "clang or ld.lld is not installed";
    }
    static Workplace* place_;
};
Workplace* Soc::place_ = nullptr;

TEST_F(Soc, RunsTheFirmwareAndComparesEveryLabel) {
    const Outcome outcome =
        place_->qloom({"soc", "out", "--data", "npy:x.npy,labels.npy", "--frames", "20", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["frames"], 20);
    EXPECT_EQ(json["labels_equal"], 20);
    EXPECT_EQ(json["accuracy"], 19.0 / 20.0);
    EXPECT_EQ(json["batch"], 20);
    EXPECT_EQ(json["board"], "pynq-z1");
    EXPECT_GT(json["fps"], 0);
    EXPECT_GT(json["seconds"], 0.0);
    EXPECT_TRUE(json["first_difference"].is_null());
}

TEST_F(Soc, TheUartAppearsOnTheTerminal) {
    const Outcome outcome = place_->qloom({"soc", "out", "--data", "npy:x.npy,labels.npy",
                                           "--frames", "5", "--batch", "2", "--print-frames"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out.rfind("qloom firmware on pynq-z1: 5 frames, 2 a transfer\nDMA up at "
                                "0x40400000\nframe 0: label ",
                                0),
              0U)
        << outcome.out;
    EXPECT_NE(outcome.out.find("\naccuracy 4 of 5 (80.00 %)\ntime "), std::string::npos)
        << outcome.out;
    EXPECT_NE(outcome.out.find("\ndone\n\n5 labels on the UART: every one equals the integer "
                               "engine's\naccuracy 80.00 %, "),
              std::string::npos)
        << outcome.out;
}

TEST_F(Soc, OnQemuTheLabelsAreTheSame) {
    if (!tool_exists("qemu-system-arm")) GTEST_SKIP() << "qemu-system-arm is not installed";
    const Outcome outcome =
        place_->qloom({"soc", "out", "--data", "npy:x.npy,labels.npy", "--frames", "20", "--batch",
                       "7", "--cpu", "qemu", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["labels_equal"], 20);
    EXPECT_TRUE(outcome.json()["fps"].is_null());
}

TEST_F(Soc, APlantedFaultInTheHardwareIsFound) {
    fs::copy(place_->path("out"), place_->path("broken"), fs::copy_options::recursive);
    bool planted = false;
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(place_->path("broken/rtl"))) {
        if (entry.path().extension() != ".mem" ||
            entry.path().filename().string().find("fc2") == std::string::npos)
            continue;
        const std::string name = fs::relative(entry.path(), place_->path("")).string();
        std::string text = place_->read(name);
        for (char& digit : text) {
            if (std::isxdigit(static_cast<unsigned char>(digit)) != 0)
                digit = digit == '7' ? '8' : '7';
        }
        place_->write(name, text);
        planted = true;
    }
    ASSERT_TRUE(planted);
    const Outcome outcome =
        place_->qloom({"soc", "broken", "--data", "npy:x.npy,labels.npy", "--json"});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_NE(outcome.err.find("Q1109: broken: "), std::string::npos) << outcome.err;
    EXPECT_NE(
        outcome.err.find(" of 40 labels differ from the integer engine's; the first is frame "),
        std::string::npos);
    EXPECT_FALSE(outcome.json()["first_difference"].is_null());
    EXPECT_LT(outcome.json()["labels_equal"], 40);
}

TEST_F(Soc, ATimeOutOfTheBoardIsRespected) {
    const Outcome outcome = place_->qloom(
        {"soc", "out", "--data", "npy:x.npy,labels.npy", "--frames", "20", "--timeout", "0.00001"});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_NE(outcome.err.find("Q1101: 0x"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("the firmware has not ended after 1e-05 s of the board's time"),
              std::string::npos)
        << outcome.err;
}

TEST_F(Soc, ABatchOfNothingIsRefused) {
    const Outcome outcome =
        place_->qloom({"soc", "out", "--data", "npy:x.npy,labels.npy", "--batch", "0"});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
}

TEST(FirmwareOutput, WhatOnlyTheHostCanDoIsRefused) {
    const lower::Lowered lowered;
    pack::FirmwareOptions options;
    try {
        set_output_meaning(lowered, options);
        FAIL() << "not refused";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "Q1110: outputs: the host puts the outputs together from several streams; the "
                     "host has the last word on "
                     "this model's outputs; compile it with --postprocess argmax");
    }
}

}  // namespace
}  // namespace qloom::cli
