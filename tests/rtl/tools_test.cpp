// What other tools say about the library: Yosys reads every module, no latch, lint is clean.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/process.h"
#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> all_modules() {
    std::vector<std::string> modules;
    for (const auto& entry : fs::directory_iterator(rtl_folder())) {
        if (entry.path().extension() == ".sv") {
            modules.push_back(entry.path().stem().string());
        }
    }
    std::ranges::sort(modules);
    return modules;
}

TEST(Tools, EveryModuleHasATextOfItsOwn) {
    const std::vector<std::string> modules = all_modules();
    EXPECT_GE(modules.size(), 20U);
    std::ifstream file(rtl_folder() / "README.md");
    const std::string catalogue{std::istreambuf_iterator<char>(file), {}};
    for (const std::string& module : modules) {
        std::ifstream source(rtl_folder() / (module + ".sv"));
        std::string first_line;
        std::getline(source, first_line);
        EXPECT_EQ(first_line.rfind(fmt::format("// {}: ", module), 0), 0U) << first_line;
        EXPECT_NE(catalogue.find('`' + module + '`'), std::string::npos)
            << module << " is missing in rtl/README.md";
    }
}

// All modules in one run: Yosys takes longer to start than to read them.
TEST(Tools, YosysReadsEveryModule) {
    if (!tool_exists("yosys")) {
        GTEST_SKIP() << "yosys is not installed";
    }
    std::string script = "read_verilog -lib +/xilinx/cells_sim.v; read_verilog -sv";
    for (const std::string& module : all_modules()) {
        script += fmt::format(" {}.sv", module);
    }
    script += "; design -save library";
    for (const std::string& module : all_modules()) {
        script += fmt::format(
            "; design -load library; hierarchy -check -top {}; proc; check -assert; select "
            "-assert-none t:$dlatch t:$adff %u",
            module);
    }
    const ToolResult result = run_tool(
        {"yosys", "-q", "-p", script},
        {.working_directory = rtl_folder(), .timeout = std::chrono::seconds(300)}, "yosys");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(result.output.find("Warning"), std::string::npos) << result.output;
}

struct ProductCase {
    int products;
    int input_bits;
    int input_signed;
    int weight_bits;
};

// Digits and carry chains, which synthesis reads, against the plain product, which simulators read:
// equal for all inputs.
TEST(Tools, YosysProvesTheProductsEqual) {
    if (!tool_exists("yosys")) {
        GTEST_SKIP() << "yosys is not installed";
    }
    for (const ProductCase& c : std::vector<ProductCase>{
             {2, 3, 0, 4}, {2, 3, 1, 3}, {1, 3, 0, 6}, {2, 2, 1, 2}, {2, 1, 0, 4}, {2, 1, 1, 4}}) {
        const std::string prepare = fmt::format(
            "chparam -set Products {} -set InputW {} -set InputSigned {} -set WeightW {} "
            "ql_product_sum; "
            "hierarchy -top ql_product_sum; proc; flatten; rename ql_product_sum dut; ",
            c.products, c.input_bits, c.input_signed, c.weight_bits);
        // -formal replaces the macro SYNTHESIS by FORMAL.
        const std::string script =
            "read_verilog -formal -sv ql_product_sum.sv; " + prepare +
            "design -stash plain; read_verilog -sv ql_product_sum.sv; " + prepare +
            "design -stash digits; design -copy-from plain -as plain dut; design -copy-from digits "
            "-as digits dut; "
            "miter -equiv -flatten plain digits both; sat -verify -prove trigger 0 both";
        const ToolResult result =
            run_tool({"yosys", "-q", "-p", script}, {.working_directory = rtl_folder()}, "yosys");
        EXPECT_EQ(result.exit_code, 0) << result.output;
    }
}

struct LintCase {
    std::string module;
    std::vector<std::string> parameters;
};

