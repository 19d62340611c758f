// ql_dot_product: sum of Simd products, pipelined; the arithmetic of one PE.
//
//   x, w --> [products] --> [2 adder levels] --> ... --> [2 adder levels] --> sum_o
//
// One sum a clock while enable_i is high (everything holds while it is low). Latency 1 + ceil(clog2(G) / 2) clocks, with
// G = Simd, or G = ceil(Simd / 18) for Xnor.
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
    // Leaves: what the tree adds up. LeafW bits each, as wide as the sum needs at most.
    localparam integer LeafInputs = Xnor != 0 ? 18 : 1;
    localparam integer Leaves = (Simd + LeafInputs - 1) / LeafInputs;
    localparam integer Levels = Leaves > 1 ? $clog2(Leaves) : 0;
    localparam integer FullW = Xnor != 0 ? $clog2((Simd < 18 ? Simd : 18) + 1)
                                         : InputW + (WeightBipolar != 0 ? 1 : WeightW);
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
            if (LeafW > 5) begin : gen_wide
                $error("ql_dot_product: a leaf has at most 5 bits");
            end
            assign leaf_d[i*LeafW +: LeafW] = count[LeafW-1:0];
        end else begin : gen_product
            // The input as a signed number one bit wider than an unsigned one.
            localparam integer XW = InputSigned != 0 ? InputW : InputW + 1;
            logic signed [XW-1:0] x;
            if (InputSigned != 0) begin : gen_signed
                assign x = x_i[i*InputW +: InputW];
            end else begin : gen_unsigned
                assign x = {1'b0, x_i[i*InputW +: InputW]};
            end
            logic signed [FullW-1:0] product;
            if (WeightBipolar != 0) begin : gen_bipolar
                logic signed [FullW-1:0] extended;
                if (FullW > XW) begin : gen_extend
                    assign extended = {x[XW-1], x};
                end else begin : gen_same
                    assign extended = x;
                end
                assign product = w_i[i] ? extended : -extended;
            end else begin : gen_integer
                logic signed [FullW-1:0] a, b;
                assign a = {{(FullW - XW) {x[XW-1]}}, x};
                assign b = {{InputW{w_i[i*WeightW+WeightW-1]}}, w_i[i*WeightW +: WeightW]};
                assign product = a * b;
            end
            if (LeafW < FullW) begin : gen_cut
                wire unused = &{1'b0, product[FullW-1:LeafW]};
            end
            assign leaf_d[i*LeafW +: LeafW] = product[LeafW-1:0];
        end
    end

    always_ff @(posedge clk) begin : p_leaf
        if (enable_i) leaf_q <= leaf_d;
    end

    // The tree: level l adds neighbours of level l-1; every second level, and the last, is registered.
    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Leaves + (1 << l) - 1) >> l;
        localparam integer NodeW = LeafW + l < SumW ? LeafW + l : SumW;
        logic [Count*NodeW-1:0] node;
        if (l == 0) begin : gen_leaves
            assign node = leaf_q;
        end else begin : gen_add
            localparam integer Below = (Leaves + (1 << (l - 1)) - 1) >> (l - 1);
            localparam integer BelowW = LeafW + l - 1 < SumW ? LeafW + l - 1 : SumW;
            logic [Count*NodeW-1:0] sum;
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
            if (l % 2 == 0 || l == Levels) begin : gen_register
                logic [Count*NodeW-1:0] sum_q;
                always_ff @(posedge clk) begin : p_sum
                    if (enable_i) sum_q <= sum;
                end
                assign node = sum_q;
            end else begin : gen_wire
                assign node = sum;
            end
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
