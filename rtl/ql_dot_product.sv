// ql_dot_product: sum of Simd products, pipelined; the arithmetic of one PE.
//
//   paired:  inputs, their sums --> [chains of rows, each a bit of two weights] --> [tree] --> sum_o
//   Xnor:    x, w --> [compressors] --> sum_o
//   else:    x, w --> [products] --> [tree] --> sum_o
//
// One sum a clock while enable_i is high (everything holds while it is low). x_i and sums_i come
// from ql_dot_inputs. The kinds:
//
//   integer:        sum of x * w, w two's complement
//   WeightBipolar:  sum of w ? x : 0; the user doubles it and subtracts the sum of all x
//   Xnor:           number of equal bits of x and w (unsigned)
//
// Latency from x to sum_o, ql_dot_inputs included, with P = ceil(Simd / 2):
//   paired (integers of up to 8 bits and bipolar, Simd > 1): L = ceil(P / 8) leaves of Q = ceil(P / L)
//     pairs; F = min(floor(8 / Q), WeightW), signed inputs also at most InputW + 1; C = ceil(WeightW / F)
//     chains of R = Q * ceil(WeightW / C) rows; 1 + ceil(R / 4) + ceil((clog2(C) + clog2(L)) / 3)
//   else 1 + ceil(clog2(G) / 2) with G = Simd, or G = ceil(Simd / 12) for Xnor
// With paired kinds w_i comes a clock after x. Dsp: as long as ql_dsp_pair takes.
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
    parameter integer SumW          = 12, // bits of the sum
    parameter integer Dsp           = 0,  // 1: waits for others, which are in DSP blocks (paired integers only)
    parameter integer Pairs = (Simd + 1) / 2  // derived: do not set
) (
    input  wire  logic                          clk,
    input  wire  logic                          enable_i,
    input  wire  logic [  2*2*Pairs*InputW-1:0] x_i,
    input  wire  logic [2*Pairs*(InputW+1)-1:0] sums_i,
    input  wire  logic [      Simd*WeightW-1:0] w_i,
    output       logic [              SumW-1:0] sum_o
);
    localparam integer IsPaired = Xnor == 0 && WeightW <= 8 && Simd > 1 ? 1 : 0;

    if (Dsp != 0 && (IsPaired == 0 || WeightBipolar != 0)) begin : gen_check
        $error("ql_dot_product: Dsp needs integer weights of up to 8 bits and Simd above 1");
    end

    logic [SumW-1:0] sum_now;
    if (Xnor != 0) begin : gen_xnor
        ql_xnor_count #(.Inputs(Simd), .CountW(SumW)) counter (
            .clk(clk), .enable_i(enable_i), .x_i(x_i[Simd-1:0]), .w_i(w_i), .count_o(sum_now)
        );
        wire unused = &{1'b0, x_i, sums_i};
    end else if (IsPaired == 0) begin : gen_single
        ql_product_tree #(
            .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
            .WeightBipolar(WeightBipolar), .SumW(SumW)
        ) tree (
            .clk(clk), .enable_i(enable_i), .x_i(x_i[Simd*InputW-1:0]), .w_i(w_i), .sum_o(sum_now)
        );
        wire unused = &{1'b0, x_i, sums_i};
    end else begin : gen_paired
        localparam integer Leaves = (Pairs + 7) / 8;
        localparam integer LeafPairs = (Pairs + Leaves - 1) / Leaves;
        localparam integer Room = 8 / LeafPairs < WeightW ? 8 / LeafPairs : WeightW;
        localparam integer Fit = InputSigned != 0 && InputW + 1 < Room ? InputW + 1 : Room;
        localparam integer Chains = (WeightW + Fit - 1) / Fit;
        localparam integer Planes = (WeightW + Chains - 1) / Chains;
        localparam integer RowStages = (LeafPairs * Planes + 3) / 4;
        localparam integer ChainLevels = Chains > 1 ? $clog2(Chains) : 0;
        localparam integer LeafLevels = Leaves > 1 ? $clog2(Leaves) : 0;
        localparam integer Levels = ChainLevels + LeafLevels;
        localparam integer TreeStages = (Levels + 2) / 3;
        // A weight's sign counts unless bipolar.
        localparam integer IsSigned = InputSigned != 0 || WeightBipolar == 0 ? 1 : 0;
        localparam integer FullLeafW = InputW + 1 + WeightW + $clog2(LeafPairs);
        localparam integer LeafW = FullLeafW < SumW ? FullLeafW : SumW;

`ifdef SYNTHESIS
        localparam integer IsPlain = 0;
`else
        localparam integer IsPlain = 1;
`endif

        if (IsPlain != 0) begin : gen_plain
            // Simulators are faster at products than at bits.
            localparam integer WideW = InputW + WeightW + SumW;
            localparam integer Stages = RowStages + TreeStages;
            logic [       SumW-1:0] sum;
            logic [Stages*SumW-1:0] stages_q;
            always_comb begin : p_plain
                logic signed [WideW-1:0] a, b;
                sum = '0;
                for (int i = 0; i < Simd; i++) begin
                    a = {{(WideW - InputW) {InputSigned != 0 && x_i[i*InputW+InputW-1]}}, x_i[i*InputW +: InputW]};
                    b = {{(WideW - WeightW) {WeightBipolar == 0 && w_i[i*WeightW+WeightW-1]}}, w_i[i*WeightW +: WeightW]};
                    sum = sum + SumW'(a * b);
                end
            end
            always_ff @(posedge clk) begin : p_stages
                if (enable_i) stages_q <= (Stages*SumW)'({stages_q, sum});
            end
            assign sum_now = stages_q[(Stages-1)*SumW +: SumW];
            wire unused = &{1'b0, x_i, sums_i};
        end else begin : gen_rows
            logic [2*Pairs*WeightW-1:0] w;
            if (Simd % 2 == 1) begin : gen_odd
                assign w = {{WeightW{1'b0}}, w_i};
            end else begin : gen_even
                assign w = w_i;
            end

            logic [Leaves*LeafW-1:0] leaf_sums;
            for (genvar f = 0; f < Leaves; f++) begin : gen_leaf
                localparam integer First = f * LeafPairs;
                localparam integer Own = First + LeafPairs <= Pairs ? LeafPairs : Pairs - First;
                ql_pair_leaf #(
                    .Pairs(Own), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
                    .WeightSigned(WeightBipolar == 0 ? 1 : 0), .Chains(Chains), .Planes(Planes), .RowStages(RowStages), .SumW(LeafW),
                    .IsLast(LeafLevels == 0 ? 1 : 0)
                ) leaf (
                    .clk(clk), .enable_i(enable_i),
                    .early_x_i(x_i[2*First*InputW +: 2*Own*InputW]),
                    .early_sums_i(sums_i[First*(InputW+1) +: Own*(InputW+1)]),
                    .late_x_i(x_i[(2*Pairs+2*First)*InputW +: 2*Own*InputW]),
                    .late_sums_i(sums_i[(Pairs+First)*(InputW+1) +: Own*(InputW+1)]),
                    .w_i(w[2*First*WeightW +: 2*Own*WeightW]),
                    .sum_o(leaf_sums[f*LeafW +: LeafW])
                );
            end
            // Levels are counted from the chains on: the leaves have added ChainLevels of them.
            ql_sum_tree #(
                .Terms(Leaves), .TermW(LeafW), .TermSigned(IsSigned), .SumW(SumW), .LevelsBefore(ChainLevels)
            ) tree (
                .clk(clk), .enable_i(enable_i), .terms_i(leaf_sums), .sum_o(sum_now)
            );
            wire unused = &{1'b0, TreeStages == 0};
        end
    end

    if (Dsp == 0) begin : gen_now
        assign sum_o = sum_now;
    end else begin : gen_wait
        localparam integer Leaves = (Pairs + 7) / 8;
        localparam integer LeafPairs = (Pairs + Leaves - 1) / Leaves;
        localparam integer Room = 8 / LeafPairs < WeightW ? 8 / LeafPairs : WeightW;
        localparam integer Fit = InputSigned != 0 && InputW + 1 < Room ? InputW + 1 : Room;
        localparam integer Chains = (WeightW + Fit - 1) / Fit;
        localparam integer Rows = LeafPairs * ((WeightW + Chains - 1) / Chains);
        localparam integer Levels = (Chains > 1 ? $clog2(Chains) : 0) + (Leaves > 1 ? $clog2(Leaves) : 0);
        localparam integer Own = 1 + (Rows + 3) / 4 + (Levels + 2) / 3;
        localparam integer Waits = (Simd < 4 ? Simd : 4) + 3 + ((Simd > 4 ? $clog2((Simd + 3) / 4) : 0) + 2) / 3 - Own;
        logic [Waits*SumW-1:0] waits_q;
        always_ff @(posedge clk) begin : p_wait
            if (enable_i) waits_q <= (Waits*SumW)'({waits_q, sum_now});
        end
        assign sum_o = waits_q[(Waits-1)*SumW +: SumW];
    end
endmodule
`default_nettype wire
