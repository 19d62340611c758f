// ql_sum_tree: sum of Terms numbers, two neighbours at a time.
//
//   terms --> [+] --> [+] --> [register] --> [+] --> ... --> [register] --> sum
//
// Registers stand where the number of adder levels since the first of all, LevelsBefore of which
// lie in front of this tree, is a multiple of 3, and after the last level; so a single term passes
// through. Latency ceil((LevelsBefore + clog2(Terms)) / 3) - floor(LevelsBefore / 3) with Terms > 1.
//
// Model: sum   Test: tests/rtl/matrix_vector_test.cpp (through its users)
// Cost:  README.md
`default_nettype none
module ql_sum_tree #(
    parameter integer Terms        = 4,  // >= 1
    parameter integer TermW        = 8,  // bits of a term
    parameter integer TermSigned   = 1,  // 1: two's complement
    parameter integer SumW         = 10, // bits of the sum, which is taken modulo 2^SumW
    parameter integer LevelsBefore = 0   // adder levels since the last register in front, or since one a multiple of 3 before
) (
    input  wire  logic                   clk,
    input  wire  logic                   enable_i,
    input  wire  logic [Terms*TermW-1:0] terms_i,
    output       logic [       SumW-1:0] sum_o
);
    localparam integer Levels = Terms > 1 ? $clog2(Terms) : 0;
    localparam integer LeafW = TermW < SumW ? TermW : SumW;

    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Terms + (1 << l) - 1) >> l;
        localparam integer NodeW = LeafW + l < SumW ? LeafW + l : SumW;
        logic [Count*NodeW-1:0] sum, node;
        if (l == 0) begin : gen_terms
            for (genvar i = 0; i < Terms; i++) begin : gen_term
                assign sum[i*LeafW +: LeafW] = terms_i[i*TermW +: LeafW];
            end
        end else begin : gen_add
            localparam integer Below = (Terms + (1 << (l - 1)) - 1) >> (l - 1);
            localparam integer BelowW = LeafW + l - 1 < SumW ? LeafW + l - 1 : SumW;
            for (genvar i = 0; i < Count; i++) begin : gen_node
                logic [BelowW-1:0] left;
                logic [NodeW-1:0]  left_wide;
                assign left = gen_level[l-1].node[2*i*BelowW +: BelowW];
                if (NodeW == BelowW) begin : gen_same
                    assign left_wide = left;
                end else begin : gen_grow
                    assign left_wide = {TermSigned != 0 && left[BelowW-1], left};
                end
                if (2 * i + 1 < Below) begin : gen_pair
                    logic [BelowW-1:0] right;
                    logic [NodeW-1:0]  right_wide;
                    assign right = gen_level[l-1].node[(2*i+1)*BelowW +: BelowW];
                    if (NodeW == BelowW) begin : gen_same
                        assign right_wide = right;
                    end else begin : gen_grow
                        assign right_wide = {TermSigned != 0 && right[BelowW-1], right};
                    end
                    ql_carry_add #(.Width(NodeW)) add (
                        .a_i(left_wide), .b_i(right_wide), .sum_o(sum[i*NodeW +: NodeW])
                    );
                end else begin : gen_single
                    assign sum[i*NodeW +: NodeW] = left_wide;
                end
            end
        end
        if (l > 0 && ((LevelsBefore + l) % 3 == 0 || l == Levels)) begin : gen_register
            logic [Count*NodeW-1:0] sum_q;
            always_ff @(posedge clk) begin : p_sum
                if (enable_i) sum_q <= sum;
            end
            assign node = sum_q;
        end else begin : gen_wire
            assign node = sum;
        end
    end

    localparam integer TopW = LeafW + Levels < SumW ? LeafW + Levels : SumW;
    logic [TopW-1:0] top;
    assign top = gen_level[Levels].node;
    if (TopW < SumW) begin : gen_extend
        assign sum_o = {{(SumW - TopW) {TermSigned != 0 && top[TopW-1]}}, top};
    end else begin : gen_whole
        assign sum_o = top;
    end
    wire unused = &{1'b0, clk, enable_i, terms_i};
endmodule
`default_nettype wire
