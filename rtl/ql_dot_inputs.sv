// ql_dot_inputs: what all dot products of a unit share: sums of neighbouring inputs, what goes with
// a step through the pipeline, and with bipolar weights the sum of all inputs.
//
//   x --> [register, x[2i] + x[2i+1]] --> early --> [register] --> late
//   issue, last_step --> [registers] --> valid_o, last_o        with the sum that the step becomes
//
// Paired kinds (integer weights of up to 8 bits, bipolar weights; Simd > 1): x_o and sums_o hold
// the early value (low half: one clock after x_i) and the late one (high half: two clocks), and
// weights are due with the early one. Else x_o is x_i in both halves, weights are due with it, and
// sums_o is zero.
//
// x_i comes a clock after issue_i. Latency from x_i to sums: README.md, "Cycles". Everything holds
// while enable_i is low.
//
// Model: x[2i] + x[2i+1]   Test: tests/rtl/matrix_vector_test.cpp (through its users)
// Cost:  README.md
`default_nettype none
module ql_dot_inputs #(
    parameter integer Simd          = 4,  // products of a sum, >= 1
    parameter integer InputW        = 4,  // bits of an input
    parameter integer InputSigned   = 0,  // 1: inputs are two's complement
    parameter integer WeightW       = 4,  // bits of a weight
    parameter integer WeightBipolar = 0,  // 1: one-bit weights, 0 for -1 and 1 for +1
    parameter integer Xnor          = 0,  // 1: one-bit inputs and weights
    parameter integer SumW          = 12, // bits of the sums
    parameter integer Dsp           = 0,  // 1: some PEs are in DSP blocks, which take longer
    parameter integer Pairs = (Simd + 1) / 2  // derived: do not set
) (
    input  wire  logic                          clk,
    input  wire  logic                          rst,
    input  wire  logic                          enable_i,
    input  wire  logic                          issue_i,      // a step begins
    input  wire  logic                          last_step_i,  // it is the last of a sum
    input  wire  logic [       Simd*InputW-1:0] x_i,
    output       logic [  2*2*Pairs*InputW-1:0] x_o,          // an odd Simd has a zero at the end
    output       logic [2*Pairs*(InputW+1)-1:0] sums_o,
    output       logic [              SumW-1:0] inverse_o,    // paired bipolar: ~ of the sum of all inputs
    output       logic                          valid_o,
    output       logic                          last_o
);
    // The latency of ql_dot_product, whose structure the names are explained by.
    localparam integer IsPaired = Xnor == 0 && WeightW <= 8 && Simd > 1 ? 1 : 0;
    localparam integer Leaves = IsPaired != 0 ? (Pairs + 7) / 8 : Xnor != 0 ? (Simd + 11) / 12 : Simd;
    localparam integer LeafLevels = Leaves > 1 ? $clog2(Leaves) : 0;
    localparam integer LeafPairs = IsPaired != 0 ? (Pairs + Leaves - 1) / Leaves : 1;
    localparam integer Room = 8 / LeafPairs < WeightW ? 8 / LeafPairs : WeightW;
    localparam integer Fit = InputSigned != 0 && InputW + 1 < Room ? InputW + 1 : Room;
    localparam integer Chains = (WeightW + Fit - 1) / Fit;
    localparam integer ChainLevels = Chains > 1 ? $clog2(Chains) : 0;
    localparam integer Rows = LeafPairs * ((WeightW + Chains - 1) / Chains);
    localparam integer OwnLatency = IsPaired != 0 ? 1 + (Rows + 3) / 4 + (ChainLevels + LeafLevels + 2) / 3
                                               : 1 + (LeafLevels + 1) / 2;
    // The latency of ql_dsp_pair, and the clock in front.
    localparam integer DspLatency = (Simd < 4 ? Simd : 4) + 3 + ((Simd > 4 ? $clog2((Simd + 3) / 4) : 0) + 2) / 3;
    localparam integer Latency = Dsp != 0 ? DspLatency : OwnLatency;

    logic [Latency:0] valid_q, last_q;
    always_ff @(posedge clk) begin : p_valid
        if (rst) valid_q <= '0;
        else if (enable_i) valid_q <= {valid_q[Latency-1:0], issue_i};
    end
    always_ff @(posedge clk) begin : p_last
        if (enable_i) last_q <= {last_q[Latency-1:0], last_step_i};
    end
    assign valid_o = valid_q[Latency];
    assign last_o = last_q[Latency];

    localparam integer XW = 2 * Pairs * InputW;
    localparam integer SumsW = Pairs * (InputW + 1);
    logic [XW-1:0] x;
    if (Simd % 2 == 1) begin : gen_odd
        assign x = {{InputW{1'b0}}, x_i};
    end else begin : gen_even
        assign x = x_i;
    end

    if (IsPaired == 0) begin : gen_pass
        assign x_o = {x, x};
        assign sums_o = '0;
    end else begin : gen_paired
        logic [   XW-1:0] x_early_q, x_late_q;
        logic [SumsW-1:0] sums, sums_early_q, sums_late_q;
        for (genvar i = 0; i < Pairs; i++) begin : gen_pair
            logic [InputW-1:0] a, b;
            assign a = x[2*i*InputW +: InputW];
            assign b = x[(2*i+1)*InputW +: InputW];
            assign sums[i*(InputW+1) +: InputW+1] =
                {InputSigned != 0 && a[InputW-1], a} + {InputSigned != 0 && b[InputW-1], b};
        end
        always_ff @(posedge clk) begin : p_shared
            if (enable_i) begin
                x_early_q <= x;
                sums_early_q <= sums;
                x_late_q <= x_early_q;
                sums_late_q <= sums_early_q;
            end
        end
        assign x_o = {x_late_q, x_early_q};
        assign sums_o = {sums_late_q, sums_early_q};
    end

    // As if all weights were one.
    if (IsPaired != 0 && WeightBipolar != 0) begin : gen_total
        logic [SumW-1:0] total;
        ql_dot_product #(
            .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(1), .WeightBipolar(1), .Xnor(0), .SumW(SumW)
        ) dot_product (
            .clk(clk), .enable_i(enable_i), .x_i(x_o), .sums_i(sums_o), .w_i({Simd{1'b1}}), .sum_o(total)
        );
        assign inverse_o = ~total;
    end else begin : gen_no_total
        assign inverse_o = '0;
    end
endmodule
`default_nettype wire
