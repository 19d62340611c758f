// ql_matrix_vector: y = W x with W on chip; MatrixW inputs, MatrixH outputs, Pe rows x Simd columns
// a clock.
//
//   s_axis --> [replay buffer, 2 vectors] --> x --> [Pe dot products] --> [accumulators] --> [out] --> m_axis
//                (none when Pe == MatrixH)    w --/
//                       [weight memory] -----/
//
// The first DspPe of the PEs are pairs in DSP blocks (ql_dsp_pair), the others in LUTs.
//
// A vector is SF = MatrixW / Simd beats in and NF = MatrixH / Pe beats out. One vector each SF * NF
// clocks, vector after vector without a gap: the buffer takes the next vector while this one is
// replayed, and the first fold runs while its vector arrives. Latency from the last beat in to the
// first beat out: D + 2 clocks when NF == 1, else D + 3, with D the latency of ql_dot_product; the
// other beats follow every SF clocks.
//
// A weight word is read each clock: word fold * SF + s holds at bit (pe * Simd + j) * WeightW the
// weight of neuron fold * Pe + pe for input s * Simd + j. A single word is a constant and folds
// into the logic.
//
// Model: MatrixModel in tests/rtl/matrix_vector_test.cpp   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_matrix_vector #(
    parameter integer MatrixW       = 16,      // inputs of a vector, a multiple of Simd
    parameter integer MatrixH       = 8,       // outputs (neurons), a multiple of Pe
    parameter integer Pe            = 2,       // neurons computed in parallel = elements of an output beat
    parameter integer Simd          = 4,       // inputs taken in parallel = elements of an input beat
    parameter integer InputW        = 4,       // bits of an input, 1 to 16
    parameter integer InputSigned   = 0,       // 1: inputs are two's complement
    parameter integer WeightW       = 4,       // bits of a weight: 2 to 16, or 1 with WeightBipolar or Xnor
    parameter integer WeightBipolar = 0,       // 1: one-bit weights, 0 for -1 and 1 for +1
    parameter integer Xnor          = 0,       // 1: one-bit inputs and weights; counts equal bits
    parameter integer AccW          = 12,      // bits of a result, two's complement (unsigned with Xnor)
    parameter         WeightFile    = "",      // weight memory, file name without ".mem"
    parameter         RamStyle      = "auto",  // weight memory: "auto", "block" or "distributed"
    parameter         BufferStyle   = "auto",  // replay buffer: "auto", "block" or "distributed"
    parameter integer DspPe         = 0,       // PEs in DSP blocks, two a block; even; integer weights, Simd >= 2
    parameter         DspFamily     = "dsp48e1" // "dsp48e1" or "dsp48e2"
) (
    input  wire  logic                   clk,
    input  wire  logic                   rst,
    input  wire  logic [Simd*InputW-1:0] s_axis_tdata,
    input  wire  logic                   s_axis_tvalid,
    output       logic                   s_axis_tready,
    output       logic [    Pe*AccW-1:0] m_axis_tdata,
    output       logic                   m_axis_tvalid,
    input  wire  logic                   m_axis_tready
);
    if (Simd < 1 || MatrixW < 1 || MatrixW % Simd != 0) begin : gen_check_simd
        $error("ql_matrix_vector: Simd must divide MatrixW");
    end
    if (Pe < 1 || MatrixH < 1 || MatrixH % Pe != 0) begin : gen_check_pe
        $error("ql_matrix_vector: Pe must divide MatrixH");
    end
    if (InputW < 1 || InputW > 16 || AccW < 1) begin : gen_check_input
        $error("ql_matrix_vector: InputW must be 1 to 16 and AccW at least 1");
    end
    if (WeightBipolar != 0 || Xnor != 0) begin : gen_check_binary
        if (WeightW != 1) begin : gen_weight
            $error("ql_matrix_vector: WeightBipolar and Xnor need WeightW = 1");
        end
        if (Xnor != 0 && (InputW != 1 || WeightBipolar != 0)) begin : gen_xnor
            $error("ql_matrix_vector: Xnor needs InputW = 1 and WeightBipolar = 0");
        end
    end else if (WeightW < 2 || WeightW > 16) begin : gen_check_weight
        $error("ql_matrix_vector: WeightW must be 2 to 16");
    end
    if (DspPe < 0 || DspPe > Pe || DspPe % 2 != 0) begin : gen_check_dsp
        $error("ql_matrix_vector: DspPe must be an even number of up to Pe");
    end

    localparam integer SimdFolds = MatrixW / Simd;
    localparam integer NeuronFolds = MatrixH / Pe;
    localparam integer Words = SimdFolds * NeuronFolds;
    localparam integer SimdFoldW = SimdFolds > 1 ? $clog2(SimdFolds) : 1;
    localparam integer NeuronFoldW = NeuronFolds > 1 ? $clog2(NeuronFolds) : 1;
    localparam integer AddressW = Words > 1 ? $clog2(Words) : 1;
    localparam integer BeatW = Simd * InputW;

    // As ql_dot_inputs.sv has it: weights are due a clock after the inputs.
    localparam integer IsPaired = Xnor == 0 && WeightW <= 8 && Simd > 1 ? 1 : 0;

    logic enable;  // the pipeline moves
    logic issue;   // one fold step enters the pipeline

    // Where the computation is: step s of fold n, weight word `address`.
    logic [  SimdFoldW-1:0] step_q;
    logic [NeuronFoldW-1:0] fold_q;
    logic [   AddressW-1:0] address_q;
    logic                   last_step, last_fold;
    assign last_step = step_q == SimdFoldW'(SimdFolds - 1);
    assign last_fold = fold_q == NeuronFoldW'(NeuronFolds - 1);

    always_ff @(posedge clk) begin : p_position
        if (rst) begin
            step_q <= '0;
            fold_q <= '0;
            address_q <= '0;
        end else if (issue) begin
            step_q <= last_step ? '0 : step_q + 1'b1;
            if (last_step) fold_q <= last_fold ? '0 : fold_q + 1'b1;
            address_q <= last_step && last_fold ? '0 : address_q + 1'b1;
        end
    end

    // The beat x one clock after issue, the weight word when the dot products want it.
    logic [BeatW-1:0] x;
    logic [Pe*Simd*WeightW-1:0] weights;
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

    ql_rom #(.Width(Pe * Simd * WeightW), .Depth(Words), .File(WeightFile), .RamStyle(RamStyle)) weight_memory (
        .clk(clk), .enable_i(enable), .address_i(word), .data_o(weights)
    );

    if (NeuronFolds == 1) begin : gen_direct
        logic [BeatW-1:0] x_q;
        assign s_axis_tready = enable;
        assign issue = enable && s_axis_tvalid;
        always_ff @(posedge clk) begin : p_data
            if (enable) x_q <= s_axis_tdata;
        end
        assign x = x_q;
        wire unused = &{1'b0, BufferStyle == "auto"};
    end else begin : gen_replay
        // Two vectors side by side: address {half, step}. A word is free again once the last fold
        // has read it.
        localparam integer CountW = $clog2(2 * SimdFolds + 1);
        logic [SimdFoldW-1:0] write_step_q;
        logic                 write_half_q, read_half_q;
        logic [   CountW-1:0] free_q;  // words that may be written
        logic [   CountW-1:0] news_q;  // words that no fold has read yet
        logic                 write, fresh, release_word;

        assign s_axis_tready = free_q != '0;
        assign write = s_axis_tvalid && s_axis_tready;
        assign fresh = issue && fold_q == '0;
        assign release_word = issue && last_fold;
        assign issue = enable && (fold_q != '0 || news_q != '0);

        always_ff @(posedge clk) begin : p_control
            if (rst) begin
                write_step_q <= '0;
                write_half_q <= 1'b0;
                read_half_q <= 1'b0;
                free_q <= CountW'(2 * SimdFolds);
                news_q <= '0;
            end else begin
                if (write) begin
                    write_step_q <= write_step_q == SimdFoldW'(SimdFolds - 1) ? '0 : write_step_q + 1'b1;
                    if (write_step_q == SimdFoldW'(SimdFolds - 1)) write_half_q <= !write_half_q;
                end
                if (issue && last_step && last_fold) read_half_q <= !read_half_q;
                if (write && !release_word) free_q <= free_q - 1'b1;
                if (!write && release_word) free_q <= free_q + 1'b1;
                if (write && !fresh) news_q <= news_q + 1'b1;
                if (!write && fresh) news_q <= news_q - 1'b1;
            end
        end

        localparam integer BufferAddressW = SimdFolds > 1 ? SimdFoldW + 1 : 1;
        logic [BufferAddressW-1:0] write_address, read_address;
        if (SimdFolds > 1) begin : gen_address
            assign write_address = {write_half_q, write_step_q};
            assign read_address = {read_half_q, step_q};
        end else begin : gen_half
            assign write_address = write_half_q;
            assign read_address = read_half_q;
        end
        ql_ram #(.Width(BeatW), .Depth(1 << BufferAddressW), .RamStyle(BufferStyle)) buffer_memory (
            .clk(clk),
            .write_enable_i(write), .write_address_i(write_address), .write_data_i(s_axis_tdata),
            .read_enable_i(enable), .read_address_i(read_address), .read_data_o(x)
        );
    end

    logic [     2*2*((Simd+1)/2)*InputW-1:0] shared_x;
    logic [2*((Simd+1)/2)*(InputW+1)-1:0] shared_sums;
    logic [AccW-1:0] inverse;
    logic            step_valid, step_last;
    ql_dot_inputs #(
        .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
        .WeightBipolar(WeightBipolar), .Xnor(Xnor), .SumW(AccW), .Dsp(DspPe > 0 ? 1 : 0)
    ) dot_inputs (
        .clk(clk), .rst(rst), .enable_i(enable), .issue_i(issue), .last_step_i(last_step),
        .x_i(x), .x_o(shared_x), .sums_o(shared_sums), .inverse_o(inverse), .valid_o(step_valid), .last_o(step_last)
    );

    logic [Pe*AccW-1:0] sums, totals;
    for (genvar p = 0; p < DspPe; p = p + 2) begin : gen_dsp
        localparam integer WordW = Simd * WeightW;
        if (Words == 1) begin : gen_constant
            ql_dsp_pair #(
                .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW), .SumW(AccW), .Family(DspFamily)
            ) pair (
                .clk(clk), .enable_i(enable), .x_i(shared_x[Simd*InputW-1:0]),
                .w0_i(weights[p*WordW +: WordW]), .w1_i(weights[(p+1)*WordW +: WordW]),
                .sum0_o(sums[p*AccW +: AccW]), .sum1_o(sums[(p+1)*AccW +: AccW])
            );
        end else begin : gen_variable
            (* keep_hierarchy = "yes" *)
            ql_dsp_pair #(
                .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW), .SumW(AccW), .Family(DspFamily)
            ) pair (
                .clk(clk), .enable_i(enable), .x_i(shared_x[Simd*InputW-1:0]),
                .w0_i(weights[p*WordW +: WordW]), .w1_i(weights[(p+1)*WordW +: WordW]),
                .sum0_o(sums[p*AccW +: AccW]), .sum1_o(sums[(p+1)*AccW +: AccW])
            );
        end
    end
    for (genvar p = DspPe; p < Pe; p++) begin : gen_pe
        logic [AccW-1:0] sum;
        if (Words == 1) begin : gen_constant
            ql_dot_product #(
                .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
                .WeightBipolar(WeightBipolar), .Xnor(Xnor), .SumW(AccW), .Dsp(DspPe > 0 ? 1 : 0)
            ) dot_product (
                .clk(clk), .enable_i(enable), .x_i(shared_x), .sums_i(shared_sums),
                .w_i(weights[p*Simd*WeightW +: Simd*WeightW]), .sum_o(sum)
            );
        end else begin : gen_variable
            // Kept apart: synthesis then optimises one PE instead of Pe of them.
            (* keep_hierarchy = "yes" *)
            ql_dot_product #(
                .Simd(Simd), .InputW(InputW), .InputSigned(InputSigned), .WeightW(WeightW),
                .WeightBipolar(WeightBipolar), .Xnor(Xnor), .SumW(AccW), .Dsp(DspPe > 0 ? 1 : 0)
            ) dot_product (
                .clk(clk), .enable_i(enable), .x_i(shared_x), .sums_i(shared_sums),
                .w_i(weights[p*Simd*WeightW +: Simd*WeightW]), .sum_o(sum)
            );
        end
        if (IsPaired != 0 && WeightBipolar != 0) begin : gen_bipolar
            // Twice what has weight +1, less everything: 2a - x = 2a + 1 + ~x.
            logic [AccW:0] twice;
            assign twice = {sum, 1'b1};
            ql_carry_add #(.Width(AccW)) add (
                .a_i(twice[AccW-1:0]), .b_i(inverse), .sum_o(sums[p*AccW +: AccW])
            );
            wire unused = &{1'b0, twice[AccW]};
        end else begin : gen_integer
            assign sums[p*AccW +: AccW] = sum;
        end
    end
    wire unused_shared = &{1'b0, inverse, shared_x, shared_sums};

    if (SimdFolds == 1) begin : gen_single_step
        // A result each clock: the output needs both entries of a skid.
        assign totals = sums;
        wire unused = &{1'b0, step_last};
        ql_skid #(.DataW(Pe * AccW)) out (
            .clk(clk), .rst(rst),
            .s_axis_tdata(totals), .s_axis_tvalid(step_valid), .s_axis_tready(enable),
            .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
        );
    end else begin : gen_accumulate
        // A result each SimdFolds >= 2 clocks: one register does, it is empty again in time.
        logic [Pe*AccW-1:0] total_q, out_q;
        logic out_valid_q, total_first_q;

        for (genvar p = 0; p < Pe; p++) begin : gen_accumulator
            logic [AccW-1:0] base;
            assign base = total_first_q ? AccW'(0) : total_q[p*AccW +: AccW];
            ql_carry_add #(.Width(AccW)) add (
                .a_i(sums[p*AccW +: AccW]), .b_i(base), .sum_o(totals[p*AccW +: AccW])
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
