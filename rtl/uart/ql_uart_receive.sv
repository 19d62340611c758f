// ql_uart_receive: bytes of a serial line, 8 data bits, no parity, one stop bit.
//
//   rx_i --> [two registers] --> [middle of each bit] --> data_o, valid_o
//
// valid_o for one clock a byte. A byte without its stop bit (noise, a break) is dropped, and the line must rest before the next one.
//
// Model: tests/talk/link_test.cpp   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_uart_receive #(
    parameter integer ClocksPerBit = 16  // 4 or more
) (
    input  wire  logic       clk,
    input  wire  logic       rst,
    input  wire  logic       rx_i,
    output       logic [7:0] data_o,
    output       logic       valid_o
);
    if (ClocksPerBit < 4) begin : gen_check
        $error("ql_uart_receive: ClocksPerBit must be at least 4");
    end
    localparam integer CountW = $clog2(ClocksPerBit);

    logic [2:0]        rx_q;      // rx_q[2] and before it rx_q[1]: the line in this clock's domain
    logic              busy_q;
    logic              broken_q;  // no stop bit: wait for a line at rest
    logic [CountW-1:0] count_q;   // clocks to the next sample
    logic [3:0]        bit_q;     // samples to come
    logic [7:0]        shift_q;
    assign data_o = shift_q;

    always_ff @(posedge clk) begin : p_line
        rx_q <= {rx_q[1:0], rx_i};
    end

    always_ff @(posedge clk) begin : p_control
        valid_o <= 1'b0;
        if (rst) begin
            busy_q   <= 1'b0;
            broken_q <= 1'b1;
        end else if (broken_q) begin
            broken_q <= !rx_q[2];
        end else if (!busy_q) begin
            if (!rx_q[2]) begin
                busy_q  <= 1'b1;
                count_q <= CountW'(ClocksPerBit / 2 - 1);
                bit_q   <= 4'd9;
            end
        end else if (count_q != '0) begin
            count_q <= count_q - 1'b1;
        end else begin
            count_q <= CountW'(ClocksPerBit - 1);
            bit_q   <= bit_q - 1'b1;
            if (bit_q == 4'd9 && rx_q[2]) busy_q <= 1'b0;  // the start bit was a spike
            if (bit_q == 4'd0) begin
                busy_q   <= 1'b0;
                valid_o  <= rx_q[2];
                broken_q <= !rx_q[2];
            end
        end
    end

    always_ff @(posedge clk) begin : p_data
        if (busy_q && count_q == '0 && bit_q != 4'd0) shift_q <= {rx_q[2], shift_q[7:1]};
    end
endmodule
`default_nettype wire
