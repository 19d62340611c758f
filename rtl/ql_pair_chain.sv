// ql_pair_chain: sum over pairs of inputs and some bits ("planes") of their weights, one or two
// clocks.
//
//   plane Planes-1: [+ pair 0] --> ... --> [+ pair Pairs-1] --> times 2 --> next plane: [+ pair 0] --> ... --> sum
//
// A row adds 0, a, b or a + b, as a bit of each of the two weights says: sum bit, the bits of a, b
// and a + b, and the two weight bits are the six inputs of the LUT in front of the carry. So a row
// costs one LUT a bit and does two products of a weight bit.
//
// Rows add unsigned numbers of InputW + 1 bits, so that they need no sign bits: signed inputs are
// raised, the rows of the sign plane inverted, and the first row starts with the constant that
// makes up for both.
//
// Stages is 1 (at most 4 rows are meant) or 2: the second half of the rows then takes x and sums
// in their late form, a clock after the early one, and weights that are held here as long. Latency
// Stages clocks from the early inputs.
//
// Model: sum of x * w, a slice of the bits of w   Test: tests/rtl/matrix_vector_test.cpp
// Cost:  README.md
`default_nettype none
module ql_pair_chain #(
    parameter integer Pairs       = 4,  // of inputs, >= 1
    parameter integer InputW      = 8,  // bits of an input
    parameter integer InputSigned = 0,  // 1: inputs are two's complement; then Planes <= InputW + 1
    parameter integer Planes      = 1,  // bits of a weight
    parameter integer SignPlane   = 0,  // 1: the highest of them is the weight's sign
    parameter integer Stages      = 1,  // 1 or 2
    parameter integer SumW        = 11  // bits of the sum
) (
    input  wire  logic                          clk,
    input  wire  logic                          enable_i,
    input  wire  logic [    2*Pairs*InputW-1:0] early_x_i,
    input  wire  logic [Pairs*(InputW+1)-1:0]   early_sums_i,
    input  wire  logic [    2*Pairs*InputW-1:0] late_x_i,
    input  wire  logic [Pairs*(InputW+1)-1:0]   late_sums_i,
    input  wire  logic [    2*Pairs*Planes-1:0] w_i,        // bit p of weight j at j * Planes + p
    output       logic [              SumW-1:0] sum_o
);
    localparam integer RowW = InputW + 1;
    localparam integer Rows = Pairs * Planes;
    localparam integer EarlyRows = Stages == 2 ? (Rows + 1) / 2 : Rows;
    // What makes up for raised and inverted numbers, in units of the highest plane.
    localparam integer Raised = 1 << (RowW - 1);
    localparam integer Below = InputSigned != 0 ? Raised - (Raised >> (Planes - 1)) : 0;
    localparam integer Top = (InputSigned != 0 ? Raised : 0) +
                             (SignPlane == 0 ? 0 : InputSigned != 0 ? -1 : (1 << RowW) - 1);
    localparam integer Start = -Pairs * (Top + Below);

    if (Pairs < 1 || Planes < 1 || Stages < 1 || Stages > 2 || (InputSigned != 0 && Planes > InputW + 1)) begin : gen_check
        $error("ql_pair_chain: Pairs and Planes must be at least 1, Stages 1 or 2, Planes at most InputW + 1 when signed");
    end

    // Bits that the sum has after so many rows, no wider than SumW: all where the chain starts with
    // a negative number.
    function automatic integer width_after(input integer rows);
        integer most, bits, r;
        begin
            most = 0;
            for (r = 0; r < rows; r = r + 1) begin
                if (r > 0 && r % Pairs == 0) most = 2 * most;
                most = most + (1 << RowW) - 2;
            end
            bits = $clog2(most + 1);
            width_after = Start != 0 || bits > SumW ? SumW : bits;
        end
    endfunction

    logic [2*Pairs*Planes-1:0] late_w;
    if (Stages == 2) begin : gen_late
        logic [2*Pairs*Planes-1:0] w_q;
        always_ff @(posedge clk) begin : p_late
            if (enable_i) w_q <= w_i;
        end
        assign late_w = w_q;
    end else begin : gen_early
        assign late_w = w_i;
    end

    for (genvar r = 0; r < Rows; r++) begin : gen_row
        localparam integer Pair = r % Pairs;
        localparam integer Plane = Planes - 1 - r / Pairs;
        localparam integer IsLate = r >= EarlyRows ? 1 : 0;
        localparam integer Inverts = SignPlane != 0 && Plane == Planes - 1 ? 1 : 0;
        localparam integer OwnW = width_after(r + 1);
        localparam integer FromW = r == 0 ? 1 : width_after(r);
        localparam integer Doubles = r > 0 && r % Pairs == 0 ? 1 : 0;

        logic [InputW-1:0] a, b;
        logic [  RowW-1:0] both, chosen, added;
        logic              a_sign, b_sign, wa, wb;
        assign a = IsLate != 0 ? late_x_i[2*Pair*InputW +: InputW] : early_x_i[2*Pair*InputW +: InputW];
        assign b = IsLate != 0 ? late_x_i[(2*Pair+1)*InputW +: InputW] : early_x_i[(2*Pair+1)*InputW +: InputW];
        assign both = IsLate != 0 ? late_sums_i[Pair*RowW +: RowW] : early_sums_i[Pair*RowW +: RowW];
        assign wa = IsLate != 0 ? late_w[2*Pair*Planes+Plane] : w_i[2*Pair*Planes+Plane];
        assign wb = IsLate != 0 ? late_w[(2*Pair+1)*Planes+Plane] : w_i[(2*Pair+1)*Planes+Plane];
        assign a_sign = InputSigned != 0 && a[InputW-1];
        assign b_sign = InputSigned != 0 && b[InputW-1];
        assign chosen = wa ? (wb ? both : {a_sign, a}) : (wb ? {b_sign, b} : '0);
        assign added = {chosen[RowW-1] ^ (InputSigned != 0), chosen[RowW-2:0]} ^ {RowW{Inverts != 0}};

        // Widths of the sum before, of what is added, and of the sum after.
        logic [OwnW-1:0] base, addend, sum;
        if (OwnW > RowW) begin : gen_extend
            assign addend = {{(OwnW - RowW) {1'b0}}, added};
        end else begin : gen_cut
            assign addend = added[OwnW-1:0];
            if (OwnW < RowW) begin : gen_unused
                wire unused = &{1'b0, added[RowW-1:OwnW]};
            end
        end
        if (r == 0) begin : gen_first
            assign base = OwnW'(Start);
        end else begin : gen_next
            logic [FromW-1:0] from;
            if (Stages == 2 && r == EarlyRows) begin : gen_register
                logic [FromW-1:0] from_q;
                always_ff @(posedge clk) begin : p_from
                    if (enable_i) from_q <= gen_row[r-1].sum;
                end
                assign from = from_q;
            end else begin : gen_wire
                assign from = gen_row[r-1].sum;
            end
            if (Doubles != 0) begin : gen_double
                if (OwnW > FromW + 1) begin : gen_wider
                    assign base = {{(OwnW - FromW - 1) {1'b0}}, from, 1'b0};
                end else if (OwnW == 1) begin : gen_nothing
                    assign base = 1'b0;
                    wire unused = &{1'b0, from};
                end else begin : gen_same
                    assign base = {from[OwnW-2:0], 1'b0};
                    if (OwnW < FromW + 1) begin : gen_unused
                        wire unused = &{1'b0, from[FromW-1:OwnW-1]};
                    end
                end
            end else if (OwnW > FromW) begin : gen_wider
                assign base = {{(OwnW - FromW) {1'b0}}, from};
            end else begin : gen_same
                assign base = from;
            end
        end
        if (r == 0 && Start == 0) begin : gen_plain
            assign sum = addend;
            wire unused = &{1'b0, base};
        end else begin : gen_add
            ql_carry_add #(.Width(OwnW)) add (.a_i(base), .b_i(addend), .sum_o(sum));
        end
    end

    logic [SumW-1:0] last, sum_q;
    localparam integer LastW = width_after(Rows);
    if (SumW > LastW) begin : gen_widen
        assign last = {{(SumW - LastW) {1'b0}}, gen_row[Rows-1].sum};
    end else begin : gen_same
        assign last = gen_row[Rows-1].sum;
    end
    // A chain too short for two stages waits for the others.
    if (Stages == 2 && EarlyRows == Rows) begin : gen_wait
        logic [SumW-1:0] wait_q;
        always_ff @(posedge clk) begin : p_wait
            if (enable_i) wait_q <= last;
        end
        always_ff @(posedge clk) begin : p_sum
            if (enable_i) sum_q <= wait_q;
        end
    end else begin : gen_done
        always_ff @(posedge clk) begin : p_sum
            if (enable_i) sum_q <= last;
        end
    end
    assign sum_o = sum_q;
    wire unused = &{1'b0, early_x_i, early_sums_i, late_x_i, late_sums_i, late_w};
endmodule
`default_nettype wire
