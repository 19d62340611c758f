// The build script, run by tclsh under a recorder that knows the pins of each IP.

#include "pack/vivado.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/process.h"
#include "pack/packaged_network.h"
#include "pack/recorded_design.h"

namespace qloom::pack {
namespace {

namespace fs = std::filesystem;
using qloom::testing::Kind;
using qloom::testing::packaged_network;
using qloom::testing::PackagedNetwork;
using qloom::testing::record_design;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Vivado : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tool_exists("tclsh")) GTEST_SKIP() << "tclsh is not installed";
    }
};

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(Vivado, EveryBoardGetsAWholeDesign) {
    for (const hw::Board& board : hw::built_in_boards()) {
        if (board.ice40) continue;
        for (const Kind kind : {Kind::kBytes, Kind::kOdd}) {
            const PackagedNetwork made = packaged_network(kind, board.name, 3);
            const ToolResult result = record_design(made.folder);
            EXPECT_EQ(result.exit_code, 0) << board.name << "\n" << result.output;
            const bool is_zynq = board.processing_system == hw::ProcessingSystem::kZynq7000;
            EXPECT_THAT(
                result.output,
                AllOf(HasSubstr("part " + board.part + "\n"),
                      HasSubstr("cell axi_dma_0 xilinx.com:ip:axi_dma\n"),
                      HasSubstr(fmt::format("address ps/Data axi_dma_0/S_AXI_LITE/Reg 0x{:X}\n",
                                            board.dma_base)),
                      HasSubstr(is_zynq ? "ps/S_AXI_HP0/HP0_DDR_LOWOCM" : "ps/SAXIGP2/HP0_DDR_LOW"),
                      HasSubstr("wrote qloom.xsa\n"), HasSubstr("copied to output/qloom.bit\n"),
                      HasSubstr("copied to pynq/qloom.hwh\n"), HasSubstr("report timing.rpt\n"),
                      HasSubstr("report utilisation.rpt\n"), Not(HasSubstr("cell ila"))));
            EXPECT_THAT(result.output,
                        HasSubstr("WARNING: Vivado has no board files for " + board.name));
        }
    }
}

TEST_F(Vivado, WidthsAreThoseOfTheStreams) {
    const PackagedNetwork made = packaged_network(Kind::kOdd);  // 18 bits in 24, and 5 bytes
    const ToolResult result = record_design(made.folder);
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("parameter axi_dma_0 c_m_axis_mm2s_tdata_width 32\n"),
                      HasSubstr("parameter axi_dma_0 c_s_axis_s2mm_tdata_width 64\n"),
                      HasSubstr("parameter axi_dma_0 c_m_axi_mm2s_data_width 64\n"),
                      HasSubstr("parameter axi_dma_0 c_sg_length_width 26\n")));
}

TEST_F(Vivado, OptionsAndBoardFiles) {
    const PackagedNetwork made = packaged_network(Kind::kBytes);
    const ToolResult ila = record_design(made.folder, {.arguments = {"--ila"}});
    EXPECT_EQ(ila.exit_code, 0) << ila.output;
    EXPECT_THAT(ila.output, AllOf(HasSubstr("watched axi_dma_0/M_AXIS_MM2S\n"),
                                  HasSubstr("watched accelerator/m_axis_0\n")));
    const ToolResult design = record_design(made.folder, {.arguments = {"--design-only"}});
    EXPECT_EQ(design.exit_code, 0);
    EXPECT_THAT(design.output, Not(HasSubstr("wrote")));
    const ToolResult wrong = record_design(made.folder, {.arguments = {"--fast"}});
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_THAT(wrong.output, HasSubstr("build.tcl: no such option: --fast"));
    const ToolResult board =
        record_design(made.folder, {.board_part = "www.digilentinc.com:pynq-z1:part0:1.0"});
    EXPECT_EQ(board.exit_code, 0);
    EXPECT_THAT(board.output, AllOf(HasSubstr("board_part www.digilentinc.com:pynq-z1:part0:1.0\n"),
                                    Not(HasSubstr("WARNING"))));
}

TEST_F(Vivado, MissedTimingFails) {
    const PackagedNetwork made = packaged_network(Kind::kBytes);
    const ToolResult result = record_design(made.folder, {.slack = "-0.125"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("build.tcl: the design does not run at 100 MHz"),
                      HasSubstr("report timing.rpt"), Not(HasSubstr("wrote qloom.xsa"))));
}

