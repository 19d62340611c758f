// ql_pair_leaf: dot product of a few pairs of inputs: chains for some bits of the weights each, and
// the tree that adds the chains up.
//
//   [chain, planes 0 ..]       \
//   [chain, planes Planes ..]   > [+ two neighbours, the upper one shifted] --> ... --> sum
//      ...                     /
//
// Latency RowStages, and a clock more for every third level of the tree (and after the last when
// IsLast).
//
// Model: sum of x * w   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_pair_leaf #(
    parameter integer Pairs        = 4,  // of inputs
    parameter integer InputW       = 8,  // bits of an input
    parameter integer InputSigned  = 0,  // 1: inputs are two's complement
    parameter integer WeightW      = 4,  // bits of a weight
    parameter integer WeightSigned = 1,  // 1: weights are two's complement
    parameter integer Chains       = 4,  // >= 1
    parameter integer Planes       = 1,  // of a chain; Chains * Planes >= WeightW > (Chains - 1) * Planes
    parameter integer RowStages    = 1,  // clocks of a chain
    parameter integer SumW         = 15, // bits of the sum
    parameter integer IsLast       = 1   // 1: a register after the last level of the tree
) (
    input  wire  logic                          clk,
    input  wire  logic                          enable_i,
    input  wire  logic [    2*Pairs*InputW-1:0] early_x_i,
    input  wire  logic [Pairs*(InputW+1)-1:0]   early_sums_i,
    input  wire  logic [    2*Pairs*InputW-1:0] late_x_i,
    input  wire  logic [Pairs*(InputW+1)-1:0]   late_sums_i,
    input  wire  logic [   2*Pairs*WeightW-1:0] w_i,
    output       logic [              SumW-1:0] sum_o
);
    localparam integer Levels = Chains > 1 ? $clog2(Chains) : 0;

    // Node i of level l has these bits of the weights: `low` is the lowest, its unit.
    function automatic integer low_of(input integer l, input integer i);
        low_of = (i << l) * Planes;
    endfunction
    function automatic integer planes_of(input integer l, input integer i);
        planes_of = low_of(l, i) + (Planes << l) <= WeightW ? Planes << l : WeightW - low_of(l, i);
    endfunction
    function automatic integer signed_of(input integer l, input integer i);
        signed_of = InputSigned != 0 || (WeightSigned != 0 && low_of(l, i) + planes_of(l, i) == WeightW) ? 1 : 0;
    endfunction
    // Bits of its sum: pairs times the largest sum of two inputs times the largest weight.
    function automatic integer width_of(input integer l, input integer i);
        integer bits, room;
        begin
            bits = $clog2(Pairs * ((1 << (InputW + 1)) - 2) * ((1 << planes_of(l, i)) - 1) + 1) + signed_of(l, i);
            room = SumW > low_of(l, i) ? SumW - low_of(l, i) : 1;
            width_of = bits < room ? bits : room;
        end
    endfunction

    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Chains + (1 << l) - 1) >> l;
        for (genvar i = 0; i < Count; i++) begin : gen_node
            localparam integer NodeW = width_of(l, i);
            logic [NodeW-1:0] sum, node;

            if (l == 0) begin : gen_chain
                localparam integer Low = low_of(l, i);
                localparam integer Own = planes_of(l, i);
                localparam integer HasSign = WeightSigned != 0 && Low + Own == WeightW ? 1 : 0;
                logic [2*Pairs*Own-1:0] w;
                for (genvar j = 0; j < 2 * Pairs; j++) begin : gen_weight
                    assign w[j*Own +: Own] = w_i[j*WeightW+Low +: Own];
                end
                ql_pair_chain #(
                    .Pairs(Pairs), .InputW(InputW), .InputSigned(InputSigned), .Planes(Own), .SignPlane(HasSign),
                    .Stages(RowStages), .SumW(NodeW)
                ) chain (
                    .clk(clk), .enable_i(enable_i),
                    .early_x_i(early_x_i), .early_sums_i(early_sums_i), .late_x_i(late_x_i), .late_sums_i(late_sums_i),
                    .w_i(w), .sum_o(sum)
                );
            end else begin : gen_add
                localparam integer Shift = Planes << (l - 1);
                localparam integer LeftW = width_of(l - 1, 2 * i);
                localparam integer LeftSigned = signed_of(l - 1, 2 * i);
                logic [LeftW-1:0] left;
                assign left = gen_level[l-1].gen_node[2*i].node;
                if (2 * i + 1 >= (Chains + (1 << (l - 1)) - 1) >> (l - 1)) begin : gen_single
                    assign sum = left;
                end else if (NodeW <= Shift) begin : gen_low
                    assign sum = left[NodeW-1:0];
                end else begin : gen_pair
                    localparam integer RightW = width_of(l - 1, 2 * i + 1);
                    localparam integer RightSigned = signed_of(l - 1, 2 * i + 1);
                    localparam integer AddW = NodeW - Shift;
                    logic [RightW-1:0] right;
                    logic [AddW-1:0]   left_high, right_wide;
                    assign right = gen_level[l-1].gen_node[2*i+1].node;
                    if (LeftW - Shift < AddW) begin : gen_left_extend
                        assign left_high = {{(AddW - (LeftW - Shift)) {LeftSigned != 0 && left[LeftW-1]}}, left[LeftW-1:Shift]};
                    end else begin : gen_left_same
                        assign left_high = left[Shift +: AddW];
                    end
                    if (RightW < AddW) begin : gen_right_extend
                        assign right_wide = {{(AddW - RightW) {RightSigned != 0 && right[RightW-1]}}, right};
                    end else begin : gen_right_same
                        assign right_wide = right[AddW-1:0];
                    end
                    ql_carry_add #(.Width(AddW)) add (
                        .a_i(left_high), .b_i(right_wide), .sum_o(sum[NodeW-1:Shift])
                    );
                    assign sum[Shift-1:0] = left[Shift-1:0];
                end
            end
            if (l > 0 && (l % 3 == 0 || (l == Levels && IsLast != 0))) begin : gen_register
                logic [NodeW-1:0] sum_q;
                always_ff @(posedge clk) begin : p_sum
                    if (enable_i) sum_q <= sum;
                end
                assign node = sum_q;
            end else begin : gen_wire
                assign node = sum;
            end
        end
    end

    localparam integer TopW = width_of(Levels, 0);
    if (TopW < SumW) begin : gen_extend
        localparam integer TopSigned = signed_of(Levels, 0);
        assign sum_o = {{(SumW - TopW) {TopSigned != 0 && gen_level[Levels].gen_node[0].node[TopW-1]}},
                        gen_level[Levels].gen_node[0].node};
    end else begin : gen_same
        assign sum_o = gen_level[Levels].gen_node[0].node[SumW-1:0];
    end
endmodule
`default_nettype wire
