// formal_watch: one stream of elements goes in, the same stream comes out: nothing lost, doubled or reordered.
//
// The solver picks an element by its number (any). When it goes in, its value is remembered; when the element of that number
// comes out, it must have gone in and have that value. Besides: what waits does not change, what can come out is offered
// within Bound clocks whether or not it is taken, and a ready consumer is a ready producer within Bound clocks.
// Counters wrap, so the proof does not depend on how long ago the reset was.
`default_nettype none
module formal_watch #(
    parameter integer ElemW    = 2,  // bits of an element
    parameter integer InElems  = 1,  // elements of a beat in
    parameter integer OutElems = 1,  // elements of a beat out
    parameter integer Bound    = 4   // clocks
) (
    input wire                      clk,
    input wire                      rst,
    input wire                      started_i,  // a reset has been
    input wire [ InElems*ElemW-1:0] s_axis_tdata,
    input wire                      s_axis_tvalid,
    input wire                      s_axis_tready,
    input wire [OutElems*ElemW-1:0] m_axis_tdata,
    input wire                      m_axis_tvalid,
    input wire                      m_axis_tready
);
    localparam integer CountW = 5;
    (* anyconst *) reg [CountW-1:0] watched;
    reg [CountW-1:0] in_q, out_q;
    reg [ ElemW-1:0] value_q;
    reg              seen_q;
    wire [CountW-1:0] in_place = watched - in_q;    // of the watched element within the beat, when small enough
    wire [CountW-1:0] out_place = watched - out_q;
    wire [CountW-1:0] held = in_q - out_q;
    wire in = s_axis_tvalid && s_axis_tready;
    wire out = m_axis_tvalid && m_axis_tready;
    always @(posedge clk) begin
        if (rst) begin
            in_q <= 0;
            out_q <= 0;
            seen_q <= 0;
        end else begin
            if (in) begin
                in_q <= in_q + InElems;
                if (in_place < InElems) begin
                    value_q <= s_axis_tdata >> (in_place * ElemW);
                    seen_q <= 1;
                end
            end
            if (out) begin
                out_q <= out_q + OutElems;
                if (out_place < OutElems) seen_q <= 0;
            end
        end
    end
    wire [OutElems*ElemW-1:0] shifted = m_axis_tdata >> (out_place * ElemW);

    reg past_q, waits_q;
    reg [OutElems*ElemW-1:0] data_q;
    reg [4:0] silent_q, blocked_q;
    initial past_q = 0;
    always @(posedge clk) begin
        past_q <= !rst && started_i;
        waits_q <= m_axis_tvalid && !m_axis_tready && !rst;
        data_q <= m_axis_tdata;
        silent_q <= rst || m_axis_tvalid || held < OutElems ? 0 : silent_q + 1;
        blocked_q <= rst || s_axis_tready || !m_axis_tready ? 0 : blocked_q + 1;
    end

    always @(*) begin
        if (started_i && !rst) begin
            if (out) assert (held >= OutElems);
            if (out && out_place < OutElems) begin
                assert (seen_q);
                assert (shifted[ElemW-1:0] == value_q);
            end
            if (past_q && waits_q) begin
                assert (m_axis_tvalid);
                assert (m_axis_tdata == data_q);
            end
            if (past_q) assert (silent_q <= Bound);
            if (past_q) assert (blocked_q <= Bound);
        end
    end
endmodule
`default_nettype wire
