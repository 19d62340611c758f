// ql_loop: counts Turns steps again and again; tells the last one, or the first Mark of them.
//
// Model: i % Turns   Test: tests/rtl/window_test.cpp (through ql_sliding_window)
// Cost:  README.md
`default_nettype none
module ql_loop #(
    parameter integer Turns = 4,  // >= 1
    parameter integer Mark  = -1  // -1: last_o in the last turn; else last_o in the turns below Mark
) (
    input  wire  logic clk,
    input  wire  logic rst,
    input  wire  logic step_i,
    output       logic last_o
);
    if (Turns < 1) begin : gen_check
        $error("ql_loop: Turns must be at least 1");
    end

    if (Turns == 1) begin : gen_single
        assign last_o = Mark != 0;
        wire unused = &{1'b0, clk, rst, step_i};
    end else begin : gen_count
        localparam integer CountW = $clog2(Turns);
        logic [CountW-1:0] count_q;
        logic              is_last;
        assign is_last = count_q == CountW'(Turns - 1);
        always_ff @(posedge clk) begin : p_count
            if (rst) count_q <= '0;
            else if (step_i) count_q <= is_last ? '0 : count_q + 1'b1;
        end
        if (Mark < 0) begin : gen_last
            assign last_o = is_last;
        end else if (Mark == 0) begin : gen_never
            assign last_o = 1'b0;
        end else begin : gen_below
            assign last_o = count_q < CountW'(Mark);
        end
    end
endmodule
`default_nettype wire
