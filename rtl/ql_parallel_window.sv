// ql_parallel_window: every window of an image, a whole window a beat.
//
//   s_axis --> [KernelH * KernelW copies of a ring] --> [read registers] --> [pad values] --> m_axis
//                    ^-- address of the window + offset of the position
//
// The fast form of ql_sliding_window: a memory for every position, each read once a clock. A beat in
// is Simd channels of a pixel, a beat out the same channels at all positions of a window (positions
// row by row, channels innermost); the channel groups of a window follow each other. With the Depth
// that src/hw/units/sliding_window.cpp computes a frame takes
//   max(Height * Width, OutH * OutW) * Channels / Simd
// clocks, frame after frame without a gap. Latency: 2 clocks from the last pixel of a window, or of
// its row or image where the window reaches over the border. A word is written over as soon as no
// later window needs it.
//
// Model: slow_windows in tests/rtl/window_test.cpp   Test: tests/rtl/window_test.cpp
// Cost:  README.md
`default_nettype none
module ql_parallel_window #(
    parameter integer Channels  = 2,      // channels of a pixel, a multiple of Simd
    parameter integer Simd      = 2,      // channels of a beat
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
    parameter integer PadTop    = 1,      // rows of the first window above the image; not all of them
    parameter integer PadLeft   = 1,      // pixels of the first window left of the image; not all of them
    parameter integer PadValue  = 0,      // what stands outside the image
    parameter integer Depth     = 32,     // words of the ring
    parameter         RamStyle  = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic                                   clk,
    input  wire  logic                                   rst,
    input  wire  logic [                Simd*InputW-1:0] s_axis_tdata,
    input  wire  logic                                   s_axis_tvalid,
    output       logic                                   s_axis_tready,
    output       logic [KernelH*KernelW*Simd*InputW-1:0] m_axis_tdata,
    output       logic                                   m_axis_tvalid,
    input  wire  logic                                   m_axis_tready
);
    localparam integer ReachH = (KernelH - 1) * DilationH + 1;
    localparam integer ReachW = (KernelW - 1) * DilationW + 1;
    if (Simd < 1 || Channels < 1 || Channels % Simd != 0) begin : gen_check_simd
        $error("ql_parallel_window: Simd must divide Channels");
    end
    if (InputW < 1 || Height < 1 || Width < 1 || OutH < 1 || OutW < 1 || Depth < 2) begin : gen_check_size
        $error("ql_parallel_window: widths and sizes must be at least 1, Depth at least 2");
    end
    if (KernelH < 1 || KernelW < 1 || StrideH < 1 || StrideW < 1 || DilationH < 1 || DilationW < 1) begin : gen_check_window
        $error("ql_parallel_window: kernel, stride and dilation must be at least 1");
    end
    if (PadTop < 0 || PadTop >= ReachH || PadLeft < 0 || PadLeft >= ReachW) begin : gen_check_pad
        $error("ql_parallel_window: the first window must reach into the image");
    end

    // In words.
    localparam integer Groups = Channels / Simd;
    localparam integer Row = Width * Groups;
    localparam integer StepX = StrideW * Groups;
    localparam integer StepY = StrideH * Row;
    localparam integer First = PadTop * Row + PadLeft * Groups;  // the first window starts so much before word 0

    // How far a window's start moves.
    localparam integer MoveOx = StepX - (Groups - 1);
    localparam integer MoveOy = StepY - (OutW - 1) * StepX - (Groups - 1);
    localparam integer MoveFrame = Height * Row - (OutH - 1) * StepY - (OutW - 1) * StepX - (Groups - 1);

    // How far the last pixel that a window waits for moves: as the window does, up to the border.
    localparam integer WholeW = Width - ReachW + PadLeft < 0 ? 0 : (Width - ReachW + PadLeft) / StrideW + 1;
    localparam integer WholeH = Height - ReachH + PadTop < 0 ? 0 : (Height - ReachH + PadTop) / StrideH + 1;
    localparam integer InW = WholeW < OutW ? WholeW : OutW;  // windows of a row that end inside it
    localparam integer InH = WholeH < OutH ? WholeH : OutH;
    localparam integer FirstX = InW > 0 ? ReachW - 1 - PadLeft : Width - 1;
    localparam integer FirstY = InH > 0 ? ReachH - 1 - PadTop : Height - 1;
    localparam integer LastX = InW < OutW ? Width - 1 : FirstX + (OutW - 1) * StrideW;
    localparam integer LastY = InH < OutH ? Height - 1 : FirstY + (OutH - 1) * StrideH;
    localparam integer BorderX = InW > 0 ? LastX - FirstX - (InW - 1) * StrideW : 0;  // the step to the border
    localparam integer BorderY = InH > 0 ? LastY - FirstY - (InH - 1) * StrideH : 0;
    localparam integer BackX = (LastX - FirstX) * Groups + Groups - 1;
    localparam integer NeedFrame = (Height - LastY + FirstY) * Row - BackX;

    // How many words each move sets free (see ql_sliding_window).
    localparam integer LiveW = (Width + PadLeft - 1) / StrideW + 1;
    localparam integer LiveH = (Height + PadTop - 1) / StrideH + 1;
    localparam integer FreeW = LiveW < OutW ? LiveW : OutW;
    localparam integer FreeH = LiveH < OutH ? LiveH : OutH;
    localparam integer FreeOy = StepY - (FreeW - 1) * StepX;
    localparam integer FreeFrame = Height * Row - (FreeH - 1) * StepY - (FreeW - 1) * StepX;

    localparam integer BeyondW = (OutW - 1) * StrideW - PadLeft + ReachW > Width
                                 ? (OutW - 1) * StrideW - PadLeft + ReachW - Width : 0;
    localparam integer BeyondH = (OutH - 1) * StrideH - PadTop + ReachH > Height
                                 ? (OutH - 1) * StrideH - PadTop + ReachH - Height : 0;
    localparam integer DistanceW = $clog2(Depth + (ReachH + 2 * StrideH + PadTop + BeyondH + 1) * Row
                                          + (ReachW + 2 * StrideW + PadLeft + BeyondW) * Groups) + 1;
    localparam integer AddressW = $clog2(Depth);
    localparam integer WordW = Simd * InputW;

    function automatic integer modulo(input integer value);
        modulo = value % Depth;
        if (modulo < 0) modulo = modulo + Depth;
    endfunction

    logic enable;  // the read registers move
    logic issue;   // one window is read
    logic write;
    logic end_group, end_ox, end_oy, row_end;
    assign row_end = end_group && end_ox;
    ql_loop #(.Turns(Groups)) loop_group (.clk(clk), .rst(rst), .step_i(issue), .last_o(end_group));
    ql_loop #(.Turns(OutW)) loop_ox (.clk(clk), .rst(rst), .step_i(issue && end_group), .last_o(end_ox));
    ql_loop #(.Turns(OutH)) loop_oy (.clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(end_oy));

    // Turns of the loops below some marks.
    logic inside_x, at_border_x, inside_y, at_border_y, live_x, live_y, live_next_y;
    if (InW < OutW) begin : gen_border_x
        logic below;
        ql_loop #(.Turns(OutW), .Mark(InW > 0 ? InW - 1 : 0)) loop_inside (
            .clk(clk), .rst(rst), .step_i(issue && end_group), .last_o(inside_x)
        );
        ql_loop #(.Turns(OutW), .Mark(InW)) loop_below (
            .clk(clk), .rst(rst), .step_i(issue && end_group), .last_o(below)
        );
        assign at_border_x = below && !inside_x;
    end else begin : gen_inside_x
        assign inside_x = 1'b1;
        assign at_border_x = 1'b0;
    end
    if (InH < OutH) begin : gen_border_y
        logic below;
        ql_loop #(.Turns(OutH), .Mark(InH > 0 ? InH - 1 : 0)) loop_inside (
            .clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(inside_y)
        );
        ql_loop #(.Turns(OutH), .Mark(InH)) loop_below (
            .clk(clk), .rst(rst), .step_i(issue && row_end), .last_o(below)
        );
        assign at_border_y = below && !inside_y;
    end else begin : gen_inside_y
        assign inside_y = 1'b1;
        assign at_border_y = 1'b0;
    end
    if (FreeW < OutW) begin : gen_live_x
        ql_loop #(.Turns(OutW), .Mark(FreeW - 1)) loop_live (
            .clk(clk), .rst(rst), .step_i(issue && end_group), .last_o(live_x)
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

    // What this step moves: the window's address, the pixel waited for, what is free.
    logic [ AddressW-1:0] move_address;
    logic [DistanceW-1:0] back, freed;
    always_comb begin : p_move
        freed = '0;
        if (!end_group) begin
            move_address = AddressW'(1);
            back = DistanceW'(-1);
        end else if (!end_ox) begin
            move_address = AddressW'(modulo(MoveOx));
            back = inside_x      ? DistanceW'(Groups - 1 - StrideW * Groups)
                   : at_border_x ? DistanceW'(Groups - 1 - BorderX * Groups)
                                 : DistanceW'(Groups - 1);
            if (live_x && live_y) freed = DistanceW'(-StepX);
        end else if (!end_oy) begin
            move_address = AddressW'(modulo(MoveOy));
            back = inside_y      ? DistanceW'(BackX - StepY)
                   : at_border_y ? DistanceW'(BackX - BorderY * Row)
                                 : DistanceW'(BackX);
            if (live_next_y) freed = DistanceW'(-FreeOy);
        end else begin
            move_address = AddressW'(modulo(MoveFrame));
            back = DistanceW'(-NeedFrame);
            freed = DistanceW'(-FreeFrame);
        end
    end

    // As in ql_sliding_window: words beyond the one waited for, less one; words taken, less Depth.
    logic [DistanceW-1:0] ahead_q, taken_q;
    logic [  DistanceW:0] ahead_d, taken_d;
    assign write = s_axis_tvalid && s_axis_tready;
    assign s_axis_tready = taken_q[DistanceW-1];
    assign issue = enable && !ahead_q[DistanceW-1];
    assign ahead_d = {ahead_q, 1'b1} + {issue ? back : '0, write};
    assign taken_d = {taken_q, 1'b1} + {issue ? freed : '0, write};
    wire unused = &{1'b0, ahead_d[0], taken_d[0]};

    logic [AddressW-1:0] address_q, write_address_q, moved;
    ql_wrapped_add #(.Modulus(Depth)) move_window (.a_i(address_q), .b_i(move_address), .sum_o(moved));
    always_ff @(posedge clk) begin : p_position
        if (rst) begin
            ahead_q <= DistanceW'(-(FirstY * Row + FirstX * Groups) - 1);
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

    logic valid_q;
    assign enable = m_axis_tready || !valid_q;
    assign m_axis_tvalid = valid_q;
    always_ff @(posedge clk) begin : p_valid
        if (rst) valid_q <= 1'b0;
        else if (enable) valid_q <= issue;
    end

    // Which columns and rows of the window lie outside: left of the image and above it are large
    // unsigned numbers.
    logic [KernelW-1:0] outside_x_q;
    logic [KernelH-1:0] outside_y_q;
    if (PadLeft > 0 || BeyondW > 0) begin : gen_x
        localparam integer XW = $clog2(Width + BeyondW + ReachW + PadLeft + 1) + 1;
        logic [XW-1:0] x_q;
        always_ff @(posedge clk) begin : p_x
            if (rst) x_q <= XW'(-PadLeft);
            else if (issue && end_group) x_q <= end_ox ? XW'(-PadLeft) : x_q + XW'(StrideW);
        end
        for (genvar k = 0; k < KernelW; k++) begin : gen_column
            logic [XW-1:0] at;
            assign at = x_q + XW'(k * DilationW);
            always_ff @(posedge clk) begin : p_outside
                if (enable) outside_x_q[k] <= at >= XW'(Width);
            end
        end
    end else begin : gen_no_x
        assign outside_x_q = '0;
    end
    if (PadTop > 0 || BeyondH > 0) begin : gen_y
        localparam integer YW = $clog2(Height + BeyondH + ReachH + PadTop + 1) + 1;
        logic [YW-1:0] y_q;
        always_ff @(posedge clk) begin : p_y
            if (rst) y_q <= YW'(-PadTop);
            else if (issue && row_end) y_q <= end_oy ? YW'(-PadTop) : y_q + YW'(StrideH);
        end
        for (genvar k = 0; k < KernelH; k++) begin : gen_row
            logic [YW-1:0] at;
            assign at = y_q + YW'(k * DilationH);
            always_ff @(posedge clk) begin : p_outside
                if (enable) outside_y_q[k] <= at >= YW'(Height);
            end
        end
    end else begin : gen_no_y
        assign outside_y_q = '0;
    end

    for (genvar k = 0; k < KernelH * KernelW; k++) begin : gen_position
        localparam integer Offset = k / KernelW * DilationH * Row + k % KernelW * DilationW * Groups;
        logic [AddressW-1:0] address;
        logic [   WordW-1:0] word;
        ql_wrapped_add #(.Modulus(Depth)) move_position (
            .a_i(address_q), .b_i(AddressW'(modulo(Offset))), .sum_o(address)
        );
        ql_ram #(.Width(WordW), .Depth(Depth), .RamStyle(RamStyle)) ring (
            .clk(clk),
            .write_enable_i(write), .write_address_i(write_address_q), .write_data_i(s_axis_tdata),
            .read_enable_i(enable), .read_address_i(address), .read_data_o(word)
        );
        assign m_axis_tdata[k*WordW +: WordW] =
            outside_x_q[k%KernelW] || outside_y_q[k/KernelW] ? {Simd{InputW'(PadValue)}} : word;
    end

`ifndef SYNTHESIS
    a_m_hold: assert property (@(posedge clk) disable iff (rst)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("%m: m_axis changed while it waited");
`endif
endmodule
`default_nettype wire
