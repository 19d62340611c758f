// ql_channel_affine: y = mul * x + add, with constants of the channel.
//
//   s_axis --> [x | mul, add] --> [x * mul] --> [+ add, skid] --> m_axis      one beat a clock, latency 3
//
// Channel c is lane c % Pe of beat c / Pe. mul and add are two's complement; y is kept modulo
// 2^OutputW.
//
// Model: mul * x + add   Test: tests/rtl/arithmetic_test.cpp
// Cost:  README.md
`default_nettype none
module ql_channel_affine #(
    parameter integer Channels        = 8,      // channels of a pixel, a multiple of Pe
    parameter integer Pe              = 2,      // elements of a beat
    parameter integer InputW          = 8,      // bits of x
    parameter integer InputSigned     = 1,      // 1: x is two's complement
    parameter integer MulW            = 4,      // bits of a factor
    parameter integer AddW            = 8,      // bits of a summand
    parameter integer OutputW         = 13,     // bits of y
    parameter         CoefficientFile = "",     // memory file: per lane mul (low bits), then add
    parameter         RamStyle        = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [ Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                  s_axis_tvalid,
    output       logic                  s_axis_tready,
    output       logic [Pe*OutputW-1:0] m_axis_tdata,
    output       logic                  m_axis_tvalid,
    input  wire  logic                  m_axis_tready
);
    if (Pe < 1 || Channels < 1 || Channels % Pe != 0) begin : gen_check_pe
        $error("ql_channel_affine: Pe must divide Channels");
    end
    if (InputW < 1 || MulW < 1 || AddW < 1 || OutputW < 1) begin : gen_check
        $error("ql_channel_affine: all widths must be at least 1");
    end

    localparam integer Folds = Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;
    localparam integer XW = InputSigned != 0 ? InputW : InputW + 1;
    localparam integer ProductW = XW + MulW;
    // Wide enough for both summands; cut to OutputW at the end.
    localparam integer TermW = ProductW > AddW ? ProductW : AddW;
    localparam integer SumW = TermW + 1 > OutputW ? TermW + 1 : OutputW;

    logic                       enable;
    logic [                1:0] valid_q;
    logic [          FoldW-1:0] fold_q;
    logic [      Pe*InputW-1:0] x_q;
    logic [Pe*(MulW+AddW)-1:0]  coefficients;
    logic [     Pe*OutputW-1:0] results;
    assign s_axis_tready = enable;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            valid_q <= '0;
            fold_q <= '0;
        end else if (enable) begin
            valid_q <= {valid_q[0], s_axis_tvalid};
            if (s_axis_tvalid) fold_q <= fold_q == FoldW'(Folds - 1) ? '0 : fold_q + 1'b1;
        end
    end
    always_ff @(posedge clk) begin : p_x
        if (enable) x_q <= s_axis_tdata;
    end
    ql_rom #(
        .Width(Pe * (MulW + AddW)), .Depth(Folds), .File(CoefficientFile), .RamStyle(RamStyle)
    ) words (
        .clk(clk), .enable_i(enable), .address_i(fold_q), .data_o(coefficients)
    );

    for (genvar p = 0; p < Pe; p++) begin : gen_lane
        logic signed [XW-1:0] x;
        if (InputSigned != 0) begin : gen_signed
            assign x = x_q[p*InputW +: InputW];
        end else begin : gen_unsigned
            assign x = {1'b0, x_q[p*InputW +: InputW]};
        end
        logic        [    MulW-1:0] mul;
        logic        [    AddW-1:0] add, add_q;
        logic signed [ProductW-1:0] a, b, product_q;
        assign mul = coefficients[p*(MulW+AddW) +: MulW];
        assign add = coefficients[p*(MulW+AddW)+MulW +: AddW];
        assign a = {{MulW{x[XW-1]}}, x};
        assign b = {{XW{mul[MulW-1]}}, mul};
        always_ff @(posedge clk) begin : p_product
            if (enable) begin
                product_q <= a * b;
                add_q <= add;
            end
        end
        logic [SumW-1:0] sum;
        assign sum = {{(SumW - ProductW) {product_q[ProductW-1]}}, product_q} + {{(SumW - AddW) {add_q[AddW-1]}}, add_q};
        if (SumW > OutputW) begin : gen_cut
            wire unused = &{1'b0, sum[SumW-1:OutputW]};
        end
        assign results[p*OutputW +: OutputW] = sum[OutputW-1:0];
    end

    ql_skid #(.DataW(Pe * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q[1]), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
