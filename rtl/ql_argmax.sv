// ql_argmax: index of the first maximum of a frame, one beat a frame.
//
//   s_axis --> [tree over Pe lanes, a level a clock] --> [best so far] --> [skid] --> m_axis
//
// A frame each Labels / Pe clocks; latency clog2(Pe) + 1 from its last beat.
//
// Model: std::max_element   Test: tests/rtl/arithmetic_test.cpp
// Cost:  README.md
`default_nettype none
module ql_argmax #(
    parameter integer Labels      = 10,  // elements of a frame, a multiple of Pe
    parameter integer Pe          = 1,   // elements of a beat
    parameter integer InputW      = 8,   // bits of an element
    parameter integer InputSigned = 1,   // 1: elements are two's complement
    parameter integer IndexW      = 4    // bits of the index, at least clog2(Labels)
) (
    input  wire  logic                 clk,
    input  wire  logic                 rst,
    input  wire  logic [Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                 s_axis_tvalid,
    output       logic                 s_axis_tready,
    output       logic [   IndexW-1:0] m_axis_tdata,
    output       logic                 m_axis_tvalid,
    input  wire  logic                 m_axis_tready
);
    if (Pe < 1 || Labels < 1 || Labels % Pe != 0) begin : gen_check_pe
        $error("ql_argmax: Pe must divide Labels");
    end
    if (InputW < 1 || IndexW < 1 || (Labels > 1 && IndexW < $clog2(Labels))) begin : gen_check
        $error("ql_argmax: IndexW must hold Labels - 1, InputW be at least 1");
    end

    localparam integer Levels = Pe > 1 ? $clog2(Pe) : 0;
    localparam integer Beats = Labels / Pe;
    // Flipping the sign bit orders two's complement numbers as unsigned ones.
    localparam [InputW-1:0] Flip = InputSigned != 0 ? InputW'(1) << (InputW - 1) : '0;

    logic            enable;
    logic [Levels:0] valid;  // bit l: the nodes of level l hold a beat
    assign s_axis_tready = enable;
    assign valid[0] = s_axis_tvalid;
    if (Levels > 0) begin : gen_valid
        logic [Levels-1:0] valid_q;
        assign valid[Levels:1] = valid_q;
        always_ff @(posedge clk) begin : p_valid
            if (rst) valid_q <= '0;
            else if (enable) valid_q <= valid[Levels-1:0];
        end
    end

    for (genvar l = 0; l <= Levels; l++) begin : gen_level
        localparam integer Count = (Pe + (1 << l) - 1) >> l;
        logic [Count*InputW-1:0] value;
        logic [Count*IndexW-1:0] index;
        if (l == 0) begin : gen_in
            for (genvar i = 0; i < Pe; i++) begin : gen_lane
                assign value[i*InputW +: InputW] = s_axis_tdata[i*InputW +: InputW] ^ Flip;
                assign index[i*IndexW +: IndexW] = IndexW'(i);
            end
        end else begin : gen_compare
            localparam integer Below = (Pe + (1 << (l - 1)) - 1) >> (l - 1);
            logic [Count*InputW-1:0] value_q;
            logic [Count*IndexW-1:0] index_q;
            assign value = value_q;
            assign index = index_q;
            for (genvar i = 0; i < Count; i++) begin : gen_node
                logic [InputW-1:0] left;
                logic [IndexW-1:0] left_index;
                assign left = gen_level[l-1].value[2*i*InputW +: InputW];
                assign left_index = gen_level[l-1].index[2*i*IndexW +: IndexW];
                if (2 * i + 1 < Below) begin : gen_pair
                    logic [InputW-1:0] right;
                    logic [IndexW-1:0] right_index;
                    logic              right_wins;  // only when greater: the first maximum counts
                    assign right = gen_level[l-1].value[(2*i+1)*InputW +: InputW];
                    assign right_index = gen_level[l-1].index[(2*i+1)*IndexW +: IndexW];
                    assign right_wins = right > left;
                    always_ff @(posedge clk) begin : p_node
                        if (enable) begin
                            value_q[i*InputW +: InputW] <= right_wins ? right : left;
                            index_q[i*IndexW +: IndexW] <= right_wins ? right_index : left_index;
                        end
                    end
                end else begin : gen_single
                    always_ff @(posedge clk) begin : p_node
                        if (enable) begin
                            value_q[i*InputW +: InputW] <= left;
                            index_q[i*IndexW +: IndexW] <= left_index;
                        end
                    end
                end
            end
        end
    end

    logic [InputW-1:0] beat_value;
    logic [IndexW-1:0] beat_index, best_index;
    logic              last;
    assign beat_value = gen_level[Levels].value;

    if (Beats == 1) begin : gen_single_beat
        assign beat_index = gen_level[Levels].index;
        assign best_index = beat_index;
        assign last = 1'b1;
        wire unused = &{1'b0, beat_value};
    end else begin : gen_beats
        logic [InputW-1:0] best_q;
        logic [IndexW-1:0] best_index_q, base_q;
        logic              wins;
        assign last = base_q == IndexW'(Labels - Pe);
        assign beat_index = base_q + gen_level[Levels].index;
        assign wins = base_q == '0 || beat_value > best_q;
        assign best_index = wins ? beat_index : best_index_q;
        always_ff @(posedge clk) begin : p_best
            if (enable && valid[Levels]) begin
                if (wins) best_q <= beat_value;
                best_index_q <= best_index;
            end
        end
        always_ff @(posedge clk) begin : p_base
            if (rst) base_q <= '0;
            else if (enable && valid[Levels]) base_q <= last ? '0 : base_q + IndexW'(Pe);
        end
    end

    ql_skid #(.DataW(IndexW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(best_index), .s_axis_tvalid(valid[Levels] && last), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
