// ql_axis_batch: lets one DMA transfer carry many frames: tlast of the results comes with the last frame of the packet only.
//
//   s_axis (packet of frames) --> core_in --> accelerator --> core_out (tlast each frame) --> m_axis (tlast each packet)
//
// A packet is let in when all results of the one before have left, so the packet that a result belongs to is never in
// doubt. Wires only on the way of the data: no latency, no buffering.
//
// Model: none (identity but for tlast)   Test: tests/soc/stream_test.cpp
`default_nettype none
module ql_axis_batch #(
    parameter integer InW        = 8,  // bits of a beat that goes in
    parameter integer OutW       = 8,  // bits of a beat that comes out
    parameter integer FrameBeats = 1   // beats of a frame that goes in
) (
    input  wire  logic            clk,
    input  wire  logic            rst,
    input  wire  logic [ InW-1:0] s_axis_tdata,
    input  wire  logic            s_axis_tlast,
    input  wire  logic            s_axis_tvalid,
    output       logic            s_axis_tready,
    output       logic [ InW-1:0] core_in_tdata,
    output       logic            core_in_tvalid,
    input  wire  logic            core_in_tready,
    input  wire  logic [OutW-1:0] core_out_tdata,
    input  wire  logic            core_out_tlast,
    input  wire  logic            core_out_tvalid,
    output       logic            core_out_tready,
    output       logic [OutW-1:0] m_axis_tdata,
    output       logic            m_axis_tlast,
    output       logic            m_axis_tvalid,
    input  wire  logic            m_axis_tready
);
    localparam integer CountW = FrameBeats > 1 ? $clog2(FrameBeats) : 1;
    logic [CountW-1:0] beat_q;
    logic [15:0]       inside_q;   // frames that are in whole and not out whole
    logic              ended_q;    // the packet is in whole
    logic              in_beat, in_frame, out_frame, hold;

    assign core_in_tdata  = s_axis_tdata;
    assign core_in_tvalid = s_axis_tvalid && !ended_q;
    assign s_axis_tready  = core_in_tready && !ended_q;
    assign in_beat  = s_axis_tvalid && s_axis_tready;
    assign in_frame = in_beat && beat_q == CountW'(FrameBeats - 1);

    // The end of a frame's results waits until the frame is in whole: only then is it known whether it is the last one.
    assign hold            = core_out_tlast && inside_q == '0;
    assign m_axis_tdata    = core_out_tdata;
    assign m_axis_tlast    = core_out_tlast && ended_q && inside_q == 16'd1;
    assign m_axis_tvalid   = core_out_tvalid && !hold;
    assign core_out_tready = m_axis_tready && !hold;
    assign out_frame       = m_axis_tvalid && m_axis_tready && core_out_tlast;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            beat_q   <= '0;
            inside_q <= '0;
            ended_q  <= 1'b0;
        end else begin
            if (in_beat) beat_q <= in_frame ? '0 : beat_q + 1'b1;
            inside_q <= inside_q + 16'(in_frame) - 16'(out_frame);
            if (in_beat && s_axis_tlast) ended_q <= 1'b1;
            if (out_frame && m_axis_tlast) ended_q <= 1'b0;
        end
    end

`ifndef SYNTHESIS
    a_whole: assert property (@(posedge clk) disable iff (rst) in_beat && s_axis_tlast |-> in_frame)
        else $error("%m: a packet ends inside a frame");
`endif
endmodule
`default_nettype wire
