// ql_uart_send: bytes to a serial line, 8 data bits, no parity, one stop bit.
//
//   s_axis --> [shift register] --> tx_o      a byte each 10 * ClocksPerBit clocks
//
// Model: tests/talk/link_test.cpp   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_uart_send #(
    parameter integer ClocksPerBit = 16  // 2 or more
) (
    input  wire  logic       clk,
    input  wire  logic       rst,
    input  wire  logic [7:0] s_axis_tdata,
    input  wire  logic       s_axis_tvalid,
    output       logic       s_axis_tready,
    output       logic       tx_o
);
    if (ClocksPerBit < 2) begin : gen_check
        $error("ql_uart_send: ClocksPerBit must be at least 2");
    end
    localparam integer CountW = $clog2(ClocksPerBit);

    logic [CountW-1:0] count_q;  // clocks to the next bit
    logic [3:0]        left_q;   // bits to go
    logic [8:0]        shift_q;  // the bit on the line in [0]
    assign tx_o          = shift_q[0];
    assign s_axis_tready = left_q == 4'd0;

    always_ff @(posedge clk) begin : p_send
        if (rst) begin
            left_q  <= 4'd0;
            shift_q <= '1;
        end else if (left_q == 4'd0) begin
            if (s_axis_tvalid) begin
                shift_q <= {s_axis_tdata, 1'b0};
                left_q  <= 4'd10;
                count_q <= CountW'(ClocksPerBit - 1);
            end
        end else if (count_q != '0) begin
            count_q <= count_q - 1'b1;
        end else begin
            shift_q <= {1'b1, shift_q[8:1]};
            left_q  <= left_q - 1'b1;
            count_q <= CountW'(ClocksPerBit - 1);
        end
    end
endmodule
`default_nettype wire
