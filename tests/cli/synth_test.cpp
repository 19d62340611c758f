#include <gtest/gtest.h>

#include "base/npy.h"
#include "base/process.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

class Synth : public testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        ASSERT_EQ(place_
                      .qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24",
                              "--no-package", "-o", "out"})
                      .exit_code,
                  0);
    }
    Workplace place_;
};

TEST_F(Synth, MeasuresAndChecksTheNetlist) {
    if (!tool_exists("yosys")) {
        GTEST_SKIP() << "yosys is not installed";
    }
    write_npy(place_.path("x.npy"), dense_frames(5));
    const Outcome outcome = place_.qloom(
        {"synth", "out", "--for", "ice40", "--netlist-check", "--input", "x.npy", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = outcome.json();
    EXPECT_EQ(json["netlist_check"]["frames"], 5);
    EXPECT_EQ(json["netlist_check"]["mismatches"], 0);
    double luts = 0.0;
    for (const nlohmann::json& layer : json["layers"]) {
        luts += layer["luts"].get<double>();
    }
    EXPECT_GT(luts, 50.0);
    EXPECT_EQ(json["luts"], luts);
    EXPECT_TRUE(json["estimate"].is_null()) << "the cost model speaks of LUTs with six inputs";
    EXPECT_TRUE(place_.exists("out/synth.json"));
    EXPECT_NE(place_.read("out/report.txt").find("Synthesised for iCE40 by Yosys"),
              std::string::npos);
    // Everything is kept, also over a new compile.
    ASSERT_EQ(place_
                  .qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24",
                          "--no-package", "-o", "out"})
                  .exit_code,
              0);
    const nlohmann::json again = place_.qloom({"synth", "out", "--for", "ice40", "--json"}).json();
    EXPECT_EQ(again["cached_units"], again["layers"].size());
    EXPECT_EQ(again["luts"], luts);
}

TEST_F(Synth, RoutesForIce40Alone) {
    const Outcome outcome = place_.qloom({"synth", "out", "--for", "xc7", "--route", "hx8k"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0902: qloom synth: --route hx8k is for iCE40, and --for is xc7; "
              "synthesise with --for ice40, or leave --route out\n");
}

}  // namespace
}  // namespace qloom::cli
