#include "pack/firmware_project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/process.h"
#include "hw/error_of.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "pack/stream_bytes.h"

namespace qloom::pack {
namespace {

namespace fs = std::filesystem;
using qloom::testing::error_of;
using qloom::testing::NetworkBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

hw::Accelerator small_accelerator(const std::string& board, std::int64_t inputs = 12) {
    NetworkBuilder build(3);
    const auto x = build.input("x", {inputs}, {0, 255});
    const network::Network network = build.finish({build.argmax(build.dense(x, 4, {-2, 2}))});
    return hw::fold(network, {.board = hw::find_board(board), .target_ii = 24});
}

FirmwareSamples samples_for(const hw::Accelerator& accelerator, std::int64_t frames) {
    FirmwareSamples samples{.frames = frames};
    const std::int64_t size = frames * frame_bytes(accelerator.inputs.front());
    for (std::int64_t i = 0; i < size; ++i)
        samples.bytes.push_back(static_cast<std::uint8_t>(i * 37));
    for (std::int64_t i = 0; i < frames; ++i) samples.labels.push_back(i % 4);
    return samples;
}

std::map<std::string, std::string> by_path(const std::vector<emit::TextFile>& files) {
    std::map<std::string, std::string> result;
    for (const emit::TextFile& file : files) result[file.path] = file.text;
    return result;
}

TEST(FirmwareProject, SaysWhereThingsAre) {
    const hw::Accelerator accelerator = small_accelerator("pynq-z1");
    const auto files =
        by_path(firmware_project(accelerator, accelerator.board, samples_for(accelerator, 3),
                                 {.batch = 2, .print_frames = true}));
    const std::string& board = files.at("board.h");
    for (const char* line :
         {"#define QL_BOARD_NAME \"pynq-z1\"\n", "#define QL_CPU_CORTEX_A9 1\n",
          "#define QL_UART_BASE 0xe0000000u\n", "#define QL_DMA_BASE 0x40400000u\n",
          "#define QL_DMA_ALIGN_BYTES 8u\n", "#define QL_DMA_MAX_BYTES 67108863u\n",
          "#define QL_TIMER_HZ 325000000u\n", "#define QL_MEMORY_BASE 0x00100000u\n"}) {
        EXPECT_THAT(board, HasSubstr(line));
    }
    const std::string& model = files.at("model.h");
    EXPECT_THAT(model, HasSubstr("#define QL_INPUT_BYTES 12\n"));
    EXPECT_THAT(model, HasSubstr("#define QL_OUTPUT_VALUES 1\n"));
    EXPECT_THAT(model, HasSubstr("#define QL_OUTPUT_SIGNED 0\n"));
    EXPECT_THAT(model, HasSubstr("#define QL_FRAME_NS " +
                                 std::to_string(accelerator.ii_cycles * 10) + "u\n"));  // 100 MHz
    EXPECT_THAT(files.at("samples.h"),
                HasSubstr("#define QL_SAMPLES 3\n#define QL_HAS_LABELS 1\n"));
    EXPECT_THAT(files.at("samples.h"), HasSubstr("= {\n    0, 37, 74, 111,"));
    EXPECT_THAT(files.at("samples.h"),
                HasSubstr("ql_sample_labels[QL_SAMPLES] = {\n    0, 1, 2,\n};"));
    EXPECT_EQ(
        files.at("memory.ld"),
        "/* Digilent PYNQ-Z1 */\nMEMORY { ddr : ORIGIN = 0x00100000, LENGTH = 0x1ff00000 }\n");
    EXPECT_EQ(files.at("config.mk"),
              "# Digilent PYNQ-Z1: what `make` takes unless told otherwise\nCPU ?= a9\nBATCH ?= "
              "2\nPRINT_FRAMES ?= 1\n");
    EXPECT_TRUE(files.contains("start_a9.S"));
    EXPECT_FALSE(files.contains("start_a53.S"));
}

TEST(FirmwareProject, WithoutLabelsNamesNone) {
    const hw::Accelerator accelerator = small_accelerator("zedboard");
    FirmwareSamples samples = samples_for(accelerator, 2);
    samples.labels.clear();
    const auto files = by_path(firmware_project(accelerator, accelerator.board, samples));
    EXPECT_THAT(files.at("samples.h"), HasSubstr("#define QL_HAS_LABELS 0\n"));
    EXPECT_THAT(files.at("samples.h"), Not(HasSubstr("ql_sample_labels")));
    EXPECT_THAT(files.at("board.h"), HasSubstr("#define QL_UART_BASE 0xe0001000u\n"));
}

TEST(FirmwareProject, RefusesWhatCannotRun) {
    const hw::Accelerator accelerator = small_accelerator("pynq-z1");
    const FirmwareSamples samples = samples_for(accelerator, 3);
    hw::Board bare = accelerator.board;
    bare.name = "bare";
    bare.processing_system = hw::ProcessingSystem::kNone;
    EXPECT_EQ(error_of([&] { firmware_project(accelerator, bare, samples); }),
              "Q1000: bare: the board has no processor; take a board with one (`qloom boards` "
              "lists them)");

    NetworkBuilder build(4);
    const auto a = build.input("a", {4}, {0, 3});
    const auto b = build.input("b", {4}, {0, 3});
    const hw::Accelerator two = hw::fold(build.finish({build.add({a, b}, {1, 1})}),
                                         {.board = hw::find_board("pynq-z1"), .target_ii = 4});
    EXPECT_EQ(error_of([&] { firmware_project(two, two.board, samples); }),
              "Q1001: the accelerator has 2 input and 1 output streams, and the DMA has one of "
              "each; connect it by hand, or "
              "join its inputs and outputs in the model");

    hw::Board small = accelerator.board;
    small.name = "small";
    small.memory_bytes = 2U << 20U;
    EXPECT_EQ(
        error_of([&] { firmware_project(accelerator, small, samples_for(accelerator, 200000)); }),
        "Q1002: small: 200000 frames of 12 bytes in batches of 1 need 4 MiB of memory, and there "
        "are 2 MiB; take at "
        "most 52427 frames");

    const hw::Accelerator large = small_accelerator("pynq-z1", 100000);
    const std::int64_t most = 67108863 / frame_bytes(large.inputs.front());
    FirmwareSamples many{.frames = most + 1};
    many.bytes.resize(static_cast<std::size_t>(many.frames * frame_bytes(large.inputs.front())));
    EXPECT_EQ(error_of([&] { firmware_project(large, large.board, many, {.batch = most + 5}); }),
              "Q1003: batch: " + std::to_string(most + 1) +
                  " frames of 100000 bytes are more than the 67108863 bytes of a DMA transfer; "
                  "take a batch of at most " +
                  std::to_string(most));
}

// The folder as a user has it, built with what is installed.
class FirmwareBuild : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        folder_ = fs::path(::testing::TempDir()) / ("qloom_firmware_" + std::to_string(::getpid()));
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    // Whether `make` succeeds; its output on failure.
    void build(const std::vector<std::string>& arguments, const hw::Accelerator& accelerator) {
        for (const emit::TextFile& file :
             firmware_project(accelerator, accelerator.board, samples_for(accelerator, 5))) {
            std::ofstream(folder_ / file.path, std::ios::binary) << file.text;
        }
        std::vector<std::string> command{"make"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const ToolResult result = run_tool(command, {.working_directory = folder_});
        EXPECT_EQ(result.exit_code, 0) << result.output;
        EXPECT_THAT(result.output, Not(HasSubstr("warning:")));
        EXPECT_TRUE(fs::exists(folder_ / "build/firmware.elf"));
    }
    fs::path folder_;
};

TEST_P(FirmwareBuild, WithClang) {
    if (!tool_exists("clang") || !tool_exists("ld.lld"))
        GTEST_SKIP() << "clang or ld.lld is not installed";
    build({}, small_accelerator(GetParam()));
}

TEST_P(FirmwareBuild, WithClangAndAllOptions) {
    if (!tool_exists("clang") || !tool_exists("ld.lld"))
        GTEST_SKIP() << "clang or ld.lld is not installed";
    build({"BATCH=3", "PRINT_FRAMES=1"}, small_accelerator(GetParam()));
}

TEST_P(FirmwareBuild, WithGcc) {
    const hw::Accelerator accelerator = small_accelerator(GetParam());
    const std::string compiler =
        firmware_cpu(accelerator.board) == "a9" ? "arm-none-eabi-gcc" : "aarch64-linux-gnu-gcc";
    if (!tool_exists(compiler)) GTEST_SKIP() << compiler << " is not installed";
    build({"TOOLS=gcc"}, accelerator);
}

INSTANTIATE_TEST_SUITE_P(Boards, FirmwareBuild, ::testing::Values("pynq-z1", "kv260"));

}  // namespace
}  // namespace qloom::pack
