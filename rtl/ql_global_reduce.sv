// ql_global_reduce: the sum or the maximum of each channel over all pixels of a frame.
//
//   s_axis --> [x] --> [x op value so far] --> [skid] --> m_axis   (during the last pixel)
//                        ^           |
//                        \--[memory]-/     a word a fold; a register when there is one fold
//
// A beat a clock; a frame of Pixels * Channels / Pe beats gives Channels / Pe; latency 2 from the
// beat of the last pixel. Sums are kept modulo 2^OutputW.
//
// Model: loop over pixels   Test: tests/rtl/pixel_test.cpp
// Cost:  README.md
`default_nettype none
module ql_global_reduce #(
    parameter integer Channels    = 8,      // of a pixel, a multiple of Pe
    parameter integer Pe          = 2,      // elements of a beat
    parameter integer Pixels      = 16,     // of a frame
    parameter integer InputW      = 4,      // bits of an input element
    parameter integer InputSigned = 0,      // 1: two's complement
    parameter integer OutputW     = 8,      // bits of a result
    parameter integer Maximum     = 0,      // 1: maximum, 0: sum
    parameter         RamStyle    = "auto"  // "auto", "block" or "distributed"
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
    if (Pe < 1 || Channels < 1 || Channels % Pe != 0) begin : gen_check_pe
        $error("ql_global_reduce: Pe must divide Channels");
    end
    if (Pixels < 1 || InputW < 1 || OutputW < 1) begin : gen_check
        $error("ql_global_reduce: Pixels and all widths must be at least 1");
    end

    localparam integer Folds = Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;
    localparam integer PixelW = Pixels > 1 ? $clog2(Pixels) : 1;
    localparam integer AccW = Maximum != 0 ? InputW : OutputW;

    logic              enable, is_last_fold, valid_q, is_first_q, is_last_q;
    logic [FoldW-1:0]  fold_q, fold_1_q;
    logic [PixelW-1:0] pixel_q;
    logic [Pe*InputW-1:0] x_q;
    logic [Pe*AccW-1:0] value, result;
    logic [Pe*OutputW-1:0] results;
    assign s_axis_tready = enable;
    assign is_last_fold = fold_q == FoldW'(Folds - 1);

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            valid_q <= 1'b0;
            fold_q  <= '0;
            pixel_q <= '0;
        end else if (enable) begin
            valid_q <= s_axis_tvalid;
            if (s_axis_tvalid) begin
                fold_q <= is_last_fold ? '0 : fold_q + 1'b1;
                if (is_last_fold) pixel_q <= pixel_q == PixelW'(Pixels - 1) ? '0 : pixel_q + 1'b1;
            end
        end
    end
    always_ff @(posedge clk) begin : p_input
        if (enable) begin
            x_q        <= s_axis_tdata;
            fold_1_q   <= fold_q;
            is_first_q <= pixel_q == '0;
            is_last_q  <= pixel_q == PixelW'(Pixels - 1);
        end
    end

    if (Folds == 1) begin : gen_register
        logic [Pe*AccW-1:0] value_q;
        always_ff @(posedge clk) begin : p_value
            if (enable && valid_q) value_q <= result;
        end
        assign value = value_q;
        wire unused = &{1'b0, fold_1_q};
    end else begin : gen_memory
        // A fold is read again after at least one other: its new value is in the memory by then.
        ql_ram #(.Width(Pe * AccW), .Depth(Folds), .RamStyle(RamStyle)) ram (
            .clk(clk),
            .write_enable_i(enable && valid_q), .write_address_i(fold_1_q), .write_data_i(result),
            .read_enable_i(enable && s_axis_tvalid), .read_address_i(fold_q), .read_data_o(value)
        );
    end

    for (genvar p = 0; p < Pe; p++) begin : gen_lane
        logic [InputW-1:0] x;
        logic [AccW-1:0] so_far, next;
        assign x = x_q[p*InputW +: InputW];
        assign so_far = value[p*AccW +: AccW];
        assign result[p*AccW +: AccW] = next;
        if (Maximum != 0) begin : gen_maximum
            // Flipping the sign bit orders two's complement numbers as unsigned ones.
            localparam [InputW-1:0] Flip = InputSigned != 0 ? InputW'(1) << (InputW - 1) : '0;
            assign next = is_first_q || (x ^ Flip) > (so_far ^ Flip) ? x : so_far;
            if (OutputW > InputW) begin : gen_extend
                assign results[p*OutputW +: OutputW] =
                    {{(OutputW - InputW) {InputSigned != 0 && next[InputW-1]}}, next};
            end else begin : gen_cut
                assign results[p*OutputW +: OutputW] = next[OutputW-1:0];
                wire unused = &{1'b0, next};
            end
        end else begin : gen_sum
            logic [OutputW-1:0] wide;
            if (OutputW > InputW) begin : gen_extend
                assign wide = {{(OutputW - InputW) {InputSigned != 0 && x[InputW-1]}}, x};
            end else begin : gen_cut
                assign wide = x[OutputW-1:0];
                wire unused = &{1'b0, x};
            end
            assign next = (is_first_q ? '0 : so_far) + wide;
            assign results[p*OutputW +: OutputW] = next;
        end
    end

    ql_skid #(.DataW(Pe * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q && is_last_q), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
