// Ctrl-C: exit code 130, one line, no output folder.
#include <gtest/gtest.h>

#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

const std::vector<std::string> kInterruptSoon{"timeout", "--preserve-status", "-s", "INT", "0.5"};

// A run that would take minutes.
TEST(Interrupt, SoftwareInferenceStops) {
    const Workplace place;
    write_model_file(dense_model(), place.path("dense.onnx"));
    write_npy(place.path("x.npy"), Tensor<float>({6'000'000, 6}, 3.0F));
    const Outcome outcome = place.qloom({"run", "dense.onnx", "--input", "x.npy", "--output", "y.npy", "--engine",
                                         "reference", "--json"},
                                        kInterruptSoon);
    EXPECT_EQ(outcome.exit_code, 130);
    EXPECT_NE(outcome.err.find("qloom: interrupted: nothing is left half-written\n"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.json()["error"]["exit_code"], 130);
    EXPECT_FALSE(place.exists("y.npy"));
}

#ifdef QLOOM_HAS_TRAINER
TEST(Interrupt, TrainingStopsWithoutItsFolder) {
    const Workplace place;
    const Outcome outcome = place.qloom({"train", "fashion-mnist-mlp", "-o", "run", "--epochs", "500"},
                                        {"timeout", "--preserve-status", "-s", "INT", "4"});
    if (outcome.err.find("Q0801") != std::string::npos) {
        GTEST_SKIP() << "FashionMNIST is not installed";
    }
    EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
    EXPECT_FALSE(place.exists("run"));
}
#endif

}  // namespace
}  // namespace qloom::cli
