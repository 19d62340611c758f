#include "emit/emit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "base/output_folder.h"
#include "base/process.h"
#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"

namespace qloom::emit {
namespace {

namespace fs = std::filesystem;
using network::Network;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

// A network with every kind of unit and of plumbing.
Network rich_network() {
    NetworkBuilder build(21);
    const auto a = build.input("a", {12}, {0, 7});
    const auto b = build.input("b", {9}, {-4, 3});
    const auto parts = build.split(a, {4, 8});
    auto x = build.concat({b, parts[1]});
    auto y = build.threshold(build.dense(x, 10, {-2, 2}), 5, {.bias = -2, .falling = true});
    const auto z = build.lookup(build.dense_bipolar(y, 10), {-3, 3});
    const auto sum = build.add({y, z, y}, {1, -2, 3});
    const auto product =
        build.requantize(build.multiply(build.affine(sum), z), 4, {-100000000000, 100000000000});
    return build.finish({build.argmax(product), sum});
}

hw::Accelerator fold_rich(const Network& network) {
    return hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 24});
}

std::map<std::string, std::string> by_path(const std::vector<TextFile>& files) {
    std::map<std::string, std::string> result;
    for (const TextFile& file : files) result[file.path] = file.text;
    return result;
}

class EmitTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_emit_" + std::to_string(::getpid()));
        fs::remove_all(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path folder_;
};

TEST_F(EmitTest, SameInputSameBytes) {
    EXPECT_EQ(generate(fold_rich(rich_network()), rich_network()),
              generate(fold_rich(rich_network()), rich_network()));
}

TEST_F(EmitTest, NoFileNamesThisMachine) {
    const std::string home = QLOOM_SOURCE_DIR;
    for (const TextFile& file : generate(fold_rich(rich_network()), rich_network())) {
        EXPECT_THAT(file.text, Not(HasSubstr(home))) << file.path;
        EXPECT_FALSE(fs::path(file.path).is_absolute());
    }
}

TEST_F(EmitTest, TheTopHasThePortsOfAStitchedIp) {
    const auto files = by_path(generate(fold_rich(rich_network()), rich_network()));
    const std::string& top = files.at("rtl/qloom_top.sv");
    for (const char* port :
         {"ap_clk", "ap_rst_n", "s_axis_0_tdata", "s_axis_0_tvalid", "s_axis_0_tready",
          "s_axis_1_tdata", "m_axis_0_tdata", "m_axis_0_tvalid", "m_axis_0_tready",
          "m_axis_0_tlast", "m_axis_1_tlast"}) {
        EXPECT_THAT(top, ::testing::ContainsRegex(
                             std::string("(input  wire  logic|output       logic) .*") + port))
            << port;
    }
    EXPECT_THAT(top, Not(HasSubstr("s_axis_2")));
}

TEST_F(EmitTest, InstancesStandInTheOrderOfTheNetwork) {
    const Network network = qloom::testing::tutorial_network(true);
    const hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 98});
    const std::string top = by_path(generate(accelerator, network)).at("rtl/qloom_top.sv");
    std::size_t last = 0;
    for (const network::Layer& layer : network.layers) {
        const std::size_t at = top.find(") " + layer.name + " (");
        ASSERT_NE(at, std::string::npos) << layer.name;
        EXPECT_GT(at, last);
        last = at;
    }
}

TEST_F(EmitTest, TheFileListNamesExactlyTheSources) {
    const auto files = by_path(generate(fold_rich(rich_network()), rich_network()));
    std::istringstream list(files.at("rtl/files.f"));
    std::vector<std::string> listed;
    for (std::string line; std::getline(list, line);) listed.push_back("rtl/" + line);
    std::vector<std::string> sources;
    for (const auto& [path, text] : files) {
        if (path.ends_with(".sv")) sources.push_back(path);
    }
    EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(sources));
    EXPECT_EQ(listed.back(), "rtl/qloom_top.sv");
}

TEST_F(EmitTest, WeightsStandWhereTheModuleReadsThem) {
    NetworkBuilder build(22);
    const auto x = build.input("x", {4}, {0, 3});
    Network network = build.finish({build.dense(x, 2, {-2, 1})});
    auto& weights = std::get<network::MatrixVector>(network.layers[0].kind).weights;
    weights.values() = {1, 0, -1, -2, 0, 1, 1, -1};  // rows 0 and 1
    const hw::FoldingFile file =
        hw::parse_folding_file(R"({"layers": {"fc1": {"pe": 1, "simd": 2}}})", "f");
    const auto files = by_path(generate(
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 4, .folding = file}),
        network));
    // Two bits a weight, element 0 low: (0, 1), (-2, -1), (1, 0), (-1, 1).
    EXPECT_EQ(files.at("rtl/fc1_weights.mem"), "1\nb\n4\nd\n");
}

