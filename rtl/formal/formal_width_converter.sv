// formal_width_converter: ql_width_converter hands on every element.
`default_nettype none
module formal_width_converter #(
    parameter integer ElemW    = 1,
    parameter integer InElems  = 2,
    parameter integer OutElems = 3
) (
    input wire clk, rst, s_axis_tvalid, m_axis_tready,
    input wire [InElems*ElemW-1:0] s_axis_tdata
);
    wire s_axis_tready, m_axis_tvalid, started;
    wire [OutElems*ElemW-1:0] m_axis_tdata;
    ql_width_converter #(.ElemW(ElemW), .InElems(InElems), .OutElems(OutElems)) dut (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(InElems*ElemW)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .started_o(started)
    );
    formal_watch #(.ElemW(ElemW), .InElems(InElems), .OutElems(OutElems), .Bound(InElems + OutElems)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
