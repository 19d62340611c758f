// ql_sum_or_max: a + b modulo 2^ValueW, or the larger of the two; combinational.
//
// Model: + or std::max   Test: tests/rtl/window_test.cpp (through ql_window_reduce)
// Cost:  README.md
`default_nettype none
module ql_sum_or_max #(
    parameter integer ValueW   = 4,  // bits of a, b and the result
    parameter integer IsSigned = 0,  // 1: two's complement
    parameter integer Sum      = 0   // 1: sum, 0: maximum
) (
    input  wire  logic [ValueW-1:0] a_i,
    input  wire  logic [ValueW-1:0] b_i,
    output       logic [ValueW-1:0] y_o
);
    if (Sum != 0) begin : gen_sum
        assign y_o = a_i + b_i;
    end else if (IsSigned != 0) begin : gen_signed
        assign y_o = $signed(a_i) > $signed(b_i) ? a_i : b_i;
    end else begin : gen_unsigned
        assign y_o = a_i > b_i ? a_i : b_i;
    end
endmodule
`default_nettype wire
