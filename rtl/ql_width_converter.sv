// ql_width_converter: the same elements in beats of another size; any ratio, also 3 -> 2 or 5 -> 7.
//
//   s_axis (InElems) --> [elastic shift buffer] --> m_axis (OutElems)
//   OutElems divides InElems:  s_axis --> [beat] --> [choose] --> [next out] --> m_axis
//
// One beat a clock on the narrower side; latency 1. Elements flow on from beat to beat, frames need
// not be a whole number of beats. The buffer holds In + Out + min(In, Out) - gcd elements: with
// fewer, the narrower side would have to pause, because s_axis_tready must not look at
// m_axis_tready.
//
// Model: regrouping of a list   Test: tests/rtl/stream_test.cpp
// Cost:  README.md
`default_nettype none
module ql_width_converter #(
    parameter integer ElemW    = 8,  // bits of an element, >= 1
    parameter integer InElems  = 1,  // elements of an input beat, >= 1
    parameter integer OutElems = 2   // elements of an output beat, >= 1
) (
    input  wire  logic                      clk,
    input  wire  logic                      rst,
    input  wire  logic [ InElems*ElemW-1:0] s_axis_tdata,
    input  wire  logic                      s_axis_tvalid,
    output       logic                      s_axis_tready,
    output       logic [OutElems*ElemW-1:0] m_axis_tdata,
    output       logic                      m_axis_tvalid,
    input  wire  logic                      m_axis_tready
);
    if (ElemW < 1 || InElems < 1 || OutElems < 1) begin : gen_check
        $error("ql_width_converter: ElemW, InElems and OutElems must be at least 1");
    end

    function automatic integer gcd(input integer a, input integer b);
        integer x, y, t;
        x = a;
        y = b;
        while (y != 0) begin
            t = x % y;
            x = y;
            y = t;
        end
        gcd = x;
    endfunction

    if (InElems == OutElems) begin : gen_equal
        ql_skid #(.DataW(InElems * ElemW)) skid (.*);
    end else begin : gen_convert
        // All counts are in slots of gcd(InElems, OutElems) elements.
        localparam integer G = gcd(InElems, OutElems);
        localparam integer SlotW = G * ElemW;
        localparam integer In = InElems / G;
        localparam integer Out = OutElems / G;
        localparam integer Slots = In + Out + (In < Out ? In : Out) - 1;
        localparam integer CountW = $clog2(Slots + 1);

        logic [CountW-1:0] count_q, kept;
        logic              push, pop;

        assign s_axis_tready = count_q <= CountW'(Slots - In);
        assign m_axis_tvalid = count_q >= CountW'(Out);
        assign push = s_axis_tvalid && s_axis_tready;
        assign pop = m_axis_tvalid && m_axis_tready;
        assign kept = pop ? count_q - CountW'(Out) : count_q;

        if (Out == 1) begin : gen_choose
            // The slot that leaves next, and the beat that the others are chosen from: choosing
            // takes a third of the LUTs that shifting does.
            localparam integer PlaceW = $clog2(In);
            logic [In*SlotW-1:0] beat_q;
            logic [   SlotW-1:0] next_q, chosen;
            logic [  PlaceW-1:0] place_q;  // of the slot behind next_q

            assign m_axis_tdata = next_q;
            for (genvar l = 0; l <= PlaceW; l++) begin : gen_level
                localparam integer Count = (In + (1 << l) - 1) >> l;
                logic [Count*SlotW-1:0] node;
                if (l == 0) begin : gen_beat
                    assign node = beat_q;
                end else begin : gen_halve
                    localparam integer Below = (In + (1 << (l - 1)) - 1) >> (l - 1);
                    for (genvar i = 0; i < Count; i++) begin : gen_node
                        if (2 * i + 1 < Below) begin : gen_two
                            assign node[i*SlotW +: SlotW] = place_q[l-1] ? gen_level[l-1].node[(2*i+1)*SlotW +: SlotW]
                                                                         : gen_level[l-1].node[2*i*SlotW +: SlotW];
                        end else begin : gen_one
                            assign node[i*SlotW +: SlotW] = gen_level[l-1].node[2*i*SlotW +: SlotW];
                        end
                    end
                end
            end
            assign chosen = gen_level[PlaceW].node;
            always_ff @(posedge clk) begin : p_data
                if (push) beat_q <= s_axis_tdata;
                if (push && kept == '0) next_q <= s_axis_tdata[SlotW-1:0];
                else if (pop) next_q <= chosen;
            end
            // A whole beat waits behind next_q when that is kept.
            always_ff @(posedge clk) begin : p_place
                if (push) place_q <= kept == '0 ? PlaceW'(1) : '0;
                else if (pop) place_q <= place_q + 1'b1;
            end
        end else begin : gen_buffer
            logic [Slots*SlotW-1:0] buffer_q;
            assign m_axis_tdata = buffer_q[Out*SlotW-1:0];

            // Slot p keeps (or shifts down) what is below `kept` and takes the input from there on.
            for (genvar p = 0; p < Slots; p++) begin : gen_slot
                logic [SlotW-1:0] held, taken;
                if (p + Out < Slots) begin : gen_shift
                    assign held = pop ? buffer_q[(p+Out)*SlotW +: SlotW] : buffer_q[p*SlotW +: SlotW];
                end else begin : gen_stay
                    assign held = buffer_q[p*SlotW +: SlotW];
                end
                always_comb begin : p_take
                    taken = held;
                    for (int k = 0; k <= Slots - In; k++) begin
                        if (p >= k && p < k + In && kept == CountW'(k)) taken = s_axis_tdata[((p-k)%In)*SlotW +: SlotW];
                    end
                end
                always_ff @(posedge clk) begin : p_data
                    if (push || pop) buffer_q[p*SlotW +: SlotW] <= taken;
                end
            end
        end

        always_ff @(posedge clk) begin : p_control
            if (rst) count_q <= '0;
            else count_q <= push ? kept + CountW'(In) : kept;
        end

`ifndef SYNTHESIS
        a_m_hold: assert property (@(posedge clk) disable iff (rst)
            m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
            else $error("%m: m_axis changed while it waited");
`endif
    end
endmodule
`default_nettype wire
