// The cost model against synthesis: what Yosys makes of whole emitted accelerators.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/process.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "hw/random_network.h"

namespace qloom::emit {
namespace {

namespace fs = std::filesystem;
using network::Network;
using qloom::testing::NetworkBuilder;

// Cells of the whole design, by type, from the last table of `stat`.
std::map<std::string, double> cells_of(const std::string& text) {
    std::map<std::string, double> cells;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (line.find("=== ") != std::string::npos) cells.clear();
        std::istringstream words(line);
        std::string name;
        double count = 0.0;
        if (words >> name >> count) cells[name] += count;
    }
    return cells;
}

hw::Resources synthesised(const hw::Accelerator& accelerator, const Network& network) {
    const fs::path folder =
        fs::path(::testing::TempDir()) / ("qloom_cost_" + std::to_string(::getpid()));
    fs::remove_all(folder);
    emit(accelerator, network, folder);
    std::ifstream list(folder / "rtl" / "files.f");
    std::string script = "read_verilog -sv -defer";
    for (std::string line; std::getline(list, line);) script += " " + line;
    script +=
        "; hierarchy -top qloom_top; synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nodsp "
        "-nowidelut; "
        "tee -q -o stat.txt stat";
    check_tool({"yosys", "-q", "-p", script}, {.working_directory = folder / "rtl"}, "yosys");
    std::ifstream report(folder / "rtl" / "stat.txt");
    const auto cells = cells_of(std::string{std::istreambuf_iterator<char>(report), {}});
    fs::remove_all(folder);
    hw::Resources result;
    for (const auto& [name, count] : cells) {
        if (name.starts_with("LUT")) result.luts += count;
        if (name.starts_with("RAM32") || name.starts_with("RAM64")) result.luts += 4.0 * count;
        if (name.starts_with("FD")) result.ffs += count;
        if (name == "RAMB18E1") result.bram36 += 0.5 * count;
        if (name == "RAMB36E1") result.bram36 += count;
    }
    return result;
}

// The band is what the model promises: a third either way on a small design, whatever it is made
// of.
void expect_near(const Network& network, std::int64_t target_ii) {
    const hw::Accelerator accelerator =
        hw::fold(network, {.board = hw::find_board("pynq-z1"), .target_ii = target_ii});
    const hw::Resources estimate = accelerator.total();
    const hw::Resources found = synthesised(accelerator, network);
    const std::string context = report_text(accelerator, network);
    EXPECT_NEAR(estimate.luts / found.luts, 1.0, 0.33) << found.luts << " LUTs\n" << context;
    EXPECT_NEAR(estimate.ffs / found.ffs, 1.0, 0.33) << found.ffs << " flip-flops\n" << context;
    EXPECT_NEAR(estimate.bram36, found.bram36, 0.5 + 0.1 * found.bram36) << context;
}

TEST(Cost, FourBitDenseNetwork) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(41);
    auto x = build.input("x", {64}, {0, 15});
    x = build.threshold(build.dense(x, 32, {-7, 7}), 15);
    expect_near(build.finish({build.dense(x, 10, {-7, 7})}), 32);
}

TEST(Cost, BinaryDenseNetwork) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(42);
    auto x = build.input("x", {128}, {0, 1});
    x = build.threshold(build.dense_xnor(x, 64), 1);
    x = build.threshold(build.dense_xnor(x, 64), 1);
    expect_near(build.finish({build.argmax(build.dense_xnor(x, 10))}), 32);
}

TEST(Cost, TernaryResidualWithEightBitInput) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(43);
    const auto x = build.threshold(build.input("x", {32}, {0, 255}), 3);
    const auto y = build.dense_bipolar(build.threshold(build.dense(x, 24, {-1, 1}), 3), 32);
    expect_near(
        build.finish({build.dense(build.threshold(build.add({y, x}, {1, 3}), 7), 5, {-1, 1})}), 16);
}

TEST(Cost, PixelsMovedRepeatedAndReduced) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(44);
    const auto x = build.input("x", {8, 8, 32}, {0, 15});
    const auto wide = build.upsample(build.depth_to_space(build.permute(x), 2), {2, 2});
    const auto sums = build.global_reduce(wide, network::Reduction::kSum);
    const auto most =
        build.global_reduce(build.insert_pixels(x, {2, 2}, 0), network::Reduction::kMax);
    expect_near(build.finish({build.threshold(sums, 7), most}), 2048);
}

network::WindowAxis window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return {kernel, stride, 1, pad, pad};
}

TEST(Cost, ConvolutionsDepthwiseAndPooling) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(44);
    auto x = build.input("x", {16, 16, 3}, {0, 15});
    x = build.dense(build.windows(x, {window(3, 1, 1), window(3, 1, 1)}), 8, {-4, 3});
    x = build.threshold(x, 7);
    x = build.window_max(build.windows(x, {window(2, 2, 0), window(2, 2, 0)}), 4);
    x = build.depthwise(build.windows(x, {window(3, 1, 1), window(3, 1, 1)}), 9, 1, {-4, 3});
    x = build.threshold(x, 7);
    expect_near(build.finish({build.dense(x, 8, {-4, 3})}), 2304);
}

TEST(Cost, WindowsAtAPixelAClock) {
    if (!tool_exists("yosys")) GTEST_SKIP() << "yosys is not installed";
    NetworkBuilder build(45);
    auto x = build.input("x", {12, 12, 4}, {0, 3});
    x = build.depthwise(build.windows(x, {window(3, 1, 1), window(3, 1, 1)}), 9, 1, {-2, 1});
    x = build.window_sum(build.windows(x, {window(2, 2, 0), window(2, 2, 0)}), 4);
    expect_near(build.finish({x}), 144);
}

}  // namespace
}  // namespace qloom::emit
