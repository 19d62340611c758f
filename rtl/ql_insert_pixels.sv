// ql_insert_pixels: constant pixels between the pixels of an image, for transposed convolution.
//
//   s_axis --> [count positions; wait for a pixel, or send the constant] --> [skid] --> m_axis
//
//   a b    with FactorX = FactorY = 2:    a . b
//   c d                                   . . .
//                                         c . d
//
// One output beat a clock, latency 1, no gap between frames. The first and the last pixel of a
// frame are pixels of the input: nothing is sent before a frame has come.
//
// Model: loops over positions   Test: tests/rtl/pixel_test.cpp
// Cost:  README.md
`default_nettype none
module ql_insert_pixels #(
    parameter integer ElemW   = 8,  // bits of an element
    parameter integer Elems   = 1,  // elements of a beat
    parameter integer Beats   = 1,  // beats of a pixel
    parameter integer Width   = 2,  // pixels of an input row
    parameter integer Height  = 2,  // input rows
    parameter integer FactorX = 2,  // distance of the input's pixels in the output, along a row
    parameter integer FactorY = 2,  // and across rows
    parameter integer Value   = 0   // element of an inserted pixel
) (
    input  wire  logic                   clk,
    input  wire  logic                   rst,
    input  wire  logic [Elems*ElemW-1:0] s_axis_tdata,
    input  wire  logic                   s_axis_tvalid,
    output       logic                   s_axis_tready,
    output       logic [Elems*ElemW-1:0] m_axis_tdata,
    output       logic                   m_axis_tvalid,
    input  wire  logic                   m_axis_tready
);
    if (ElemW < 1 || Elems < 1 || Beats < 1 || Width < 1 || Height < 1 || FactorX < 1 || FactorY < 1) begin : gen_check
        $error("ql_insert_pixels: all sizes must be at least 1");
    end

    localparam integer OutWidth = (Width - 1) * FactorX + 1;
    localparam integer OutHeight = (Height - 1) * FactorY + 1;
    localparam integer BeatW = Beats > 1 ? $clog2(Beats) : 1;
    localparam integer ColumnW = OutWidth > 1 ? $clog2(OutWidth) : 1;
    localparam integer RowW = OutHeight > 1 ? $clog2(OutHeight) : 1;
    localparam integer PhaseXW = FactorX > 1 ? $clog2(FactorX) : 1;
    localparam integer PhaseYW = FactorY > 1 ? $clog2(FactorY) : 1;
    localparam [ElemW-1:0] Element = ElemW'(Value);

    logic [  BeatW-1:0] beat_q;
    logic [ColumnW-1:0] column_q;
    logic [   RowW-1:0] row_q;
    logic [PhaseXW-1:0] phase_x_q;  // column modulo FactorX
    logic [PhaseYW-1:0] phase_y_q;
    logic is_input, valid, ready, pixel_ends, row_ends;

    assign is_input = phase_x_q == '0 && phase_y_q == '0;
    assign valid = s_axis_tvalid || !is_input;
    assign s_axis_tready = ready && is_input;
    assign pixel_ends = beat_q == BeatW'(Beats - 1);
    assign row_ends = column_q == ColumnW'(OutWidth - 1);

    always_ff @(posedge clk) begin : p_position
        if (rst) begin
            beat_q    <= '0;
            column_q  <= '0;
            row_q     <= '0;
            phase_x_q <= '0;
            phase_y_q <= '0;
        end else if (valid && ready) begin
            beat_q <= pixel_ends ? '0 : beat_q + 1'b1;
            if (pixel_ends) begin
                column_q  <= row_ends ? '0 : column_q + 1'b1;
                phase_x_q <= row_ends || phase_x_q == PhaseXW'(FactorX - 1) ? '0 : phase_x_q + 1'b1;
            end
            if (pixel_ends && row_ends) begin
                row_q     <= row_q == RowW'(OutHeight - 1) ? '0 : row_q + 1'b1;
                phase_y_q <= row_q == RowW'(OutHeight - 1) || phase_y_q == PhaseYW'(FactorY - 1)
                             ? '0 : phase_y_q + 1'b1;
            end
        end
    end

    ql_skid #(.DataW(Elems * ElemW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(is_input ? s_axis_tdata : {Elems{Element}}), .s_axis_tvalid(valid), .s_axis_tready(ready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