TEST_F(EmitTest, ThresholdsStandWhereTheSearchReadsThem) {
    NetworkBuilder build(23);
    const auto x = build.input("x", {2}, {0, 2047});
    Network network = build.finish({build.threshold(x, 5)});
    auto& thresholds = std::get<network::Threshold>(network.layers[0].kind).thresholds;
    thresholds.values() = {10, 20, 30, 40, 2048, 1, 2, 3, 4, 5};
    hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = 2});
    for (hw::Unit& unit : accelerator.units) {
        for (hw::Parameter& parameter : unit.parameters) {
            if (parameter.name == "Style") parameter.value = "search";
        }
    }
    const auto files = by_path(generate(accelerator, network));
    // Five steps need three levels; level 0 asks step 4, level 1 steps 2 and 6 (never), level 2
    // steps 1, 3, 5, 7.
    EXPECT_EQ(files.at("rtl/act1_thresholds_00_0000.mem"), "028\n004\n");
    EXPECT_EQ(files.at("rtl/act1_thresholds_01_0000.mem"), "014\n800\n002\n800\n");
    EXPECT_EQ(files.at("rtl/act1_thresholds_02_0000.mem"),
              "00a\n01e\n800\n800\n001\n003\n005\n800\n");
}

TEST_F(EmitTest, TheReportHasEveryLayer) {
    const Network network = qloom::testing::tutorial_network(false);
    const hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_fps = 1e6});
    const auto files = by_path(generate(accelerator, network));
    const auto report = nlohmann::json::parse(files.at("report.json"));
    EXPECT_EQ(report.at("ii_cycles"), 98);
    EXPECT_EQ(report.at("fps"), 1020408.0);
    EXPECT_EQ(report.at("board"), "pynq-z1");
    ASSERT_EQ(report.at("layers").size(), network.layers.size());
    EXPECT_EQ(report["layers"][0]["layer"], "fc1");
    EXPECT_EQ(report["layers"][0]["weight_bits"], 784 * 64 * 4);
    EXPECT_EQ(report["streams"][0]["data_bits"], 64);
    for (const network::Layer& layer : network.layers)
        EXPECT_THAT(files.at("report.txt"), HasSubstr(layer.name));
    EXPECT_THAT(files.at("report.txt"), HasSubstr("A frame every 98 cycles (II)"));
}

TEST_F(EmitTest, TheFolderReadsBack) {
    const Network network = rich_network();
    const hw::Accelerator accelerator = fold_rich(network);
    emit(accelerator, network, folder_, {{"model.onnx", "model"}});
    EXPECT_TRUE(is_output_folder(folder_));
    EXPECT_EQ(read_accelerator(folder_), accelerator);
    EXPECT_TRUE(fs::exists(folder_ / "model.onnx"));
    emit(accelerator, network, folder_);  // its own folder is replaced
    EXPECT_FALSE(fs::exists(folder_ / "model.onnx"));
}

TEST_F(EmitTest, SomebodyElsesFolderIsLeftAlone) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "work.txt") << "work";
    const Network network = rich_network();
    EXPECT_THAT(error_of([&] { emit(fold_rich(network), network, folder_); }),
                ::testing::StartsWith("Q0020: "));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(EmitTest, AFolderOfSomethingElseCannotBeRead) {
    EXPECT_EQ(error_of([&] { read_accelerator(folder_); }),
              "Q0600: " + folder_.string() +
                  ": does not hold a compiled network (no accelerator.json); name a folder written "
                  "by qloom compile");
    fs::create_directories(folder_);
    std::ofstream(folder_ / "accelerator.json") << "{";
    EXPECT_EQ(error_of([&] { read_accelerator(folder_); }),
              "Q0509: " + (folder_ / "accelerator.json").string() +
                  ": cannot be read (it is not JSON); compile the network again");
}

// What other tools say about the files as they stand.
TEST_F(EmitTest, LintIsClean) {
    if (!tool_exists("verilator")) GTEST_SKIP() << "verilator is not installed";
    const Network network = rich_network();
    emit(fold_rich(network), network, folder_);
    const ToolResult result =
        run_tool({"verilator", "--lint-only", "-Wall", "-sv", QLOOM_SOURCE_DIR "/rtl/lint.vlt",
                  "-f", "files.f", "--top-module", "qloom_top"},
                 {.working_directory = folder_ / "rtl"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(result.output, "");
}

TEST_F(EmitTest, YosysReadsTheTop) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    const Network network = rich_network();
    emit(fold_rich(network), network, folder_);
    std::ifstream list(folder_ / "rtl" / "files.f");
    std::string script = "read_verilog -sv -defer";
    for (std::string line; std::getline(list, line);) script += " " + line;
    const ToolResult result = run_tool(
        {"yosys", "-q", "-p", script + "; hierarchy -check -top qloom_top; proc; check -assert"},
        {.working_directory = folder_ / "rtl"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
}

}  // namespace
}  // namespace qloom::emit
