// ql_two_blocks: who writes and who reads a memory of two blocks. A block is written in order and
// read in any order when it is whole, while the next one is written.
//
//   push --> write_address        pull --> read_base, read_index, read_ends
//
// A word a clock on both sides, no gap between blocks.
//
// Model: queue of whole blocks   Test: tests/rtl/pixel_test.cpp (through its users)
// Cost:  README.md
`default_nettype none
module ql_two_blocks #(
    parameter integer Words    = 4,                                 // of a block, >= 1
    parameter integer AddressW = $clog2(2 * Words),                 // derived: do not set
    parameter integer IndexW   = Words > 1 ? $clog2(Words) : 1      // derived: do not set
) (
    input  wire  logic                clk,
    input  wire  logic                rst,
    output       logic                can_push_o,
    input  wire  logic                push_i,
    output       logic [AddressW-1:0] write_address_o,
    output       logic                can_pull_o,
    input  wire  logic                pull_i,
    output       logic [AddressW-1:0] read_base_o,   // 0 or Words
    output       logic [  IndexW-1:0] read_index_o,  // which word of its block is pulled next
    output       logic                read_ends_o    // the last one
);
    if (Words < 1) begin : gen_check
        $error("ql_two_blocks: Words must be at least 1");
    end

    logic [IndexW-1:0] write_q, read_q;
    logic              write_half_q, read_half_q;
    logic [1:0]        whole_q;  // blocks written and not yet read to their end
    logic              filled, emptied;

    assign can_push_o = whole_q != 2'd2;
    assign can_pull_o = whole_q != 2'd0;
    assign write_address_o = (write_half_q ? AddressW'(Words) : '0) + AddressW'(write_q);
    assign read_base_o = read_half_q ? AddressW'(Words) : '0;
    assign read_index_o = read_q;
    assign read_ends_o = read_q == IndexW'(Words - 1);
    assign filled = push_i && write_q == IndexW'(Words - 1);
    assign emptied = pull_i && read_ends_o;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            write_q      <= '0;
            read_q       <= '0;
            write_half_q <= 1'b0;
            read_half_q  <= 1'b0;
            whole_q      <= 2'd0;
        end else begin
            if (push_i) write_q <= filled ? '0 : write_q + 1'b1;
            if (pull_i) read_q <= emptied ? '0 : read_q + 1'b1;
            if (filled) write_half_q <= !write_half_q;
            if (emptied) read_half_q <= !read_half_q;
            if (filled && !emptied) whole_q <= whole_q + 1'b1;
            if (emptied && !filled) whole_q <= whole_q - 1'b1;
        end
    end
endmodule
`default_nettype wire
