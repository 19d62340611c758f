// ql_rom: read-only memory with a clocked read, initialised from a file.
//
//   address --> [memory] --> data_q      data one clock after the address, held while enable is low
//
// With one word it is that constant, so that whatever uses it folds into logic.
//
// Model: none (identity)   Test: tests/rtl/arithmetic_test.cpp (through its users)
// Cost:  README.md
`default_nettype none
module ql_rom #(
    parameter integer Width    = 8,       // bits of a word, >= 1
    parameter integer Depth    = 16,      // words, >= 1
    parameter         File     = "",      // file name without ".mem"; "" leaves the words undefined
    parameter         RamStyle = "auto",  // "auto", "block" or "distributed"
    parameter integer AddressW = Depth > 1 ? $clog2(Depth) : 1  // derived: do not set
) (
    input  wire  logic                clk,
    input  wire  logic                enable_i,
    input  wire  logic [AddressW-1:0] address_i,
    output       logic [   Width-1:0] data_o
);
    if (Width < 1 || Depth < 1) begin : gen_check
        $error("ql_rom: Width and Depth must be at least 1");
    end

    if (Depth == 1) begin : gen_constant
        logic [Width-1:0] memory [0:0];
        if (File != "") begin : gen_init
            initial $readmemh({File, ".mem"}, memory);
        end
        assign data_o = memory[0];
        wire unused = &{1'b0, clk, enable_i, address_i};
    end else if (RamStyle == "block") begin : gen_block
        (* rom_style = "block", ram_style = "block" *)
        logic [Width-1:0] memory [0:Depth-1];
        logic [Width-1:0] data_q;
        if (File != "") begin : gen_init
            initial $readmemh({File, ".mem"}, memory);
        end
        always_ff @(posedge clk) begin : p_read
            if (enable_i) data_q <= memory[address_i];
        end
        assign data_o = data_q;
    end else if (RamStyle == "distributed") begin : gen_distributed
        // Vivado calls a ROM in LUTs "distributed"; Yosys has no such cell for a ROM and calls it
        // "logic".
`ifdef YOSYS
        (* rom_style = "logic", ram_style = "logic" *)
`else
        (* rom_style = "distributed", ram_style = "distributed" *)
`endif
        logic [Width-1:0] memory [0:Depth-1];
        logic [Width-1:0] data_q;
        if (File != "") begin : gen_init
            initial $readmemh({File, ".mem"}, memory);
        end
        always_ff @(posedge clk) begin : p_read
            if (enable_i) data_q <= memory[address_i];
        end
        assign data_o = data_q;
    end else if (RamStyle == "auto") begin : gen_auto
        logic [Width-1:0] memory [0:Depth-1];
        logic [Width-1:0] data_q;
        if (File != "") begin : gen_init
            initial $readmemh({File, ".mem"}, memory);
        end
        always_ff @(posedge clk) begin : p_read
            if (enable_i) data_q <= memory[address_i];
        end
        assign data_o = data_q;
    end else begin : gen_style
        $error("ql_rom: RamStyle must be auto, block or distributed");
    end
endmodule
`default_nettype wire
