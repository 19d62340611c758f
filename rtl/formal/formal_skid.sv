// formal_skid: ql_skid hands on every beat.
`default_nettype none
module formal_skid #(
    parameter integer DataW = 2
) (
    input wire clk, rst, s_axis_tvalid, m_axis_tready,
    input wire [1*DataW-1:0] s_axis_tdata
);
    wire s_axis_tready, m_axis_tvalid, started;
    wire [1*DataW-1:0] m_axis_tdata;
    ql_skid #(.DataW(DataW)) dut (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(1*DataW)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .started_o(started)
    );
    formal_watch #(.ElemW(DataW), .InElems(1), .OutElems(1), .Bound(1)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
