// ql_repeat: every block of beats several times: rows or pixels of an up-sampled image, a vector
// that meets every pixel.
//
//   s_axis --> [memory, Words beats, Block of them read Times times] --> [read register] --> m_axis
//
//   a b, c d    with Block = 2, Times = 3:    a b a b a b, c d c d c d
//
// One output beat a clock, without a gap between blocks while the input keeps up; latency 2. A word
// is free as soon as it is read for the last time, so that one block (of at least 2) is enough.
//
// Model: two loops   Test: tests/rtl/pixel_test.cpp
// Cost:  README.md
`default_nettype none
module ql_repeat #(
    parameter integer DataW    = 8,      // bits of a beat, >= 1
    parameter integer Block    = 4,      // beats of a block, >= 1
    parameter integer Times    = 2,      // how often each block is sent, >= 1
    parameter integer Words    = 4,      // beats of the memory, >= Block and >= 2
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
    if (DataW < 1 || Block < 1 || Times < 1 || Words < 2 || Words < Block) begin : gen_check
        $error("ql_repeat: DataW, Block and Times must be at least 1, Words at least 2 and Block");
    end

    localparam integer AddressW = $clog2(Words);
    localparam integer CountW = $clog2(Words + 1);
    localparam integer BeatW = Block > 1 ? $clog2(Block) : 1;
    localparam integer PassW = Times > 1 ? $clog2(Times) : 1;

    logic [AddressW-1:0] write_q, read_q, begin_q, after;  // begin: where the block being read begins
    logic [  CountW-1:0] used_q;  // words not yet read for the last time
    logic [  CountW-1:0] news_q;  // words not yet read at all
    logic [   BeatW-1:0] beat_q;
    logic [   PassW-1:0] pass_q;
    logic                valid_q, push, pull, is_first, is_last, ends;

    assign s_axis_tready = used_q != CountW'(Words);
    assign m_axis_tvalid = valid_q;
    assign is_first = pass_q == '0;
    assign is_last = pass_q == PassW'(Times - 1);
    assign ends = beat_q == BeatW'(Block - 1);
    assign push = s_axis_tvalid && s_axis_tready;
    assign pull = (!is_first || news_q != '0) && (m_axis_tready || !valid_q);
    assign after = read_q == AddressW'(Words - 1) ? '0 : read_q + 1'b1;

    ql_ram #(.Width(DataW), .Depth(Words), .RamStyle(RamStyle)) ram (
        .clk(clk),
        .write_enable_i(push), .write_address_i(write_q), .write_data_i(s_axis_tdata),
        .read_enable_i(pull), .read_address_i(read_q), .read_data_o(m_axis_tdata)
    );

    logic fresh, freed;
    assign fresh = pull && is_first;
    assign freed = pull && is_last;
    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            write_q <= '0;
            read_q  <= '0;
            begin_q <= '0;
            used_q  <= '0;
            news_q  <= '0;
            beat_q  <= '0;
            pass_q  <= '0;
            valid_q <= 1'b0;
        end else begin
            if (push) write_q <= write_q == AddressW'(Words - 1) ? '0 : write_q + 1'b1;
            if (push && !freed) used_q <= used_q + 1'b1;
            if (freed && !push) used_q <= used_q - 1'b1;
            if (push && !fresh) news_q <= news_q + 1'b1;
            if (fresh && !push) news_q <= news_q - 1'b1;
            if (pull) begin
                beat_q <= ends ? '0 : beat_q + 1'b1;
                read_q <= ends && !is_last ? begin_q : after;
                if (ends && is_last) begin_q <= after;
                if (ends) pass_q <= is_last ? '0 : pass_q + 1'b1;
                valid_q <= 1'b1;
            end else if (m_axis_tready) begin
                valid_q <= 1'b0;
            end
        end
    end

`ifndef SYNTHESIS
    a_m_hold: assert property (@(posedge clk) disable iff (rst)
        m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
        else $error("%m: m_axis changed while it waited");
`endif
endmodule
`default_nettype wire