TEST_F(Vivado, PlantedErrorsAreCaught) {
    const struct {
        std::string from;
        std::string to;
        std::string complaint;
    } cases[] = {
        {"create_bd_design $design", "create_bd_desing $design",
         "there is no command create_bd_desing"},
        {"accelerator/m_axis_0 axi_dma_0/S_AXIS_S2MM", "accelerator/m_axis_1 axi_dma_0/S_AXIS_S2MM",
         "qloom:accelerator:qloom_accelerator:1.0 has no interface m_axis_1"},
        {"wire $clock accelerator/ap_clk", "", "accelerator/ap_clk (clock) is not connected"},
        {"wire resets/peripheral_aresetn axi_dma_0/axi_resetn", "",
         "axi_dma_0/axi_resetn (reset-low) is not connected"},
        {"wire $clock accelerator/ap_clk", "wire $clock accelerator/ap_rst_n",
         "ps/FCLK_CLK0 (clock) drives accelerator/ap_rst_n (reset-low)"},
        {"wire $clock accelerator/ap_clk", "wire $clock accelerator/ap_clk accelerator/ap_clk",
         "accelerator/ap_clk is driven twice"},
        {"axi_dma_0/M_AXIS_MM2S accelerator/s_axis_0", "axi_dma_0/M_AXI_MM2S accelerator/s_axis_0",
         "axi_dma_0/M_AXI_MM2S is aximm, accelerator/s_axis_0 is axis"},
        {"wire_streams axi_dma_0/M_AXI_S2MM memory/S01_AXI",
         "wire_streams axi_dma_0/M_AXI_S2MM memory/S02_AXI",
         "xilinx.com:ip:axi_interconnect has no interface S02_AXI (memory/S02_AXI)"},
        {"wire_streams memory/M00_AXI $memory_port", "", "is not connected"},
        {"wire_streams $register_port registers/S00_AXI",
         "wire_streams registers/S00_AXI axi_dma_0/S_AXI_LITE",
         "registers/S00_AXI and axi_dma_0/S_AXI_LITE are both slave"},
        {"set input_bits 64", "set input_bits 24", "CONFIG.c_m_axis_mm2s_tdata_width cannot be 24"},
        {"set input_bits 64", "set input_bits 32", "has 32 bits"},
        {"set memory_bits 64", "set memory_bits 32",
         "a stream of 64 bits is wider than its memory port of 32"},
        {"set length_bits 26", "set length_bits 27", "CONFIG.c_sg_length_width cannot be 27"},
        {"CONFIG.c_include_sg 0", "CONFIG.c_include_sq 0",
         "xilinx.com:ip:axi_dma has no parameter CONFIG.c_include_sq"},
        {"set dma_base 0x40400000", "set dma_base 0x40408000",
         "0x40408000 is no multiple of the range 0x10000"},
        {"set dma_base 0x40400000", "set dma_base 0x90000000",
         "0x90000000 is outside what ps/Data reaches"},
        {"[get_bd_addr_spaces axi_dma_0/Data_S2MM]", "[get_bd_addr_spaces axi_dma_0/Data_MM2S]",
         "overlap at 0x0 in axi_dma_0/Data_MM2S"},
        {"[get_bd_addr_segs axi_dma_0/S_AXI_LITE/Reg]", "[get_bd_addr_segs axi_dma_0/S_AXI/Reg]",
         "xilinx.com:ip:axi_dma has no address segment S_AXI/Reg"},
        {"validate_bd_design\n", "", "the design is saved before it is validated"},
        {"set_property top ${design}_wrapper [current_fileset]", "", "the run has no top"},
        {"wait_on_run impl_1", "", "build.tcl: write_bitstream Complete!"},
        {"xilinx.com:ip:proc_sys_reset", "xilinx.com:ip:proc_reset",
         "there is no IP xilinx.com:ip:proc_reset in the catalogue"},
    };
    const PackagedNetwork made = packaged_network(Kind::kBytes);
    const fs::path script = made.folder / "vivado" / "build.tcl";
    const std::string good = read(script);
    // The network's stream is as wide as the memory port, so that every width can be planted wrong.
    ASSERT_EQ(plan_streams(made.accelerator, made.accelerator.board).input.dma_bits, 64);
    for (const auto& it : cases) {
        std::string bad = good;
        const auto at = bad.find(it.from);
        ASSERT_NE(at, std::string::npos) << it.from;
        std::ofstream(script, std::ios::binary) << bad.replace(at, it.from.size(), it.to);
        const ToolResult result = record_design(made.folder);
        EXPECT_NE(result.exit_code, 0) << it.to << "\n" << result.output;
        EXPECT_THAT(result.output, HasSubstr(it.complaint)) << it.to;
    }
}

}  // namespace
}  // namespace qloom::pack