TEST(Tools, LintIsClean) {
    std::vector<LintCase> cases;
    for (const std::string& module : all_modules()) {
        cases.push_back({module, {}});
    }
    cases.push_back({"ql_fifo", {"-GDepth=2"}});
    cases.push_back({"ql_fifo", {"-GDepth=1000", "-GRamStyle=\"block\""}});
    cases.push_back({"ql_width_converter", {"-GInElems=3", "-GOutElems=2"}});
    cases.push_back(
        {"ql_matrix_vector",
         {"-GXnor=1", "-GInputW=1", "-GWeightW=1", "-GMatrixW=48", "-GSimd=24", "-GAccW=6"}});
    cases.push_back(
        {"ql_matrix_vector",
         {"-GWeightBipolar=1", "-GWeightW=1", "-GSimd=16", "-GPe=8", "-GWeightFile=\"w\""}});
    cases.push_back(
        {"ql_matrix_vector",
         {"-GSimd=1", "-GPe=8", "-GAccW=5", "-GInputSigned=1", "-GRamStyle=\"block\""}});
    cases.push_back(
        {"ql_threshold", {"-GStyle=\"parallel\"", "-GInvert=1", "-GThresholdFile=\"t\""}});
    cases.push_back(
        {"ql_threshold",
         {"-GSteps=1", "-GPe=8", "-GInvert=1", "-GThresholdFile=\"t\"", "-GOutputW=1"}});
    cases.push_back({"ql_lookup", {"-GChannels=6", "-GPe=2", "-GTableFile=\"f\""}});
    cases.push_back({"ql_add", {"-GAMul=-3", "-GBSigned=1", "-GOutputW=5"}});
    cases.push_back({"ql_mul", {"-GOutputW=3"}});
    cases.push_back({"ql_split", {"-GWays=3", "-GBeats=96'h000000010000000500000003"}});
    cases.push_back({"ql_argmax", {"-GPe=5", "-GLabels=5"}});
    cases.push_back({"ql_output", {"-GDataW=4", "-GFrameBeats=10"}});
    cases.push_back({"ql_product_sum", {"-DSYNTHESIS"}});
    cases.push_back(
        {"ql_product_sum", {"-DSYNTHESIS", "-GWeightW=3", "-GInputSigned=1", "-GInputW=1"}});
    cases.push_back({"ql_product_sum", {"-DSYNTHESIS", "-GInputW=1"}});
    cases.push_back({"ql_dot_product", {"-DSYNTHESIS", "-GSimd=3", "-GSumW=4"}});
    cases.push_back(
        {"ql_dot_product", {"-DSYNTHESIS", "-GSimd=35", "-GInputW=8", "-GInputSigned=1"}});
    cases.push_back({"ql_dot_product", {"-DSYNTHESIS", "-GDsp=1"}});
    cases.push_back({"ql_matrix_vector", {"-GDspPe=2", "-GPe=4", "-GInputW=8"}});
    cases.push_back({"ql_matrix_vector", {"-GDspPe=2", "-GSimd=2", "-GInputSigned=1"}});
    cases.push_back({"ql_dsp_multiply_add", {"-GDelay=1", "-GFirst=0", "-GFamily=\"dsp48e2\""}});
    cases.push_back({"ql_dsp_pair", {"-GSimd=7"}});
    cases.push_back({"ql_xnor_count", {"-DSYNTHESIS", "-GInputs=50", "-GCountW=5"}});
    cases.push_back({"ql_product_tree", {"-GWeightBipolar=1", "-GWeightW=1", "-GSumW=3"}});
    cases.push_back({"ql_matrix_vector",
                     {"-DSYNTHESIS", "-GWeightBipolar=1", "-GWeightW=1", "-GSimd=16",
                      "-GInputSigned=1", "-GInputW=3"}});
    cases.push_back({"ql_dot_product", {"-GSimd=5", "-GWeightBipolar=1", "-GWeightW=1"}});
    cases.push_back({"ql_repeat", {"-GBlock=1", "-GTimes=1", "-GWords=2"}});
    cases.push_back({"ql_insert_pixels", {"-GFactorX=1", "-GWidth=1", "-GBeats=3", "-GValue=-3"}});
    cases.push_back({"ql_global_reduce", {"-GPe=8", "-GMaximum=1", "-GOutputW=3"}});
    cases.push_back({"ql_global_reduce", {"-GInputSigned=1", "-GOutputW=3"}});
    cases.push_back({"ql_depth_to_space", {"-GWidth=1", "-GBlock=1"}});
    cases.push_back({"ql_permute_channels", {"-GPe=8", "-GOrderFile=\"o\""}});
    for (const LintCase& c : cases) {
        std::vector<std::string> command{"verilator",    "--lint-only",    "-Wall", "-sv",
                                         "lint.vlt",     c.module + ".sv", "-y",    ".",
                                         "--top-module", c.module};
        command.insert(command.end(), c.parameters.begin(), c.parameters.end());
        const ToolResult result =
            run_tool(command, {.working_directory = rtl_folder()}, "verilator");
        EXPECT_EQ(result.exit_code, 0) << c.module << "\n" << result.output;
        EXPECT_EQ(result.output, "") << c.module;
    }
}

}  // namespace
}  // namespace qloom::rtl_test
