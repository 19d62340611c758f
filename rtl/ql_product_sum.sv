// ql_product_sum: x[0] * w[0], or x[0] * w[0] + x[1] * w[1], combinational, built for LUTs in front
// of a carry chain.
//
//   w --> digits -2, -1, 0, 1, 2 (radix 4, Booth)
//   0 --> [+ digit * x] --> [+ digit * 4x] --> ... --> [+ digit * x'] --> ... --> sum
//
// Each row adds one digit times x onto the sum so far: sum bit, two bits of x and three bits of w
// are the six inputs of the LUT in front of the carry, so a row costs one LUT a bit. A plain
// product costs twice that, and its sum a row more.
//
// Model: x * w   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_product_sum #(
    parameter integer Products    = 2,  // 1 or 2
    parameter integer InputW      = 8,  // bits of x
    parameter integer InputSigned = 0,  // 1: x is two's complement
    parameter integer WeightW     = 4,  // bits of w, two's complement, >= 2
    parameter integer SumW = InputW + WeightW + Products - 1  // derived: bits of the sum, two's complement; do not set
) (
    input  wire  logic [ Products*InputW-1:0] x_i,
    input  wire  logic [Products*WeightW-1:0] w_i,
    output       logic [            SumW-1:0] sum_o
);
    if (Products < 1 || Products > 2 || InputW < 1 || WeightW < 2) begin : gen_check
        $error("ql_product_sum: Products must be 1 or 2, InputW at least 1, WeightW at least 2");
    end

    // Simulators are faster at products than at bits; wide products belong in a DSP block, which
    // the plain form becomes.
`ifdef SYNTHESIS
    localparam integer IsPlain = WeightW > 8 ? 1 : 0;
`else
    localparam integer IsPlain = 1;
`endif

    if (IsPlain != 0) begin : gen_plain
        logic [Products*SumW-1:0] products;
        for (genvar p = 0; p < Products; p++) begin : gen_product
            logic signed [SumW-1:0] a, b, product;
            logic x_sign;
            assign x_sign = InputSigned != 0 && x_i[p*InputW+InputW-1];
            assign a = {{(SumW - InputW) {x_sign}}, x_i[p*InputW +: InputW]};
            assign b = {{(SumW - WeightW) {w_i[p*WeightW+WeightW-1]}}, w_i[p*WeightW +: WeightW]};
            assign product = a * b;
            assign products[p*SumW +: SumW] = product;
        end
        if (Products == 1) begin : gen_single
            assign sum_o = products;
        end else begin : gen_pair
            assign sum_o = products[SumW-1:0] + products[SumW +: SumW];
        end
    end else if (InputW == 1 && InputSigned == 0) begin : gen_select
        // A sum of weights: one LUT a bit.
        logic [Products*SumW-1:0] terms;
        for (genvar p = 0; p < Products; p++) begin : gen_term
            assign terms[p*SumW +: SumW] =
                {{(SumW - WeightW) {w_i[p*WeightW+WeightW-1]}}, w_i[p*WeightW +: WeightW]} & {SumW{x_i[p]}};
        end
        if (Products == 1) begin : gen_single
            assign sum_o = terms;
        end else begin : gen_pair
            assign sum_o = terms[SumW-1:0] + terms[SumW +: SumW];
        end
    end else begin : gen_digits
        localparam integer Digits = (WeightW + 1) / 2;
        localparam integer XW = InputSigned != 0 ? InputW : InputW + 1;

        for (genvar p = 0; p < Products; p++) begin : gen_product
            logic [XW-1:0]      x;
            logic [2*Digits:0]  w;  // with a zero below and the sign above
            if (InputSigned != 0) begin : gen_signed
                assign x = x_i[p*InputW +: InputW];
            end else begin : gen_unsigned
                assign x = {1'b0, x_i[p*InputW +: InputW]};
            end
            if (WeightW % 2 == 0) begin : gen_even
                assign w = {w_i[p*WeightW +: WeightW], 1'b0};
            end else begin : gen_odd
                assign w = {w_i[p*WeightW+WeightW-1], w_i[p*WeightW +: WeightW], 1'b0};
            end

            for (genvar d = 0; d < Digits; d++) begin : gen_row
                // Digits 0 to d are the lower 2d + 2 bits of w as a signed number: so wide is the
                // sum here.
                localparam integer OwnW = InputW + (2 * d + 2 < WeightW ? 2 * d + 2 : WeightW);
                localparam integer RowW = p == 0 ? OwnW : SumW;
                localparam integer Shift = 2 * d;
                localparam integer AddW = RowW - Shift;  // the bits below are settled
                logic [RowW-1:0] base, sum;

                if (p == 0 && d == 0) begin : gen_first
                    assign base = '0;
                end else begin : gen_next
                    localparam integer FromP = d == 0 ? p - 1 : p;
                    localparam integer FromD = d == 0 ? Digits - 1 : d - 1;
                    localparam integer FromOwnW = InputW + (2 * FromD + 2 < WeightW ? 2 * FromD + 2 : WeightW);
                    localparam integer FromW = FromP == 0 ? FromOwnW : SumW;
                    logic [FromW-1:0] from;
                    assign from = gen_product[FromP].gen_row[FromD].sum;
                    if (RowW > FromW) begin : gen_extend
                        assign base = {{(RowW - FromW) {from[FromW-1]}}, from};
                    end else begin : gen_same
                        assign base = from;
                    end
                end

                // digit * x = (one ? x : two ? 2x : 0), negated by inversion and a carry in.
                logic        one, two, negative;
                logic [XW:0] multiple;
                assign one = w[2*d+1] ^ w[2*d];
                assign two = (w[2*d+2] ^ w[2*d+1]) && !one;
                assign negative = w[2*d+2];
                assign multiple = ((one ? {x[XW-1], x} : '0) | (two ? {x, 1'b0} : '0)) ^ {(XW + 1) {negative}};
                logic [AddW:0] total;
                if (AddW > XW + 1) begin : gen_wide
                    assign total = {base[RowW-1:Shift], 1'b1} + {{(AddW - XW - 1) {multiple[XW]}}, multiple, negative};
                end else begin : gen_tight
                    assign total = {base[RowW-1:Shift], 1'b1} + {multiple[AddW-1:0], negative};
                    if (AddW < XW + 1) begin : gen_cut
                        wire unused = &{1'b0, multiple[XW:AddW]};
                    end
                end
                wire unused = &{1'b0, total[0]};
                if (Shift > 0) begin : gen_settled
                    assign sum = {total[AddW:1], base[Shift-1:0]};
                end else begin : gen_whole
                    assign sum = total[AddW:1];
                end
            end
        end
        assign sum_o = gen_product[Products-1].gen_row[Digits-1].sum;
    end
endmodule
`default_nettype wire
