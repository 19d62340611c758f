// ql_permute_channels: the channels of every pixel in another order.
//
//   one beat a pixel:  s_axis --> [wires] --> [skid] --> m_axis                                  latency 1
//   several:           s_axis --> [memory of two pixels, a copy a lane] --> [pick] --> m_axis    latency 2
//                                                   ^-- [order]             from the last beat of a pixel
//
// A beat a clock without a gap. Every lane of the output reads its own copy: any order at one speed.
//
// Model: y[c] = x[order[c]]   Test: tests/rtl/pixel_test.cpp
// Cost:  README.md
`default_nettype none
module ql_permute_channels #(
    parameter integer Channels  = 8,      // of a pixel, a multiple of Pe
    parameter integer Pe        = 2,      // elements of a beat
    parameter integer ElemW     = 4,      // bits of an element
    parameter         OrderFile = "",     // Channels / Pe words of Pe source channels, see README.md
    parameter         RamStyle  = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic                clk,
    input  wire  logic                rst,
    input  wire  logic [Pe*ElemW-1:0] s_axis_tdata,
    input  wire  logic                s_axis_tvalid,
    output       logic                s_axis_tready,
    output       logic [Pe*ElemW-1:0] m_axis_tdata,
    output       logic                m_axis_tvalid,
    input  wire  logic                m_axis_tready
);
    if (Pe < 1 || Channels < 1 || Channels % Pe != 0 || ElemW < 1) begin : gen_check
        $error("ql_permute_channels: Pe must divide Channels, ElemW be at least 1");
    end

    // A source is the beat it comes in (high bits) and its lane there.
    localparam integer Folds = Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;
    localparam integer LaneW = Pe > 1 ? $clog2(Pe) : 1;
    localparam integer SourceW = FoldW + LaneW;
    logic [Pe*SourceW-1:0] sources;

    if (Folds == 1) begin : gen_wires
        ql_rom #(.Width(Pe * SourceW), .Depth(1), .File(OrderFile)) order (
            .clk(clk), .enable_i(1'b0), .address_i(1'b0), .data_o(sources)
        );
        logic [Pe*ElemW-1:0] data;
        for (genvar p = 0; p < Pe; p++) begin : gen_lane
            assign data[p*ElemW +: ElemW] = s_axis_tdata[sources[p*SourceW +: LaneW]*ElemW +: ElemW];
            wire unused = &{1'b0, sources[p*SourceW+LaneW +: FoldW]};
        end
        ql_skid #(.DataW(Pe * ElemW)) out (
            .clk(clk), .rst(rst),
            .s_axis_tdata(data), .s_axis_tvalid(s_axis_tvalid), .s_axis_tready(s_axis_tready),
            .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
        );
    end else begin : gen_memory
        localparam integer AddressW = $clog2(2 * Folds);
        logic                push, pull, can_pull, valid_q, pixel_ends;
        logic [AddressW-1:0] write_address, read_base;
        logic [   FoldW-1:0] fold;

        ql_two_blocks #(.Words(Folds)) control (
            .clk(clk), .rst(rst),
            .can_push_o(s_axis_tready), .push_i(push), .write_address_o(write_address),
            .can_pull_o(can_pull), .pull_i(pull), .read_base_o(read_base), .read_index_o(fold), .read_ends_o(pixel_ends)
        );
        // The order's next word is read ahead; the first during reset.
        ql_rom #(.Width(Pe * SourceW), .Depth(Folds), .File(OrderFile)) order (
            .clk(clk), .enable_i(rst || pull), .address_i(rst || pixel_ends ? '0 : fold + 1'b1), .data_o(sources)
        );
        assign m_axis_tvalid = valid_q;
        assign push = s_axis_tvalid && s_axis_tready;
        assign pull = can_pull && (m_axis_tready || !valid_q);
        always_ff @(posedge clk) begin : p_valid
            if (rst) valid_q <= 1'b0;
            else if (pull) valid_q <= 1'b1;
            else if (m_axis_tready) valid_q <= 1'b0;
        end

        for (genvar p = 0; p < Pe; p++) begin : gen_lane
            logic [Pe*ElemW-1:0] beat;
            logic [   LaneW-1:0] lane_q;
            ql_ram #(.Width(Pe * ElemW), .Depth(2 * Folds), .RamStyle(RamStyle)) ram (
                .clk(clk),
                .write_enable_i(push), .write_address_i(write_address), .write_data_i(s_axis_tdata),
                .read_enable_i(pull),
                .read_address_i(read_base + AddressW'(sources[p*SourceW+LaneW +: FoldW])), .read_data_o(beat)
            );
            always_ff @(posedge clk) begin : p_lane
                if (pull) lane_q <= sources[p*SourceW +: LaneW];
            end
            assign m_axis_tdata[p*ElemW +: ElemW] = beat[lane_q*ElemW +: ElemW];
        end

`ifndef SYNTHESIS
        a_m_hold: assert property (@(posedge clk) disable iff (rst)
            m_axis_tvalid && !m_axis_tready |=> m_axis_tvalid && $stable(m_axis_tdata))
            else $error("%m: m_axis changed while it waited");
`endif
    end
endmodule
`default_nettype wire
