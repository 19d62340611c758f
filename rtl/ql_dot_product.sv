// ql_dot_product: sum of Simd products, pipelined; the arithmetic of one PE.
//
//   x, w --> [products, pairs of them or counts] --> [2 adder levels] --> ... --> [2 adder levels] --> sum_o
//
// One sum a clock while enable_i is high (everything holds while it is low). Latency 1 +
// ceil(clog2(G) / 2) clocks, with G = Simd, or G = ceil(Simd / 18) for Xnor.
//
//   integer:        sum of x * w, w two's complement
//   WeightBipolar:  sum of w ? x : -x
//   Xnor:           number of equal bits of x and w (unsigned)
//
// Sums are kept modulo 2^SumW, so SumW needs to hold the final sum only.
//
// Model: DotModel in tests/rtl/matrix_vector_test.cpp   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_dot_product #(
    parameter integer Simd          = 4,  // products, >= 1
    parameter integer InputW        = 4,  // bits of an input
    parameter integer InputSigned   = 0,  // 1: inputs are two's complement
    parameter integer WeightW       = 4,  // bits of a weight
    parameter integer WeightBipolar = 0,  // 1: one-bit weights, 0 for -1 and 1 for +1
    parameter integer Xnor          = 0,  // 1: one-bit inputs and weights, count of equal bits
    parameter integer SumW          = 12  // bits of the sum
) (
    input  wire  logic                    clk,
    input  wire  logic                    enable_i,
    input  wire  logic [ Simd*InputW-1:0] x_i,
    input  wire  logic [Simd*WeightW-1:0] w_i,
    output       logic [        SumW-1:0] sum_o
);
    // Leaves: what the tree adds up, LeafW bits each, no wider than the sum. Narrow integer
    // products come in pairs, which saves the first level of the tree; the clocks stay those of
    // single products.
    localparam integer IsInteger = Xnor == 0 && WeightBipolar == 0 ? 1 : 0;
    localparam integer Paired = IsInteger != 0 && WeightW <= 4 && Simd > 1 ? 1 : 0;
    localparam integer LeafInputs = Xnor != 0 ? 18 : Paired != 0 ? 2 : 1;
    localparam integer Leaves = (Simd + LeafInputs - 1) / LeafInputs;
    localparam integer Levels = Leaves > 1 ? $clog2(Leaves) : 0;
    localparam integer FullW = Xnor != 0 ? $clog2((Simd < 18 ? Simd : 18) + 1)
                                         : InputW + (WeightBipolar != 0 ? 1 : WeightW) + Paired;
    localparam integer LeafW = FullW < SumW ? FullW : SumW;

    logic [Leaves*LeafW-1:0] leaf_d, leaf_q;

    for (genvar i = 0; i < Leaves; i++) begin : gen_leaf
        if (Xnor != 0) begin : gen_xnor
            localparam integer Inputs = (i + 1) * 18 <= Simd ? 18 : Simd - i * 18;
            logic [4:0] count;
            ql_xnor_count #(.Inputs(Inputs)) counter (
                .x_i(x_i[i*18 +: Inputs]), .w_i(w_i[i*18 +: Inputs]), .count_o(count)
            );
            if (LeafW < 5) begin : gen_cut
                wire unused = &{1'b0, count[4:LeafW]};
            end
            assign leaf_d[i*LeafW +: LeafW] = count[LeafW-1:0];
        end else if (WeightBipolar != 0) begin : gen_bipolar
            logic [FullW-1:0] x, term;
            assign x = {InputSigned != 0 && x_i[i*InputW+InputW-1], x_i[i*InputW +: InputW]};
            assign term = w_i[i] ? x : -x;
            if (LeafW < FullW) begin : gen_cut
                wire unused = &{1'b0, term[FullW-1:LeafW]};
            end
            assign leaf_d[i*LeafW +: LeafW] = term[LeafW-1:0];
        end else begin : gen_product
            localparam integer First = i * LeafInputs;
            localparam integer Products = First + LeafInputs <= Simd ? LeafInputs : 1;
            localparam integer OwnW = InputW + WeightW + Products - 1;
            logic [ OwnW-1:0] own;
            logic [FullW-1:0] term;
            ql_product_sum #(
                .Products(Products), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW)
            ) product_sum (
                .x_i(x_i[First*InputW +: Products*InputW]), .w_i(w_i[First*WeightW +: Products*WeightW]), .sum_o(own)
            );
            if (OwnW < FullW) begin : gen_extend
                assign term = {own[OwnW-1], own};
            end else begin : gen_same
                assign term = own;
            end
            if (LeafW < FullW) begin : gen_cut
                wire unused = &{1'b0, term[FullW-1:LeafW]};
            end
            assign leaf_d[i*LeafW +: LeafW] = term[LeafW-1:0];
        end
    end

    always_ff @(posedge clk) begin : p_leaf
        if (enable_i) leaf_q <= leaf_d;
    end

    // The tree: level l adds neighbours of level l-1. Registers stand where a tree over single
    // products has them: after every second level and after the last; Paired counts the level that
    // the pairs replace.
    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Leaves + (1 << l) - 1) >> l;
        localparam integer NodeW = LeafW + l < SumW ? LeafW + l : SumW;
        localparam integer Depth = l + Paired;
        logic [Count*NodeW-1:0] sum, node;
        if (l == 0) begin : gen_leaves
            assign sum = leaf_q;
        end else begin : gen_add
            localparam integer Below = (Leaves + (1 << (l - 1)) - 1) >> (l - 1);
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
                    logic left_top, right_top;
                    assign left_top = Xnor == 0 && left[BelowW-1];
                    assign right_top = Xnor == 0 && right[BelowW-1];
                    assign sum[i*NodeW +: NodeW] = {left_top, left} + {right_top, right};
                end
            end
        end
        if (Depth > 0 && (Depth % 2 == 0 || l == Levels)) begin : gen_register
            logic [Count*NodeW-1:0] sum_q;
            always_ff @(posedge clk) begin : p_sum
                if (enable_i) sum_q <= sum;
            end
            assign node = sum_q;
        end else begin : gen_wire
            assign node = sum;
        end
    end

    // The tree ends in a number of TopW bits, signed unless Xnor.
    localparam integer TopW = LeafW + Levels < SumW ? LeafW + Levels : SumW;
    logic [TopW-1:0] top;
    assign top = gen_level[Levels].node;
    if (TopW < SumW) begin : gen_extend_sum
        assign sum_o = {{(SumW - TopW) {Xnor == 0 && top[TopW-1]}}, top};
    end else begin : gen_whole_sum
        assign sum_o = top;
    end
endmodule
`default_nettype wire
