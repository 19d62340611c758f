// The packaged IP behind Qloom's own DMA: what tests of drivers run against. The vendor's DMA has streams of any legal width;
// here gearboxes match them.
`default_nettype none
module dma_with_ip #(
    parameter integer MemoryW = 64,
    parameter integer InW     = 8,  // of s_axis_0 of qloom_ip
    parameter integer OutW    = 8   // of m_axis_0
) (
    input  wire  logic                 ap_clk,
    input  wire  logic                 ap_rst_n,
    input  wire  logic [          9:0] s_axi_lite_awaddr,
    input  wire  logic                 s_axi_lite_awvalid,
    output       logic                 s_axi_lite_awready,
    input  wire  logic [         31:0] s_axi_lite_wdata,
    input  wire  logic [          3:0] s_axi_lite_wstrb,
    input  wire  logic                 s_axi_lite_wvalid,
    output       logic                 s_axi_lite_wready,
    output       logic [          1:0] s_axi_lite_bresp,
    output       logic                 s_axi_lite_bvalid,
    input  wire  logic                 s_axi_lite_bready,
    input  wire  logic [          9:0] s_axi_lite_araddr,
    input  wire  logic                 s_axi_lite_arvalid,
    output       logic                 s_axi_lite_arready,
    output       logic [         31:0] s_axi_lite_rdata,
    output       logic [          1:0] s_axi_lite_rresp,
    output       logic                 s_axi_lite_rvalid,
    input  wire  logic                 s_axi_lite_rready,
    output       logic [         31:0] m_axi_araddr,
    output       logic [          7:0] m_axi_arlen,
    output       logic [          2:0] m_axi_arsize,
    output       logic [          1:0] m_axi_arburst,
    output       logic [          3:0] m_axi_arcache,
    output       logic [          2:0] m_axi_arprot,
    output       logic                 m_axi_arvalid,
    input  wire  logic                 m_axi_arready,
    input  wire  logic [  MemoryW-1:0] m_axi_rdata,
    input  wire  logic [          1:0] m_axi_rresp,
    input  wire  logic                 m_axi_rlast,
    input  wire  logic                 m_axi_rvalid,
    output       logic                 m_axi_rready,
    output       logic [         31:0] m_axi_awaddr,
    output       logic [          7:0] m_axi_awlen,
    output       logic [          2:0] m_axi_awsize,
    output       logic [          1:0] m_axi_awburst,
    output       logic [          3:0] m_axi_awcache,
    output       logic [          2:0] m_axi_awprot,
    output       logic                 m_axi_awvalid,
    input  wire  logic                 m_axi_awready,
    output       logic [  MemoryW-1:0] m_axi_wdata,
    output       logic [MemoryW/8-1:0] m_axi_wstrb,
    output       logic                 m_axi_wlast,
    output       logic                 m_axi_wvalid,
    input  wire  logic                 m_axi_wready,
    input  wire  logic [          1:0] m_axi_bresp,
    input  wire  logic                 m_axi_bvalid,
    output       logic                 m_axi_bready
);
    localparam integer MemoryB = MemoryW / 8;
    localparam integer InB = InW / 8;
    localparam integer OutB = OutW / 8;
    logic [MemoryW-1:0] send_tdata, receive_tdata;
    logic [MemoryB-1:0] send_tkeep, receive_tkeep;
    logic send_tlast, send_tvalid, send_tready, receive_tlast, receive_tvalid, receive_tready;
    logic [InW-1:0] in_tdata;
    logic [InB-1:0] in_tkeep;
    logic in_tlast, in_tvalid, in_tready;
    logic [OutW-1:0] out_tdata;
    logic [OutB-1:0] out_tkeep;
    logic out_tlast, out_tvalid, out_tready, stream_rst_n;
    logic unused_mm2s_introut, unused_s2mm_introut;

    ql_axi_dma #(.MemoryW(MemoryW)) dma (
        .clk(ap_clk), .rst(!ap_rst_n),
        .m_axis_mm2s_tdata(send_tdata), .m_axis_mm2s_tkeep(send_tkeep), .m_axis_mm2s_tlast(send_tlast),
        .m_axis_mm2s_tvalid(send_tvalid), .m_axis_mm2s_tready(send_tready),
        .s_axis_s2mm_tdata(receive_tdata), .s_axis_s2mm_tkeep(receive_tkeep), .s_axis_s2mm_tlast(receive_tlast),
        .s_axis_s2mm_tvalid(receive_tvalid), .s_axis_s2mm_tready(receive_tready),
        .stream_rst_n_o(stream_rst_n), .mm2s_introut(unused_mm2s_introut), .s2mm_introut(unused_s2mm_introut), .*
    );
    ql_axis_gearbox #(.InBytes(MemoryB), .OutBytes(InB)) send (
        .clk(ap_clk), .rst(!stream_rst_n), .s_axis_tdata(send_tdata), .s_axis_tkeep(send_tkeep), .s_axis_tlast(send_tlast),
        .s_axis_tvalid(send_tvalid), .s_axis_tready(send_tready), .m_axis_tdata(in_tdata), .m_axis_tkeep(in_tkeep),
        .m_axis_tlast(in_tlast), .m_axis_tvalid(in_tvalid), .m_axis_tready(in_tready)
    );
    qloom_ip accelerator (
        .ap_clk, .ap_rst_n(stream_rst_n), .s_axis_0_tdata(in_tdata), .s_axis_0_tkeep(in_tkeep), .s_axis_0_tlast(in_tlast),
        .s_axis_0_tvalid(in_tvalid), .s_axis_0_tready(in_tready), .m_axis_0_tdata(out_tdata), .m_axis_0_tkeep(out_tkeep),
        .m_axis_0_tlast(out_tlast), .m_axis_0_tvalid(out_tvalid), .m_axis_0_tready(out_tready)
    );
    ql_axis_gearbox #(.InBytes(OutB), .OutBytes(MemoryB)) receive (
        .clk(ap_clk), .rst(!stream_rst_n), .s_axis_tdata(out_tdata), .s_axis_tkeep(out_tkeep), .s_axis_tlast(out_tlast),
        .s_axis_tvalid(out_tvalid), .s_axis_tready(out_tready), .m_axis_tdata(receive_tdata), .m_axis_tkeep(receive_tkeep),
        .m_axis_tlast(receive_tlast), .m_axis_tvalid(receive_tvalid), .m_axis_tready(receive_tready)
    );
endmodule
`default_nettype wire
