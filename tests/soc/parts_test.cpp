// The parts of the emulated board alone: program files, memory behind a cache, the UART, what the
// firmware says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/process.h"
#include "hw/error_of.h"
#include "small_system.h"
#include "soc/cached_memory.h"
#include "soc/elf.h"
#include "soc/firmware_build.h"
#include "soc/firmware_report.h"
#include "soc/load_store.h"
#include "soc/uart.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;
using qloom::testing::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ---- ELF

class ElfFile : public ::testing::Test {
protected:
    void SetUp() override {
        file_ = fs::path(::testing::TempDir()) / ("qloom_elf_" + std::to_string(::getpid()));
    }
    void TearDown() override { fs::remove(file_); }
    std::string failure(const std::string& bytes) {
        std::ofstream(file_, std::ios::binary) << bytes;
        return error_of([&] { read_elf(file_); });
    }
    fs::path file_;
};

TEST_F(ElfFile, WhatIsNoProgramIsRefused) {
    const std::string name = "Q1100: " + file_.string() + ": ";
    EXPECT_EQ(error_of([&] { read_elf(file_); }),
              name + "cannot be opened; build the firmware again");
    EXPECT_EQ(failure("short"), name + "is cut off; build the firmware again");
    EXPECT_EQ(failure(std::string(64, 'x')),
              name + "is not a little-endian ELF file; build the firmware again");
    std::ifstream own("/proc/self/exe", std::ios::binary);
    const std::string program{std::istreambuf_iterator<char>(own), {}};
    EXPECT_THAT(failure(program), StartsWith(name + "is "));  // of this machine's processor
    std::string cut = program.substr(0, 80);
    EXPECT_THAT(failure(cut), StartsWith(name + "is "));
}

TEST(Elf, NamesPlaces) {
    Elf elf;
    elf.segments = {{.address = 0x1000,
                     .bytes = std::vector<std::uint8_t>(0x100),
                     .memory_bytes = 0x200,
                     .is_code = true}};
    elf.symbols = {{.name = "start", .address = 0x1000, .bytes = 0, .is_function = true},
                   {.name = "main", .address = 0x1040, .bytes = 0x20, .is_function = true},
                   {.name = "table", .address = 0x1048, .bytes = 4, .is_function = false}};
    EXPECT_EQ(elf.place(0x1004), "0x00001004 in start");
    EXPECT_EQ(elf.place(0x1050), "0x00001050 in main");
    EXPECT_EQ(elf.place(0x1180), "0x00001180");
    EXPECT_EQ(elf.find("main"), 0x1040U);
    EXPECT_FALSE(elf.find("other"));
}

// ---- memory behind a cache

class Cache : public ::testing::Test {
protected:
    static constexpr std::uint64_t kBase = 0x1000;
    CachedMemory memory_{kBase, 256, 32};
    void SetUp() override { memory_.enable(true); }
    void write(std::uint64_t address, std::uint8_t value) {  // as a processor does
        memory_.before_write(address, 1, value);
        memory_.processor_view()[address - kBase] = value;
    }
    std::uint8_t read(std::uint64_t address) {
        memory_.before_read(address, 1);
        return memory_.processor_view()[address - kBase];
    }
    void dma_write(std::uint64_t address, std::uint8_t value) {
        memory_.memory()[address - kBase] = value;
        memory_.on_dma_write(address, 1);
    }
};

TEST_F(Cache, NothingIsZeroAtFirst) { EXPECT_EQ(read(kBase), 0xa5); }

TEST_F(Cache, WrittenBytesReachTheMemoryWhenCleaned) {
    write(kBase + 40, 7);
    EXPECT_EQ(memory_.memory()[40], 0xa5);
    memory_.clean(kBase);  // another line
    EXPECT_EQ(memory_.memory()[40], 0xa5);
    memory_.clean(kBase + 63);
    EXPECT_EQ(memory_.memory()[40], 7);
    memory_.on_dma_read(kBase + 40, 8);
}

TEST_F(Cache, InvalidatingADirtyLineLosesIt) {
    write(kBase, 7);
    memory_.invalidate(kBase);
    EXPECT_EQ(read(kBase), 0xa5);
}

TEST_F(Cache, ADirtyLineThatTheDmaReadsIsAFault) {
    write(kBase + 40, 7);
    memory_.on_dma_read(kBase + 48, 8);  // other bytes of the line are the same in memory
    EXPECT_EQ(error_of([&] { memory_.on_dma_read(kBase + 40, 8); }),
              "Q1105: 0x00001028: the DMA reads from memory what is newer in the processor's "
              "cache; clean the buffer before the "
              "transfer begins");
}

