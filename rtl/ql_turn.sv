// ql_turn: whose turn it is: Beats[0] steps of way 0, Beats[1] of way 1, ..., again; one-hot.
//
// Model: round robin   Test: tests/rtl/routing_test.cpp (through ql_concat and ql_split)
// Cost:  README.md
`default_nettype none
module ql_turn #(
    parameter integer             Ways  = 2,            // >= 1
    parameter logic [Ways*32-1:0] Beats = {Ways{32'd1}} // steps of a turn, 32 bits a way, way 0 lowest, each >= 1
) (
    input  wire  logic            clk,
    input  wire  logic            rst,
    input  wire  logic            step_i,
    output       logic [Ways-1:0] turn_o
);
    function automatic integer longest(input [Ways*32-1:0] beats);
        longest = 1;
        for (int w = 0; w < Ways; w++) begin
            if (beats[w*32 +: 32] > longest) longest = beats[w*32 +: 32];
        end
    endfunction
    for (genvar w = 0; w < Ways; w++) begin : gen_check
        if (Beats[w*32 +: 32] == 0 || Beats[w*32+31]) begin : gen_beats
            $error("ql_turn: every way must have at least one beat");
        end
    end

    localparam integer Longest = longest(Beats);
    localparam integer CountW = Longest > 1 ? $clog2(Longest) : 1;
    logic [CountW-1:0] count_q, last;
    logic [  Ways-1:0] turn_q;
    assign turn_o = turn_q;

    always_comb begin : p_last
        last = '0;
        for (int w = 0; w < Ways; w++) begin
            if (turn_q[w]) last = last | CountW'(Beats[w*32 +: 32] - 32'd1);
        end
    end
    always_ff @(posedge clk) begin : p_turn
        if (rst) begin
            count_q <= '0;
            turn_q <= Ways'(1);
        end else if (step_i) begin
            count_q <= count_q == last ? '0 : count_q + 1'b1;
            if (count_q == last) turn_q <= Ways'({turn_q, turn_q[Ways-1]});
        end
    end
endmodule
`default_nettype wire
