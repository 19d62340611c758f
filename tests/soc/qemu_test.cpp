// The same firmware on QEMU's models of the processing systems: start-up, MMU, vectors, UART,
// time-outs and the exit code without our own emulator, and the whole program with the DMA served
// through the debugger interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"
#include "hw/error_of.h"
#include "small_system.h"
#include "soc/firmware_report.h"
#include "soc/qemu.h"

namespace qloom::soc {
namespace {

using qloom::testing::error_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class Qemu : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        for (const char* program : {"qemu-system-arm", "qemu-system-aarch64", "clang", "ld.lld"}) {
            if (!tool_exists(program)) GTEST_SKIP() << program << " is not installed";
        }
        system_.limit_seconds = 0.1;
    }
    Emulation run() {
        const BuiltFirmware firmware =
            build_firmware(project_, FirmwareTools::kClang, SmallSystem::cache());
        return run_on_qemu(system_.order(firmware.elf), SmallSystem::cache());
    }
    SmallSystem system_{SmallSystemOptions{.board = GetParam()}};
    std::vector<emit::TextFile> project_ = system_.project(3);
};

TEST_P(Qemu, RunsTheWholeProgram) {
    const Emulation run = this->run();
    EXPECT_EQ(read_report(run.uart, 10).labels, system_.expected);
    EXPECT_THAT(run.uart, HasSubstr("\ndone\n"));
    EXPECT_EQ(run.result.exit_code, 0);
}

TEST_P(Qemu, WithoutADmaTheFirmwareGivesUpAndSaysSo) {
    // At another address QEMU has nothing, which reads as zero.
    const bool is_a9 = GetParam() == std::string("pynq-z1");
    replace_in(project_, "board.h", is_a9 ? "QL_DMA_BASE 0x40400000u" : "QL_DMA_BASE 0xa0000000u",
               is_a9 ? "QL_DMA_BASE 0x40500000u" : "QL_DMA_BASE 0xa0100000u");
    EXPECT_EQ(error_of([&] { run(); }),
              "Q1102: firmware: it stopped with exit code 1: the DMA does not come out of reset "
              "(status 0x00000000); its own message, "
              "on the UART, says what was wrong");
}

TEST_P(Qemu, AResultThatNeverComesIsATimeOut) {
    replace_in(project_, "main.c", "ql_dma_start(QL_DMA_BASE, frames, count * QL_INPUT_BYTES,",
               "ql_dma_start(QL_DMA_BASE, frames, 4,");
    system_.checks = false;
    EXPECT_THAT(error_of([&] { run(); }),
                HasSubstr("frames from 0 on: the accelerator gives no result (status 0x"));
}

TEST_P(Qemu, ExceptionsReachTheVectors) {
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    ql_timer_init();\n    ql_uart_init();\n    __asm__ volatile(\"udf #0\");\n");
    EXPECT_THAT(error_of([&] { run(); }),
                MatchesRegex("Q1102: firmware: it stopped with exit code 1: (undefined "
                             "instruction|synchronous exception) at "
                             "0x[0-9a-f]+ \\(address 0x[0-9a-f]+, status 0x[0-9a-f]+\\); its own "
                             "message, on the UART, says what was wrong"));
}

TEST_P(Qemu, AnAddressThatTheMapDoesNotHaveIsADataAbort) {
    if (GetParam() != std::string("pynq-z1"))
        GTEST_SKIP() << "the map of the other processor has all addresses";
    replace_in(project_, "main.c", "    ql_timer_init();\n",
               "    ql_timer_init();\n    ql_uart_init();\n    ql_write32(0xc0000010u, 1);\n");
    EXPECT_THAT(error_of([&] { run(); }), HasSubstr(": data abort at 0x"));
    EXPECT_THAT(error_of([&] { run(); }), HasSubstr("(address 0xc0000010, status 0x"));
}

INSTANTIATE_TEST_SUITE_P(Boards, Qemu, ::testing::Values("pynq-z1", "kv260"));

}  // namespace
}  // namespace qloom::soc
