// The models of block RAM against plain arrays: every width, reads beside writes.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "sim/verilated_model.h"
#include "synth/simulation_cells.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;

// A cell whose ports have `width` bits, `data` of them without parity; addresses count bits.
struct Cell {
    int kbits;
    int generation;
    int width;
    int data;
    int shift;
};
const std::vector<Cell> kCells{{36, 1, 1, 1, 0},   {36, 1, 4, 4, 2},   {36, 1, 9, 8, 3},
                               {36, 1, 18, 16, 4}, {36, 1, 36, 32, 5}, {36, 1, 72, 64, 6},
                               {18, 1, 2, 2, 1},   {18, 1, 36, 32, 5}, {36, 2, 72, 64, 6},
                               {18, 2, 18, 16, 4}};

// One cell with a write port and a read port, as Yosys connects them.
std::string instance(const Cell& c, std::size_t index) {
    const bool e1 = c.generation == 1;
    const int half = c.kbits == 36 ? 32 : 16;
    const bool wide = c.data > half;
    const int address = c.kbits == 36 ? (e1 ? 16 : 15) : 14;
    return fmt::format(
        "  wire [{h}-1:0] qa{n}, qb{n};\n  assign q{n} = {q};\n"
        "  RAMB{k}E{g} #(.READ_WIDTH_A({w}), .WRITE_WIDTH_B({w}), .WRITE_MODE_A(\"READ_FIRST\"),\n"
        "    .WRITE_MODE_B(\"READ_FIRST\"), .INIT_00(Init)) ram{n} (.CLKARDCLK(clk), .CLKBWRCLK(clk),\n"
        "    .ENARDEN(en), .ENBWREN(we), .REGCEAREGCE(1'b0), .REGCEB(1'b0), .RSTRAMARSTRAM(1'b0),\n"
        "    .RSTRAMB(1'b0), .RSTREGARSTREG(1'b0), .RSTREGB(1'b0), .WEA('0), .WEBWE('1),\n"
        "    .ADDRARDADDR({a}'(ra << {s})), .ADDRBWRADDR({a}'(wa << {s})),\n"
        "    .{ia}(d[{h}-1:0]), .{ib}({d}), .{oa}(qa{n}), .{ob}(qb{n}));\n",
        fmt::arg("n", index), fmt::arg("h", half), fmt::arg("k", c.kbits),
        fmt::arg("g", c.generation), fmt::arg("w", c.width), fmt::arg("a", address),
        fmt::arg("s", c.shift),
        fmt::arg("q", wide ? fmt::format("64'({{qb{0}, qa{0}}})", index)
                           : fmt::format("64'(qa{})", index)),
        fmt::arg("d", wide ? fmt::format("d[{0} +: {0}]", half) : fmt::format("d[{}-1:0]", half)),
        fmt::arg("ia", e1 ? "DIADI" : "DINADIN"), fmt::arg("ib", e1 ? "DIBDI" : "DINBDIN"),
        fmt::arg("oa", e1 ? "DOADO" : "DOUTADOUT"), fmt::arg("ob", e1 ? "DOBDO" : "DOUTBDOUT"));
}

TEST(BlockRam, HoldsWhatIsWrittenAtEveryWidth) {
    std::string top = "module top(input clk, en, we, input [15:0] wa, ra, input [63:0] d";
    for (std::size_t i = 0; i < kCells.size(); ++i) top += fmt::format(", output [63:0] q{}", i);
    top +=
        ");\n  localparam [255:0] Init = "
        "256'h123456789abcdef0fedcba98765432100f1e2d3c4b5a69788796a5b4c3d2e1f0;\n";
    for (std::size_t i = 0; i < kCells.size(); ++i) top += instance(kCells[i], i);
    const fs::path folder =
        fs::path(::testing::TempDir()) / fmt::format("qloom_bram_{}", ::getpid());
    fs::create_directories(folder);
    std::ofstream(folder / "cells.sv") << block_ram_models();
    std::ofstream(folder / "top.sv") << top << "endmodule\n";
    sim::VerilatedModel model = sim::VerilatedModel::make(
        {.sources = {folder / "cells.sv", folder / "top.sv"}, .top = "top"},
        fs::path(QLOOM_BINARY_DIR) / "synth-cache", folder);
    fs::remove_all(folder);

    const std::uint64_t init[4] = {0x8796a5b4c3d2e1f0, 0x0f1e2d3c4b5a6978, 0xfedcba9876543210,
                                   0x123456789abcdef0};
    std::vector<std::vector<std::uint64_t>> words;
    std::vector<std::uint64_t> expected(kCells.size(), 0);
    const auto mask_of = [](const Cell& c) {
        return c.data == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << c.data) - 1;
    };
    for (const Cell& c : kCells) {
        words.emplace_back(static_cast<std::size_t>(c.kbits * 1024 / 36 * 32 / c.data), 0);
        for (std::size_t i = 0; i < 256 / static_cast<std::size_t>(c.data); ++i) {
            const std::size_t bit = i * static_cast<std::size_t>(c.data);
            words.back()[i] = init[bit / 64] >> (bit % 64) & mask_of(c);
        }
    }
    std::mt19937_64 random(7);
    for (int cycle = 0; cycle < 1000; ++cycle) {
        const std::uint64_t write = random() % 40;
        const std::uint64_t read = random() % 40;
        const std::uint64_t data = random();
        const bool we = random() % 2 != 0;
        const bool en = random() % 4 != 0;
        model.set("clk", 0);
        model.set("en", en);
        model.set("we", we);
        model.set("wa", write);
        model.set("ra", read);
        model.set("d", data);
        model.eval();
        model.set("clk", 1);
        model.eval();
        for (std::size_t i = 0; i < kCells.size(); ++i) {
            if (en) expected[i] = words[i][read];  // the old word, also when it is being written
            if (we) words[i][write] = data & mask_of(kCells[i]);
            ASSERT_EQ(model.get("q" + std::to_string(i)) & mask_of(kCells[i]), expected[i])
                << "RAMB" << kCells[i].kbits << "E" << kCells[i].generation << " width "
                << kCells[i].width << " cycle " << cycle;
        }
    }
}

}  // namespace
}  // namespace qloom::synth