TEST_F(Cache, ADirtyLineThatTheDmaWritesIsAFault) {
    write(kBase + 40, 7);
    EXPECT_EQ(
        error_of([&] { dma_write(kBase + 33, 1); }),
        "Q1105: 0x00001021: the DMA writes to memory over which the processor's cache will write "
        "an old line later; clean "
        "and invalidate the buffer before the transfer begins, and leave it alone until the end");
}

TEST_F(Cache, ALineFetchedTooEarlyIsAFault) {
    memory_.fetch_ahead(kBase + 64, 32);
    dma_write(kBase + 70, 9);
    EXPECT_EQ(error_of([&] { read(kBase + 64); }),
              "Q1106: 0x00001040: the processor uses a line of its cache that is older than what "
              "the DMA wrote to memory; "
              "invalidate the buffer after the transfer, before it is read");
    memory_.invalidate(kBase + 64);
    EXPECT_EQ(read(kBase + 70), 9);
}

TEST_F(Cache, SwitchedOffIsTheMemoryItself) {
    memory_.enable(false);
    memory_.before_write(kBase + 8, 2, 0x0201);
    EXPECT_EQ(memory_.memory()[8], 1);
    EXPECT_EQ(memory_.memory()[9], 2);
    dma_write(kBase + 8, 5);
    EXPECT_EQ(read(kBase + 8), 5);
}

// ---- UART

TEST(UartModel, SendsAtItsBaudRateAndHoldsSixtyFourCharacters) {
    Uart uart(100000000);
    std::string sent;
    uart.on_character = [&sent](char c) { sent += c; };
    uart.write(0x30, 'x', 0);
    EXPECT_EQ(sent, "") << "the transmitter is off after reset";
    uart.write(0x18, 124, 0);
    uart.write(0x34, 6, 0);
    uart.write(0x00, 0x14, 0);
    EXPECT_NEAR(uart.baud(), 115200.0, 115200.0 * 0.001);
    for (int i = 0; i < 70; ++i) uart.write(0x30, 'a', 0);
    EXPECT_EQ(sent, std::string(64, 'a')) << "what comes when the FIFO is full is lost";
    EXPECT_EQ(uart.read(0x2c, 0) & 0x18U, 0x10U);
    const std::uint64_t character_ps = 86800000;  // ten bits of 124 * 7 clocks of 10 ns
    EXPECT_EQ(uart.ready_at(true), 64 * character_ps);
    EXPECT_EQ(uart.read(0x2c, uart.ready_at(false)) & 0x10U, 0U);
    EXPECT_EQ(uart.read(0x2c, uart.ready_at(true)) & 0x808U, 0x08U);
}

// ---- what the firmware says

constexpr const char* kReport =
    "qloom firmware on b: 3 frames, 2 a transfer\r\nDMA up at 0x40400000\r\nlabels 0: 9 2 "
    "-1\r\naccuracy 2 of 3 (66.66 %)\r\n"
    "time 105 us, 28571 frames/s (the first transfer was prepared in 1 us before)\r\ndone\r\n";

TEST(Report, IsRead) {
    const FirmwareReport report = read_report(kReport, 3);
    EXPECT_EQ(report.labels, (std::vector<std::int64_t>{9, 2, -1}));
    EXPECT_EQ(report.batch, 2);
    EXPECT_EQ(report.right, 2);
    EXPECT_EQ(report.microseconds, 105);
    EXPECT_EQ(report.fps, 28571);
    EXPECT_EQ(
        read_report("frame 0: label 4\nframe 1: label 5, wrong (6)\ntime 1 us, 2 frames/s\n", 2)
            .labels,
        (std::vector<std::int64_t>{4, 5}));
}

TEST(Report, ThatLacksSomethingIsRefused) {
    EXPECT_EQ(error_of([] { read_report(kReport, 4); }),
              "Q1111: UART: the firmware printed 3 labels for 4 frames; print the lines that "
              "firmware/README.md describes");
    EXPECT_EQ(error_of([] { read_report("labels 0: 1\n", 1); }),
              "Q1111: UART: the firmware printed no time; print the lines that firmware/README.md "
              "describes");
    EXPECT_EQ(error_of([] { read_report("frame 1: label 4\n", 1); }),
              "Q1111: UART: frame 1 is not the next one; print the lines that firmware/README.md "
              "describes");
    EXPECT_EQ(reported_error("a\nerror: one\nb\nerror: the other\r\n"), "the other");
    EXPECT_EQ(reported_error("fine\n"), "");
}

// ---- accesses that another emulator leaves to us

