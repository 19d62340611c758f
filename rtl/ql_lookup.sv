// ql_lookup: y = table of the channel at x; any function of a few bits.
//
//   s_axis --> [table of each lane] --> [skid] --> m_axis      one beat a clock, latency 2
//
// Channel c is lane c % Pe of beat c / Pe. With Channels = 1 all lanes use the table of lane 0.
//
// Model: array lookup   Test: tests/rtl/arithmetic_test.cpp
// Cost:  README.md
`default_nettype none
module ql_lookup #(
    parameter integer Channels  = 1,      // channels of a pixel, a multiple of Pe; or 1: the same table for all
    parameter integer Pe        = 1,      // elements of a beat
    parameter integer InputW    = 4,      // bits of x, 1 to 16
    parameter integer OutputW   = 4,      // bits of y
    parameter         TableFile = "",     // stem of the memory files
    parameter         RamStyle  = "auto"  // "auto", "block" or "distributed"
) (
    input  wire  logic                  clk,
    input  wire  logic                  rst,
    input  wire  logic [ Pe*InputW-1:0] s_axis_tdata,
    input  wire  logic                  s_axis_tvalid,
    output       logic                  s_axis_tready,
    output       logic [Pe*OutputW-1:0] m_axis_tdata,
    output       logic                  m_axis_tvalid,
    input  wire  logic                  m_axis_tready
);
    if (Pe < 1 || Channels < 1 || (Channels != 1 && Channels % Pe != 0) || Pe > 9999) begin : gen_check_pe
        $error("ql_lookup: Pe must divide Channels");
    end
    if (InputW < 1 || InputW > 16 || OutputW < 1) begin : gen_check
        $error("ql_lookup: InputW must be 1 to 16 and OutputW at least 1");
    end

    localparam integer Folds = Channels == 1 ? 1 : Channels / Pe;
    localparam integer FoldW = Folds > 1 ? $clog2(Folds) : 1;
    localparam integer Words = Folds << InputW;

    logic                  enable;
    logic                  valid_q;
    logic [     FoldW-1:0] fold_q;
    logic [Pe*OutputW-1:0] results;
    assign s_axis_tready = enable;

    always_ff @(posedge clk) begin : p_control
        if (rst) begin
            valid_q <= 1'b0;
            fold_q <= '0;
        end else if (enable) begin
            valid_q <= s_axis_tvalid;
            if (s_axis_tvalid) fold_q <= fold_q == FoldW'(Folds - 1) ? '0 : fold_q + 1'b1;
        end
    end

    for (genvar p = 0; p < Pe; p++) begin : gen_lane
        localparam integer Table = Channels == 1 ? 0 : p;
        localparam [39:0] Name = {
            "_", 8'(48 + Table / 1000), 8'(48 + Table / 100 % 10), 8'(48 + Table / 10 % 10), 8'(48 + Table % 10)
        };
        logic [$clog2(Words)-1:0] address;
        if (Folds > 1) begin : gen_folded
            assign address = {fold_q, s_axis_tdata[p*InputW +: InputW]};
        end else begin : gen_single
            assign address = s_axis_tdata[p*InputW +: InputW];
        end
        ql_rom #(
            .Width(OutputW), .Depth(Words), .RamStyle(RamStyle),
            .File(TableFile == "" ? "" : {TableFile, Name})
        ) words (
            .clk(clk), .enable_i(enable), .address_i(address), .data_o(results[p*OutputW +: OutputW])
        );
    end

    ql_skid #(.DataW(Pe * OutputW)) out (
        .clk(clk), .rst(rst),
        .s_axis_tdata(results), .s_axis_tvalid(valid_q), .s_axis_tready(enable),
        .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid), .m_axis_tready(m_axis_tready)
    );
endmodule
`default_nettype wire
