// ql_add: y = AMul * a + BMul * b, element by element, of two streams.
//
//   s_axis_a --> [* AMul] \
//                          > [+, skid] --> m_axis      one beat a clock, latency 2
//   s_axis_b --> [* BMul] /
//
// A beat of one stream is taken when the other has one too: s_axis_a_tready looks at
// s_axis_b_tvalid and the other way round, never at m_axis_tready. y is kept modulo 2^OutputW.
//
// Model: AMul * a + BMul * b   Test: tests/rtl/arithmetic_test.cpp
// Cost:  README.md
`default_nettype none
module ql_add #(
    parameter integer Elems   = 1,  // elements of a beat
    parameter integer AW      = 8,  // bits of a
    parameter integer ASigned = 0,  // 1: a is two's complement
    parameter integer AMul    = 1,  // factor of a, may be negative
    parameter integer BW      = 8,  // bits of b
    parameter integer BSigned = 0,  // 1: b is two's complement
    parameter integer BMul    = 1,  // factor of b, may be negative
    parameter integer OutputW = 9   // bits of y
) (
    input  wire  logic                     clk,
    input  wire  logic                     rst,
    input  wire  logic [     Elems*AW-1:0] s_axis_a_tdata,
    input  wire  logic                     s_axis_a_tvalid,
    output       logic                     s_axis_a_tready,
    input  wire  logic [     Elems*BW-1:0] s_axis_b_tdata,
    input  wire  logic                     s_axis_b_tvalid,
    output       logic                     s_axis_b_tready,
    output       logic [Elems*OutputW-1:0] m_axis_tdata,
    output       logic                     m_axis_tvalid,
    input  wire  logic                     m_axis_tready
);
    if (Elems < 1 || AW < 1 || BW < 1 || OutputW < 1) begin : gen_check
        $error("ql_add: Elems and all widths must be at least 1");
    end

    logic enable, valid_q;
    assign s_axis_a_tready = enable && s_axis_b_tvalid;
    assign s_axis_b_tready = enable && s_axis_a_tvalid;
    always_ff @(posedge clk) begin : p_control
        if (rst) valid_q <= 1'b0;
        else if (enable) valid_q <= s_axis_a_tvalid && s_axis_b_tvalid;
    end

    logic [Elems*OutputW-1:0] results;
    for (genvar e = 0; e < Elems; e++) begin : gen_element
        logic [OutputW-1:0] a, b, a_q, b_q;
        ql_scale #(.InputW(AW), .InputSigned(ASigned), .Mul(AMul), .OutputW(OutputW)) scale_a (
            .x_i(s_axis_a_tdata[e*AW +: AW]), .y_o(a)
        );
        ql_scale #(.InputW(BW), .InputSigned(BSigned), .Mul(BMul), .OutputW(OutputW)) scale_b (
            .x_i(s_axis_b_tdata[e*BW +: BW]), .y_o(b)
        );
        always_ff @(posedge clk) begin : p_terms
            if (enable) begin
                a_q <= a;
                b_q <= b;
            end
        end
        assign results[e*OutputW +: OutputW] = a_q + b_q;
    end

    ql_skid #(.DataW(Elems * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
