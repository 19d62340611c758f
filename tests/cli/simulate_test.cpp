#include <gtest/gtest.h>

#include <filesystem>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {
namespace fs = std::filesystem;

// One compiled folder for all tests: Verilator builds once.
class Simulate : public testing::Test {
protected:
    static void SetUpTestSuite() {
        place_ = new Workplace;  // NOLINT: lives as long as the suite
        write_model_file(dense_model(), place_->path("dense.onnx"));
        write_npy(place_->path("x.npy"), dense_frames(40));
        ASSERT_EQ(place_->qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24", "-o", "out"}).exit_code, 0);
    }
    static void TearDownTestSuite() {
        delete place_;  // NOLINT
        place_ = nullptr;
    }
    static Workplace* place_;
};
Workplace* Simulate::place_ = nullptr;

TEST_F(Simulate, ComputesTheModelAndMeasures) {
    const Outcome outcome = place_->qloom({"simulate", "out", "--input", "x.npy", "--output", "y.npy", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["frames"], 40);
    EXPECT_EQ(json["mismatches"], 0);
    EXPECT_EQ(json["ii_cycles"], json["estimated_ii_cycles"]);
    EXPECT_GT(json["latency_cycles"], 0);
    EXPECT_TRUE(json["accuracy"].is_null());
    EXPECT_EQ(std::get<Tensor<float>>(read_npy(place_->path("y.npy"))), dense_outputs(dense_frames(40)));
}

TEST_F(Simulate, DatasetGivesAccuracyAndTheFolderCanMove) {
    Tensor<std::int64_t> labels({40});
    const Tensor<float> y = dense_outputs(dense_frames(40));
    for (std::int64_t i = 0; i < 40; ++i) {
        labels[i] = std::max_element(y.data() + i * 3, y.data() + i * 3 + 3) - (y.data() + i * 3);
    }
    labels[0] = (labels[0] + 1) % 3;
    write_npy(place_->path("labels.npy"), labels);
    fs::copy(place_->path("out"), place_->path("moved"), fs::copy_options::recursive);
    const Outcome outcome = place_->qloom({"simulate", "moved", "--data", "npy:x.npy,labels.npy", "--frames", "20", "--idle",
                                           "0.3", "--back-pressure", "0.3", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["accuracy"], 19.0 / 20.0);
    EXPECT_EQ(outcome.json()["frames"], 20);
}

TEST_F(Simulate, WaveformIsWritten) {
    ASSERT_EQ(place_->qloom({"simulate", "out", "--input", "x.npy", "--frames", "2", "--vcd", "wave.vcd"}).exit_code, 0);
    EXPECT_GT(fs::file_size(place_->path("wave.vcd")), 1000U);
}

TEST_F(Simulate, PlantedFaultIsFound) {
    fs::copy(place_->path("out"), place_->path("broken"), fs::copy_options::recursive);
    fs::remove_all(place_->path("broken/sim"));
    // Another weight memory: every hexadecimal digit of the first image with its lowest bit turned.
    bool planted = false;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(place_->path("broken/rtl"))) {
        const std::string name = fs::relative(entry.path(), place_->path("")).string();
        if (!entry.is_regular_file() || entry.path().filename().string().find("fc2") == std::string::npos) {
            continue;
        }
        std::string text = place_->read(name);
        for (char& digit : text) {
            if (std::isdigit(static_cast<unsigned char>(digit)) != 0) {
                digit = static_cast<char>(digit ^ 1);
            }
        }
        place_->write(name, text);
        planted = true;
    }
    ASSERT_TRUE(planted);
    const Outcome outcome = place_->qloom({"simulate", "broken", "--input", "x.npy", "--output", "z.npy", "--json"});
    EXPECT_EQ(outcome.exit_code, 3) << outcome.out;
    const nlohmann::json json = outcome.json();
    EXPECT_GT(json["mismatches"], 0);
    EXPECT_EQ(json["error"]["code"], "Q0911");
    EXPECT_EQ(json["first_difference"]["output"], "y");
    EXPECT_NE(outcome.err.find("frames differ from the integer engine; the first is frame"), std::string::npos);
    EXPECT_FALSE(place_->exists("z.npy"));
}

TEST_F(Simulate, IncompleteFolder) {
    fs::create_directory(place_->path("half"));
    for (const char* file : {"accelerator.json", ".qloom"}) {
        if (place_->exists(std::string("out/") + file)) {
            fs::copy(place_->path("out") / file, place_->path("half") / file);
        }
    }
    EXPECT_EQ(place_->qloom({"simulate", "half", "--input", "x.npy"}).err,
              "qloom: error: Q0910: half: the folder has no model.onnx or no compile.json; give a folder that `qloom "
              "compile` wrote\n");
    EXPECT_EQ(place_->qloom({"simulate", "nowhere", "--input", "x.npy"}).exit_code, 1);
}

}  // namespace
}  // namespace qloom::cli
