// ql_carry_add: a + b in one carry chain, whatever makes b in the LUTs in front of it.
//
//   b = f(up to 5 signals) --> [LUT: a ^ f] --> [carry] --> sum        one LUT a bit
//
// Written as a difference with a bit below: a plain sum lets Yosys put either operand beside the
// carry, which then costs the LUTs of f twice, and join sums of sums in a tree of full adders at
// two LUTs a bit.
//
// Model: a + b modulo 2^Width   Test: tests/rtl/matrix_vector_test.cpp (through its users)
// Cost:  README.md
`default_nettype none
module ql_carry_add #(
    parameter integer Width = 8  // bits, >= 1
) (
    input  wire  logic [Width-1:0] a_i,
    input  wire  logic [Width-1:0] b_i,
    output       logic [Width-1:0] sum_o
);
`ifdef SYNTHESIS
    // 2a - (2(-b - 1) + 1) = 2(a + b) + 1
    logic [Width:0] twice;
    assign twice = {a_i, 1'b0} - {~b_i, 1'b1};
    assign sum_o = twice[Width:1];
    wire unused = &{1'b0, twice[0]};
`else
    assign sum_o = a_i + b_i;
`endif
endmodule
`default_nettype wire
