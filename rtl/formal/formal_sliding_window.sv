// formal_sliding_window: ql_sliding_window reads each position of each window, in order, from the right pixel; padding where there is none.
//
// The solver picks one pixel of two frames, remembers what comes for it, and meets it wherever the loops below say that
// it is due. The loops are the plain ones of the module's contract; the module itself moves one address by differences.
`default_nettype none
module formal_sliding_window #(
    parameter integer Height   = 3,
    parameter integer Width    = 3,
    parameter integer OutH     = 3,
    parameter integer OutW     = 2,
    parameter integer KernelH  = 2,
    parameter integer KernelW  = 2,
    parameter integer StrideH  = 1,
    parameter integer StrideW  = 1,
    parameter integer PadTop   = 1,
    parameter integer PadLeft  = 0,
    parameter integer PadValue = 1,
    parameter integer Depth    = 6,
    parameter integer Bound    = 3   // clocks until something that can come out is offered
) (
    input wire clk, rst, s_axis_tvalid, m_axis_tready,
    input wire s_axis_tdata
);
    localparam integer Frame = Height * Width;
    localparam integer CountW = $clog2(2 * Frame + 1);
    wire s_axis_tready, m_axis_tvalid, m_axis_tdata, started;
    ql_sliding_window #(
        .InputW(1), .Channels(1), .Simd(1), .Height(Height), .Width(Width), .OutH(OutH), .OutW(OutW), .KernelH(KernelH),
        .KernelW(KernelW), .StrideH(StrideH), .StrideW(StrideW), .PadTop(PadTop), .PadLeft(PadLeft), .PadValue(PadValue), .Depth(Depth)
    ) dut (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    formal_environment #(.DataW(1)) environment (
        .clk(clk), .rst(rst),
        .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready), .started_o(started)
    );

    (* anyconst *) reg [CountW-1:0] watched;  // a pixel of two frames in turn
    reg [CountW-1:0] in_q;                    // the next pixel in
    reg second_q, value_q, seen_q;            // the windows are of the second of the two frames
    reg [3:0] oy_q, ox_q, ky_q, kx_q;
    wire in = s_axis_tvalid && s_axis_tready;
    wire out = m_axis_tvalid && m_axis_tready;
    wire signed [6:0] y = oy_q * StrideH + ky_q - PadTop;
    wire signed [6:0] x = ox_q * StrideW + kx_q - PadLeft;
    wire outside = y < 0 || y >= Height || x < 0 || x >= Width;
    wire [CountW-1:0] place = y * Width + x;  // within the frame
    wire [CountW-1:0] base = second_q ? Frame : 0;
    wire [CountW-1:0] come = in_q >= base ? in_q - base : in_q + 2 * Frame - base;  // pixels of this frame, and of the next
    wire due = outside || come > place;
    wire last_kx = kx_q == KernelW - 1, last_ky = ky_q == KernelH - 1, last_ox = ox_q == OutW - 1, last_oy = oy_q == OutH - 1;
    wire frame_end = last_kx && last_ky && last_ox && last_oy;
    wire is_second = watched >= Frame;

    reg past_q, waits_q, data_q;
    reg [3:0] silent_q, blocked_q;
    initial past_q = 0;
    always @(posedge clk) begin
        past_q <= !rst && started;
        waits_q <= m_axis_tvalid && !m_axis_tready && !rst;
        data_q <= m_axis_tdata;
        silent_q <= rst || m_axis_tvalid || !due ? 0 : silent_q == 15 ? 15 : silent_q + 1;
        blocked_q <= rst || s_axis_tready || m_axis_tvalid || due ? 0 : blocked_q == 15 ? 15 : blocked_q + 1;
        if (rst) begin
            in_q <= 0;
            second_q <= 0;
            seen_q <= 0;
            oy_q <= 0;
            ox_q <= 0;
            ky_q <= 0;
            kx_q <= 0;
        end else begin
            if (in) begin
                in_q <= in_q == 2 * Frame - 1 ? 0 : in_q + 1;
                if (in_q == watched) begin
                    value_q <= s_axis_tdata;
                    seen_q <= 1;
                end
            end
            if (out) begin
                kx_q <= last_kx ? 0 : kx_q + 1;
                if (last_kx) ky_q <= last_ky ? 0 : ky_q + 1;
                if (last_kx && last_ky) ox_q <= last_ox ? 0 : ox_q + 1;
                if (last_kx && last_ky && last_ox) oy_q <= last_oy ? 0 : oy_q + 1;
                if (frame_end) second_q <= !second_q;
                if (frame_end && second_q == is_second) seen_q <= 0;
            end
        end
    end

    always @(*) begin
        assume (watched < 2 * Frame);
        if (started && !rst) begin
            if (out && outside) assert (m_axis_tdata == PadValue);
            if (out) assert (due);
            if (out && !outside && base + place == watched) begin
                assert (seen_q);
                assert (m_axis_tdata == value_q);
            end
            if (in && in_q == watched) assert (!seen_q);  // the one of two frames before is through
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
