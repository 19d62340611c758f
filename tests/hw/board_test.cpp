#include "hw/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hw/error_of.h"

namespace qloom::hw {
namespace {

using qloom::testing::error_of;
using ::testing::ElementsAre;

TEST(Boards, AreCompiledIn) {
    std::vector<std::string> names;
    for (const Board& board : built_in_boards()) {
        names.push_back(board.name);
        EXPECT_GT(board.luts, 0) << board.name;
        if (board.ice40) {
            EXPECT_GT(board.ice40->ram4k, 0) << board.name;
            continue;
        }
        EXPECT_EQ(board.ffs, 2 * board.luts) << board.name;
        EXPECT_NE(board.processing_system, ProcessingSystem::kNone) << board.name;
        EXPECT_NE(board.uart_base, 0U) << board.name;
    }
    EXPECT_THAT(names, ElementsAre("arty-z7-20", "ice40-hx8k", "icebreaker", "kv260", "pynq-z1",
                                   "pynq-z2", "ultra96-v2", "zcu102", "zcu104", "zedboard",
                                   "zybo-z7-10", "zybo-z7-20"));
    const Board board = find_board("pynq-z1");
    EXPECT_EQ(board.part, "xc7z020clg400-1");
    EXPECT_EQ(board.luts, 53200);
    EXPECT_EQ(board.bram36, 140);
    EXPECT_EQ(board.dsps, 220);
    EXPECT_EQ(board.clock_mhz, 100.0);
    EXPECT_EQ(board.dma_base, 0x40400000U);
}

TEST(Boards, AUserAddsOneByPath) {
    const Board board = find_board(QLOOM_SOURCE_DIR "/boards/kv260.toml");
    EXPECT_EQ(board, find_board("kv260"));
    const Board small = parse_board(
        "part = \"xc7a35t\"\n[resources]\nluts = 20800\nffs = 41600\nbram36 = 50\ndsps = 90\n",
        "my/cmod.toml");
    EXPECT_EQ(small.name, "cmod");
    EXPECT_EQ(small.processing_system, ProcessingSystem::kNone);
    EXPECT_EQ(small.luts, 20800);
}

TEST(Boards, AnUnknownNameGetsAProposal) {
    EXPECT_EQ(error_of([] { find_board("pynq-zl"); }),
              "Q0500: pynq-zl: there is no such board; did you mean pynq-z1? known boards: "
              "arty-z7-20, ice40-hx8k, icebreaker, kv260, pynq-z1, "
              "pynq-z2, ultra96-v2, zcu102, zcu104, zedboard, zybo-z7-10, zybo-z7-20; or give the "
              "path of a board file");
}

TEST(Boards, WithAnIce40) {
    const Board board = find_board("ice40-hx8k");
    ASSERT_TRUE(board.ice40);
    EXPECT_FALSE(board.has_estimates());
    EXPECT_EQ(board.ice40->device, "hx8k");
    EXPECT_EQ(board.ice40->clock_pin, "J3");
    const std::string start =
        "part = \"ice40\"\n[resources]\nluts = 1\nffs = 1\nbram36 = 0\ndsps = 0\n[ice40]\nram4k = "
        "1\n";
    EXPECT_EQ(error_of([&] { parse_board(start, "b.toml"); }),
              "Q0501: b.toml: [ice40] has no text `device`; write it like the files in boards/");
    EXPECT_EQ(error_of([&] {
                  parse_board(
                      start + "device = \"hx8k\"\npackage = \"ct256\"\noscillator_mhz = 5\n",
                      "b.toml");
              }),
              "Q0501: b.toml: [ice40] oscillator_mhz = 5 is not from 10 to 133; write it like the "
              "files in boards/");
}

TEST(Boards, ABadFileIsRefused) {
    EXPECT_EQ(
        error_of([] {
            parse_board(
                "part = \"x\"\n[resources]\nluts = 1\nffs = 1\nbram36 = 0\ndsps = 0\n[system]\n"
                "processing_system = \"zynq-7000\"\nuart_base = 1\ndma_base = 1\nmemory_base = 0\n"
                "memory_bytes = 1\nmemory_port_bits = 48\n",
                "b.toml");
        }),
        "Q0501: b.toml: [system] memory_port_bits = 48 is not 32 or 64; write it like the "
        "files in boards/");
    EXPECT_EQ(error_of([] { find_board("no/such.toml"); }),
              "Q0501: no/such.toml: cannot be opened; write it like the files in boards/");
    EXPECT_EQ(
        error_of([] { parse_board("part = \"x\"\n[resources]\nffs = 1\n", "b.toml"); }),
        "Q0501: b.toml: [resources] has no integer `luts`; write it like the files in boards/");
    EXPECT_EQ(
        error_of([] { parse_board("part = \"x\"\n[resources]\nluts = 0\n", "b.toml"); }),
        "Q0501: b.toml: [resources] luts = 0 is less than 1; write it like the files in boards/");
    EXPECT_EQ(error_of([] { parse_board("[resources]\nluts = 1\n", "b.toml"); }),
              "Q0501: b.toml: has no `part`; write it like the files in boards/");
    EXPECT_THAT(error_of([] { parse_board("part = = 1", "b.toml"); }),
                ::testing::StartsWith("Q0501: b.toml: line 1: "));
    EXPECT_EQ(
        error_of([] {
            parse_board(
                "part = \"x\"\n[resources]\nluts = 1\nffs = 1\nbram36 = 0\ndsps = 0\n[system]\n"
                "processing_system = \"arm\"\n",
                "b.toml");
        }),
        "Q0501: b.toml: processing_system = \"arm\" is not none, zynq-7000 or zynq-ultrascale+; "
        "write it like the "
        "files in boards/");
}

}  // namespace
}  // namespace qloom::hw
