// The firmware on the emulated board: the same program and RTL that go on the board, and faults
// planted in the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"
#include "hw/error_of.h"
#include "small_system.h"
#include "soc/firmware_report.h"

namespace qloom::soc {
namespace {

using qloom::testing::error_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class SystemTest : public ::testing::Test {
protected:
    void SetUp() override {
        const std::string reason = SmallSystem::missing();
        if (!reason.empty()) GTEST_SKIP() << reason;
    }
};

// Labels, count of right answers and batch as they must be.
void expect_right(const SmallSystem& system, const Emulation& run, std::int64_t batch) {
    const FirmwareReport report = read_report(run.uart, system.samples.frames);
    EXPECT_EQ(report.labels, system.expected);
    std::int64_t right = 0;
    for (std::size_t i = 0; i < system.expected.size(); ++i)
        right += system.expected[i] == system.samples.labels[i];
    EXPECT_EQ(report.right, right);
    EXPECT_EQ(report.batch, batch);
    EXPECT_GT(report.microseconds, 0);
    EXPECT_THAT(run.uart, HasSubstr("\ndone\n"));
    EXPECT_EQ(run.result.exit_code, 0);
    EXPECT_TRUE(run.result.is_armed_first);
    EXPECT_NEAR(run.result.baud, 115200.0, 115200.0 * 0.02);
}

class SystemRuns : public SystemTest,
                   public ::testing::WithParamInterface<std::tuple<const char*, int>> {};

TEST_P(SystemRuns, PrintWhatTheNetworkComputes) {
    const auto [board, batch] = GetParam();
    const SmallSystem system({.board = board});
    expect_right(system, system.run(system.project(batch)), std::min(batch, 10));
}

INSTANTIATE_TEST_SUITE_P(BoardsAndBatches, SystemRuns,
                         ::testing::Combine(::testing::Values("pynq-z1", "kv260"),
                                            ::testing::Values(1, 3, 100)));

TEST_F(SystemTest, ALineAFrame) {
    const SmallSystem system;
    const Emulation run = system.run(system.project(4, true));
    expect_right(system, run, 4);
    EXPECT_THAT(run.uart, HasSubstr("frame 0: label " + std::to_string(system.expected[0]) +
                                    ", wrong (-1)\nframe 1: label " +
                                    std::to_string(system.expected[1]) + ", right\n"));
}

TEST_F(SystemTest, SeveralValuesAFrameAndSignedOnes) {
    const SmallSystem system({.argmax = false});
    EXPECT_GT(system.accelerator.outputs.front().elements, 1);
    expect_right(system, system.run(system.project(7)), 7);
}

TEST_F(SystemTest, BuiltByGcc) {
    if (!tool_exists("arm-none-eabi-gcc")) GTEST_SKIP() << "arm-none-eabi-gcc is not installed";
    const SmallSystem system;
    expect_right(system, system.run(system.project(3), FirmwareTools::kGcc), 3);
}

// ---- faults planted in the firmware

class PlantedFault : public SystemTest, public ::testing::WithParamInterface<const char*> {
protected:
    // Twelve bytes a frame and three frames a batch: batches begin where the DMA cannot read, so
    // that they are copied.
    SmallSystem system_{SmallSystemOptions{.board = GetParam()}};
    std::vector<emit::TextFile> project_ = system_.project(3);
    std::string failure() {
        return error_of([&] { system_.run(project_); });
    }
};

TEST_P(PlantedFault, WithoutCleaningBeforeSending) {
    replace_in(project_, "ql_dma.c", "{ ql_cache_clean(send, send_bytes); }",
               "{ (void)send; (void)send_bytes; }");
    const std::string message = failure();
    EXPECT_THAT(message, StartsWith("Q1105: address 0x"));
    EXPECT_THAT(message, HasSubstr(": the DMA reads from memory what is newer in the processor's "
                                   "cache; clean the buffer before "
                                   "the transfer begins"));
}

TEST_P(PlantedFault, WithoutInvalidatingBeforeReading) {
    replace_in(project_, "ql_dma.c", "    ql_cache_invalidate(receive, receive_bytes);\n", "");
    const std::string message = failure();
    EXPECT_THAT(message, StartsWith("Q1106: address 0x"));
    EXPECT_THAT(message, HasSubstr("the processor uses a line of its cache that is older than what "
                                   "the DMA wrote to memory; "
                                   "invalidate the buffer after the transfer, before it is read"));
}

TEST_P(PlantedFault, WritingIntoABufferThatTheDmaFills) {
    replace_in(project_, "ql_dma.c", "    ql_cache_clean_invalidate(receive, receive_bytes);\n",
               "    for (size_t i = 0; i < receive_bytes; ++i) ((volatile unsigned char "
               "*)receive)[i] = 0;\n");
    const std::string message = failure();
    EXPECT_THAT(message, StartsWith("Q1105: address 0x"));
    EXPECT_THAT(message, HasSubstr("the DMA writes to memory over which the processor's cache will "
                                   "write an old line later; "
                                   "clean and invalidate the buffer before the transfer begins, "
                                   "and leave it alone until the "
                                   "end"));
}

TEST_P(PlantedFault, UnalignedAccessWithTheMmuOff) {
    const bool is_a9 = pack::firmware_cpu(system_.accelerator.board) == "a9";
    replace_in(project_, is_a9 ? "start_a9.S" : "start_a53.S", "    bl  ql_mmu_enable\n",
               is_a9 ? "    ldr r0, =ql_bss_begin\n    ldr r1, [r0, #2]\n    bl  ql_mmu_enable\n"
                     : "    ldr x0, =ql_bss_begin\n    ldr w1, [x0, #2]\n    bl  ql_mmu_enable\n");
    EXPECT_THAT(
        failure(),
        MatchesRegex(
            "Q1104: 0x[0-9a-f]+ in [a-z0-9_]+: an access of 4 bytes to 0x[0-9a-f]+ while the MMU "
            "is "
            "off; the processor refuses it; compile with -mno-unaligned-access, align the data, or "
            "enable the MMU before"));
}

TEST_P(PlantedFault, ByteAccessToARegister) {
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    (void)*(volatile unsigned char *)(QL_UART_BASE + 1);\n    ql_timer_init();\n");
    EXPECT_THAT(
        failure(),
        MatchesRegex(
            "Q1104: 0x[0-9a-f]+ in main: an access of 1 bytes to the register at 0x[0-9a-f]+; "
            "registers are 32-bit words; read and write whole registers"));
}

TEST_P(PlantedFault, WaitingForEver) {
    replace_in(project_, "main.c", "static void start(int first, const",
               "__attribute__((noinline)) static void wait_for_nothing(void) {\n    volatile int "
               "never = 0;\n"
               "    while (never == 0) {\n    }\n}\nstatic void start(int first, const");
    replace_in(project_, "main.c", "    begin = ql_timer_ticks();\n",
               "    begin = ql_timer_ticks();\n    wait_for_nothing();\n");
    system_.limit_seconds = 0.05;
    EXPECT_THAT(failure(),
                MatchesRegex("Q1101: 0x[0-9a-f]+ in wait_for_nothing: the firmware has not ended "
                             "after 0.05 s of the board's time; "
                             "look at that function, or give it more time with --timeout"));
}

TEST_P(PlantedFault, AnAddressWithNothingThere) {
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    ql_write32(0x43c00010u, 1);\n    ql_timer_init();\n");
    EXPECT_THAT(
        failure(),
        MatchesRegex("Q1103: 0x[0-9a-f]+ in main: the firmware writes to 0x43c00010, where the "
                     "board has nothing; look at that function"));
}

TEST_P(PlantedFault, ACallOfNoCode) {
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    ((void (*)(void))(uintptr_t)0x20000000u)();\n    ql_timer_init();\n");
    EXPECT_THAT(
        failure(),
        MatchesRegex("Q1107: 0x[0-9a-f]+ in main: the processor ran into: a jump to 0x20000000, "
                     "where no program is; look at that function"));
}

TEST_P(PlantedFault, AnInstructionThatIsNone) {
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    __asm__ volatile(\"udf #0\");\n    ql_timer_init();\n");
    EXPECT_THAT(failure(),
                MatchesRegex("Q1107: 0x[0-9a-f]+ in main: the processor ran into: an undefined "
                             "instruction; look at that function"));
}

TEST_P(PlantedFault, SendingBeforeReceivingIsArmedIsNoticed) {
    // Nothing is lost here, as this DMA takes no data before it is told where to put them; others
    // do.
    std::string& text = file_in(project_, "ql_dma.c");
    const std::string receive = "    begin(base + RECEIVE, receive, receive_bytes);\n";
    const std::string send = "    begin(base + SEND, send, send_bytes);\n";
    text.replace(text.find(receive + send), (receive + send).size(), send + receive);
    const Emulation run = system_.run(project_);
    EXPECT_EQ(read_report(run.uart, 10).labels, system_.expected);
    EXPECT_FALSE(run.result.is_armed_first);
}

TEST_P(PlantedFault, AResultThatNeverComes) {
    // One beat too few goes in: the firmware gives up by its own clock and says so.
    replace_in(project_, "main.c", "ql_dma_start(QL_DMA_BASE, frames, count * QL_INPUT_BYTES,",
               "ql_dma_start(QL_DMA_BASE, frames, 4,");
    system_.checks = false;
    EXPECT_THAT(failure(),
                MatchesRegex(
                    "Q1102: firmware: it stopped with exit code 1: frames from 0 on: the "
                    "accelerator gives no result "
                    "\\(status 0x[0-9a-f]+\\); its own message, on the UART, says what was wrong"));
}

TEST_P(PlantedFault, AReceiveBufferThatIsTooShort) {
    replace_in(project_, "ql_dma.c", "begin(base + RECEIVE, receive, receive_bytes)",
               "begin(base + RECEIVE, receive, 1)");
    EXPECT_THAT(failure(), HasSubstr("the DMA cannot write the result (status 0x"));
}

TEST_P(PlantedFault, AnAddressBeyondTheMemory) {
    replace_in(project_, "ql_dma.c", "begin(base + SEND, send, send_bytes)",
               "begin(base + SEND, (void *)0x0ff00000u, send_bytes)");
    EXPECT_THAT(failure(), HasSubstr("the DMA cannot read the input (status 0x"));
}

INSTANTIATE_TEST_SUITE_P(Boards, PlantedFault, ::testing::Values("pynq-z1", "kv260"));

}  // namespace
}  // namespace qloom::soc
