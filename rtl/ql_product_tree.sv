// ql_product_tree: sum of Simd products, each computed by itself: wide weights, or a single product.
//
//   x, w --> [products] --> [register] --> [2 adder levels] --> [register] --> ... --> sum_o
//
// One sum a clock while enable_i is high (everything holds while it is low). Latency 1 +
// ceil(clog2(Simd) / 2) clocks. Sums are kept modulo 2^SumW.
//
// Model: DotModel in tests/rtl/matrix_vector_test.cpp   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_product_tree #(
    parameter integer Simd          = 4,  // products, >= 1
    parameter integer InputW        = 4,  // bits of an input
    parameter integer InputSigned   = 0,  // 1: inputs are two's complement
    parameter integer WeightW       = 4,  // bits of a weight, two's complement
    parameter integer WeightBipolar = 0,  // 1: one-bit weights, 0 for -1 and 1 for +1
    parameter integer SumW          = 12  // bits of the sum
) (
    input  wire  logic                    clk,
    input  wire  logic                    enable_i,
    input  wire  logic [ Simd*InputW-1:0] x_i,
    input  wire  logic [Simd*WeightW-1:0] w_i,
    output       logic [        SumW-1:0] sum_o
);
    localparam integer Levels = Simd > 1 ? $clog2(Simd) : 0;
    localparam integer FullW = InputW + (WeightBipolar != 0 ? 1 : WeightW);
    localparam integer LeafW = FullW < SumW ? FullW : SumW;

    logic [Simd*LeafW-1:0] leaf_d, leaf_q;
    for (genvar i = 0; i < Simd; i++) begin : gen_leaf
        logic [FullW-1:0] term;
        if (WeightBipolar != 0) begin : gen_bipolar
            logic [FullW-1:0] x;
            assign x = {InputSigned != 0 && x_i[i*InputW+InputW-1], x_i[i*InputW +: InputW]};
            assign term = w_i[i] ? x : -x;
        end else begin : gen_product
            ql_product_sum #(
                .Products(1), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW)
            ) product_sum (
                .x_i(x_i[i*InputW +: InputW]), .w_i(w_i[i*WeightW +: WeightW]), .sum_o(term)
            );
        end
        if (LeafW < FullW) begin : gen_cut
            wire unused = &{1'b0, term[FullW-1:LeafW]};
        end
        assign leaf_d[i*LeafW +: LeafW] = term[LeafW-1:0];
    end

    always_ff @(posedge clk) begin : p_leaf
        if (enable_i) leaf_q <= leaf_d;
    end

    // The tree: level l adds neighbours of level l-1.
    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Simd + (1 << l) - 1) >> l;
        localparam integer NodeW = LeafW + l < SumW ? LeafW + l : SumW;
        logic [Count*NodeW-1:0] sum, node;
        if (l == 0) begin : gen_leaves
            assign sum = leaf_q;
        end else begin : gen_add
            localparam integer Below = (Simd + (1 << (l - 1)) - 1) >> (l - 1);
            localparam integer BelowW = LeafW + l - 1 < SumW ? LeafW + l - 1 : SumW;
            for (genvar i = 0; i < Count; i++) begin : gen_node
                logic [BelowW-1:0] left, right;
                assign left = gen_level[l-1].node[2*i*BelowW +: BelowW];
                if (2 * i + 1 < Below) begin : gen_pair
                    assign right = gen_level[l-1].node[(2*i+1)*BelowW +: BelowW];
                end else begin : gen_single
                    assign right = '0;
                end
                if (NodeW == BelowW) begin : gen_same
                    assign sum[i*NodeW +: NodeW] = left + right;
                end else begin : gen_grow
                    assign sum[i*NodeW +: NodeW] = {left[BelowW-1], left} + {right[BelowW-1], right};
                end
            end
        end
        if (l > 0 && (l % 2 == 0 || l == Levels)) begin : gen_register
            logic [Count*NodeW-1:0] sum_q;
            always_ff @(posedge clk) begin : p_sum
                if (enable_i) sum_q <= sum;
            end
            assign node = sum_q;
        end else begin : gen_wire
            assign node = sum;
        end
    end

    // The tree ends in a number of TopW bits, signed.
    localparam integer TopW = LeafW + Levels < SumW ? LeafW + Levels : SumW;
    logic [TopW-1:0] top;
    assign top = gen_level[Levels].node;
    if (TopW < SumW) begin : gen_extend_sum
        assign sum_o = {{(SumW - TopW) {top[TopW-1]}}, top};
    end else begin : gen_whole_sum
        assign sum_o = top;
    end
endmodule
`default_nettype wire
