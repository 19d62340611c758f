// ql_dsp_multiply_add: p = (a + d) * b + what the neighbour has, in one DSP block.
//
//   a, d --> [+] --> [register] \
//   b --> [register] ----------- > [*] --> [register] --> [+ cascade] --> [register] --> p, cascade
//
// Latency 3 clocks from a, d and b, 4 with Delay; 1 from the cascade. Everything holds while
// enable_i is low. All numbers are two's complement. Synthesis instantiates the block that Family
// names; simulators read what it does.
//
// Model: (a + d) * b   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  one DSP block
`default_nettype none
module ql_dsp_multiply_add #(
    parameter         Family = "dsp48e1",  // "dsp48e1" (7 series) or "dsp48e2" (UltraScale)
    parameter integer First  = 1,          // 1: nothing comes from a neighbour
    parameter integer Delay  = 0,          // 1: a register more in front of a, d and b
    parameter integer FactorW = Family == "dsp48e2" ? 27 : 25  // derived: do not set
) (
    input  wire  logic               clk,
    input  wire  logic               enable_i,
    input  wire  logic [FactorW-1:0] a_i,
    input  wire  logic [FactorW-1:0] d_i,
    input  wire  logic [       17:0] b_i,
    input  wire  logic [       47:0] cascade_i,
    output       logic [       47:0] p_o,
    output       logic [       47:0] cascade_o
);
    if (Family != "dsp48e1" && Family != "dsp48e2") begin : gen_check
        $error("ql_dsp_multiply_add: Family must be dsp48e1 or dsp48e2");
    end

`ifdef SYNTHESIS
    // Outputs of the block that nothing needs.
    // verilator lint_off PINCONNECTEMPTY
    if (Family == "dsp48e1") begin : gen_dsp48e1
        DSP48E1 #(
            .ACASCREG(Delay), .ADREG(1), .ALUMODEREG(0), .AREG(Delay), .BCASCREG(1), .BREG(1 + Delay),
            .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(Delay), .INMODEREG(0), .MREG(1), .OPMODEREG(0),
            .PREG(1), .USE_DPORT("TRUE"), .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48")
        ) block (
            .CLK(clk), .A({{5{a_i[FactorW-1]}}, a_i}), .D(d_i), .B(b_i), .C(48'd0), .P(p_o),
            .PCIN(cascade_i), .PCOUT(cascade_o),
            .ACOUT(), .BCOUT(), .CARRYCASCOUT(), .CARRYOUT(), .MULTSIGNOUT(), .OVERFLOW(), .PATTERNBDETECT(), .PATTERNDETECT(), .UNDERFLOW(),
            .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .CARRYIN(1'b0), .CARRYINSEL(3'd0), .MULTSIGNIN(1'b0),
            .ALUMODE(4'd0), .INMODE(5'b00100), .OPMODE(First != 0 ? 7'b0000101 : 7'b0010101),
            .CEA1(1'b0), .CEA2(Delay != 0 ? enable_i : 1'b0), .CEAD(enable_i), .CEALUMODE(1'b0),
            .CEB1(Delay != 0 ? enable_i : 1'b0), .CEB2(enable_i), .CEC(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0),
            .CED(Delay != 0 ? enable_i : 1'b0), .CEINMODE(1'b0), .CEM(enable_i), .CEP(enable_i),
            .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
            .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
        );
    end else begin : gen_dsp48e2
        DSP48E2 #(
            .ACASCREG(Delay), .ADREG(1), .ALUMODEREG(0), .AMULTSEL("AD"), .AREG(Delay), .BCASCREG(1), .BREG(1 + Delay),
            .CARRYINREG(0), .CARRYINSELREG(0), .CREG(0), .DREG(Delay), .INMODEREG(0), .MREG(1), .OPMODEREG(0),
            .PREG(1), .USE_MULT("MULTIPLY"), .USE_SIMD("ONE48")
        ) block (
            .CLK(clk), .A({{3{a_i[FactorW-1]}}, a_i}), .D(d_i), .B(b_i), .C(48'd0), .P(p_o),
            .PCIN(cascade_i), .PCOUT(cascade_o),
            .XOROUT(),
            .ACOUT(), .BCOUT(), .CARRYCASCOUT(), .CARRYOUT(), .MULTSIGNOUT(), .OVERFLOW(), .PATTERNBDETECT(), .PATTERNDETECT(), .UNDERFLOW(),
            .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .CARRYIN(1'b0), .CARRYINSEL(3'd0), .MULTSIGNIN(1'b0),
            .ALUMODE(4'd0), .INMODE(5'b00100), .OPMODE(First != 0 ? 9'b000000101 : 9'b000010101),
            .CEA1(1'b0), .CEA2(Delay != 0 ? enable_i : 1'b0), .CEAD(enable_i), .CEALUMODE(1'b0),
            .CEB1(Delay != 0 ? enable_i : 1'b0), .CEB2(enable_i), .CEC(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0),
            .CED(Delay != 0 ? enable_i : 1'b0), .CEINMODE(1'b0), .CEM(enable_i), .CEP(enable_i),
            .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
            .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
        );
    end
    // verilator lint_on PINCONNECTEMPTY
`else
    logic signed [FactorW-1:0] a, d, factor_q;
    logic signed [       17:0] b, b_q;
    logic signed [       47:0] product_q, p_q;
    if (Delay != 0) begin : gen_delay
        logic [FactorW-1:0] a_q, d_q;
        logic [       17:0] first_b_q;
        always_ff @(posedge clk) begin : p_delay
            if (enable_i) begin
                a_q <= a_i;
                d_q <= d_i;
                first_b_q <= b_i;
            end
        end
        assign a = a_q;
        assign d = d_q;
        assign b = first_b_q;
    end else begin : gen_now
        assign a = a_i;
        assign d = d_i;
        assign b = b_i;
    end
    always_ff @(posedge clk) begin : p_block
        if (enable_i) begin
            factor_q <= a + d;
            b_q <= b;
            product_q <= 48'(factor_q) * 48'(b_q);
            p_q <= First != 0 ? product_q : product_q + cascade_i;
        end
    end
    assign p_o = p_q;
    assign cascade_o = p_q;
`endif
endmodule
`default_nettype wire
