// ql_vector_vector: depthwise product: every channel of a window with its own kernel, weights on
// chip.
//
//   s_axis --> x --> [Simd-input dot product] x Pe * Multiplier --> [accumulators] --> [out] --> m_axis
//   [weight memory] --/
//
// A beat is Simd positions of Pe channels (channels innermost); Positions / Simd beats of a channel
// group follow each other and make one output beat of Pe * Multiplier elements: output channel
// c * Multiplier + j is kernel j of channel c. One beat a clock, window after window without a gap.
// Latency from the last beat of a group to its output beat: D + 2 clocks, with D the latency of
// ql_dot_product.
//
// Word group * SF + s (SF = Positions / Simd) of the weight memory holds at bit
// (lane * Simd + i) * WeightW the weight of output channel group * Pe * Multiplier + lane for
// position s * Simd + i.
//
// Model: slow_depthwise in tests/rtl/window_test.cpp   Test: tests/rtl/window_test.cpp
// Cost:  README.md
`default_nettype none
module ql_vector_vector #(
    parameter integer Channels      = 4,      // channels of a window, a multiple of Pe
    parameter integer Positions     = 9,      // positions of a window, a multiple of Simd
    parameter integer Multiplier    = 1,      // kernels of a channel
    parameter integer Pe            = 2,      // channels of a beat
    parameter integer Simd          = 1,      // positions of a beat
    parameter integer InputW        = 4,      // bits of an input, 1 to 16
    parameter integer InputSigned   = 0,      // 1: inputs are two's complement
    parameter integer WeightW       = 4,      // bits of a weight: 2 to 16, or 1 with WeightBipolar
    parameter integer WeightBipolar = 0,      // 1: one-bit weights, 0 for -1 and 1 for +1
    parameter integer AccW          = 12,     // bits of a result, two's complement
    parameter         WeightFile    = "",     // weight memory, file name without ".mem"
    parameter         RamStyle      = "auto"  // weight memory: "auto", "block" or "distributed"
) (
    input  wire  logic                          clk,
    input  wire  logic                          rst,
    input  wire  logic [    Simd*Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                          s_axis_tvalid,
    output       logic                          s_axis_tready,
    output       logic [Pe*Multiplier*AccW-1:0] m_axis_tdata,
    output       logic                          m_axis_tvalid,
    input  wire  logic                          m_axis_tready
);
    if (Pe < 1 || Channels < 1 || Channels % Pe != 0) begin : gen_check_pe
        $error("ql_vector_vector: Pe must divide Channels");
    end
    if (Simd < 1 || Positions < 1 || Positions % Simd != 0 || Multiplier < 1) begin : gen_check_simd
        $error("ql_vector_vector: Simd must divide Positions, Multiplier must be at least 1");
    end
    if (InputW < 1 || InputW > 16 || AccW < 1) begin : gen_check_input
        $error("ql_vector_vector: InputW must be 1 to 16 and AccW at least 1");
    end
    if (WeightBipolar != 0 ? WeightW != 1 : WeightW < 2 || WeightW > 16) begin : gen_check_weight
        $error("ql_vector_vector: WeightW must be 2 to 16, or 1 with WeightBipolar");
    end

    localparam integer Steps = Positions / Simd;
    localparam integer Words = Channels / Pe * Steps;
    localparam integer AddressW = Words > 1 ? $clog2(Words) : 1;
    localparam integer Lanes = Pe * Multiplier;
    // As ql_dot_inputs.sv has it: weights are due a clock after the inputs.
    localparam integer IsPaired = WeightW <= 8 && Simd > 1 ? 1 : 0;

    logic enable;  // the pipeline moves
    logic issue;   // one beat enters it
    logic last_step;
    assign s_axis_tready = enable;
    assign issue = enable && s_axis_tvalid;
    ql_loop #(.Turns(Steps)) loop_step (.clk(clk), .rst(rst), .step_i(issue), .last_o(last_step));

    logic [AddressW-1:0] address_q;
    always_ff @(posedge clk) begin : p_address
        if (rst) address_q <= '0;
        else if (issue) address_q <= address_q == AddressW'(Words - 1) ? '0 : address_q + 1'b1;
    end

    // The beat one clock after issue, its weights when the dot products want them.
    logic [   Simd*Pe*InputW-1:0] x_q;
    logic [Lanes*Simd*WeightW-1:0] weights;
    always_ff @(posedge clk) begin : p_data
        if (enable) x_q <= s_axis_tdata;
    end
    logic [AddressW-1:0] word;
    if (IsPaired != 0) begin : gen_word_later
        logic [AddressW-1:0] word_q;
        always_ff @(posedge clk) begin : p_word
            if (enable) word_q <= address_q;
        end
        assign word = word_q;
    end else begin : gen_word_now
        assign word = address_q;
    end
    ql_rom #(.Width(Lanes * Simd * WeightW), .Depth(Words), .File(WeightFile), .RamStyle(RamStyle)) weight_memory (
        .clk(clk), .enable_i(enable), .address_i(word), .data_o(weights)
    );

    logic [Lanes*AccW-1:0] sums;
    logic [       Pe-1:0]  valid, last;
    wire step_valid = valid[0];
    wire step_last = last[0];
    wire unused_flags = &{1'b0, valid, last};
    for (genvar c = 0; c < Pe; c++) begin : gen_channel
        logic [Simd*InputW-1:0] x;
        for (genvar i = 0; i < Simd; i++) begin : gen_position
            assign x[i*InputW +: InputW] = x_q[(i*Pe+c)*InputW +: InputW];
        end
        logic [     2*2*((Simd+1)/2)*InputW-1:0] shared_x;
        logic [2*((Simd+1)/2)*(InputW+1)-1:0] shared_sums;
        logic [AccW-1:0] inverse;
        ql_dot_inputs #(
            .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
            .WeightBipolar(WeightBipolar), .Xnor(0), .SumW(AccW)
        ) dot_inputs (
            .clk(clk), .rst(rst), .enable_i(enable), .issue_i(issue), .last_step_i(last_step),
            .x_i(x), .x_o(shared_x), .sums_o(shared_sums), .inverse_o(inverse), .valid_o(valid[c]), .last_o(last[c])
        );
        for (genvar k = 0; k < Multiplier; k++) begin : gen_kernel
            localparam integer Lane = c * Multiplier + k;
            logic [AccW-1:0] sum;
            ql_dot_product #(
                .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
                .WeightBipolar(WeightBipolar), .Xnor(0), .SumW(AccW)
            ) dot_product (
                .clk(clk), .enable_i(enable), .x_i(shared_x), .sums_i(shared_sums),
                .w_i(weights[Lane*Simd*WeightW +: Simd*WeightW]), .sum_o(sum)
            );
            if (IsPaired != 0 && WeightBipolar != 0) begin : gen_bipolar
                // Twice what has weight +1, less everything: 2a - x = 2a + 1 + ~x.
                logic [AccW:0] twice;
                assign twice = {sum, 1'b1};
                ql_carry_add #(.Width(AccW)) add (
                    .a_i(twice[AccW-1:0]), .b_i(inverse), .sum_o(sums[Lane*AccW +: AccW])
                );
                wire unused = &{1'b0, twice[AccW]};
            end else begin : gen_integer
                assign sums[Lane*AccW +: AccW] = sum;
            end
        end
        wire unused = &{1'b0, inverse};
    end

    if (Steps == 1) begin : gen_single_step
        // A result each clock: the output needs both entries of a skid.
        wire unused = &{1'b0, step_last};
        ql_skid #(.DataW(Lanes * AccW)) out (
            .clk(clk), .rst(rst),
            .s_axis_tdata(sums), .s_axis_tvalid(step_valid), .s_axis_tready(enable),
            .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
        );
    end else begin : gen_accumulate
        // A result each Steps >= 2 clocks: one register does, it is empty again in time.
        logic [Lanes*AccW-1:0] totals, total_q, out_q;
        logic                  out_valid_q, total_first_q;

        for (genvar l = 0; l < Lanes; l++) begin : gen_accumulator
            logic [AccW-1:0] base;
            assign base = total_first_q ? AccW'(0) : total_q[l*AccW +: AccW];
            ql_carry_add #(.Width(AccW)) add (
                .a_i(sums[l*AccW +: AccW]), .b_i(base), .sum_o(totals[l*AccW +: AccW])
            );
        end
        always_ff @(posedge clk) begin : p_total
            if (enable && step_valid) total_q <= totals;
            if (enable && step_valid && step_last) out_q <= totals;
        end

        assign enable = !(step_valid && step_last && out_valid_q);
        assign m_axis_tdata = out_q;
        assign m_axis_tvalid = out_valid_q;
        always_ff @(posedge clk) begin : p_out
            if (rst) begin
                out_valid_q <= 1'b0;
                total_first_q <= 1'b1;
            end else begin
                if (enable && step_valid && step_last) out_valid_q <= 1'b1;
                else if (m_axis_tready) out_valid_q <= 1'b0;
                if (enable && step_valid) total_first_q <= step_last;
            end
        end

`ifndef SYNTHESIS
        a_m_hold: assert property (@(posedge clk) disable iff (rst)
            m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
            else $error("%m: m_axis changed while it waited");
`endif
    end
endmodule
`default_nettype wire
