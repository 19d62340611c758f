// ql_requantize: y = clip(floor((mul_c * x + add_c) / 2^Shift), Lo, Hi), for quantisers with too many levels for
// thresholds.
//
//   x --> [x, mul, add] --> [mul * x] --> [+ add] --> [shift, clip] --> [skid] --> m_axis
//
// One beat a clock; latency 5. Channel c is lane c % Pe of beat c / Pe; the beats of a pixel follow each other and the
// counter wraps. The sum is kept in SumW bits, which must hold mul_c * x + add_c for every x that comes.
//
// Model: RequantizeModel in tests/rtl/requantize_test.cpp   Test: tests/rtl/requantize_test.cpp
// Cost:  README.md
`default_nettype none
module ql_requantize #(
    parameter integer             Channels        = 8,    // channels of a pixel, a multiple of Pe
    parameter integer             Pe              = 2,    // elements of a beat
    parameter integer             InputW          = 16,   // bits of x
    parameter integer             InputSigned     = 1,    // 1: x is two's complement
    parameter integer             MulW            = 8,    // bits of a multiplier, two's complement
    parameter integer             AddW            = 16,   // bits of an addend, two's complement
    parameter integer             SumW            = 25,   // bits of mul * x + add, two's complement, <= 64
    parameter integer             Shift           = 8,    // right shift, 0 to SumW - 1
    parameter logic signed [63:0] Lo              = 0,    // least y
    parameter logic signed [63:0] Hi              = 255,  // greatest y
    parameter integer             OutputW         = 8,    // bits of y
    parameter                     CoefficientFile = "",   // stem of the memory file
    parameter                     RamStyle        = "auto"  // "auto", "block" or "distributed"
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
        $error("ql_requantize: Pe must divide Channels");
    end
    if (InputW < 1 || MulW < 1 || AddW < 1 || OutputW < 1) begin : gen_check
        $error("ql_requantize: all widths must be at least 1");
    end
    if (SumW > 64 || Shift < 0 || Shift >= SumW) begin : gen_check_shift
        $error("ql_requantize: SumW must be at most 64 and Shift below SumW");
    end
    if (Lo > Hi) begin : gen_check_clip
        $error("ql_requantize: Lo must not be above Hi");
    end

    localparam integer Folds = Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;

    logic                      enable;
    logic [               3:0] valid_q;
    logic [         FoldW-1:0] fold_q;
    logic [     Pe*InputW-1:0] x_q;
    logic [Pe*(MulW+AddW)-1:0] coefficients;
    logic [    Pe*OutputW-1:0] results_q;
    assign s_axis_tready = enable;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            valid_q <= '0;
            fold_q <= '0;
        end else if (enable) begin
            valid_q <= {valid_q[2:0], s_axis_tvalid};
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
        // Operands as wide as the sum: modulo 2^SumW nothing is lost, and synthesis drops copies of a sign.
        logic        [MulW-1:0] mul;
        logic        [AddW-1:0] add;
        logic signed [SumW-1:0] x_wide, mul_wide, add_wide, product_q, add_q, sum_q;
        logic            x_sign;
        assign mul = coefficients[p*(MulW+AddW) +: MulW];
        assign add = coefficients[p*(MulW+AddW)+MulW +: AddW];
        assign x_sign = InputSigned != 0 && x_q[p*InputW+InputW-1];
        if (SumW > InputW) begin : gen_wide_x
            assign x_wide = {{(SumW - InputW) {x_sign}}, x_q[p*InputW +: InputW]};
        end else begin : gen_cut_x
            wire unused = &{1'b0, x_sign, x_q[p*InputW +: InputW]};
            assign x_wide = x_q[p*InputW +: SumW];
        end
        if (SumW > MulW) begin : gen_wide_mul
            assign mul_wide = {{(SumW - MulW) {mul[MulW-1]}}, mul};
        end else begin : gen_cut_mul
            wire unused = &{1'b0, mul};
            assign mul_wide = mul[SumW-1:0];
        end
        if (SumW > AddW) begin : gen_wide_add
            assign add_wide = {{(SumW - AddW) {add[AddW-1]}}, add};
        end else begin : gen_cut_add
            wire unused = &{1'b0, add};
            assign add_wide = add[SumW-1:0];
        end

        logic signed [63:0] sum, shifted, clipped;
        if (SumW < 64) begin : gen_extend
            assign sum = {{(64 - SumW) {sum_q[SumW-1]}}, sum_q};
        end else begin : gen_full
            assign sum = sum_q;
        end
        assign shifted = sum >>> Shift;
        assign clipped = shifted < Lo ? Lo : shifted > Hi ? Hi : shifted;
        if (OutputW < 64) begin : gen_cut
            wire unused = &{1'b0, clipped[63:OutputW]};
        end
        always_ff @(posedge clk) begin : p_stages
            if (enable) begin
                product_q <= x_wide * mul_wide;
                add_q <= add_wide;
                sum_q <= product_q + add_q;
                results_q[p*OutputW +: OutputW] <= clipped[OutputW-1:0];
            end
        end
    end

    ql_skid #(.DataW(Pe * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results_q), .s_axis_tvalid(valid_q[3]), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
