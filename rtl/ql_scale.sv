// ql_scale: y = Mul * x for a constant Mul, modulo 2^OutputW; combinational.
//
// Model: Mul * x   Test: tests/rtl/arithmetic_test.cpp (through ql_add)
// Cost:  README.md
`default_nettype none
module ql_scale #(
    parameter integer InputW      = 8,  // bits of x
    parameter integer InputSigned = 0,  // 1: x is two's complement
    parameter integer Mul         = 1,  // the factor, may be negative
    parameter integer OutputW     = 8   // bits of y
) (
    input  wire  logic [ InputW-1:0] x_i,
    output       logic [OutputW-1:0] y_o
);
    localparam integer Magnitude = Mul < 0 ? -Mul : Mul;
    logic [OutputW-1:0] x, product;
    if (OutputW > InputW) begin : gen_extend
        assign x = {{(OutputW - InputW) {InputSigned != 0 && x_i[InputW-1]}}, x_i};
    end else begin : gen_cut
        assign x = x_i[OutputW-1:0];
        if (InputW > OutputW) begin : gen_unused
            wire unused = &{1'b0, x_i[InputW-1:OutputW]};
        end
    end
    assign product = x * OutputW'(Magnitude);
    assign y_o = Mul < 0 ? -product : product;
endmodule
`default_nettype wire
