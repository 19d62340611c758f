// ql_link: an accelerator at a serial line: frames in, results out, in packets that survive noise.
//
//   rx_i --> ql_uart_receive --> ql_link_receive --> m_axis (frames)     s_axis (results) --> ql_link_send --> ql_uart_send --> tx_o
//                                     \--- numbers of accepted frames, events ---/
//
// Bytes on both streams, tlast on a frame's last. At most FramesInFlight frames are accepted and not yet answered.
//
// Model: talk::Packets   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_link #(
    parameter integer      ClocksPerBit   = 16,
    parameter integer      FrameBytes     = 16,
    parameter integer      ResultBytes    = 1,
    parameter integer      BufferBytes    = 32,  // a power of two, at least FrameBytes
    parameter integer      FramesInFlight = 4,   // 3 or more
    parameter logic [31:0] Design         = 0
) (
    input  wire  logic       clk,
    input  wire  logic       rst,
    input  wire  logic       rx_i,
    output       logic       tx_o,
    output       logic       led_o,           // turns with each accepted frame
    output       logic [7:0] m_axis_tdata,
    output       logic       m_axis_tlast,
    output       logic       m_axis_tvalid,
    input  wire  logic       m_axis_tready,
    input  wire  logic [7:0] s_axis_tdata,
    input  wire  logic       s_axis_tlast,
    input  wire  logic       s_axis_tvalid,
    output       logic       s_axis_tready
);
    logic [7:0] received, happened, number, first_number, send_tdata;
    logic       received_valid, room, accept, happened_valid, first_valid, first_ready, send_tvalid, send_tready;

    ql_uart_receive #(.ClocksPerBit(ClocksPerBit)) uart_receive (
        .clk(clk), .rst(rst), .rx_i(rx_i), .data_o(received), .valid_o(received_valid)
    );
    ql_link_receive #(.FrameBytes(FrameBytes), .BufferBytes(BufferBytes)) receive (
        .clk(clk), .rst(rst), .data_i(received), .valid_i(received_valid), .room_i(room),
        .accept_o(accept), .event_valid_o(happened_valid), .event_o(happened), .number_o(number),
        .m_axis_tdata(m_axis_tdata), .m_axis_tlast(m_axis_tlast), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    ql_fifo #(.DataW(8), .Depth(FramesInFlight)) numbers (
        .clk(clk), .rst(rst), .s_axis_tdata(number), .s_axis_tvalid(accept), .s_axis_tready(room),
        .m_axis_tdata(first_number), .m_axis_tvalid(first_valid), .m_axis_tready(first_ready)
    );
    ql_link_send #(.FrameBytes(FrameBytes), .ResultBytes(ResultBytes), .Design(Design)) send (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tlast(s_axis_tlast), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .number_tdata(first_number), .number_tvalid(first_valid), .number_tready(first_ready),
        .event_valid_i(happened_valid), .event_i(happened), .event_number_i(number),
        .m_axis_tdata(send_tdata), .m_axis_tvalid(send_tvalid), .m_axis_tready(send_tready)
    );
    ql_uart_send #(.ClocksPerBit(ClocksPerBit)) uart_send (
        .clk(clk), .rst(rst), .s_axis_tdata(send_tdata), .s_axis_tvalid(send_tvalid), .s_axis_tready(send_tready), .tx_o(tx_o)
    );

    always_ff @(posedge clk) begin : p_led
        if (rst) led_o <= 1'b0;
        else if (accept) led_o <= !led_o;
    end
endmodule
`default_nettype wire
