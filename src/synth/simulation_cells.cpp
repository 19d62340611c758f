#include "synth/simulation_cells.h"

#include <string_view>

#include <fmt/format.h>

namespace qloom::synth {
namespace {

// Addresses count bits. A word has 32 bits and 4 of parity; ports of up to 4 bits see no parity,
// one of 64 + 8 bits sees two words. A read on one port beside a write to the same word on the
// other gives the old word.
constexpr std::string_view kCore = R"(
module qloom_block_ram #(
    parameter integer AddressW = 15,
    parameter [(1<<AddressW)-1:0] Init = 0,
    parameter [(1<<AddressW)/8-1:0] InitParity = 0,
    parameter integer ReadA = 0, ReadB = 0, WriteA = 0, WriteB = 0,
    parameter ModeA = "WRITE_FIRST", ModeB = "WRITE_FIRST"
) (
    input  wire clk_a, clk_b, en_a, en_b, reset_a, reset_b,
    input  wire [AddressW-1:0] address_a, address_b,
    input  wire [7:0] we_a, we_b,
    input  wire [63:0] di_a, di_b,
    input  wire [7:0] dip_a, dip_b,
    output reg  [63:0] do_a, do_b,
    output reg  [7:0] dop_a, dop_b
);
    localparam integer Words = (1 << AddressW) / 32;
    reg [31:0] data [0:Words-1];
    reg [3:0] parity [0:Words-1];
    integer i;
    initial begin
        for (i = 0; i < Words; i = i + 1) begin
            data[i] = Init[i*32 +: 32];
            parity[i] = InitParity[i*4 +: 4];
        end
        do_a = 0; do_b = 0; dop_a = 0; dop_b = 0;
    end

