// ql_threshold: y = OutputBias + number of thresholds of the channel that x reaches; any step
// function that rises (or falls).
//
//   search:    x --> [x >= root?] --> [x >= node?] --> ... --> [leaf] --> [skid] --> m_axis     one level a clock
//   parallel:  x --> [x >= every T] --> [count] --> [skid] --> m_axis
//
// One beat a clock; latency search: clog2(Steps + 1) + 1, parallel: 3. Channel c is lane c % Pe of
// beat c / Pe; the beats of a pixel follow each other and the counter wraps, so frames of many
// pixels need nothing special.
//
// Thresholds have InputW + 1 bits, of the signedness of x, so that one that is never reached can be
// written; each channel's are sorted ascending. Memory layouts: README.md.
//
// Model: ThresholdModel in tests/rtl/threshold_test.cpp   Test: tests/rtl/threshold_test.cpp
// Cost:  README.md
`default_nettype none
module ql_threshold #(
    parameter integer Channels      = 8,        // channels of a pixel, a multiple of Pe
    parameter integer Pe            = 2,        // elements of a beat
    parameter integer InputW        = 12,       // bits of x
    parameter integer InputSigned   = 1,        // 1: x and the thresholds are two's complement
    parameter integer Steps         = 15,       // thresholds of a channel, 1 to 65535
    parameter integer OutputW       = 4,        // bits of y
    parameter integer OutputBias    = 0,        // y where no threshold is reached
    parameter integer Invert        = 0,        // 1: a memory tells which channels fall: y = OutputBias + Steps - count
    parameter         ThresholdFile = "",       // stem of the memory files
    parameter         RamStyle      = "auto",   // "auto", "block" or "distributed"
    parameter         Style         = "search", // "search" or "parallel"
    parameter integer BlockLevel    = 99        // search: levels from here on are in block RAM, whatever RamStyle says
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [ Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                  s_axis_tvalid,
    output       logic                  s_axis_tready,
    output       logic [Pe*OutputW-1:0] m_axis_tdata,
    output       logic                  m_axis_tvalid,
    input  wire  logic                  m_axis_tready
);
    if (Pe < 1 || Channels < 1 || Channels % Pe != 0 || Pe > 9999) begin : gen_check_pe
        $error("ql_threshold: Pe must divide Channels");
    end
    if (InputW < 1 || OutputW < 1 || Steps < 1 || Steps > 65535) begin : gen_check
        $error("ql_threshold: InputW and OutputW must be at least 1, Steps 1 to 65535");
    end
    if (Style != "search" && Style != "parallel") begin : gen_check_style
        $error("ql_threshold: Style must be search or parallel");
    end

    localparam integer Folds = Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;
    localparam integer Levels = $clog2(Steps + 1);
    localparam integer ThresholdW = InputW + 1;
    // Clocked stages before the skid.
    localparam integer Stages = Style == "search" ? Levels : 2;

    logic enable;
    assign s_axis_tready = enable;

    // The beat's fold and valid bit, and how they travel: element s is aligned with stage s.
    logic [FoldW-1:0]        fold_q;
    logic [Stages-1:0]       valid_q;
    logic [Stages*FoldW-1:0] folds_q;
    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            fold_q <= '0;
            valid_q <= '0;
        end else if (enable) begin
            if (s_axis_tvalid) fold_q <= fold_q == FoldW'(Folds - 1) ? '0 : fold_q + 1'b1;
            valid_q <= Stages'({valid_q, s_axis_tvalid});
        end
    end
    always_ff @(posedge clk) begin : p_folds
        if (enable) folds_q <= (Stages*FoldW)'({folds_q, fold_q});
    end

    // Which lanes fall, aligned with the last stage.
    logic [Pe-1:0] falls;
    if (Invert != 0) begin : gen_invert
        logic [FoldW-1:0] invert_fold;
        if (Stages == 1) begin : gen_now
            assign invert_fold = fold_q;
        end else begin : gen_before
            assign invert_fold = folds_q[(Stages-2)*FoldW +: FoldW];
        end
        ql_rom #(
            .Width(Pe), .Depth(Folds), .RamStyle(RamStyle),
            .File(ThresholdFile == "" ? "" : {ThresholdFile, "_invert"})
        ) invert_memory (
            .clk(clk), .enable_i(enable), .address_i(invert_fold), .data_o(falls)
        );
    end else begin : gen_rise
        assign falls = '0;
    end

    logic [Pe*Levels-1:0]  counts;
    logic [Pe*OutputW-1:0] results;

    if (Style == "search") begin : gen_search
        for (genvar p = 0; p < Pe; p++) begin : gen_lane
            for (genvar l = 0; l < Levels; l++) begin : gen_level
                // Stage l knows the upper l bits of the count and reads the threshold that decides
                // the next one.
                localparam integer Words = Folds << l;
                localparam integer AddressW = Words > 1 ? $clog2(Words) : 1;
                localparam [39:0] Name = {8'(48 + l / 10), 8'(48 + l % 10), "_", 8'(48 + p / 1000), 8'(48 + p / 100 % 10)};
                localparam [15:0] NameEnd = {8'(48 + p / 10 % 10), 8'(48 + p % 10)};
                logic [ThresholdW-1:0] threshold;
                logic [  AddressW-1:0] address;
                logic [    InputW-1:0] x_d, x_q;
                logic [           l:0] node;  // bits decided after this stage
                logic                  reached;

                if (l == 0) begin : gen_first
                    assign x_d = s_axis_tdata[p*InputW +: InputW];
                    assign address = fold_q;
                    assign node = reached;
                end else begin : gen_next
                    logic [l-1:0] before_q;
                    assign x_d = gen_level[l-1].x_q;
                    if (Folds > 1) begin : gen_folded
                        assign address = {folds_q[(l-1)*FoldW +: FoldW], gen_level[l-1].node};
                    end else begin : gen_single
                        assign address = gen_level[l-1].node;
                    end
                    always_ff @(posedge clk) begin : p_node
                        if (enable) before_q <= gen_level[l-1].node;
                    end
                    assign node = {before_q, reached};
                end

                localparam Ram = l >= BlockLevel ? "block" : RamStyle;
                localparam File = ThresholdFile == "" ? "" : {ThresholdFile, "_", Name, NameEnd};
                if (Words > 16) begin : gen_apart
                    // Kept apart: synthesis would otherwise double most of a large memory to choose
                    // late by the comparison that addresses it.
                    (* keep_hierarchy = "yes" *)
                    ql_rom #(.Width(ThresholdW), .Depth(Words), .RamStyle(Ram), .File(File)) words (
                        .clk(clk), .enable_i(enable), .address_i(address), .data_o(threshold)
                    );
                end else begin : gen_joined
                    ql_rom #(.Width(ThresholdW), .Depth(Words), .RamStyle(Ram), .File(File)) words (
                        .clk(clk), .enable_i(enable), .address_i(address), .data_o(threshold)
                    );
                end
                always_ff @(posedge clk) begin : p_x
                    if (enable) x_q <= x_d;
                end
                if (InputSigned != 0) begin : gen_signed
                    assign reached = $signed({x_q[InputW-1], x_q}) >= $signed(threshold);
                end else begin : gen_unsigned
                    assign reached = {1'b0, x_q} >= threshold;
                end
            end
            assign counts[p*Levels +: Levels] = gen_level[Levels-1].node;
        end
    end else begin : gen_parallel
        logic [Pe*Steps*ThresholdW-1:0] thresholds;
        logic [          Pe*InputW-1:0] x_q;
        logic [           Pe*Steps-1:0] reached, reached_q;

        ql_rom #(
            .Width(Pe * Steps * ThresholdW), .Depth(Folds), .File(ThresholdFile), .RamStyle(RamStyle)
        ) words (
            .clk(clk), .enable_i(enable), .address_i(fold_q), .data_o(thresholds)
        );
        always_ff @(posedge clk) begin : p_data
            if (enable) begin
                x_q <= s_axis_tdata;
                reached_q <= reached;
            end
        end
        for (genvar p = 0; p < Pe; p++) begin : gen_lane
            logic [InputW-1:0] x;
            assign x = x_q[p*InputW +: InputW];
            for (genvar t = 0; t < Steps; t++) begin : gen_step
                logic [ThresholdW-1:0] threshold;
                assign threshold = thresholds[(p*Steps+t)*ThresholdW +: ThresholdW];
                if (InputSigned != 0) begin : gen_signed
                    assign reached[p*Steps+t] = $signed({x[InputW-1], x}) >= $signed(threshold);
                end else begin : gen_unsigned
                    assign reached[p*Steps+t] = {1'b0, x} >= threshold;
                end
            end
            // The thresholds are sorted, so the count is found by asking one bit a level, not by
            // adding.
            logic [(1<<Levels)-1:0] ladder;
            logic [     Levels-1:0] count;
            assign ladder = {{((1 << Levels) - Steps) {1'b0}}, reached_q[p*Steps +: Steps]};
            always_comb begin : p_count
                count = '0;
                for (int b = Levels - 1; b >= 0; b--) begin
                    count[b] = ladder[count | Levels'((1 << b) - 1)];
                end
            end
            assign counts[p*Levels +: Levels] = count;
        end
    end

    for (genvar p = 0; p < Pe; p++) begin : gen_result
        localparam integer SumW = OutputW > Levels ? OutputW : Levels;
        logic [SumW-1:0] count, result;
        if (SumW > Levels) begin : gen_extend
            assign count = {{(SumW - Levels) {1'b0}}, counts[p*Levels +: Levels]};
        end else begin : gen_same
            assign count = counts[p*Levels +: Levels];
        end
        assign result = falls[p] ? SumW'(OutputBias + Steps) - count : SumW'(OutputBias) + count;
        if (SumW > OutputW) begin : gen_cut
            wire unused = &{1'b0, result[SumW-1:OutputW]};
        end
        assign results[p*OutputW +: OutputW] = result[OutputW-1:0];
    end
    wire unused = &{1'b0, folds_q};

    ql_skid #(.DataW(Pe * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q[Stages-1]), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
