// ql_mul: y = a * b, element by element, of two streams.
//
//   s_axis_a --\
//               > [*] --> [skid] --> m_axis      one beat a clock, latency 2
//   s_axis_b --/
//
// A beat of one stream is taken when the other has one too: s_axis_a_tready looks at
// s_axis_b_tvalid and the other way round, never at m_axis_tready. y is kept modulo 2^OutputW.
//
// Model: a * b   Test: tests/rtl/arithmetic_test.cpp
// Cost:  README.md
`default_nettype none
module ql_mul #(
    parameter integer Elems   = 1,  // elements of a beat
    parameter integer AW      = 8,  // bits of a
    parameter integer ASigned = 0,  // 1: a is two's complement
    parameter integer BW      = 8,  // bits of b
    parameter integer BSigned = 0,  // 1: b is two's complement
    parameter integer OutputW = 16  // bits of y
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
        $error("ql_mul: Elems and all widths must be at least 1");
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
        localparam integer ProductW = AW + BW + 1;  // unsigned times signed needs the extra bit
        logic signed [ProductW-1:0] a, b, product_q;
        assign a = {{(ProductW - AW) {ASigned != 0 && s_axis_a_tdata[e*AW+AW-1]}}, s_axis_a_tdata[e*AW +: AW]};
        assign b = {{(ProductW - BW) {BSigned != 0 && s_axis_b_tdata[e*BW+BW-1]}}, s_axis_b_tdata[e*BW +: BW]};
        always_ff @(posedge clk) begin : p_product
            if (enable) product_q <= a * b;
        end
        if (OutputW > ProductW) begin : gen_extend
            assign results[e*OutputW +: OutputW] = {{(OutputW - ProductW) {product_q[ProductW-1]}}, product_q};
        end else begin : gen_cut
            assign results[e*OutputW +: OutputW] = product_q[OutputW-1:0];
            if (ProductW > OutputW) begin : gen_unused
                wire unused = &{1'b0, product_q[ProductW-1:OutputW]};
            end
        end
    end

    ql_skid #(.DataW(Elems * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
