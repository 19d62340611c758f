// ql_fork: the same beats on several outputs; each takes its copy at its own time.
//
//   s_axis --> [skid] --+--> m_axis[0]
//                       +--> m_axis[1] ...      one beat a clock when all are ready, latency 1
//
// The next beat shows when every output has taken this one.
//
// Model: none (identity)   Test: tests/rtl/routing_test.cpp
// Cost:  README.md
`default_nettype none
module ql_fork #(
    parameter integer DataW = 8,  // bits of a beat
    parameter integer Ways  = 2   // outputs, >= 1
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
        $error("ql_fork: DataW and Ways must be at least 1");
    end

    logic [DataW-1:0] data;
    logic             valid, all_taken;
    logic [ Ways-1:0] taken_q;  // outputs that have this beat already
    ql_skid #(.DataW(DataW)) in (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(data), .m_axis_tvalid(valid), .m_axis_tready(all_taken)
    );

    assign m_axis_tdata = {Ways{data}};
    assign m_axis_tvalid = {Ways{valid}} & ~taken_q;
    assign all_taken = &(taken_q | m_axis_tready);
    always_ff @(posedge clk) begin : p_taken
        if (rst || all_taken) taken_q <= '0;
        else if (valid) taken_q <= taken_q | m_axis_tready;
    end
endmodule
`default_nettype wire
