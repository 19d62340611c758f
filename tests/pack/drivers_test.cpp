// The packaged drivers, unchanged, against the packaged IP behind a DMA in RTL.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/npy.h"
#include "base/process.h"
#include "pack/packaged_network.h"
#include "pack/recorded_design.h"
#include "sim/verilated_model.h"

namespace qloom::pack {
namespace {

namespace fs = std::filesystem;
using qloom::testing::Kind;
using qloom::testing::packaged_network;
using qloom::testing::PackagedNetwork;
using ::testing::HasSubstr;
using Environment = std::vector<std::pair<std::string, std::string>>;

const std::string kHere = QLOOM_SOURCE_DIR "/tests/pack/";

fs::path build_system(const PackagedNetwork& made) {
    const fs::path rtl = fs::path(QLOOM_SOURCE_DIR) / "rtl";
    const StreamPlan plan = plan_streams(made.accelerator, made.accelerator.board);
    sim::ModelSpec spec{.sources = {}, .top = "dma_with_ip", .checks = true};
    std::vector<std::string> packaged;
    for (const fs::directory_entry& entry : fs::directory_iterator(made.folder / "ip" / "src")) {
        if (entry.path().extension() == ".sv") packaged.push_back(entry.path().filename().string());
    }
    std::ranges::sort(packaged);
    for (const std::string& name : packaged)
        spec.sources.push_back(made.folder / "ip" / "src" / name);
    // What the DMA and the gearboxes need beside the IP's own sources.
    for (const char* name :
         {"ql_fifo.sv", "ql_ram.sv", "ql_skid.sv", "soc/ql_axi_dma.sv", "soc/ql_axi_dma_channel.sv",
          "soc/ql_axi_dma_read.sv", "soc/ql_axi_dma_write.sv", "soc/ql_axis_gearbox.sv"}) {
        const fs::path file = rtl / name;
        if (std::ranges::find(packaged, file.filename().string()) == packaged.end())
            spec.sources.push_back(file);
    }
    spec.sources.push_back(kHere + "dma_with_ip.sv");
    spec.parameters = {{"MemoryW", std::to_string(plan.memory_bits)},
                       {"InW", std::to_string(plan.input.dma_bits)},
                       {"OutW", std::to_string(plan.output.dma_bits)}};
    return sim::build_model(spec, fs::path(QLOOM_BINARY_DIR) / "pack-cache");
}

// axi_dma_0 as the block design of the package has it, in the form in which PYNQ describes an IP.
std::string ip_dictionary(const std::string& recorded) {
    nlohmann::json parameters = nlohmann::json::object();
    std::istringstream lines(recorded);
    for (std::string word, cell, name, value, line; std::getline(lines, line);) {
        std::istringstream words(line);
        if (words >> word >> cell >> name >> value && word == "parameter" && cell == "axi_dma_0")
            parameters[name] = value;
    }
    return nlohmann::json{{"axi_dma_0", {{"parameters", parameters}}}}.dump();
}

class Drivers : public ::testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        if (!tool_exists("verilator")) GTEST_SKIP() << "verilator is not installed";
        made_ = packaged_network(GetParam());
        environment_ = {{"QLOOM_SYSTEM_LIBRARY", QLOOM_SYSTEM_LIBRARY},
                        {"QLOOM_SYSTEM_MODEL", build_system(made_).string()},
                        {"QLOOM_SYSTEM_DATA", (made_.folder / "ip" / "src").string()}};
    }
    ToolResult run(const std::vector<std::string>& command, const fs::path& folder,
                   const Environment& more = {}) const {
        ToolOptions options{.working_directory = folder,
                            .timeout = std::chrono::seconds(300),
                            .environment = environment_};
        options.environment.insert(options.environment.end(), more.begin(), more.end());
        return run_tool(command, options);
    }

    PackagedNetwork made_;
    Environment environment_;
};

TEST_P(Drivers, PythonRunsOnAStandInOfPynq) {
    const std::string python = "/usr/bin/python3";
    if (!tool_exists("tclsh") || !fs::exists(python) ||
        run_tool({python, "-c", "import numpy"}).exit_code != 0) {
        GTEST_SKIP() << "tclsh, python3 or python3-numpy is not installed";
    }
    const fs::path checks = made_.folder / "checks";
    fs::create_directories(checks);
    write_npy(checks / "x.npy", made_.model_inputs);
    write_npy(checks / "y.npy", made_.model_outputs);
    const ToolResult design = qloom::testing::record_design(made_.folder);
    ASSERT_EQ(design.exit_code, 0) << design.output;
    std::ofstream(checks / "design.json") << ip_dictionary(design.output);
    const Environment environment{{"PYTHONPATH", kHere + "pynq_stand_in"},
                                  {"PYTHONDONTWRITEBYTECODE", "1"},
                                  {"QLOOM_SYSTEM_DESIGN", (checks / "design.json").string()}};
    const ToolResult result =
        run({python, kHere + "pynq_driver_check.py", made_.folder.string(), checks.string()},
            checks, environment);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, ::testing::ContainsRegex("Ran 1[0-9] tests"));

    const ToolResult itself = run({python, "driver.py"}, made_.folder / "pynq", environment);
    EXPECT_EQ(itself.exit_code, 0) << itself.output;
    EXPECT_THAT(itself.output, HasSubstr("23 of 23 frames equal the integer engine's\nlabels: "));
    EXPECT_THAT(itself.output, HasSubstr("frames_per_second: "));

    // A wrong answer is noticed.
    const std::string expected =
        serialise_npy(Tensor<std::int64_t>({23, made_.accelerator.outputs.front().elements}, 99));
    std::ofstream(made_.folder / "pynq" / "expected.npy", std::ios::binary) << expected;
    const ToolResult wrong = run({python, "driver.py"}, made_.folder / "pynq", environment);
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_THAT(wrong.output, HasSubstr("0 of 23 frames equal the integer engine's"));
}

