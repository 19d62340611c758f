// ql_split: segments of a stream to several outputs: Beats[0] beats to way 0, Beats[1] to way 1,
// ..., again.
//
//                       /--> m_axis[0]
//   s_axis --> [skid] -+---> m_axis[1] ...      one beat a clock, latency 1
//
// Model: round robin over lists   Test: tests/rtl/routing_test.cpp
// Cost:  README.md
`default_nettype none
module ql_split #(
    parameter integer             DataW = 8,            // bits of a beat, of all ways
    parameter integer             Ways  = 2,            // outputs, >= 1
    parameter logic [Ways*32-1:0] Beats = {Ways{32'd1}} // beats of a segment, 32 bits a way, way 0 lowest
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [     DataW-1:0] s_axis_tdata,
    input  wire  logic                  s_axis_tvalid,
    output       logic                  s_axis_tready,
    output       logic [Ways*DataW-1:0] m_axis_tdata,
    output       logic [      Ways-1:0] m_axis_tvalid,
    input  wire  logic [      Ways-1:0] m_axis_tready
);
    if (DataW < 1 || Ways < 1) begin : gen_check
        $error("ql_split: DataW and Ways must be at least 1");
    end

    logic             valid, taken;
    logic [DataW-1:0] data;
    logic [ Ways-1:0] turn;  // one-hot
    assign taken = |(turn & m_axis_tready);
    assign m_axis_tvalid = turn & {Ways{valid}};
    assign m_axis_tdata = {Ways{data}};

    ql_turn #(.Ways(Ways), .Beats(Beats)) turns (.clk(clk), .rst(rst), .step_i(valid && taken), .turn_o(turn));
    ql_skid #(.DataW(DataW)) in (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(data), .m_axis_tvalid(valid), .m_axis_tready(taken)
    );
endmodule
`default_nettype wire
