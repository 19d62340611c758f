// ql_concat: segments of several streams after each other: Beats[0] beats of way 0, Beats[1] of way
// 1, ..., again.
//
//   s_axis[0] --\
//   s_axis[1] ---> [take turns] --> [skid] --> m_axis      one beat a clock, latency 1
//
// Model: round robin over lists   Test: tests/rtl/routing_test.cpp
// Cost:  README.md
`default_nettype none
module ql_concat #(
    parameter integer             DataW = 8,            // bits of a beat, of all ways
    parameter integer             Ways  = 2,            // inputs, >= 1
    parameter logic [Ways*32-1:0] Beats = {Ways{32'd1}} // beats of a segment, 32 bits a way, way 0 lowest
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [Ways*DataW-1:0] s_axis_tdata,
    input  wire  logic [      Ways-1:0] s_axis_tvalid,
    output       logic [      Ways-1:0] s_axis_tready,
    output       logic [     DataW-1:0] m_axis_tdata,
    output       logic                  m_axis_tvalid,
    input  wire  logic                  m_axis_tready
);
    if (DataW < 1 || Ways < 1) begin : gen_check
        $error("ql_concat: DataW and Ways must be at least 1");
    end

    logic             ready, valid, accept;
    logic [DataW-1:0] data;
    logic [ Ways-1:0] turn;  // one-hot
    assign accept = ready && valid;
    assign valid = |(turn & s_axis_tvalid);
    assign s_axis_tready = turn & {Ways{ready}};

    ql_turn #(.Ways(Ways), .Beats(Beats)) turns (.clk(clk), .rst(rst), .step_i(accept), .turn_o(turn));

    always_comb begin : p_select
        data = '0;
        for (int w = 0; w < Ways; w++) begin
            data = data | (s_axis_tdata[w*DataW +: DataW] & {DataW{turn[w]}});
        end
    end
    ql_skid #(.DataW(DataW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(data), .s_axis_tvalid(valid), .s_axis_tready(ready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
