// ql_depth_to_space: channels of a pixel become a block of pixels. A row of Width pixels, each
// Block groups of Group beats, is sent as Block rows: group 0 of every pixel, then group 1, ...
//
//   s_axis --> [memory of two rows] --> [read register] --> m_axis
//
//   a0 a1, b0 b1    with Width = Block = 2, Group = 1:    a0 b0, a1 b1
//
// A beat a clock without a gap; latency 2 from the last beat of a row.
//
// Model: transposed list   Test: tests/rtl/pixel_test.cpp
// Cost:  README.md
`default_nettype none
module ql_depth_to_space #(
    parameter integer DataW    = 8,      // bits of a beat
    parameter integer Width    = 4,      // pixels of a row
    parameter integer Block    = 2,      // rows that come of one
    parameter integer Group    = 1,      // beats of a pixel that go to the same row
    parameter         RamStyle = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic             clk,
    input  wire  logic             rst,
    input  wire  logic [DataW-1:0] s_axis_tdata,
    input  wire  logic             s_axis_tvalid,
    output       logic             s_axis_tready,
    output       logic [DataW-1:0] m_axis_tdata,
    output       logic             m_axis_tvalid,
    input  wire  logic             m_axis_tready
);
    if (DataW < 1 || Width < 1 || Block < 1 || Group < 1) begin : gen_check
        $error("ql_depth_to_space: all sizes must be at least 1");
    end

    localparam integer Words = Width * Block * Group;
    localparam integer AddressW = $clog2(2 * Words);
    localparam integer IndexW = Words > 1 ? $clog2(Words) : 1;
    localparam integer BeatW = Group > 1 ? $clog2(Group) : 1;
    localparam integer ColumnW = Width > 1 ? $clog2(Width) : 1;

    logic                push, pull, can_pull, valid_q, row_ends, group_ends, column_ends;
    logic [AddressW-1:0] write_address, read_base;
    logic [  IndexW-1:0] offset_q, start_q;  // in the block; start: of the output row
    logic [  IndexW-1:0] index;
    logic [   BeatW-1:0] beat_q;
    logic [ ColumnW-1:0] column_q;
    wire unused = &{1'b0, index};

    ql_two_blocks #(.Words(Words)) control (
        .clk(clk), .rst(rst),
        .can_push_o(s_axis_tready), .push_i(push), .write_address_o(write_address),
        .can_pull_o(can_pull), .pull_i(pull), .read_base_o(read_base), .read_index_o(index), .read_ends_o(row_ends)
    );
    ql_ram #(.Width(DataW), .Depth(2 * Words), .RamStyle(RamStyle)) ram (
        .clk(clk),
        .write_enable_i(push), .write_address_i(write_address), .write_data_i(s_axis_tdata),
        .read_enable_i(pull), .read_address_i(read_base + AddressW'(offset_q)), .read_data_o(m_axis_tdata)
    );

    assign m_axis_tvalid = valid_q;
    assign push = s_axis_tvalid && s_axis_tready;
    assign pull = can_pull && (m_axis_tready || !valid_q);
    assign group_ends = beat_q == BeatW'(Group - 1);
    assign column_ends = column_q == ColumnW'(Width - 1);

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            valid_q  <= 1'b0;
            offset_q <= '0;
            start_q  <= '0;
            beat_q   <= '0;
            column_q <= '0;
        end else if (pull) begin
            valid_q <= 1'b1;
            beat_q <= group_ends ? '0 : beat_q + 1'b1;
            if (group_ends) column_q <= column_ends ? '0 : column_q + 1'b1;
            if (!group_ends) begin
                offset_q <= offset_q + 1'b1;
            end else if (!column_ends) begin
                offset_q <= offset_q + IndexW'((Block - 1) * Group + 1);
            end else begin
                offset_q <= row_ends ? '0 : start_q + IndexW'(Group);
                start_q <= row_ends ? '0 : start_q + IndexW'(Group);
            end
        end else if (m_axis_tready) begin
            valid_q <= 1'b0;
        end
    end

`ifndef SYNTHESIS
    a_m_hold: assert property (@(posedge clk) disable iff (rst)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("%m: m_axis changed while it waited");
`endif
endmodule
`default_nettype wire