    // What a port of `width` bits sees at an address.
    function [71:0] seen(input integer width, input [AddressW-1:0] address, input [31:0] low, input [31:0] high,
                         input [3:0] low_parity, input [3:0] high_parity);
        reg [63:0] d;
        reg [7:0] p;
        begin
            d = {high, low};
            p = {high_parity, low_parity};
            case (width)
                1: begin d = d >> address[4:0]; d = d & 64'h1; p = 0; end
                2: begin d = d >> {address[4:1], 1'b0}; d = d & 64'h3; p = 0; end
                4: begin d = d >> {address[4:2], 2'b0}; d = d & 64'hf; p = 0; end
                9: begin d = d >> {address[4:3], 3'b0}; d = d & 64'hff; p = p >> address[4:3]; p = p & 8'h1; end
                18: begin d = d >> {address[4], 4'b0}; d = d & 64'hffff; p = p >> {address[4], 1'b0}; p = p & 8'h3; end
                36: begin d = d & 64'hffff_ffff; p = p & 8'hf; end
                default: begin end
            endcase
            seen = {p, d};
        end
    endfunction

    wire [AddressW-6:0] word_a = ReadA == 72 || WriteA == 72 ? {address_a[AddressW-1:6], 1'b0} : address_a[AddressW-1:5];
    wire [AddressW-6:0] word_b = ReadB == 72 || WriteB == 72 ? {address_b[AddressW-1:6], 1'b0} : address_b[AddressW-1:5];
    wire [71:0] sees_a = seen(ReadA, address_a, data[word_a], data[word_a | 1], parity[word_a], parity[word_a | 1]);
    wire [71:0] sees_b = seen(ReadB, address_b, data[word_b], data[word_b | 1], parity[word_b], parity[word_b | 1]);

    // The bits of two words that a port writes, and what it writes to them.
    function [71:0] mask(input integer width, input [AddressW-1:0] address, input [7:0] we);
        reg [63:0] d;
        reg [7:0] p;
        integer k;
        begin
            d = 0;
            p = 0;
            for (k = 0; k < 8; k = k + 1) begin
                if (we[k] && k < width / 9) begin
                    d[k*8 +: 8] = 8'hff;
                    p[k] = 1'b1;
                end
            end
            case (width)
                0: begin d = 0; p = 0; end
                1: begin d = we[0] ? 64'h1 << address[4:0] : 64'h0; end
                2: begin d = we[0] ? 64'h3 << {address[4:1], 1'b0} : 64'h0; end
                4: begin d = we[0] ? 64'hf << {address[4:2], 2'b0} : 64'h0; end
                9: begin d = d << {address[4:3], 3'b0}; p = p << address[4:3]; end
                18: begin d = d << {address[4], 4'b0}; p = p << {address[4], 1'b0}; end
                default: begin end
            endcase
            mask = {p, d};
        end
    endfunction
    function [71:0] placed(input integer width, input [AddressW-1:0] address, input [63:0] d, input [7:0] p);
        case (width)
            1: placed = {8'h0, 64'(d[0]) << address[4:0]};
            2: placed = {8'h0, 64'(d[1:0]) << {address[4:1], 1'b0}};
            4: placed = {8'h0, 64'(d[3:0]) << {address[4:2], 2'b0}};
            9: placed = {8'(8'(p[0]) << address[4:3]), 64'(d[7:0]) << {address[4:3], 3'b0}};
            18: placed = {8'(8'(p[1:0]) << {address[4], 1'b0}), 64'(d[15:0]) << {address[4], 4'b0}};
            default: placed = {p, d};
        endcase
    endfunction

    wire [71:0] mask_a = en_a ? mask(WriteA, address_a, we_a) : 72'h0;
    wire [71:0] mask_b = en_b ? mask(WriteB, address_b, we_b) : 72'h0;
    wire [71:0] new_a = placed(WriteA, address_a, di_a, dip_a);
    wire [71:0] new_b = placed(WriteB, address_b, di_b, dip_b);

    always @(posedge clk_a) begin
        if (|mask_a) begin
            data[word_a] <= (data[word_a] & ~mask_a[31:0]) | (new_a[31:0] & mask_a[31:0]);
            parity[word_a] <= (parity[word_a] & ~mask_a[67:64]) | (new_a[67:64] & mask_a[67:64]);
            if (|mask_a[63:32]) data[word_a | 1] <= (data[word_a | 1] & ~mask_a[63:32]) | (new_a[63:32] & mask_a[63:32]);
            if (|mask_a[71:68]) parity[word_a | 1] <= (parity[word_a | 1] & ~mask_a[71:68]) | (new_a[71:68] & mask_a[71:68]);
        end
        if (|mask_b) begin
            data[word_b] <= (data[word_b] & ~mask_b[31:0]) | (new_b[31:0] & mask_b[31:0]);
            parity[word_b] <= (parity[word_b] & ~mask_b[67:64]) | (new_b[67:64] & mask_b[67:64]);
            if (|mask_b[63:32]) data[word_b | 1] <= (data[word_b | 1] & ~mask_b[63:32]) | (new_b[63:32] & mask_b[63:32]);
            if (|mask_b[71:68]) parity[word_b | 1] <= (parity[word_b | 1] & ~mask_b[71:68]) | (new_b[71:68] & mask_b[71:68]);
        end
        if (en_a && ReadA != 0) begin
            if (reset_a) {dop_a, do_a} <= 72'h0;
            else if (!(|mask_a) || ModeA == "READ_FIRST") {dop_a, do_a} <= sees_a;
            else if (ModeA == "WRITE_FIRST") {dop_a, do_a} <= {dip_a, di_a};
        end
        if (en_b && ReadB != 0) begin
            if (reset_b) {dop_b, do_b} <= 72'h0;
            else if (!(|mask_b) || ModeB == "READ_FIRST") {dop_b, do_b} <= sees_b;
            else if (ModeB == "WRITE_FIRST") {dop_b, do_b} <= {dip_b, di_b};
        end
    end
    wire unused = &{1'b0, clk_b};
endmodule
)";

// One cell: its many parameters, its ports under the names of its generation.
std::string cell(int kbits, int generation) {
    const bool is_36 = kbits == 36;
    const int rows = is_36 ? 128 : 64;
    const int half = is_36 ? 32 : 16;  // data bits of one port
    const int parity = half / 8;
    const int address = is_36 ? 15 : 14;
    const int wide = is_36 ? 72 : 36;  // width at which a port takes both data buses
    const bool e1 = generation == 1;
    const int address_bits = is_36 ? (e1 ? 16 : 15) : 14;
    std::string parameters;
    std::string init;
    std::string init_parity;
    for (int i = 0; i < rows; ++i) {
        parameters += fmt::format("    parameter [255:0] INIT_{:02X} = 0,\n", i);
        init = fmt::format("INIT_{:02X}{}", i, i == 0 ? "" : ", ") + init;
    }
    for (int i = 0; i < rows / 8; ++i) {
        parameters += fmt::format("    parameter [255:0] INITP_{:02X} = 0,\n", i);
        init_parity = fmt::format("INITP_{:02X}{}", i, i == 0 ? "" : ", ") + init_parity;
    }
    for (const char* name : {"WRITE_MODE_A", "WRITE_MODE_B"})
        parameters += fmt::format("    parameter {} = \"WRITE_FIRST\",\n", name);
    for (const char* name : {"RAM_MODE", "RAM_EXTENSION_A", "RAM_EXTENSION_B", "SIM_DEVICE",
                             "RDADDR_COLLISION_HWCONFIG"}) {
        parameters += fmt::format("    parameter {} = \"\",\n", name);
    }
    for (const char* name :
         {"READ_WIDTH_A", "READ_WIDTH_B", "WRITE_WIDTH_A", "WRITE_WIDTH_B", "DOA_REG"}) {
        parameters += fmt::format("    parameter integer {} = 0,\n", name);
    }
    for (const char* name : {"INIT_A", "INIT_B", "SRVAL_A", "SRVAL_B"})
        parameters += fmt::format("    parameter [35:0] {} = 0,\n", name);
    parameters += "    parameter integer DOB_REG = 0";

    const auto port = [&](const char* name_e1, const char* name_e2) {
        return std::string(e1 ? name_e1 : name_e2);
    };
    std::string text =
        fmt::format("\nmodule RAMB{}E{} #(\n{}\n) (\n", kbits, generation, parameters);
    text +=
        "    input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,\n"
        "    input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,\n";
    if (!e1) text += "    input ADDRENA, ADDRENB, SLEEP,\n";
    text += fmt::format(
        "    input [{0}:0] ADDRARDADDR, ADDRBWRADDR,\n    input [{1}:0] WEA,\n    input [{2}:0] "
        "WEBWE,\n",
        address_bits - 1, is_36 ? 3 : 1, is_36 ? 7 : 3);
    text += fmt::format("    input [{0}:0] {2}, {3},\n    input [{1}:0] {4}, {5},\n", half - 1,
                        parity - 1, port("DIADI", "DINADIN"), port("DIBDI", "DINBDIN"),
                        port("DIPADIP", "DINPADINP"), port("DIPBDIP", "DINPBDINP"));
    text += fmt::format("    output [{0}:0] {2}, {3},\n    output [{1}:0] {4}, {5}\n);\n", half - 1,
                        parity - 1, port("DOADO", "DOUTADOUT"), port("DOBDO", "DOUTBDOUT"),
                        port("DOPADOP", "DOUTPADOUTP"), port("DOPBDOP", "DOUTPBDOUTP"));
    // In the widest mode port A reads both buses, and port B writes both.
    text += fmt::format(
        "    wire [63:0] do_a, do_b;\n    wire [7:0] dop_a, dop_b;\n"
        "    wire [63:0] di_b = WRITE_WIDTH_B == {wide} ? 64'({{{di_b}, {di_a}}}) : 64'({di_b});\n"
        "    wire [7:0] dip_b = WRITE_WIDTH_B == {wide} ? 8'({{{dip_b}, {dip_a}}}) : 8'({dip_b});\n"
        "    assign {do_a} = do_a[{half}-1:0];\n    assign {dop_a} = dop_a[{parity}-1:0];\n"
        "    assign {do_b} = READ_WIDTH_A == {wide} ? do_a[{half} +: {half}] : do_b[{half}-1:0];\n"
        "    assign {dop_b} = READ_WIDTH_A == {wide} ? dop_a[{parity} +: {parity}] : "
        "dop_b[{parity}-1:0];\n"
        "    qloom_block_ram #(\n        .AddressW({address}), .Init({{{init}}}), "
        ".InitParity({{{init_parity}}}),\n"
        "        .ReadA(READ_WIDTH_A), .ReadB(READ_WIDTH_B), .WriteA(WRITE_WIDTH_A), "
        ".WriteB(WRITE_WIDTH_B),\n"
        "        .ModeA(WRITE_MODE_A), .ModeB(WRITE_MODE_B)\n    ) core (\n"
        "        .clk_a(CLKARDCLK), .clk_b(CLKBWRCLK), .en_a(ENARDEN), .en_b(ENBWREN), "
        ".reset_a(RSTRAMARSTRAM), .reset_b(RSTRAMB),\n"
        "        .address_a(ADDRARDADDR[{address}-1:0]), .address_b(ADDRBWRADDR[{address}-1:0]), "
        ".we_a(8'(WEA)), .we_b(8'(WEBWE)),\n"
        "        .di_a(64'({di_a})), .di_b(di_b), .dip_a(8'({dip_a})), .dip_b(dip_b), .do_a(do_a), "
        ".do_b(do_b), .dop_a(dop_a), .dop_b(dop_b)\n"
        "    );\n",
        fmt::arg("wide", wide), fmt::arg("half", half), fmt::arg("parity", parity),
        fmt::arg("address", address), fmt::arg("init", init), fmt::arg("init_parity", init_parity),
        fmt::arg("di_a", port("DIADI", "DINADIN")), fmt::arg("di_b", port("DIBDI", "DINBDIN")),
        fmt::arg("dip_a", port("DIPADIP", "DINPADINP")),
        fmt::arg("dip_b", port("DIPBDIP", "DINPBDINP")),
        fmt::arg("do_a", port("DOADO", "DOUTADOUT")), fmt::arg("do_b", port("DOBDO", "DOUTBDOUT")),
        fmt::arg("dop_a", port("DOPADOP", "DOUTPADOUTP")),
        fmt::arg("dop_b", port("DOPBDOP", "DOUTPBDOUTP")));
    return text + "endmodule\n";
}

}  // namespace

std::string block_ram_models() {
    return std::string(kCore) + cell(18, 1) + cell(36, 1) + cell(18, 2) + cell(36, 2);
}

}  // namespace qloom::synth
