// ql_axis_gearbox: the bytes of a packet in beats of another size, any ratio.
//
//   s_axis (InBytes, tkeep, tlast) --> [byte buffer] --> m_axis (OutBytes, tkeep, tlast)
//
// One beat a clock on the narrower side, latency 1; tkeep holds low bytes without a gap. A packet ends where it
// ended: with tlast the rest leaves as a partial beat, and the next packet is let in when it is gone.
//
// Model: regrouping of bytes   Test: tests/soc/stream_test.cpp
`default_nettype none
module ql_axis_gearbox #(
    parameter integer InBytes  = 8,  // of an input beat
    parameter integer OutBytes = 1   // of an output beat
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [ InBytes*8-1:0] s_axis_tdata,
    input  wire  logic [   InBytes-1:0] s_axis_tkeep,
    input  wire  logic                  s_axis_tlast,
    input  wire  logic                  s_axis_tvalid,
    output       logic                  s_axis_tready,
    output       logic [OutBytes*8-1:0] m_axis_tdata,
    output       logic [  OutBytes-1:0] m_axis_tkeep,
    output       logic                  m_axis_tlast,
    output       logic                  m_axis_tvalid,
    input  wire  logic                  m_axis_tready
);
    if (InBytes < 1 || OutBytes < 1) begin : gen_check
        $error("ql_axis_gearbox: InBytes and OutBytes must be at least 1");
    end
    localparam integer Least = InBytes < OutBytes ? InBytes : OutBytes;
    localparam integer Room = InBytes + OutBytes + Least;
    localparam integer CountW = $clog2(Room + 1);

    logic [Room*8-1:0] buffer_q, masked;
    logic [CountW-1:0] count_q, kept, in_bytes;  // kept: what is left when the output beat is gone
    logic              ending_q;                 // the buffer holds the end of a packet
    logic              take, give;

    always_comb begin : p_in
        masked   = '0;
        in_bytes = '0;
        for (int i = 0; i < InBytes; i++) begin
            if (s_axis_tkeep[i]) masked[i*8+:8] = s_axis_tdata[i*8+:8];
            in_bytes = in_bytes + CountW'(s_axis_tkeep[i]);
        end
    end
    always_comb begin : p_keep
        for (int i = 0; i < OutBytes; i++) m_axis_tkeep[i] = CountW'(i) < count_q;
    end

    assign s_axis_tready = !ending_q && count_q <= CountW'(Room - InBytes);
    assign m_axis_tdata  = buffer_q[OutBytes*8-1:0];
    assign m_axis_tlast  = ending_q && count_q <= CountW'(OutBytes);
    assign m_axis_tvalid = count_q >= CountW'(OutBytes) || (ending_q && count_q != '0);
    assign take = s_axis_tvalid && s_axis_tready;
    assign give = m_axis_tvalid && m_axis_tready;
    assign kept = !give ? count_q : (count_q > CountW'(OutBytes) ? count_q - CountW'(OutBytes) : '0);

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            count_q  <= '0;
            ending_q <= 1'b0;
        end else begin
            count_q <= kept + (take ? in_bytes : '0);
            if (give && m_axis_tlast) ending_q <= 1'b0;
            if (take && s_axis_tlast) ending_q <= 1'b1;
        end
    end
    // Bytes past count_q are zero, so that new ones can be put there by OR.
    always_ff @(posedge clk) begin : p_data
        if (rst) buffer_q <= '0;
        else buffer_q <= (give ? buffer_q >> (OutBytes * 8) : buffer_q) | (take ? masked << {kept, 3'b000} : '0);
    end
endmodule
`default_nettype wire