void write_floats(const fs::path& file, const Tensor<float>& values) {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * 4));
}

TEST_P(Drivers, CppRunsOnASimulatedDevice) {
    if (!tool_exists("g++")) GTEST_SKIP() << "g++ is not installed";
    const fs::path folder = made_.folder / "linux";
    const std::vector<std::string> compile{"g++",     "-std=c++20", "-O0", "-Wall",
                                           "-Wextra", "-Werror",    "-I."};
    const auto build = [&](const std::string& out, const std::vector<std::string>& sources) {
        std::vector<std::string> command = compile;
        command.insert(command.end(), {"-o", out});
        command.insert(command.end(), sources.begin(), sources.end());
        command.insert(command.end(), {"-ldl"});
        check_tool(command, {.working_directory = folder});
    };
    // The program of the package with another device, and a program of its own.
    build("qloom-run", {"main.cpp", "accelerator.cpp", kHere + "simulated_device.cpp"});
    const ToolResult result = run({(folder / "qloom-run").string()}, folder);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("23 of 23 frames equal the integer engine's\nlabels: "));
    EXPECT_THAT(result.output, HasSubstr("1000 frames in "));

    build("check",
          {kHere + "linux_driver_check.cpp", "accelerator.cpp", kHere + "simulated_device.cpp"});
    write_floats(folder / "x.bin", made_.model_inputs);
    write_floats(folder / "y.bin", made_.model_outputs);
    const ToolResult check = run({(folder / "check").string(), "x.bin", "y.bin"}, folder);
    EXPECT_EQ(check.exit_code, 0) << check.output;
    EXPECT_THAT(check.output, HasSubstr("0 failures"));
}

TEST_P(Drivers, TheMakefileBuildsTheRealProgram) {
    if (!tool_exists("make") || !tool_exists("g++")) GTEST_SKIP() << "make or g++ is not installed";
    if (GetParam() != Kind::kBytes) GTEST_SKIP() << "the same for all networks";
    const fs::path folder = made_.folder / "linux";
    EXPECT_EQ(check_tool({"make", "CXX=g++", "CXXFLAGS=-std=c++20 -O0 -Wall -Wextra -Werror"},
                         {.working_directory = folder})
                  .exit_code,
              0);
    const ToolResult result =
        run({(folder / "qloom-run").string()}, folder);  // no such devices here
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(
        result.output,
        ::testing::StartsWith("error: there is no udmabuf-qloom: is the module u-dma-buf loaded?"));
}

// The application on the vendor's driver, compiled as both of its BSPs want it, with a stand-in of
// the driver.
TEST_P(Drivers, TheVitisApplicationRunsOnAStandInOfTheDriver) {
    if (!tool_exists("gcc")) GTEST_SKIP() << "gcc is not installed";
    const fs::path folder = made_.folder / "firmware" / "vitis";
    const std::string vendor = kHere + "vendor_stand_in";
    std::vector<std::string> labels;
    const Tensor<std::int64_t> raw = network::integers_of(made_.samples.outputs);
    const lower::OutputBinding& output = made_.lowered.outputs.front();
    const std::int64_t width = made_.model_outputs.dim(1);
    for (std::int64_t i = 0; i < made_.model_outputs.dim(0); ++i) {
        std::vector<double> real;  // in the order of the stream
        for (std::size_t k = 0; k < static_cast<std::size_t>(width); ++k) {
            const auto value = static_cast<double>(raw[i * width + static_cast<std::int64_t>(k)]);
            real.push_back(width == 1 ? value
                                      : output.terms.front().scale[k] * value + output.bias[k]);
        }
        labels.push_back(width == 1
                             ? std::to_string(raw[i])
                             : std::to_string(std::ranges::max_element(real) - real.begin()));
    }
    for (const char* flag : {"-DSDT", "-DQL_BATCH=5"}) {
        check_tool({"gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", flag, "-I" + vendor,
                    "-I..", "-o", "application", "main.c", vendor + "/bsp.c", "-ldl"},
                   {.working_directory = folder});
        const ToolResult result = run({(folder / "application").string()}, folder);
        EXPECT_EQ(result.exit_code, 0) << result.output;
        std::string found;
        const std::regex line("labels [0-9]+:((?: [0-9]+)+)");
        for (std::sregex_iterator at(result.output.begin(), result.output.end(), line), end;
             at != end; ++at)
            found += (*at)[1];
        EXPECT_EQ(found, fmt::format(" {}", fmt::join(labels, " "))) << result.output;
        EXPECT_THAT(result.output, HasSubstr("done"));
    }
}

INSTANTIATE_TEST_SUITE_P(Networks, Drivers, ::testing::Values(Kind::kBytes, Kind::kOdd),
                         [](const auto& kind) {
                             return kind.param == Kind::kBytes ? "Bytes" : "Odd";
                         });

}  // namespace
}  // namespace qloom::pack
