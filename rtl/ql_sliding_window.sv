// ql_sliding_window: every window of an image, position by position; the line buffer of a
// convolution.
//
//   s_axis --> [ring of Depth words] --> [read register] --> [pad value outside the image] --> m_axis
//                      ^-- address: five nested loops, one addition a step
//
// A beat is Simd channels of one pixel; pixels come row by row, Channels / Simd beats each. For each
// output pixel one beat a clock leaves for every kernel position and channel group: positions row
// by row with the channel groups innermost, or (Depthwise) the channel groups outermost. A step
// waits only for the very pixel it reads, and a word is written over as soon as no later window
// needs it, so that the next frame comes in while the last windows leave. With the Depth that
// src/hw/units/sliding_window.cpp computes a frame takes
//   max(Height * Width * Channels / Simd, OutH * OutW * KernelH * KernelW * Channels / Simd)
// clocks, frame after frame without a gap. Latency: 2 clocks from a pixel to the step that waited
// for it. Padding waits for nothing: that above the next frame may leave before its first pixel comes.
//
// Addresses and distances are those of the image without padding, also where a position lies
// outside; they are right modulo Depth (address) and as signed numbers (distances).
//
// Model: slow_windows in tests/rtl/window_test.cpp   Test: tests/rtl/window_test.cpp
// Cost:  README.md
`default_nettype none
module ql_sliding_window #(
    parameter integer Channels  = 4,      // channels of a pixel, a multiple of Simd
    parameter integer Simd      = 2,      // elements of a beat
    parameter integer InputW    = 4,      // bits of an element
    parameter integer Height    = 5,      // rows of the image (1: one-dimensional)
    parameter integer Width     = 5,      // pixels of a row
    parameter integer OutH      = 5,      // rows of windows
    parameter integer OutW      = 5,      // windows of a row
    parameter integer KernelH   = 3,      // rows of a window
    parameter integer KernelW   = 3,      // pixels of a row of a window
    parameter integer StrideH   = 1,      // rows from window to window
    parameter integer StrideW   = 1,      // pixels from window to window
    parameter integer DilationH = 1,      // rows from position to position
    parameter integer DilationW = 1,      // pixels from position to position
    parameter integer PadTop    = 1,      // rows of the first window above the image
    parameter integer PadLeft   = 1,      // pixels of the first window left of the image
    parameter integer PadValue  = 0,      // what stands outside the image
    parameter integer Depthwise = 0,      // 1: all positions of a channel group follow each other
    parameter integer Depth     = 64,     // words of the ring
    parameter         RamStyle  = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic                   clk,
    input  wire  logic                   rst,
    input  wire  logic [Simd*InputW-1:0] s_axis_tdata,
    input  wire  logic                   s_axis_tvalid,
    output       logic                   s_axis_tready,
    output       logic [Simd*InputW-1:0] m_axis_tdata,
    output       logic                   m_axis_tvalid,
    input  wire  logic                   m_axis_tready
);
    if (Simd < 1 || Channels < 1 || Channels % Simd != 0) begin : gen_check_simd
        $error("ql_sliding_window: Simd must divide Channels");
    end
    if (InputW < 1 || Height < 1 || Width < 1 || OutH < 1 || OutW < 1 || Depth < 2) begin : gen_check_size
        $error("ql_sliding_window: widths and sizes must be at least 1, Depth at least 2");
    end
    if (KernelH < 1 || KernelW < 1 || StrideH < 1 || StrideW < 1 || DilationH < 1 || DilationW < 1 || PadTop < 0
        || PadLeft < 0) begin : gen_check_window
        $error("ql_sliding_window: kernel, stride and dilation must be at least 1, padding at least 0");
    end

    // All in words.
    localparam integer Groups = Channels / Simd;
    localparam integer Row = Width * Groups;
    localparam integer SpanX = (KernelW - 1) * DilationW * Groups;
    localparam integer SpanY = (KernelH - 1) * DilationH * Row;
    localparam integer StepX = StrideW * Groups;
    localparam integer StepY = StrideH * Row;
    localparam integer First = PadTop * Row + PadLeft * Groups;  // the first window starts so much before word 0

    // How far the read position moves at the end of each loop.
    localparam integer WindowSpan = SpanY + SpanX + Groups - 1;
    localparam integer MoveGroup = Depthwise != 0 ? 1 - SpanX - SpanY : 1;
    localparam integer MoveKx = DilationW * Groups - (Depthwise != 0 ? 0 : Groups - 1);
    localparam integer MoveKy = DilationH * Row - SpanX - (Depthwise != 0 ? 0 : Groups - 1);
    localparam integer MoveOx = StepX - WindowSpan;
    localparam integer MoveOy = StepY - (OutW - 1) * StepX - WindowSpan;
    localparam integer MoveFrame = Height * Row - (OutH - 1) * StepY - (OutW - 1) * StepX - WindowSpan;

    // How many words each move sets free. Windows that start right of the image or below it set
    // nothing free: what they pass belongs to later ones.
    localparam integer LiveW = (Width + PadLeft - 1) / StrideW + 1;
    localparam integer LiveH = (Height + PadTop - 1) / StrideH + 1;
    localparam integer FreeW = LiveW < OutW ? LiveW : OutW;
    localparam integer FreeH = LiveH < OutH ? LiveH : OutH;
    localparam integer FreeOx = StepX;
    localparam integer FreeOy = StepY - (FreeW - 1) * StepX;
    localparam integer FreeFrame = Height * Row - (FreeH - 1) * StepY - (FreeW - 1) * StepX;

    // Distances between what is written, read and free stay below Depth plus what padding and
    // strides can be ahead.
    localparam integer LastX = (OutW - 1) * StrideW - PadLeft + (KernelW - 1) * DilationW;
    localparam integer LastY = (OutH - 1) * StrideH - PadTop + (KernelH - 1) * DilationH;
    localparam integer BeyondX = LastX > Width ? LastX - Width : 0;
    localparam integer BeyondY = LastY > Height ? LastY - Height : 0;
    localparam integer Ahead = SpanY + 2 * StepY + SpanX + 2 * StepX + First + BeyondY * Row + BeyondX * Groups + Row;
    localparam integer DistanceW = $clog2(Depth + Ahead) + 1;
    localparam integer AddressW = $clog2(Depth);

    function automatic integer modulo(input integer value);
        modulo = value % Depth;
        if (modulo < 0) modulo = modulo + Depth;
    endfunction

    logic enable;   // the read register moves
    logic issue;    // one position is read
    logic write;
    logic outside;  // the position lies outside the image

    // The loops, innermost last in the concatenation; a counter of one state is no register.
    logic end_group, end_kx, end_ky, end_ox, end_oy;  // the loop is in its last turn
    logic next_group, next_kx, next_ky, next_ox;      // the loop turns with this step
    logic window_end, row_end, frame_end;
    if (Depthwise != 0) begin : gen_depthwise_order
        assign next_kx = 1'b1;
        assign next_ky = end_kx;
        assign next_group = end_kx && end_ky;
    end else begin : gen_order
        assign next_group = 1'b1;
        assign next_kx = end_group;
        assign next_ky = end_group && end_kx;
    end
    assign window_end = end_group && end_kx && end_ky;
    assign row_end = window_end && end_ox;
    assign frame_end = row_end && end_oy;
    assign next_ox = window_end;

    ql_loop #(.Turns(Groups)) loop_group (.clk(clk), .rst(rst), .step_i(issue && next_group), .last_o(end_group));
    ql_loop #(.Turns(KernelW)) loop_kx (.clk(clk), .rst(rst), .step_i(issue && next_kx), .last_o(end_kx));
    ql_loop #(.Turns(KernelH)) loop_ky (.clk(clk), .rst(rst), .step_i(issue && next_ky), .last_o(end_ky));
    ql_loop #(.Turns(OutW)) loop_ox (.clk(clk), .rst(rst), .step_i(issue && next_ox), .last_o(end_ox));
    ql_loop #(.Turns(OutH)) loop_oy (.clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(end_oy));

    // The move of this step: as an address, and as a distance taken back.
    logic [DistanceW-1:0] back;
    logic [ AddressW-1:0] move_address;
    always_comb begin : p_move
        if (window_end) begin
            back = end_ox ? end_oy ? DistanceW'(-MoveFrame) : DistanceW'(-MoveOy) : DistanceW'(-MoveOx);
            move_address = end_ox ? end_oy ? AddressW'(modulo(MoveFrame)) : AddressW'(modulo(MoveOy))
                                  : AddressW'(modulo(MoveOx));
        end else if (Depthwise != 0) begin
            back = !end_kx ? DistanceW'(-MoveKx) : !end_ky ? DistanceW'(-MoveKy) : DistanceW'(-MoveGroup);
            move_address = !end_kx ? AddressW'(modulo(MoveKx)) : !end_ky ? AddressW'(modulo(MoveKy))
                                                                         : AddressW'(modulo(MoveGroup));
        end else begin
            back = !end_group ? DistanceW'(-MoveGroup) : !end_kx ? DistanceW'(-MoveKx) : DistanceW'(-MoveKy);
            move_address = !end_group ? AddressW'(modulo(MoveGroup)) : !end_kx ? AddressW'(modulo(MoveKx))
                                                                               : AddressW'(modulo(MoveKy));
        end
    end

    // ahead_q: words written beyond the read position, less one; negative while it is not there yet.
    // taken_q: words that may not be written over, less Depth; negative while there is room.
    logic [DistanceW-1:0] ahead_q, taken_q, freed;
    assign write = s_axis_tvalid && s_axis_tready;
    assign s_axis_tready = taken_q[DistanceW-1];
    assign issue = enable && (outside || !ahead_q[DistanceW-1]);

    logic live_x, live_y, live_next_y;  // this window, or the next row, sets words free
    if (FreeW < OutW) begin : gen_live_x
        ql_loop #(.Turns(OutW), .Mark(FreeW - 1)) loop_live (
            .clk(clk), .rst(rst), .step_i(issue && next_ox), .last_o(live_x)
        );
    end else begin : gen_all_x
        assign live_x = 1'b1;
    end
    if (FreeH < OutH) begin : gen_live_y
        ql_loop #(.Turns(OutH), .Mark(FreeH)) loop_live (
            .clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(live_y)
        );
        ql_loop #(.Turns(OutH), .Mark(FreeH - 1)) loop_next (
            .clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(live_next_y)
        );
    end else begin : gen_all_y
        assign live_y = 1'b1;
        assign live_next_y = 1'b1;
    end
    always_comb begin : p_freed
        freed = '0;
        if (window_end) begin
            if (!end_ox) freed = live_x && live_y ? DistanceW'(-FreeOx) : '0;
            else if (!end_oy) freed = live_next_y ? DistanceW'(-FreeOy) : '0;
            else freed = DistanceW'(-FreeFrame);
        end
    end

    logic [AddressW-1:0] address_q, write_address_q, moved;
    ql_wrapped_add #(.Modulus(Depth)) move_position (.a_i(address_q), .b_i(move_address), .sum_o(moved));

    // One carry chain each: the word being written is the carry in.
    logic [DistanceW:0] ahead_d, taken_d;
    assign ahead_d = {ahead_q, 1'b1} + {issue ? back : '0, write};
    assign taken_d = {taken_q, 1'b1} + {issue ? freed : '0, write};
    wire unused = &{1'b0, ahead_d[0], taken_d[0]};

    always_ff @(posedge clk) begin : p_position
        if (rst) begin
            ahead_q <= DistanceW'(First - 1);
            taken_q <= DistanceW'(First - Depth);
            address_q <= AddressW'(modulo(-First));
            write_address_q <= '0;
        end else begin
            ahead_q <= ahead_d[DistanceW:1];
            taken_q <= taken_d[DistanceW:1];
            if (issue) address_q <= moved;
            if (write) write_address_q <= write_address_q == AddressW'(Depth - 1) ? '0 : write_address_q + 1'b1;
        end
    end

    // Where the position lies: as unsigned numbers, what is left of the image or above it is large.
    localparam integer IsPaddedX = PadLeft > 0 || LastX >= Width ? 1 : 0;
    localparam integer IsPaddedY = PadTop > 0 || LastY >= Height ? 1 : 0;
    logic outside_x, outside_y;
    if (IsPaddedX != 0) begin : gen_x
        localparam integer XW = $clog2((LastX > Width ? LastX : Width) + PadLeft + 1) + 1;
        logic [XW-1:0] x_q;
        always_ff @(posedge clk) begin : p_x
            if (rst) x_q <= XW'(-PadLeft);
            else if (issue && row_end) x_q <= XW'(-PadLeft);
            else if (issue && next_kx) begin
                x_q <= x_q + (!end_kx      ? XW'(DilationW)
                              : window_end ? XW'(StrideW - (KernelW - 1) * DilationW)
                                           : XW'(-(KernelW - 1) * DilationW));
            end
        end
        assign outside_x = x_q >= XW'(Width);
    end else begin : gen_no_x
        assign outside_x = 1'b0;
    end
    if (IsPaddedY != 0) begin : gen_y
        localparam integer YW = $clog2((LastY > Height ? LastY : Height) + PadTop + 1) + 1;
        logic [YW-1:0] y_q;
        always_ff @(posedge clk) begin : p_y
            if (rst) y_q <= YW'(-PadTop);
            else if (issue && frame_end) y_q <= YW'(-PadTop);
            else if (issue && next_ky) begin
                y_q <= y_q + (!end_ky   ? YW'(DilationH)
                              : row_end ? YW'(StrideH - (KernelH - 1) * DilationH)
                                        : YW'(-(KernelH - 1) * DilationH));
            end
        end
        assign outside_y = y_q >= YW'(Height);
    end else begin : gen_no_y
        assign outside_y = 1'b0;
    end
    assign outside = outside_x || outside_y;

    logic [Simd*InputW-1:0] word;
    ql_ram #(.Width(Simd * InputW), .Depth(Depth), .RamStyle(RamStyle)) ring (
        .clk(clk),
        .write_enable_i(write), .write_address_i(write_address_q), .write_data_i(s_axis_tdata),
        .read_enable_i(enable), .read_address_i(address_q), .read_data_o(word)
    );

    logic valid_q;
    assign enable = m_axis_tready || !valid_q;
    assign m_axis_tvalid = valid_q;
    always_ff @(posedge clk) begin : p_valid
        if (rst) valid_q <= 1'b0;
        else if (enable) valid_q <= issue;
    end
    if (IsPaddedX != 0 || IsPaddedY != 0) begin : gen_pad
        logic outside_q;
        always_ff @(posedge clk) begin : p_outside
            if (enable) outside_q <= outside;
        end
        assign m_axis_tdata = outside_q ? {Simd{InputW'(PadValue)}} : word;
    end else begin : gen_no_pad
        assign m_axis_tdata = word;
    end

`ifndef SYNTHESIS
    a_m_hold: assert property (@(posedge clk) disable iff (rst)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("%m: m_axis changed while it waited");
`endif
endmodule
`default_nettype wire
