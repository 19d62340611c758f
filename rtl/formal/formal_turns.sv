// formal_turns: ql_split deals out beats in turns and ql_concat collects them in the same turns: a stream through both is
// the same stream. A beat that either of them gives to the wrong way, or takes out of turn, comes out at the wrong place.
`default_nettype none
module formal_turns #(
    parameter integer DataW = 2,
    parameter integer FirstBeats = 2,
    parameter integer SecondBeats = 1
) (
    input wire clk, rst, s_axis_tvalid, m_axis_tready,
    input wire [DataW-1:0] s_axis_tdata
);
    localparam [63:0] Beats = {SecondBeats[31:0], FirstBeats[31:0]};
    wire s_axis_tready, m_axis_tvalid, started;
    wire [DataW-1:0] m_axis_tdata;
    wire [2*DataW-1:0] middle_tdata;
    wire [1:0] middle_tvalid, middle_tready;
    ql_split #(.DataW(DataW), .Ways(2), .Beats(Beats)) split (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(middle_tdata), .m_axis_tvalid(middle_tvalid), .m_axis_tready(middle_tready)
    );
    ql_concat #(.DataW(DataW), .Ways(2), .Beats(Beats)) concat (
        .clk(clk), .rst(rst),
        .s_axis_tdata(middle_tdata), .s_axis_tvalid(middle_tvalid), .s_axis_tready(middle_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(DataW)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .started_o(started)
    );
    formal_watch #(.ElemW(DataW), .Bound(2)) watch (
        .clk(clk), .rst(rst), .started_i(started),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    // Which way a beat goes is its number within a turn.
    reg [7:0] place_q;
    always @(posedge clk) begin
        if (rst) place_q <= 0;
        else if (|(middle_tvalid & middle_tready)) place_q <= place_q == FirstBeats + SecondBeats - 1 ? 0 : place_q + 1;
    end
    always @(*) begin
        if (started && !rst) begin
            if (middle_tvalid[0] && middle_tready[0]) assert (place_q < FirstBeats);
            if (middle_tvalid[1] && middle_tready[1]) assert (place_q >= FirstBeats);
            assert (!(&(middle_tvalid & middle_tready)));
        end
    end
endmodule
`default_nettype wire
