// ql_window_reduce: the largest value, or the sum, of every channel over the positions of a window.
//
//   s_axis --> [tree over Simd positions] --> [over the beats of a window] --> [skid] --> m_axis
//
// A beat is Simd positions of Pe channels (channels innermost); Positions / Simd beats of a channel
// group follow each other and make one output beat of Pe elements. One beat a clock, latency
// clog2(Simd) + 2 from the last beat of a group. Which channel group it is does not matter here.
//
// Model: slow_reduce in tests/rtl/window_test.cpp   Test: tests/rtl/window_test.cpp
// Cost:  README.md
`default_nettype none
module ql_window_reduce #(
    parameter integer Positions   = 4,  // positions of a window, a multiple of Simd
    parameter integer Pe          = 2,  // channels of a beat
    parameter integer Simd        = 1,  // positions of a beat
    parameter integer InputW      = 4,  // bits of an input
    parameter integer InputSigned = 0,  // 1: inputs are two's complement
    parameter integer Sum         = 0,  // 1: sum, 0: maximum
    parameter integer OutputW     = 4   // bits of a result; at least InputW for the maximum
) (
    input  wire  logic                      clk,
    input  wire  logic                      rst,
    input  wire  logic [Simd*Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                      s_axis_tvalid,
    output       logic                      s_axis_tready,
    output       logic [    Pe*OutputW-1:0] m_axis_tdata,
    output       logic                      m_axis_tvalid,
    input  wire  logic                      m_axis_tready
);
    if (Pe < 1 || Simd < 1 || Positions < 1 || Positions % Simd != 0) begin : gen_check_simd
        $error("ql_window_reduce: Simd must divide Positions, Pe must be at least 1");
    end
    if (InputW < 1 || OutputW < 1 || (Sum == 0 && OutputW < InputW)) begin : gen_check_width
        $error("ql_window_reduce: InputW must be at least 1, OutputW too and for a maximum at least InputW");
    end

    // A maximum is compared at its own width and extended at the end; a sum is taken modulo
    // 2^OutputW.
    localparam integer ValueW = Sum != 0 ? OutputW : InputW;
    localparam integer Steps = Positions / Simd;
    localparam integer Levels = Simd > 1 ? $clog2(Simd) : 0;

    logic enable, last_step;
    assign s_axis_tready = enable;
    ql_loop #(.Turns(Steps)) loop_step (
        .clk(clk), .rst(rst), .step_i(enable && s_axis_tvalid), .last_o(last_step)
    );

    // Level l of the tree stands in registers l clocks after its beat, level 0 in one as well.
    logic [Levels:0] valid_q, last_q;
    always_ff @(posedge clk) begin : p_flags
        if (rst) valid_q <= '0;
        else if (enable) valid_q <= (Levels + 1)'({valid_q, s_axis_tvalid});
    end
    always_ff @(posedge clk) begin : p_last
        if (enable) last_q <= (Levels + 1)'({last_q, last_step});
    end

    logic [Pe*ValueW-1:0] totals;
    for (genvar p = 0; p < Pe; p++) begin : gen_lane
        for (genvar l = 0; l <= Levels; l++) begin : gen_level
            localparam integer Count = (Simd + (1 << l) - 1) >> l;
            logic [Count*ValueW-1:0] values, values_q;
            for (genvar i = 0; i < Count; i++) begin : gen_node
                if (l == 0) begin : gen_input
                    logic [InputW-1:0] x;
                    assign x = s_axis_tdata[(i*Pe+p)*InputW +: InputW];
                    if (ValueW > InputW) begin : gen_extend
                        assign values[i*ValueW +: ValueW] = {{(ValueW - InputW) {InputSigned != 0 && x[InputW-1]}}, x};
                    end else begin : gen_cut
                        assign values[i*ValueW +: ValueW] = x[ValueW-1:0];
                        if (ValueW < InputW) begin : gen_unused
                            wire unused = &{1'b0, x[InputW-1:ValueW]};
                        end
                    end
                end else begin : gen_pair
                    localparam integer Below = (Simd + (1 << (l - 1)) - 1) >> (l - 1);
                    if (2 * i + 1 < Below) begin : gen_two
                        ql_sum_or_max #(.ValueW(ValueW), .IsSigned(InputSigned), .Sum(Sum)) node (
                            .a_i(gen_level[l-1].values_q[2*i*ValueW +: ValueW]),
                            .b_i(gen_level[l-1].values_q[(2*i+1)*ValueW +: ValueW]),
                            .y_o(values[i*ValueW +: ValueW])
                        );
                    end else begin : gen_one
                        assign values[i*ValueW +: ValueW] = gen_level[l-1].values_q[2*i*ValueW +: ValueW];
                    end
                end
            end
            always_ff @(posedge clk) begin : p_level
                if (enable) values_q <= values;
            end
        end

        logic [ValueW-1:0] value, total;
        assign value = gen_level[Levels].values_q;
        if (Steps == 1) begin : gen_single_step
            assign total = value;
        end else begin : gen_accumulate
            logic [ValueW-1:0] total_q, joined;
            logic              first_q;
            ql_sum_or_max #(.ValueW(ValueW), .IsSigned(InputSigned), .Sum(Sum)) join_steps (
                .a_i(total_q), .b_i(value), .y_o(joined)
            );
            assign total = first_q ? value : joined;
            always_ff @(posedge clk) begin : p_total
                if (enable && valid_q[Levels]) total_q <= total;
            end
            always_ff @(posedge clk) begin : p_first
                if (rst) first_q <= 1'b1;
                else if (enable && valid_q[Levels]) first_q <= last_q[Levels];
            end
        end
        assign totals[p*ValueW +: ValueW] = total;
    end

    logic [Pe*ValueW-1:0] results;
    ql_skid #(.DataW(Pe * ValueW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(totals), .s_axis_tvalid(valid_q[Levels] && last_q[Levels]), .s_axis_tready(enable),
        .m_axis_tdata(results), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
    ql_resize #(.Elems(Pe), .InW(ValueW), .InSigned(InputSigned), .OutW(OutputW)) extend (
        .data_i(results), .data_o(m_axis_tdata)
    );
endmodule
`default_nettype wire
