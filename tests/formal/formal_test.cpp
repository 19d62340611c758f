// Proofs about the handshakes of the small modules (rtl/formal/): nothing lost, doubled or
// reordered, what waits does not change, no dead state. Every sequence of inputs from the reset on
// is covered, not samples of them: for all time, or for a stated number of clocks.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/process.h"

namespace qloom {
namespace {

namespace fs = std::filesystem;

fs::path rtl() { return fs::path(QLOOM_SOURCE_DIR) / "rtl"; }

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

struct Proof {
    std::string harness;
    std::vector<std::string> modules;  // files of the library, in rtl/
    std::string parameters = {};       // of the harness: "-set Depth 3"
    int clocks = 0;                    // 0: for all time
};

// A change of a module's text that a proof must notice.
struct Fault {
    std::string file;
    std::string from;
    std::string to;
};

class Workshop {
public:
    Workshop() {
        std::string pattern = (fs::path(testing::TempDir()) / "qloom_formal_XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;
    ~Workshop() { fs::remove_all(path_); }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void prepare(const Workshop& workshop, const Proof& proof, const Fault* fault) {
    std::vector<std::string> files = {"formal/formal_watch.sv", "formal/formal_environment.sv",
                                      "formal/" + proof.harness + ".sv"};
    files.insert(files.end(), proof.modules.begin(), proof.modules.end());
    std::vector<std::string> names;
    for (const std::string& file : files) {
        std::string text = text_of(rtl() / file);
        ASSERT_FALSE(text.empty()) << file;
        if (fault != nullptr && fault->file == file) {
            const auto at = text.find(fault->from);
            ASSERT_NE(at, std::string::npos) << file << " has no \"" << fault->from << '"';
            text.replace(at, fault->from.size(), fault->to);
        }
        names.push_back(fs::path(file).filename().string());
        std::ofstream(workshop.path() / names.back(), std::ios::binary) << text;
    }
    // Without the macro SYNTHESIS the modules' own assertions would be read, whose syntax Yosys
    // does not know. The rest makes a circuit of gates and registers: inputs, assumptions as
    // constraints, assertions as outputs that must stay 0.
    const std::string script = fmt::format(
        "read_verilog -formal -D SYNTHESIS -sv {}; {} prep -top {} -flatten; memory_map; "
        "async2sync; opt -fast; setundef -undriven -anyseq; opt -fast; delete -output; dffunmap; "
        "techmap; opt_clean; "
        "simplemap; abc -g AND; opt_clean; write_aiger -I -B -zinit proof.aig",
        fmt::join(names, " "),
        proof.parameters.empty() ? ""
                                 : fmt::format("chparam {} {};", proof.parameters, proof.harness),
        proof.harness);
    const ToolResult result =
        run_tool({"yosys", "-q", "-p", script}, {.working_directory = workshop.path()}, "yosys");
    ASSERT_EQ(result.exit_code, 0) << result.output;
}

enum class Verdict { kProved, kHolds, kRefuted, kNone };

// What ABC says, and its whole output: proved for all time by property-directed reachability
// (clocks == 0), or true in every run of so many clocks.
std::pair<Verdict, std::string> solve(const Workshop& workshop, int clocks) {
    const std::string engine = clocks == 0 ? "pdr" : fmt::format("bmc3 -F {}", clocks);
    const ToolResult result = run_tool(
        {"yosys-abc", "-c", "read_aiger proof.aig; fold; strash; dc2; scorr; dc2; " + engine},
        {.working_directory = workshop.path(), .timeout = std::chrono::hours(1)}, "yosys");
    const auto says = [&](const char* words) {
        return result.output.find(words) != std::string::npos;
    };
    if (says("was asserted in frame")) return {Verdict::kRefuted, result.output};
    // Where simplification leaves nothing to prove, the engines say so in their own words.
    if (clocks == 0 && says("Property proved")) return {Verdict::kProved, result.output};
    if (clocks != 0 && says(fmt::format("No output asserted in {} frames", clocks).c_str()))
        return {Verdict::kHolds, result.output};
    return {Verdict::kNone, result.output};
}

class Formal : public testing::Test {
protected:
    void SetUp() override {
        if (!tool_exists("yosys") || !tool_exists("yosys-abc")) {
            GTEST_SKIP() << "yosys is not installed";
        }
    }

    static void prove(const Proof& proof) {
        const Workshop workshop;
        prepare(workshop, proof, nullptr);
        if (HasFatalFailure()) return;
        const auto [verdict, output] = solve(workshop, proof.clocks);
        EXPECT_EQ(verdict, proof.clocks == 0 ? Verdict::kProved : Verdict::kHolds)
            << proof.harness << ' ' << proof.parameters << '\n'
            << output;
    }

    static void refute(const Proof& proof, const Fault& fault) {
        const Workshop workshop;
        prepare(workshop, proof, &fault);
        if (HasFatalFailure()) return;
        const auto [verdict, output] = solve(workshop, proof.clocks);
        EXPECT_EQ(verdict, Verdict::kRefuted) << fault.to << '\n' << output;
    }
};

constexpr int kDmaClocks = 14;
constexpr int kDeepDmaClocks = 30;

const std::vector<std::string> kSkid{"ql_skid.sv"};
const std::vector<std::string> kFifo{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv"};
const std::vector<std::string> kConverter{"ql_skid.sv", "ql_width_converter.sv"};
const std::vector<std::string> kFork{"ql_skid.sv", "ql_fork.sv"};
const std::vector<std::string> kAdd{"ql_skid.sv", "ql_scale.sv", "ql_resize.sv", "ql_add.sv"};
const std::vector<std::string> kTurns{"ql_skid.sv", "ql_turn.sv", "ql_split.sv", "ql_concat.sv"};
const std::vector<std::string> kWindow{"ql_skid.sv", "ql_ram.sv", "ql_loop.sv", "ql_wrapped_add.sv",
                                       "ql_sliding_window.sv"};
const std::vector<std::string> kDmaRead{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv",
                                        "soc/ql_axi_dma_read.sv"};
const std::vector<std::string> kDmaWrite{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv",
                                         "soc/ql_axi_dma_write.sv"};

// For all time: the solver finds an invariant.
TEST_F(Formal, SkidHandsOnEveryBeat) { prove({"formal_skid", kSkid, "-set DataW 1"}); }
TEST_F(Formal, FifoHandsOnEveryBeat) { prove({"formal_fifo", kFifo, "-set DataW 1 -set Depth 3"}); }
TEST_F(Formal, WidthConverterHandsOnEveryElement) {
    prove({"formal_width_converter", kConverter, "-set InElems 2 -set OutElems 1"});
    prove({"formal_width_converter", kConverter, "-set InElems 1 -set OutElems 2"});
    prove({"formal_width_converter", kConverter, "-set InElems 2 -set OutElems 3"});
}
TEST_F(Formal, ForkGivesEveryWayEveryBeat) {
    prove({"formal_fork", kFork, "-set DataW 1 -set Ways 2"});
}
TEST_F(Formal, JoinMeetsEqualNumbers) { prove({"formal_join", kAdd, "-set DataW 1"}); }
TEST_F(Formal, TurnsKeepTheOrder) { prove({"formal_turns", kTurns, "-set DataW 1"}); }

TEST_F(Formal, WindowsReadTheRightPixels) {
    prove({"formal_sliding_window", kWindow,
           "-set Height 2 -set Width 2 -set OutH 2 -set OutW 1 -set Depth 4"});
}

// In every run of so many clocks from the reset on: bursts, pages and answers in any order of
// arrival.
TEST_F(Formal, DmaAsksAndSendsEachWordOnce) {
    prove({"formal_dma_read", kDmaRead, "", kDmaClocks});
    prove({"formal_dma_write", kDmaWrite, "", kDmaClocks});
}

// What a proof is worth: it fails where the module is wrong.
TEST_F(Formal, FaultsAreFound) {
    const Proof skid{"formal_skid", kSkid, "-set DataW 1"};
    refute(skid,
           {"ql_skid.sv", "if (!skid_valid_q) skid_q <=", "skid_q <="});  // a beat overwritten
    refute(skid, {"ql_skid.sv", "assign advance       = m_axis_tready ||",
                  "assign advance       = 1'b1 ||"});  // not held
    refute({"formal_fifo", kFifo, "-set DataW 1 -set Depth 3"},
           {"ql_fifo.sv", "s_axis_tready = count_q != CountW'(Words)",
            "s_axis_tready = 1'b1"});  // overflow
    refute({"formal_width_converter", kConverter, "-set InElems 2 -set OutElems 3"},
           {"ql_width_converter.sv", "assign s_axis_tready = count_q <= CountW'(Slots - In)",
            "assign s_axis_tready = count_q <= CountW'(Slots - In + 1)"});
    refute(
        {"formal_turns", kTurns, "-set DataW 1"},
        {"ql_turn.sv", "count_q == last ? '0", "count_q == last ? count_q"});  // a turn too short
    refute({"formal_sliding_window", kWindow,
            "-set Height 2 -set Width 2 -set OutH 2 -set OutW 1 -set Depth 4"},
           {"ql_sliding_window.sv", "localparam integer FreeOy = StepY -",
            "localparam integer FreeOy = 1 + StepY -"});  // a pixel set free too early
    refute({"formal_dma_read", kDmaRead, "", kDmaClocks},
           {"soc/ql_axi_dma_read.sv", "32'(reserved_q) + 32'(burst) <= FifoDepth",
            "32'(reserved_q) <= FifoDepth"});  // more asked for than there is room
    refute({"formal_dma_read", kDmaRead, "", kDmaClocks},
           {"soc/ql_axi_dma_read.sv", "if (32'(page_left) < 32'(burst)) burst = 10'(page_left);",
            ""});  // across a page
    refute({"formal_dma_write", kDmaWrite, "", kDmaClocks},
           {"soc/ql_axi_dma_write.sv", "assign m_axi_wlast  = burst_left_q == 10'd1",
            "assign m_axi_wlast  = 1'b0"});  // a burst without its end
    refute({"formal_dma_write", kDmaWrite, "", kDmaClocks},
           {"soc/ql_axi_dma_write.sv", "waiting_q == '0 && !busy_o) begin",
            "waiting_q == '0) begin"});  // done too early
}

TEST_F(Formal, DISABLED_DeepProofs) {
    for (const int depth : {2, 3, 4, 5})
        prove({"formal_fifo", kFifo, fmt::format("-set DataW 1 -set Depth {}", depth)});
    for (const auto& [in, out] : std::vector<std::pair<int, int>>{{3, 2}, {1, 4}, {4, 1}, {2, 2}}) {
        prove({"formal_width_converter", kConverter,
               fmt::format("-set InElems {} -set OutElems {}", in, out)});
    }
    prove({"formal_fork", kFork, "-set DataW 1 -set Ways 3"});
    prove({"formal_join", kAdd, "-set DataW 2"});
    prove({"formal_turns", kTurns, "-set DataW 1 -set FirstBeats 3 -set SecondBeats 2"});
    prove({"formal_dma_read", kDmaRead, "", kDeepDmaClocks});
    prove({"formal_dma_write", kDmaWrite, "", kDeepDmaClocks});
}

}  // namespace
}  // namespace qloom
