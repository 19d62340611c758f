// ql_output: the end of an accelerator: beats padded with zeros to whole bytes, tlast on the last
// beat of a frame.
//
//   s_axis --> [count] --> [skid] --> m_axis      one beat a clock, latency 1
//
// Model: none (identity)   Test: tests/rtl/routing_test.cpp
// Cost:  README.md
`default_nettype none
module ql_output #(
    parameter integer DataW      = 8,  // bits of a beat
    parameter integer PaddedW    = 8,  // bits of a beat on m_axis, a multiple of 8, at least DataW
    parameter integer FrameBeats = 1   // beats of a frame
) (
    input  wire  logic               clk,
    input  wire  logic               rst,
    input  wire  logic [  DataW-1:0] s_axis_tdata,
    input  wire  logic               s_axis_tvalid,
    output       logic               s_axis_tready,
    output       logic [PaddedW-1:0] m_axis_tdata,
    output       logic               m_axis_tlast,
    output       logic               m_axis_tvalid,
    input  wire  logic               m_axis_tready
);
    if (DataW < 1 || PaddedW < DataW || PaddedW % 8 != 0 || FrameBeats < 1) begin : gen_check
        $error("ql_output: PaddedW must be a multiple of 8 and at least DataW, FrameBeats at least 1");
    end

    localparam integer CountW = FrameBeats > 1 ? $clog2(FrameBeats) : 1;
    logic [CountW-1:0] count_q;
    logic [ DataW-1:0] data;
    logic              last;
    assign last = count_q == CountW'(FrameBeats - 1);
    always_ff @(posedge clk) begin : p_count
        if (rst) count_q <= '0;
        else if (s_axis_tvalid && s_axis_tready) count_q <= last ? '0 : count_q + 1'b1;
    end
    ql_skid #(.DataW(DataW + 1)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata({last, s_axis_tdata}), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata({m_axis_tlast, data}), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    if (PaddedW > DataW) begin : gen_pad
        assign m_axis_tdata = {{(PaddedW - DataW) {1'b0}}, data};
    end else begin : gen_same
        assign m_axis_tdata = data;
    end
endmodule
`default_nettype wire
