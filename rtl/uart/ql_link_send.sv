// ql_link_send: answers as packets of a serial line.
//
//   s_axis (results) --> [number, status, bytes, check sequence] --> [escape] --> m_axis
//   event -------------/
//
// A packet, between flags 0x7e and escaped as in ql_link_receive:
//   number (1 byte, of the packet answered)  status (1)  bytes  check sequence (2)
// Status 0x00 carries a frame's results, 0x01 says who is there (13 bytes: version 1, Design, FrameBytes, ResultBytes, low bytes
// first), 0x81 and up say why a packet was no frame, without bytes. An event waits for the packet that is on its way; a newer one
// takes its place.
//
// Model: talk::Packets   Test: tests/talk/board_test.cpp
`default_nettype none
module ql_link_send #(
    parameter integer      FrameBytes  = 16,
    parameter integer      ResultBytes = 1,
    parameter logic [31:0] Design      = 0   // names what was compiled, so that a host does not talk to another network
) (
    input  wire  logic       clk,
    input  wire  logic       rst,
    input  wire  logic [7:0] s_axis_tdata,    // a frame's results, tlast on the last byte
    input  wire  logic       s_axis_tlast,
    input  wire  logic       s_axis_tvalid,
    output       logic       s_axis_tready,
    input  wire  logic [7:0] number_tdata,    // of that frame
    input  wire  logic       number_tvalid,
    output       logic       number_tready,
    input  wire  logic       event_valid_i,   // one clock
    input  wire  logic [7:0] event_i,
    input  wire  logic [7:0] event_number_i,
    output       logic [7:0] m_axis_tdata,
    output       logic       m_axis_tvalid,
    input  wire  logic       m_axis_tready
);
    localparam logic [2:0] Idle = 3'd0, Number = 3'd1, Status = 3'd2, Bytes = 3'd3, CheckLow = 3'd4, CheckHigh = 3'd5, End = 3'd6;
    localparam logic [7:0] Question = 8'h01;
    localparam integer     AnswerBytes = 13;
    wire [AnswerBytes*8-1:0] answer = {32'(ResultBytes), 32'(FrameBytes), Design, 8'd1};

    logic       event_q;                      // an event waits
    logic [7:0] event_status_q, event_number_q;
    logic [2:0] state_q;                      // the part of the packet that comes next
    logic [7:0] number_q, status_q;
    logic [3:0] place_q;                      // in the answer to a question
    logic       octet_valid_q, is_flag_q, escaped_q;
    logic [7:0] octet_q;                      // to be sent

    logic [15:0] check_q, check_next;
    logic [ 7:0] octet;                       // the next of the packet
    logic        load, begin_event, begin_result;
    assign begin_event   = state_q == Idle && !octet_valid_q && event_q;
    assign begin_result  = state_q == Idle && !octet_valid_q && !event_q && s_axis_tvalid && number_tvalid;
    assign number_tready = begin_result;
    assign s_axis_tready = state_q == Bytes && status_q == 8'h00 && !octet_valid_q;
    assign load          = !octet_valid_q && state_q != Idle && (!s_axis_tready || s_axis_tvalid);
    ql_crc16 check (.crc_i(check_q), .data_i(octet), .crc_o(check_next));

    always_comb begin : p_octet
        octet = 8'h7e;
        case (state_q)
            Number:    octet = number_q;
            Status:    octet = status_q;
            Bytes:     octet = status_q == 8'h00 ? s_axis_tdata : answer[place_q*8 +: 8];
            CheckLow:  octet = ~check_q[7:0];
            CheckHigh: octet = ~check_q[15:8];
            default:   octet = 8'h7e;
        endcase
    end

    logic needs_escape, sent;
    assign needs_escape  = !is_flag_q && !escaped_q && (octet_q == 8'h7e || octet_q == 8'h7d);
    assign m_axis_tvalid = octet_valid_q;
    assign m_axis_tdata  = needs_escape ? 8'h7d : escaped_q ? octet_q ^ 8'h20 : octet_q;
    assign sent          = m_axis_tvalid && m_axis_tready;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            event_q       <= 1'b0;
            state_q       <= Idle;
            octet_valid_q <= 1'b0;
            escaped_q     <= 1'b0;
        end else begin
            if (event_valid_i) event_q <= 1'b1;
            else if (begin_event) event_q <= 1'b0;
            if (begin_event || begin_result) state_q <= Number;
            if (load) begin
                case (state_q)
                    Number:    state_q <= Status;
                    Status:    state_q <= status_q == 8'h00 || status_q == Question ? Bytes : CheckLow;
                    Bytes:     if (status_q == 8'h00 ? s_axis_tlast : place_q == 4'(AnswerBytes - 1)) state_q <= CheckLow;
                    CheckLow:  state_q <= CheckHigh;
                    CheckHigh: state_q <= End;
                    default:   state_q <= Idle;
                endcase
            end
            if (begin_event || begin_result || load) octet_valid_q <= 1'b1;
            else if (sent && !needs_escape) octet_valid_q <= 1'b0;
            if (sent) escaped_q <= needs_escape;
        end
    end
    always_ff @(posedge clk) begin : p_data
        if (event_valid_i) begin
            event_status_q <= event_i;
            event_number_q <= event_number_i;
        end
        if (begin_event || begin_result) begin
            number_q <= begin_event ? event_number_q : number_tdata;
            status_q <= begin_event ? event_status_q : 8'h00;
            check_q  <= '1;
            place_q  <= '0;
            octet_q  <= 8'h7e;
            is_flag_q <= 1'b1;
        end else if (load) begin
            octet_q <= octet;
            is_flag_q <= state_q == End;
            if (state_q == Number || state_q == Status || state_q == Bytes) check_q <= check_next;
            if (state_q == Bytes) place_q <= place_q + 1'b1;
        end
    end
endmodule
`default_nettype wire
