// ql_dsp_pair: the dot products of two PEs with the same inputs, two products a DSP block.
//
//   w1 * 2^LaneW + w0 --> [* x, + neighbour] --> ... --> [* x, + neighbour] \
//      ...                                                                   > [adder tree] --> two sums
//   w1 * 2^LaneW + w0 --> [* x, + neighbour] --> ... --> [* x, + neighbour] /
//
// Chains of up to four blocks, each of which takes its inputs a clock after the one before. A block's
// sum holds both lanes; where the lower one is negative the upper one is one too small, which the
// last step makes good. One pair of sums a clock; everything holds while enable_i is low.
//
// Latency min(Simd, 4) + 2 + ceil(clog2(ceil(Simd / 4)) / 3) clocks.
//
// Model: sums of x * w0 and x * w1   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_dsp_pair #(
    parameter integer Simd        = 4,         // products of a sum, >= 1
    parameter integer InputW      = 8,         // bits of an input, at most 17 (18 when signed)
    parameter integer InputSigned = 0,         // 1: inputs are two's complement
    parameter integer WeightW     = 4,         // bits of a weight, two's complement
    parameter integer SumW        = 14,        // bits of a sum, which is taken modulo 2^SumW
    parameter         Family      = "dsp48e1"  // "dsp48e1" or "dsp48e2"
) (
    input  wire  logic                    clk,
    input  wire  logic                    enable_i,
    input  wire  logic [ Simd*InputW-1:0] x_i,
    input  wire  logic [Simd*WeightW-1:0] w0_i,
    input  wire  logic [Simd*WeightW-1:0] w1_i,
    output       logic [        SumW-1:0] sum0_o,
    output       logic [        SumW-1:0] sum1_o
);
    localparam integer FactorW = Family == "dsp48e2" ? 27 : 25;
    localparam integer LaneW = InputW + WeightW + (Simd > 1 ? $clog2(Simd) : 0);
    localparam integer Length = Simd < 4 ? Simd : 4;
    localparam integer Chains = (Simd + 3) / 4;
    if (Simd < 1 || InputW + (InputSigned != 0 ? 0 : 1) > 18 || LaneW + WeightW + 1 > FactorW || 2 * LaneW > 48) begin : gen_check
        $error("ql_dsp_pair: two sums must fit a DSP block: InputW + 2 * WeightW + clog2(Simd) + 1 <= 25 (dsp48e2: 27)");
    end

    logic [Chains*2*LaneW-1:0] chain_sums;
    for (genvar c = 0; c < Chains; c++) begin : gen_chain
        localparam integer Own = 4 * c + 4 <= Simd ? Length : Simd - 4 * c;
        for (genvar i = 0; i < Own; i++) begin : gen_block
            // A short chain ends with the others.
            localparam integer Place = Length - Own + i;
            localparam integer Item = 4 * c + i;
            localparam integer FieldW = InputW + 2 * WeightW;
            logic [FieldW-1:0] now, field;
            assign now = {x_i[Item*InputW +: InputW], w1_i[Item*WeightW +: WeightW], w0_i[Item*WeightW +: WeightW]};
            if (Place >= 2) begin : gen_late
                logic [FieldW-1:0] first_q, second_q;
                always_ff @(posedge clk) begin : p_late
                    if (enable_i) begin
                        first_q <= now;
                        second_q <= first_q;
                    end
                end
                assign field = second_q;
            end else begin : gen_early
                assign field = now;
            end

            logic [FactorW-1:0] a, d;
            logic [       17:0] b;
            logic [       47:0] p, cascade, from;
            assign a = {{(FactorW - WeightW) {field[WeightW-1]}}, field[WeightW-1:0]};
            assign d = {{(FactorW - LaneW - WeightW) {field[2*WeightW-1]}}, field[WeightW +: WeightW], {LaneW{1'b0}}};
            if (InputW < 18) begin : gen_extend
                assign b = {{(18 - InputW) {InputSigned != 0 && field[FieldW-1]}}, field[2*WeightW +: InputW]};
            end else begin : gen_whole
                assign b = field[2*WeightW +: InputW];
            end
            if (i == 0) begin : gen_first
                assign from = '0;
            end else begin : gen_next
                assign from = gen_block[i-1].cascade;
            end
            ql_dsp_multiply_add #(.Family(Family), .First(i == 0 ? 1 : 0), .Delay(Place % 2)) dsp (
                .clk(clk), .enable_i(enable_i), .a_i(a), .d_i(d), .b_i(b),
                .cascade_i(from), .p_o(p), .cascade_o(cascade)
            );
            if (i == Own - 1) begin : gen_last
                assign chain_sums[c*2*LaneW +: 2*LaneW] = p[2*LaneW-1:0];
            end
            wire unused = &{1'b0, p, cascade};
        end
    end

    logic [2*LaneW-1:0] both;
    logic [  LaneW-1:0] low, high;
    ql_sum_tree #(.Terms(Chains), .TermW(2 * LaneW), .TermSigned(1), .SumW(2 * LaneW), .LevelsBefore(0)) tree (
        .clk(clk), .enable_i(enable_i), .terms_i(chain_sums), .sum_o(both)
    );
    assign low = both[LaneW-1:0];
    assign high = both[LaneW +: LaneW] + LaneW'(low[LaneW-1]);
    if (SumW > LaneW) begin : gen_wide
        assign sum0_o = {{(SumW - LaneW) {low[LaneW-1]}}, low};
        assign sum1_o = {{(SumW - LaneW) {high[LaneW-1]}}, high};
    end else begin : gen_narrow
        assign sum0_o = low[SumW-1:0];
        assign sum1_o = high[SumW-1:0];
        if (SumW < LaneW) begin : gen_cut
            wire unused = &{1'b0, low[LaneW-1:SumW], high[LaneW-1:SumW]};
        end
    end
endmodule
`default_nettype wire
