// ql_ram: memory with one write port and one clocked read port.
//
//   write_*  --> [memory] --> data_q     data one clock after the address, held while read_enable is low
//
// The word being written must not be read in the same cycle (the users' counters see to that), so
// that the tools need no bypass.
//
// Model: none (identity)   Test: tests/rtl/stream_test.cpp (through ql_fifo)
// Cost:  README.md
`default_nettype none
module ql_ram #(
    parameter integer Width    = 8,       // bits of a word, >= 1
    parameter integer Depth    = 16,      // words, >= 1
    parameter         RamStyle = "auto",  // "auto", "block" or "distributed"
    parameter integer AddressW = Depth > 1 ? $clog2(Depth) : 1  // derived: do not set
) (
    input  wire  logic                clk,
    input  wire  logic                write_enable_i,
    input  wire  logic [AddressW-1:0] write_address_i,
    input  wire  logic [   Width-1:0] write_data_i,
    input  wire  logic                read_enable_i,
    input  wire  logic [AddressW-1:0] read_address_i,
    output       logic [   Width-1:0] read_data_o
);
    if (Width < 1 || Depth < 1) begin : gen_check
        $error("ql_ram: Width and Depth must be at least 1");
    end

    logic [Width-1:0] data_q;
    assign read_data_o = data_q;

    if (RamStyle == "block") begin : gen_block
        (* ram_style = "block" *)
        logic [Width-1:0] memory [0:Depth-1];
        always_ff @(posedge clk) begin : p_port
            if (write_enable_i) memory[write_address_i] <= write_data_i;
            if (read_enable_i) data_q <= memory[read_address_i];
        end
    end else if (RamStyle == "distributed") begin : gen_distributed
        (* ram_style = "distributed" *)
        logic [Width-1:0] memory [0:Depth-1];
        always_ff @(posedge clk) begin : p_port
            if (write_enable_i) memory[write_address_i] <= write_data_i;
            if (read_enable_i) data_q <= memory[read_address_i];
        end
    end else if (RamStyle == "auto") begin : gen_auto
        logic [Width-1:0] memory [0:Depth-1];
        always_ff @(posedge clk) begin : p_port
            if (write_enable_i) memory[write_address_i] <= write_data_i;
            if (read_enable_i) data_q <= memory[read_address_i];
        end
    end else begin : gen_style
        $error("ql_ram: RamStyle must be auto, block or distributed");
    end
endmodule
`default_nettype wire