TEST(LoadStores, AreTakenApart) {
    const auto arm = [](std::uint32_t word) { return decode_load_store(Machine::kArm, word); };
    const auto arm64 = [](std::uint32_t word) {
        return decode_load_store(Machine::kAarch64, word);
    };
    EXPECT_EQ(arm(0xe5912004), (LoadStore{.is_load = true, .data = 2}));   // ldr r2, [r1, #4]
    EXPECT_EQ(arm(0xe5812028), (LoadStore{.is_load = false, .data = 2}));  // str r2, [r1, #0x28]
    EXPECT_EQ(arm(0xe7912003), (LoadStore{.is_load = true, .data = 2}));   // ldr r2, [r1, r3]
    EXPECT_EQ(arm(0xe4912004), (LoadStore{.is_load = true,
                                          .data = 2,
                                          .writes_base = true,
                                          .base = 1,
                                          .base_change = 4}));  // ldr r2, [r1], #4
    EXPECT_EQ(
        arm(0xe5212004),
        (LoadStore{
            .is_load = false, .data = 2, .writes_base = true, .base = 1}));  // str r2, [r1, #-4]!
    EXPECT_FALSE(arm(0xe5d12004));                                           // ldrb
    EXPECT_FALSE(arm(0xe8910006));                                           // ldm
    EXPECT_FALSE(arm(0xe0812003));                                           // add
    EXPECT_EQ(arm64(0xb9403669), (LoadStore{.is_load = true, .data = 9}));   // ldr w9, [x19, #52]
    EXPECT_EQ(arm64(0xb9000268), (LoadStore{.is_load = false, .data = 8}));  // str w8, [x19]
    EXPECT_EQ(arm64(0xb8404422), (LoadStore{.is_load = true,
                                            .data = 2,
                                            .writes_base = true,
                                            .base = 1,
                                            .base_change = 4}));  // ldr w2, [x1], #4
    EXPECT_EQ(
        arm64(0xb81fcc22),
        (LoadStore{
            .is_load = false, .data = 2, .writes_base = true, .base = 1}));  // str w2, [x1, #-4]!
    EXPECT_EQ(arm64(0xb8636822), (LoadStore{.is_load = true, .data = 2}));   // ldr w2, [x1, x3]
    EXPECT_FALSE(arm64(0xf9400421));                                         // ldr x1, [x1, #8]
    EXPECT_FALSE(arm64(0x29400821));                                         // ldp
}

// ---- building the firmware

TEST(FirmwareBuilds, AreKeptByContentAndFailuresAreShown) {
    if (!tool_exists("clang") || !tool_exists("ld.lld"))
        GTEST_SKIP() << "clang or ld.lld is not installed";
    const SmallSystem system;
    const fs::path cache =
        fs::path(::testing::TempDir()) / ("qloom_fwcache_" + std::to_string(::getpid()));
    std::vector<emit::TextFile> project = system.project(1);
    const BuiltFirmware first = build_firmware(project, FirmwareTools::kClang, cache);
    EXPECT_FALSE(first.was_there);
    const BuiltFirmware again = build_firmware(project, FirmwareTools::kClang, cache);
    EXPECT_TRUE(again.was_there);
    EXPECT_EQ(again.elf, first.elf);
    EXPECT_NE(build_firmware(system.project(2), FirmwareTools::kClang, cache).elf, first.elf);
    replace_in(project, "main.c", "int main(void) {", "int main(void) {\n    this is no C;");
    const std::string message =
        error_of([&] { build_firmware(project, FirmwareTools::kClang, cache); });
    EXPECT_THAT(message, HasSubstr("`make TOOLS=clang` failed with exit code 2; its last lines:"));
    EXPECT_THAT(message, HasSubstr("this is no C;"));
    EXPECT_THAT(message, HasSubstr("the whole log is " + (cache / "firmware-build.log").string()));
    fs::remove_all(cache);
}

TEST(FirmwareBuilds, WithoutACompilerThePackageIsNamed) {
    const std::string path = std::getenv("PATH");
    ::setenv("PATH", "/no/such/folder", 1);
    const std::string a9 = error_of([] { find_firmware_tools("a9"); });
    const std::string a53 = error_of([] { find_firmware_tools("a53"); });
    ::setenv("PATH", path.c_str(), 1);
    EXPECT_EQ(a9,
              "Q0002: clang: the program is not installed; install it with: sudo apt-get install "
              "clang lld (or gcc-arm-none-eabi)");
    EXPECT_EQ(a53,
              "Q0002: clang: the program is not installed; install it with: sudo apt-get install "
              "clang lld (or gcc-aarch64-linux-gnu)");
}

TEST(Emulators, ThatAreMissingAreNamed) {
    const RunOrder order;
    EXPECT_EQ(error_of([&] { emulate(order, "/no/such/qloom-soc", ::testing::TempDir()); }),
              "Q1108: qloom-soc: the emulated processor was not built; install it with: sudo "
              "apt-get install libunicorn-dev, and "
              "build Qloom again; or use --cpu qemu");
}

}  // namespace
}  // namespace qloom::soc
