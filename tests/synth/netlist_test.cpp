// Counting and measuring netlists, on netlists small enough to follow with a finger.

#include "synth/netlist.h"

#include <gtest/gtest.h>

#include "hw/error_of.h"
#include "synth/cell_kinds.h"

namespace qloom::synth {
namespace {

using qloom::testing::error_of;

std::string lut(const std::string& inputs, int output) {
    return R"({"type":"LUT2","port_directions":{"I0":"input","O":"output"},"connections":{"I0":[)" +
           inputs + R"(],"O":[)" + std::to_string(output) + "]}}";
}
std::string flip_flop(int d, int q) {
    return R"({"type":"FDRE","port_directions":{"D":"input","Q":"output","C":"input"},"connections":{"D":[)" +
           std::to_string(d) + R"(],"Q":[)" + std::to_string(q) + R"(],"C":[2]}})";
}
std::string carry(const std::string& s, const std::string& o, const std::string& co,
                  const std::string& di = "\"0\",\"0\",\"0\",\"0\"") {
    return R"({"type":"CARRY4","port_directions":{"S":"input","DI":"input","CI":"input","O":"output","CO":"output"},"connections":{"S":[)" +
           s + R"(],"DI":[)" + di + R"(],"CI":["0"],"O":[)" + o + R"(],"CO":[)" + co + "]}}";
}
std::string design(const std::vector<std::string>& cells, const std::string& output_bits = "") {
    std::string text =
        R"({"modules":{"m":{"ports":{"clk":{"direction":"input","bits":[2]},"y":{"direction":"output","bits":[)" +
        output_bits + R"(]}},"cells":{)";
    for (std::size_t i = 0; i < cells.size(); ++i)
        text += (i ? "," : "") + ("\"c" + std::to_string(i) + "\":") + cells[i];
    return text + "}}}}";
}

TEST(Netlist, CountsCellsByWhatTheyTake) {
    EXPECT_EQ(cell_kind("RAM64M").luts, 4.0);
    EXPECT_EQ(cell_kind("RAMB18E2").bram36, 0.5);
    EXPECT_EQ(cell_kind("SB_RAM40_4K").ram4k, 1.0);
    EXPECT_EQ(cell_kind("SB_DFFESR").ffs, 1.0);
    EXPECT_EQ(cell_kind("DSP48E1").dsps, 1.0);
    EXPECT_EQ(cell_kind("BUFG").kind, CellClass::kOther);
    const Netlist netlist =
        read_netlist(design({lut("3", 4), lut("4", 5), flip_flop(5, 3)}), "m", "netlist.json");
    EXPECT_EQ(netlist.cost, (Cost{.luts = 2, .ffs = 1, .lut_levels = 2}));
    EXPECT_EQ(netlist.cells.at("LUT2"), 2);
}

TEST(Netlist, PathsEndAtRegistersAndPorts) {
    // 3 -> LUT -> FF -> LUT -> LUT -> LUT -> y: the register cuts.
    const std::vector<std::string> cells{lut("3", 4), flip_flop(4, 5), lut("5", 6), lut("6", 7),
                                         lut("7", 8)};
    EXPECT_EQ(read_netlist(design(cells, "8"), "m", "n").cost.lut_levels, 3);
    EXPECT_EQ(read_netlist(design(cells, "7"), "m", "n").cost.lut_levels, 2)
        << "what nobody reads is no end";
}

TEST(Netlist, CarryChainsKnowTheirBits) {
    // The sum bit 0 goes through a LUT into bit 1 of the same cell: no loop, and one more level.
    const std::vector<std::string> ripple{
        lut("3", 4), carry("4,7,\"0\",\"0\"", "6,8,9,10", "11,12,13,14"), lut("6", 7)};
    const Cost cost = read_netlist(design(ripple, "8"), "m", "n").cost;
    EXPECT_EQ(cost.lut_levels, 2);
    EXPECT_EQ(cost.path_carries, 2);
    EXPECT_EQ(cost.carries, 1);
    // DI[0] is in the carry above bit 0, not in sum bit 0.
    const std::vector<std::string> di{lut("3", 4), carry("\"0\",\"0\",\"0\",\"0\"", "6,8,9,10",
                                                         "11,12,13,14", "4,\"0\",\"0\",\"0\"")};
    EXPECT_EQ(read_netlist(design(di, "6"), "m", "n").cost.lut_levels, 0);
    EXPECT_EQ(read_netlist(design(di, "8"), "m", "n").cost.lut_levels, 1);
}

TEST(Netlist, WhatIsNoNetlistIsRefused) {
    EXPECT_EQ(error_of([] { read_netlist("module m;", "m", "n.json"); }),
              "Q1400: n.json: the netlist is not JSON; synthesise again; if it stays, another "
              "version of Yosys is at work");
    EXPECT_EQ(error_of([] { read_netlist(design({}), "other", "n.json"); }),
              "Q1400: n.json: the netlist has no module other; synthesise again; if it stays, "
              "another version of Yosys is at work");
    EXPECT_EQ(error_of([] {
                  read_netlist(design({lut("5", 4), lut("4", 5)}, "5"), "m", "n.json");
              }),
              "Q1400: n.json: the netlist has a loop without a register, through net 5; synthesise "
              "again; if it stays, another "
              "version of Yosys is at work");
}

}  // namespace
}  // namespace qloom::synth
