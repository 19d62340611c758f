// Proofs about the handshakes of the small modules (rtl/formal/): nothing lost, doubled or
// reordered, what waits does not change, no dead state. Every sequence of inputs of `clocks` clocks
// from the reset on is covered, not samples of them.

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
    int clocks = 10;
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
    // does not know.
    const std::string script = fmt::format(
        "read_verilog -formal -D SYNTHESIS -sv {}; {} prep -top {} -flatten; memory_map; "
        "async2sync; opt -fast; "
        "setundef -undriven -anyseq; dffunmap; clean; write_smt2 -wires proof.smt2",
        fmt::join(names, " "),
        proof.parameters.empty() ? ""
                                 : fmt::format("chparam {} {};", proof.parameters, proof.harness),
        proof.harness);
    const ToolResult result =
        run_tool({"yosys", "-q", "-p", script}, {.working_directory = workshop.path()}, "yosys");
    ASSERT_EQ(result.exit_code, 0) << result.output;
}

// The solver's word: "PASSED" or "FAILED", and its whole output.
std::pair<std::string, std::string> solve(const Workshop& workshop, int clocks) {
    const ToolResult result = run_tool(
        {"yosys-smtbmc", "-s", "z3", "--noprogress", "-t", std::to_string(clocks), "proof.smt2"},
        {.working_directory = workshop.path(), .timeout = std::chrono::hours(1)}, "yosys");
    const auto at = result.output.find("Status: ");
    if (at == std::string::npos) return {"", result.output};
    std::string word = result.output.substr(at + 8, 6);
    return {word, result.output};
}

class Formal : public testing::Test {
protected:
    void SetUp() override {
        if (!tool_exists("yosys") || !tool_exists("yosys-smtbmc") || !tool_exists("z3")) {
            GTEST_SKIP() << "yosys and z3 are not installed";
        }
    }

    static void prove(const Proof& proof) {
        const Workshop workshop;
        prepare(workshop, proof, nullptr);
        if (HasFatalFailure()) return;
        const auto [word, output] = solve(workshop, proof.clocks);
        EXPECT_EQ(word, "PASSED") << proof.harness << ' ' << proof.parameters << '\n' << output;
    }

    static void refute(const Proof& proof, const Fault& fault) {
        const Workshop workshop;
        prepare(workshop, proof, &fault);
        if (HasFatalFailure()) return;
        const auto [word, output] = solve(workshop, proof.clocks);
        EXPECT_EQ(word, "FAILED") << fault.to << '\n' << output;
    }
};

const std::vector<std::string> kSkid{"ql_skid.sv"};
const std::vector<std::string> kFifo{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv"};
const std::vector<std::string> kConverter{"ql_skid.sv", "ql_width_converter.sv"};
const std::vector<std::string> kFork{"ql_skid.sv", "ql_fork.sv"};
const std::vector<std::string> kAdd{"ql_skid.sv", "ql_scale.sv", "ql_resize.sv", "ql_add.sv"};
const std::vector<std::string> kTurns{"ql_skid.sv", "ql_turn.sv", "ql_split.sv", "ql_concat.sv"};
const std::vector<std::string> kDmaRead{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv",
                                        "soc/ql_axi_dma_read.sv"};
const std::vector<std::string> kDmaWrite{"ql_skid.sv", "ql_ram.sv", "ql_fifo.sv",
                                         "soc/ql_axi_dma_write.sv"};

TEST_F(Formal, SkidHandsOnEveryBeat) { prove({"formal_skid", kSkid, "-set DataW 1", 8}); }
TEST_F(Formal, FifoHandsOnEveryBeat) {
    prove({"formal_fifo", kFifo, "-set DataW 1 -set Depth 3", 8});
}
TEST_F(Formal, WidthConverterHandsOnEveryElement) {
    prove({"formal_width_converter", kConverter, "-set InElems 2 -set OutElems 1", 7});
    prove({"formal_width_converter", kConverter, "-set InElems 1 -set OutElems 2", 7});
    prove({"formal_width_converter", kConverter, "-set InElems 2 -set OutElems 3", 7});
}
TEST_F(Formal, ForkGivesEveryWayEveryBeat) {
    prove({"formal_fork", kFork, "-set DataW 1 -set Ways 2", 7});
}
TEST_F(Formal, JoinMeetsEqualNumbers) { prove({"formal_join", kAdd, "-set DataW 1", 7}); }
TEST_F(Formal, TurnsKeepTheOrder) { prove({"formal_turns", kTurns, "-set DataW 1", 6}); }

// What a proof is worth: it fails where the module is wrong.
TEST_F(Formal, FaultsAreFound) {
    const Proof skid{"formal_skid", kSkid, "-set DataW 1", 6};
    refute(skid,
           {"ql_skid.sv", "if (!skid_valid_q) skid_q <=", "skid_q <="});  // a beat overwritten
    refute(skid, {"ql_skid.sv", "assign advance       = m_axis_tready ||",
                  "assign advance       = 1'b1 ||"});  // not held
    refute({"formal_fifo", kFifo, "-set DataW 1 -set Depth 3", 8},
           {"ql_fifo.sv", "s_axis_tready = count_q != CountW'(Words)",
            "s_axis_tready = 1'b1"});  // overflow
    refute(
        {"formal_turns", kTurns, "-set DataW 1", 6},
        {"ql_turn.sv", "count_q == last ? '0", "count_q == last ? count_q"});  // a turn too short
}

TEST_F(Formal, DISABLED_DeepProofs) {
    prove({"formal_skid", kSkid, "-set DataW 2", 16});
    for (const int depth : {2, 3, 4, 5})
        prove({"formal_fifo", kFifo, fmt::format("-set DataW 1 -set Depth {}", depth), 16});
    for (const auto& [in, out] :
         std::vector<std::pair<int, int>>{{1, 2}, {2, 1}, {2, 3}, {3, 2}, {1, 4}, {4, 1}, {2, 2}}) {
        prove({"formal_width_converter", kConverter,
               fmt::format("-set InElems {} -set OutElems {}", in, out), 14});
    }
    prove({"formal_fork", kFork, "-set DataW 1 -set Ways 3", 12});
    prove({"formal_join", kAdd, "-set DataW 2", 14});
    prove({"formal_turns", kTurns, "-set DataW 1 -set FirstBeats 3 -set SecondBeats 2", 16});
    prove({"formal_dma_read", kDmaRead, "", 14});
    prove({"formal_dma_write", kDmaWrite, "", 14});
}

}  // namespace
}  // namespace qloom
