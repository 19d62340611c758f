// ql_skid: two-entry stream register; cuts tdata/tvalid and the tready path.
//
//   s_axis --> [out_q] --> m_axis      one beat a clock, latency 1, holds 2 beats
//         \--> [skid_q] -/             skid_q catches the beat in flight when m_axis stalls
//
// Model: none (identity)   Test: tests/rtl/stream_test.cpp
// Cost:  README.md
`default_nettype none
module ql_skid #(
    parameter integer DataW = 8  // bits of a beat, >= 1
) (
    input  wire  logic             clk,
    input  wire  logic             rst,
    input  wire  logic [DataW-1:0] s_axis_tdata,
    input  wire  logic             s_axis_tvalid,
    output       logic             s_axis_tready,
    output       logic [DataW-1:0] m_axis_tdata,
    output       logic             m_axis_tvalid,
    input  wire  logic             m_axis_tready
);
    if (DataW < 1) begin : gen_check
        $error("ql_skid: DataW must be at least 1");
    end

    logic [DataW-1:0] out_q, skid_q;
    logic             out_valid_q, skid_valid_q;
    logic             advance;

    assign advance       = m_axis_tready || !out_valid_q;
    assign s_axis_tready = !skid_valid_q;
    assign m_axis_tdata  = out_q;
    assign m_axis_tvalid = out_valid_q;

    always_ff @(posedge clk) begin : p_data
        if (advance) out_q <= skid_valid_q ? skid_q : s_axis_tdata;
        if (!skid_valid_q) skid_q <= s_axis_tdata;
    end

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            out_valid_q  <= 1'b0;
            skid_valid_q <= 1'b0;
        end else begin
            if (advance) out_valid_q <= s_axis_tvalid || skid_valid_q;
            skid_valid_q <= !advance && (skid_valid_q || s_axis_tvalid);
        end
    end

`ifndef SYNTHESIS
    a_m_hold: assert property (@(posedge clk) disable iff (rst)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("%m: m_axis changed while it waited");
    a_s_hold: assert property (@(posedge clk) disable iff (rst)
        s_axis_tvalid && !s_axis_tready |=> s_axis_tvalid && $stable(s_axis_tdata))
        else $error("%m: s_axis changed while it waited");
`endif
endmodule
`default_nettype wire
