// ql_xnor_count: number of equal bits of two words of up to 18 bits, combinational, built for
// 6-input LUTs.
//
//   3 x 2 bits --> [2-bit count] \   low bits  --> [6:3 count] \
//      ...                        >                             > low + 2 * high --> count
//   3 x 2 bits --> [2-bit count] /   high bits --> [6:3 count] /
//
// Each count is written as a table of constants: as sums, synthesis would spend a carry chain on
// each.
//
// Model: popcount(~(x ^ w))   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_xnor_count #(
    parameter integer Inputs = 18  // bits compared, 1 to 18
) (
    input  wire  logic [Inputs-1:0] x_i,
    input  wire  logic [Inputs-1:0] w_i,
    output       logic [       4:0] count_o
);
    if (Inputs < 1 || Inputs > 18) begin : gen_check
        $error("ql_xnor_count: Inputs must be 1 to 18");
    end

    // Bit b of the number of ones in v is OnesB[v].
    localparam [63:0] Ones0 = 64'h6996_9669_9669_6996;
    localparam [63:0] Ones1 = 64'h8117_177e_177e_7ee8;
    localparam [63:0] Ones2 = 64'hfee8_e880_e880_8000;
    // Bits of the number of zeros among three.
    localparam [7:0] Zeros0 = 8'b0110_1001;
    localparam [7:0] Zeros1 = 8'b0001_0111;

    // Pairs beyond Inputs are set unequal, which counts nothing.
    logic [17:0] x, w;
    if (Inputs == 18) begin : gen_all
        assign x = x_i;
        assign w = w_i;
    end else begin : gen_pad
        assign x = {{(18 - Inputs) {1'b0}}, x_i};
        assign w = {{(18 - Inputs) {1'b1}}, w_i};
    end

    logic [5:0] low, high;
    for (genvar i = 0; i < 6; i++) begin : gen_triple
        logic [2:0] differ;
        assign differ = x[3*i +: 3] ^ w[3*i +: 3];
        assign low[i] = Zeros0[differ];
        assign high[i] = Zeros1[differ];
    end

    logic [2:0] ones, twos;
    assign ones = {Ones2[low], Ones1[low], Ones0[low]};
    assign twos = {Ones2[high], Ones1[high], Ones0[high]};
    assign count_o = {2'b00, ones} + {1'b0, twos, 1'b0};
endmodule
`default_nettype wire
