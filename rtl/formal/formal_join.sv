// formal_join: ql_add meets beat number n of one stream with beat number n of the other, for every n.
`default_nettype none
module formal_join #(
    parameter integer DataW = 2
) (
    input wire clk, rst, s_axis_a_tvalid, s_axis_b_tvalid, m_axis_tready,
    input wire [DataW-1:0] s_axis_a_tdata, s_axis_b_tdata
);
    wire s_axis_a_tready, s_axis_b_tready, m_axis_tvalid, started;
    wire [2*DataW-1:0] m_axis_tdata;
    // a + 2^DataW b: the beats side by side.
    ql_add #(.Elems(1), .AW(DataW), .BW(DataW), .BMul(1 << DataW), .OutputW(2 * DataW)) dut (
        .clk(clk), .rst(rst),
        .s_axis_a_tdata(s_axis_a_tdata), .s_axis_a_tvalid(s_axis_a_tvalid), .s_axis_a_tready(s_axis_a_tready),
        .s_axis_b_tdata(s_axis_b_tdata), .s_axis_b_tvalid(s_axis_b_tvalid), .s_axis_b_tready(s_axis_b_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(DataW), .Ways(2)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata({s_axis_b_tdata, s_axis_a_tdata}), .s_axis_tvalid({s_axis_b_tvalid, s_axis_a_tvalid}),
        .s_axis_tready({s_axis_b_tready, s_axis_a_tready}), .started_o(started)
    );
    wire both = s_axis_a_tvalid && s_axis_b_tvalid;
    always @(*) begin
        if (started && !rst) begin
            // Both are taken, or none.
            assert ((s_axis_a_tvalid && s_axis_a_tready) == (s_axis_b_tvalid && s_axis_b_tready));
        end
    end
    formal_watch #(.ElemW(2*DataW), .Bound(2)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata({s_axis_b_tdata, s_axis_a_tdata}), .s_axis_tvalid(both), .s_axis_tready(s_axis_a_tready || !both),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
