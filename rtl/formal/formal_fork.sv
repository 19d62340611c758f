// formal_fork: ql_fork gives every way every beat, once, whatever the other ways do.
`default_nettype none
module formal_fork #(
    parameter integer DataW = 2,
    parameter integer Ways  = 2
) (
    input wire             clk, rst, s_axis_tvalid,
    input wire [ Ways-1:0] m_axis_tready,
    input wire [DataW-1:0] s_axis_tdata
);
    wire s_axis_tready, started;
    wire [Ways-1:0] m_axis_tvalid;
    wire [Ways*DataW-1:0] m_axis_tdata;
    ql_fork #(.DataW(DataW), .Ways(Ways)) dut (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(DataW)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .started_o(started)
    );
    // A way takes a beat in with all others; it is blocked when any other is, so that readiness is asked of all together.
    reg [4:0] blocked_q;
    always @(posedge clk) blocked_q <= rst || s_axis_tready || !(&m_axis_tready) ? 0 : blocked_q + 1;
    // A way that has taken its beat waits for the others; whoever has not is offered it at once.
    reg accepted_q;
    always @(posedge clk) accepted_q <= !rst && s_axis_tvalid && s_axis_tready;
    always @(*) begin
        if (started && !rst) begin
            assert (blocked_q <= 1);
            if (accepted_q) assert (|m_axis_tvalid);
        end
    end
    genvar w;
    generate
        for (w = 0; w < Ways; w = w + 1) begin : gen_way
            formal_watch #(.ElemW(DataW), .Bound(31)) watch (
                .clk(clk), .rst(rst), .started_i(started),
                .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid && s_axis_tready), .s_axis_tready(1'b1),
                .m_axis_tdata(m_axis_tdata[w*DataW +: DataW]), .m_axis_tvalid(m_axis_tvalid[w]), .m_axis_tready(m_axis_tready[w])
            );
        end
    endgenerate
endmodule
`default_nettype wire
