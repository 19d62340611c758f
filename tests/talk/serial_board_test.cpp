#include "pack/serial_board.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/diagnostic.h"
#include "hw/error_of.h"

namespace qloom::pack {
namespace {

TEST(SerialBoard, ThePllMakesTheClock) {
    for (const auto& [in, out] : std::vector<std::pair<double, double>>{
             {12, 48}, {12, 24}, {12, 60}, {12, 36}, {100, 50}, {12, 16.5}}) {
        const auto pll = pll_settings(in, out);
        ASSERT_TRUE(pll) << in << ' ' << out;
        const double oscillator = in / (pll->divr + 1) * (pll->divf + 1);
        EXPECT_GE(oscillator, 533.0);
        EXPECT_LE(oscillator, 1066.0);
        EXPECT_GE(in / (pll->divr + 1), 10.0);
        EXPECT_LE(pll->divf, 127);
        EXPECT_NEAR(oscillator / std::exp2(pll->divq), out, 1e-9);
    }
    EXPECT_FALSE(pll_settings(12, 50));
    EXPECT_FALSE(pll_settings(12, 5));
}

TEST(SerialBoard, TheLinkIsReadBack) {
    const SerialLink link{.board = "ice40-hx8k",
                          .baud = 3000000,
                          .frame_bytes = 784,
                          .result_bytes = 20,
                          .design = 0xdeadbeef,
                          .clock_mhz = 48.0,
                          .latency_cycles = 1234};
    EXPECT_EQ(link_from(link_text(link)), link);
    EXPECT_FALSE(link_from("{}"));
    EXPECT_FALSE(link_from("no"));
}

TEST(SerialBoard, AClockThatIsNoneIsRefused) {
    hw::Accelerator accelerator;
    accelerator.board = hw::find_board("ice40-hx8k");
    accelerator.inputs.push_back(
        {.name = "s_axis_0", .stream = "x", .type = {8, false}, .elements = 4, .beats = 4});
    accelerator.outputs.push_back(
        {.name = "m_axis_0", .stream = "y", .type = {8, false}, .elements = 1, .beats = 1});
    const std::vector<emit::TextFile> rtl{{"rtl/files.f", "qloom_top.sv\n"}};
    accelerator.clock_mhz = 50.0;
    EXPECT_EQ(testing::error_of([&] { serial_board_files(accelerator, accelerator.board, rtl); }),
              "Q1020: ice40-hx8k: the PLL does not make 50 MHz of the board's 12 MHz; near it "
              "work: --clock-mhz 48.75, --clock-mhz 50.25");
    accelerator.clock_mhz = 12.0;
    accelerator.board.ice40->baud = 4000000;
    EXPECT_EQ(testing::error_of([&] { serial_board_files(accelerator, accelerator.board, rtl); }),
              "Q1020: ice40-hx8k: a UART of 4000000 baud does not work at 12 MHz; near it work: "
              "--clock-mhz 15.75");
    accelerator.clock_mhz = 48.0;
    EXPECT_EQ(serial_board_files(accelerator, accelerator.board, rtl).size(), 15U);
}

}  // namespace
}  // namespace qloom::pack
