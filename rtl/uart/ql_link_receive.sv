// ql_link_receive: frames out of the packets of a serial line; only whole ones with a right check sequence leave it.
//
//   data_i --> [unescape] --> [check] --> [ring buffer] --> m_axis (a byte a beat, tlast on a frame's last)
//                                  \--> event: what became of a packet
//
// A packet stands between flags 0x7e; 0x7d escapes the byte behind it, which is sent XOR 0x20 (RFC 1662):
//   number (1 byte)  frame (FrameBytes, or none: a question who is there)  check sequence (2)
// Its bytes are written behind the frames that wait already, and count only once the packet is good, so that noise costs a packet
// and never the order. After any noise the next flag begins anew.
//
// Model: talk::Packets   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_link_receive #(
    parameter integer FrameBytes  = 16,  // 1 or more
    parameter integer BufferBytes = 32   // a power of two, at least FrameBytes; more than a frame keeps the line busy
) (
    input  wire  logic       clk,
    input  wire  logic       rst,
    input  wire  logic [7:0] data_i,         // of the line
    input  wire  logic       valid_i,
    input  wire  logic       room_i,         // one more frame may be accepted
    output       logic       accept_o,       // one clock: a frame was accepted
    output       logic       event_valid_o,  // one clock: a packet was no frame
    output       logic [7:0] event_o,        // 0x01 who is there, 0x81 wrong check, 0x82 wrong length, 0x83 no room
    output       logic [7:0] number_o,       // of the packet, with accept_o and event_valid_o
    output       logic [7:0] m_axis_tdata,
    output       logic       m_axis_tlast,
    output       logic       m_axis_tvalid,
    input  wire  logic       m_axis_tready
);
    localparam integer AddressW = $clog2(BufferBytes);
    localparam integer PlaceW = $clog2(FrameBytes + 5);
    if (FrameBytes < 1 || BufferBytes < FrameBytes || BufferBytes < 2 || 2 ** AddressW != BufferBytes) begin : gen_check
        $error("ql_link_receive: BufferBytes must be a power of two of at least FrameBytes");
    end

    // Bytes of a packet without their escapes.
    logic       is_flag, is_escape, take, escaped_q;
    logic [7:0] octet;
    assign is_flag   = valid_i && data_i == 8'h7e;
    assign is_escape = valid_i && data_i == 8'h7d && !escaped_q;
    assign take      = valid_i && !is_flag && !is_escape;
    assign octet     = escaped_q ? data_i ^ 8'h20 : data_i;

    logic [15:0]       check_q, check_next;
    logic [PlaceW-1:0] place_q;   // of the next byte in its packet: 0 the number, 1 ... FrameBytes the frame; at most FrameBytes + 4
    logic              full_q;    // a byte of this packet found no room
    logic [AddressW:0] write_q, base_q, read_q;  // one bit more than the address: full and empty differ
    ql_crc16 check (.crc_i(check_q), .data_i(octet), .crc_o(check_next));

    logic in_frame, has_room, write;
    assign in_frame = place_q != '0 && place_q <= PlaceW'(FrameBytes);
    assign has_room = (write_q ^ read_q) != {1'b1, AddressW'(0)};
    assign write    = take && in_frame && has_room;

    logic is_good, is_question, is_frame;
    assign is_good     = check_q == 16'hf0b8 && !escaped_q;
    assign is_question = place_q == PlaceW'(3) && FrameBytes != 0;
    assign is_frame    = place_q == PlaceW'(FrameBytes + 3);

    always_ff @(posedge clk) begin : p_packet
        accept_o      <= 1'b0;
        event_valid_o <= 1'b0;
        if (rst) begin
            escaped_q <= 1'b0;
            place_q   <= '0;
            check_q   <= '1;
            full_q    <= 1'b0;
            write_q   <= '0;
            base_q    <= '0;
        end else if (is_flag) begin
            escaped_q <= 1'b0;
            place_q   <= '0;
            check_q   <= '1;
            full_q    <= 1'b0;
            if (is_good && is_frame && !full_q && room_i) begin
                accept_o <= 1'b1;
                base_q   <= write_q;
            end else begin
                event_valid_o <= place_q != '0;
                write_q       <= base_q;
            end
        end else begin
            if (valid_i) escaped_q <= is_escape;
            if (take) begin
                check_q <= check_next;
                if (place_q != PlaceW'(FrameBytes + 4)) place_q <= place_q + 1'b1;
                if (in_frame && !has_room) full_q <= 1'b1;
            end
            if (write) write_q <= write_q + 1'b1;
        end
    end
    always_ff @(posedge clk) begin : p_event
        if (take && place_q == '0) number_o <= octet;
        if (is_flag) event_o <= !is_good ? 8'h81 : is_question ? 8'h01 : !is_frame ? 8'h82 : 8'h83;
    end

    // Accepted bytes leave in order.
    localparam integer LeftW = FrameBytes > 1 ? $clog2(FrameBytes) : 1;
    logic [LeftW-1:0] left_q;  // bytes of the frame behind the next
    logic             valid_q, last_q, pull;
    assign pull          = base_q != read_q && (m_axis_tready || !valid_q);
    assign m_axis_tvalid = valid_q;
    assign m_axis_tlast  = last_q;
    ql_ram #(.Width(8), .Depth(BufferBytes)) buffer (
        .clk(clk),
        .write_enable_i(write), .write_address_i(write_q[AddressW-1:0]), .write_data_i(octet),
        .read_enable_i(pull), .read_address_i(read_q[AddressW-1:0]), .read_data_o(m_axis_tdata)
    );
    always_ff @(posedge clk) begin : p_read
        if (rst) begin
            read_q  <= '0;
            valid_q <= 1'b0;
            left_q  <= LeftW'(FrameBytes - 1);
        end else begin
            if (pull) begin
                read_q <= read_q + 1'b1;
                left_q <= left_q == '0 ? LeftW'(FrameBytes - 1) : left_q - 1'b1;
            end
            if (pull) valid_q <= 1'b1;
            else if (m_axis_tready) valid_q <= 1'b0;
        end
        if (pull) last_q <= left_q == '0;
    end
endmodule
`default_nettype wire
