// ql_crc16: one byte more in the frame check sequence of RFC 1662 (CRC-16/X-25), combinational.
//
//   crc_o = crc_i after data_i       polynomial 0x8408 (bits reflected), from 0xffff on
//
// A sender appends the complement, low byte first; after these two bytes a receiver has 0xf0b8.
//
// Model: talk::check_sequence   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_crc16 (
    input  wire  logic [15:0] crc_i,
    input  wire  logic [ 7:0] data_i,
    output       logic [15:0] crc_o
);
    always_comb begin : p_bits
        crc_o = crc_i ^ {8'd0, data_i};
        for (int i = 0; i < 8; i++) crc_o = crc_o[0] ? {1'b0, crc_o[15:1]} ^ 16'h8408 : {1'b0, crc_o[15:1]};
    end
endmodule
`default_nettype wire
