// From a network to answers over a serial line: compiled for an iCE40 board, simulated at its pins
// as RTL and as the netlist that is placed and routed, and spoken with by the real program.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/npy.h"
#include "base/process.h"
#include "program_run.h"
#include "synth/route.h"
#include "talk/simulated_board.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;
using testing::Noise;
using testing::SilentPort;
using testing::SimulatedBoard;

class Talk : public ::testing::Test {
protected:
    void SetUp() override {
        write_model_file(dense_model(), place_.path("dense.onnx"));
        write_npy(place_.path("x.npy"), dense_frames(20));
    }

    void compile(const std::string& model, const std::string& ii) {
        const Outcome outcome =
            place_.qloom({"compile", model, "--board", "ice40-hx8k", "--ii", ii, "-o", "out"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }

    // Every source of qloom_board, from out/ice40/files.f.
    std::vector<fs::path> sources() const {
        std::vector<fs::path> files;
        std::ifstream list(place_.path("out/ice40/files.f"));
        for (std::string line; std::getline(list, line);)
            files.push_back(place_.path("out/ice40") / line);
        return files;
    }

    static constexpr int kClocksPerBit = 16;  // 48 MHz, 3 Mbaud

    // The netlist that nextpnr got, with Yosys' models of the cells in place of the cells.
    std::vector<fs::path> netlist() const {
        const fs::path work = place_.path("out/synth/board-ice40-hx8k");
        check_tool({"yosys", "-q", "-p",
                    "read_verilog -defer +/ice40/cells_sim.v; delete SB_PLL40_CORE; read_verilog "
                    "-lib pll.v; read_verilog design.v; "
                    "hierarchy -purge_lib -top qloom_board; proc; flatten; opt_clean; splitnets; "
                    "write_verilog -noattr simulation.v"},
                   {.working_directory = work}, "yosys");
        return {work / "simulation.v"};
    }

    void write_pll_ports() const {
        std::ofstream(place_.path("out/synth/board-ice40-hx8k/pll.v"))
            << "module SB_PLL40_CORE #(parameter FEEDBACK_PATH = \"SIMPLE\", parameter [3:0] DIVR "
               "= 0, parameter [6:0] DIVF = 0, "
               "parameter [2:0] DIVQ = 0, parameter [2:0] FILTER_RANGE = 0) (input REFERENCECLK, "
               "RESETB, BYPASS, "
               "output PLLOUTGLOBAL, LOCK); endmodule\n";
    }

    Workplace place_;
};

TEST_F(Talk, FramesGoThroughTheRtlAtThePins) {
    compile("dense.onnx", "24");
    const SimulatedBoard board(sources(), place_.path("out/rtl"), kClocksPerBit);
    const Outcome outcome = place_.qloom(
        {"talk", board.port(), "out", "--input", "x.npy", "--timeout", "20", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["frames"], 20);
    EXPECT_EQ(outcome.json()["mismatches"], 0);
    EXPECT_EQ(outcome.json()["repeated"], 0);
    EXPECT_EQ(outcome.json()["board"], "ice40-hx8k");
}

TEST_F(Talk, NoiseCostsTimeAndNoFrame) {
    compile("dense.onnx", "24");
    const SimulatedBoard board(sources(), place_.path("out/rtl"), kClocksPerBit,
                               Noise{.damage = 0.01, .loss = 0.005, .more = 0.005});
    const Outcome outcome =
        place_.qloom({"talk", board.port(), "out", "--input", "x.npy", "--timeout", "1", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["frames"], 20);
    EXPECT_EQ(outcome.json()["mismatches"], 0);
    EXPECT_GT(outcome.json()["repeated"], 0) << "the noise was none";
}

TEST_F(Talk, AnotherNetworkIsNoticed) {
    compile("dense.onnx", "24");
    const SimulatedBoard board(sources(), place_.path("out/rtl"), kClocksPerBit);
    fs::rename(place_.path("out"), place_.path("first"));
    compile("dense.onnx", "6");
    const Outcome outcome =
        place_.qloom({"talk", board.port(), "out", "--input", "x.npy", "--timeout", "20"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(outcome.err.starts_with("qloom: error: Q1603: " + board.port() +
                                        ": the board runs design "))
        << outcome.err;
}

TEST_F(Talk, TheRoutedNetlistAnswersTheSame) {
    if (!tool_exists("yosys") || !synth::can_route_ice40()) {
        GTEST_SKIP() << "yosys, nextpnr-ice40 and icepack are not installed";
    }
    compile("dense.onnx", "24");
    const Outcome made = place_.qloom({"synth", "out", "--json"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_EQ(made.json()["routed"]["board"], "ice40-hx8k");
    EXPECT_GE(made.json()["routed"]["mhz"], 48.0);
    EXPECT_GT(fs::file_size(place_.path("out/ice40/qloom.bin")), 100000U);
    write_pll_ports();
    const SimulatedBoard board(netlist(), place_.path("out/rtl"), kClocksPerBit);
    const Outcome outcome = place_.qloom(
        {"talk", board.port(), "out", "--input", "x.npy", "--timeout", "20", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.json()["frames"], 20);
    EXPECT_EQ(outcome.json()["mismatches"], 0);
}

// The built-in recipe as a whole, an epoch of it: minutes. `ctest -C sweep -L slow`.
TEST_F(Talk, DISABLED_TheRecipeFitsAndAnswersTheSame) {
    ASSERT_EQ(place_.qloom({"train", "ice40-fashion-mlp", "--epochs", "1", "-o", "run"}).exit_code,
              0);
    for (const std::string& name : {"icebreaker", "ice40-hx8k"}) {
        const Outcome compiled = place_.qloom(
            {"compile", "run/model.onnx", "--board", name, "--fps", "500", "-o", name});
        ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
        const Outcome made = place_.qloom({"synth", name, "--json"});
        ASSERT_EQ(made.exit_code, 0) << made.err;
        std::printf("%s: %s\n", name.c_str(), made.json()["routed"].dump().c_str());
    }
    fs::rename(place_.path("ice40-hx8k"), place_.path("out"));
    write_pll_ports();
    const std::vector<std::string> talk{
        "out", "--data", "fashion-mnist:test", "--frames", "4", "--timeout", "600", "--json"};
    for (const bool gates : {false, true}) {
        const SimulatedBoard board(gates ? netlist() : sources(), place_.path("out/rtl"),
                                   kClocksPerBit);
        std::vector<std::string> arguments{"talk", board.port()};
        arguments.insert(arguments.end(), talk.begin(), talk.end());
        const Outcome outcome = place_.qloom(arguments);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(outcome.json()["frames"], 4);
        EXPECT_EQ(outcome.json()["mismatches"], 0);
        EXPECT_EQ(outcome.json()["labels"].size(), 4U);
    }
}

TEST_F(Talk, ABoardThatIsTooSmallOrTooSlow) {
    if (!tool_exists("yosys") || !synth::can_route_ice40()) {
        GTEST_SKIP() << "yosys, nextpnr-ice40 and icepack are not installed";
    }
    const std::string file = R"(part = "ice40hx8k-ct256"
clock_mhz = 132.0
[resources]
luts = LUTS
ffs = 7680
bram36 = 3
dsps = 0
[ice40]
device = "hx8k"
package = "ct256"
ram4k = 32
oscillator_mhz = 12.0
baud = 3000000
clock_pin = "J3"
rx_pin = "B10"
tx_pin = "B12"
led_pin = "B5"
)";
    const auto made_for = [&](const std::string& luts) {
        std::string text = file;
        text.replace(text.find("LUTS"), 4, luts);
        place_.write("mine.toml", text);
        const Outcome compiled = place_.qloom(
            {"compile", "dense.onnx", "--board", "./mine.toml", "--ii", "24", "-o", "out"});
        EXPECT_EQ(compiled.exit_code, 0) << compiled.err;
        return place_.qloom({"synth", "out"});
    };
    Outcome outcome = made_for("20");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("Q1401: mine: the accelerator alone needs "), std::string::npos)
        << outcome.err;
    EXPECT_NE(
        outcome.err.find(
            " logic cells of 20; compile for fewer frames a second, or take a smaller network"),
        std::string::npos)
        << outcome.err;
    outcome = made_for("7680");
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_NE(outcome.err.find("Q1402: mine: the routed design runs at "), std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find(" MHz, and its clock is 132 MHz; compile with --clock-mhz "),
              std::string::npos)
        << outcome.err;
    EXPECT_FALSE(place_.exists("out/ice40/qloom.bin"))
        << "a bitstream that does not meet its clock";
}

TEST_F(Talk, ABoardThatComputesSomethingElse) {
    compile("dense.onnx", "24");
    fs::copy(place_.path("out/rtl"), place_.path("other"), fs::copy_options::recursive);
    bool changed = false;
    for (const auto& entry : fs::directory_iterator(place_.path("other"))) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with("_weights.mem")) continue;
        std::string text = place_.read("other/" + name);
        std::ranges::replace(text, '1', '5');
        place_.write("other/" + name, text);
        changed = true;
    }
    ASSERT_TRUE(changed);
    const SimulatedBoard board(sources(), place_.path("other"), kClocksPerBit);
    const Outcome outcome =
        place_.qloom({"talk", board.port(), "out", "--input", "x.npy", "--timeout", "20"});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_TRUE(outcome.err.starts_with("qloom: error: Q1604: " + board.port() + ": "))
        << outcome.err;
    EXPECT_NE(outcome.err.find(" of 20 frames differ from the integer engine; the first is frame "),
              std::string::npos)
        << outcome.err;
}

TEST_F(Talk, ALineThatIsAllNoise) {
    compile("dense.onnx", "24");
    const SimulatedBoard board(sources(), place_.path("out/rtl"), kClocksPerBit,
                               Noise{.damage = 0.3});
    const Outcome outcome =
        place_.qloom({"talk", board.port(), "out", "--input", "x.npy", "--timeout", "0.3"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(outcome.err.starts_with("qloom: error: Q1602: " + board.port() + ": "))
        << outcome.err;
    EXPECT_TRUE(
        outcome.err.ends_with("; try another cable or port, or a lower `baud` in the board file; "
                              "if the port belongs to another device, name the board's\n"))
        << outcome.err;
}

TEST_F(Talk, APortThatIsNotThere) {
    compile("dense.onnx", "24");
    const Outcome outcome = place_.qloom({"talk", "/dev/ttyQloom", "out", "--input", "x.npy"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(
        outcome.err.starts_with("qloom: error: Q1600: /dev/ttyQloom: the port cannot be opened (No "
                                "such file or directory); "))
        << outcome.err;
}

TEST_F(Talk, APortWhereNobodyAnswers) {
    compile("dense.onnx", "24");
    const SilentPort silent;
    const Outcome outcome =
        place_.qloom({"talk", silent.port(), "out", "--input", "x.npy", "--timeout", "0.1"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err, "qloom: error: Q1601: " + silent.port() +
                               ": nothing answered within 500 ms; load the bitstream (iceprog "
                               "out/ice40/qloom.bin); boards with "
                               "an FT2232H show two ports, and the UART is the second\n");
}

TEST_F(Talk, AFolderForAnotherBoard) {
    ASSERT_EQ(place_
                  .qloom({"compile", "dense.onnx", "--board", "pynq-z1", "--ii", "24",
                          "--no-package", "-o", "out"})
                  .exit_code,
              0);
    const Outcome outcome = place_.qloom({"talk", "/dev/null", "out", "--input", "x.npy"});
    EXPECT_EQ(outcome.err.substr(0, outcome.err.find("; ")),
              "qloom: error: Q0910: out: it has no ice40/link.json: it was compiled for pynq-z1, "
              "or with --no-package");
}

}  // namespace
}  // namespace qloom::cli
