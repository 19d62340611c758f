// qloom_soc: an accelerator (qloom_top, one input and one output stream) with its DMA: registers in, memory out.
//
//   s_axi_lite --> [ql_axi_dma] --> [ql_axis_gearbox] --> [ql_axis_batch] --> qloom_top --+
//                       ^--------- [ql_axis_gearbox] <--------'  <-----------------------+
//
// What a processor drives in the emulated system, and on an FPGA without a vendor's DMA. A reset of the DMA by software
// resets the accelerator too.
//
// Test: tests/soc/system_test.cpp
`default_nettype none
module qloom_soc #(
    parameter integer MemoryW    = 64,  // bits of the memory port
    parameter integer LengthW    = 26,  // bits of the DMA's LENGTH registers
    parameter integer InW        = 8,   // bits of a beat of s_axis_0 of qloom_top
    parameter integer OutW       = 8,   // bits of a beat of m_axis_0 of qloom_top
    parameter integer FrameBeats = 1    // beats of a frame of s_axis_0
) (
    input  wire  logic                 ap_clk,
    input  wire  logic                 ap_rst_n,
    // Registers: AXI4-Lite.
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
    // Memory: AXI4.
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
    output       logic                 m_axi_bready,
    output       logic                 mm2s_introut,
    output       logic                 s2mm_introut
);
    localparam integer MemoryB = MemoryW / 8;
    localparam integer InB = InW / 8;
    localparam integer OutB = OutW / 8;

    logic [MemoryW-1:0] send_tdata, receive_tdata;
    logic [MemoryB-1:0] send_tkeep, receive_tkeep;
    logic send_tlast, send_tvalid, send_tready, receive_tlast, receive_tvalid, receive_tready;
    logic [InW-1:0] frames_tdata, in_tdata;
    logic [InB-1:0] unused_frames_tkeep;
    logic frames_tlast, frames_tvalid, frames_tready, in_tvalid, in_tready;
    logic [OutW-1:0] results_tdata, out_tdata;
    logic results_tlast, results_tvalid, results_tready, out_tlast, out_tvalid, out_tready;
    logic stream_rst_n;

    ql_axi_dma #(.MemoryW(MemoryW), .LengthW(LengthW)) dma (
        .clk(ap_clk), .rst(!ap_rst_n),
        .s_axi_lite_awaddr(s_axi_lite_awaddr), .s_axi_lite_awvalid(s_axi_lite_awvalid),
        .s_axi_lite_awready(s_axi_lite_awready), .s_axi_lite_wdata(s_axi_lite_wdata),
        .s_axi_lite_wstrb(s_axi_lite_wstrb), .s_axi_lite_wvalid(s_axi_lite_wvalid),
        .s_axi_lite_wready(s_axi_lite_wready), .s_axi_lite_bresp(s_axi_lite_bresp),
        .s_axi_lite_bvalid(s_axi_lite_bvalid), .s_axi_lite_bready(s_axi_lite_bready),
        .s_axi_lite_araddr(s_axi_lite_araddr), .s_axi_lite_arvalid(s_axi_lite_arvalid),
        .s_axi_lite_arready(s_axi_lite_arready), .s_axi_lite_rdata(s_axi_lite_rdata),
        .s_axi_lite_rresp(s_axi_lite_rresp), .s_axi_lite_rvalid(s_axi_lite_rvalid),
        .s_axi_lite_rready(s_axi_lite_rready), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
        .m_axi_arsize(m_axi_arsize), .m_axi_arburst(m_axi_arburst), .m_axi_arcache(m_axi_arcache),
        .m_axi_arprot(m_axi_arprot), .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
        .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast), .m_axi_rvalid(m_axi_rvalid),
        .m_axi_rready(m_axi_rready), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
        .m_axi_awsize(m_axi_awsize), .m_axi_awburst(m_axi_awburst), .m_axi_awcache(m_axi_awcache),
        .m_axi_awprot(m_axi_awprot), .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
        .m_axi_wready(m_axi_wready), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid),
        .m_axi_bready(m_axi_bready),
        .m_axis_mm2s_tdata(send_tdata), .m_axis_mm2s_tkeep(send_tkeep), .m_axis_mm2s_tlast(send_tlast),
        .m_axis_mm2s_tvalid(send_tvalid), .m_axis_mm2s_tready(send_tready),
        .s_axis_s2mm_tdata(receive_tdata), .s_axis_s2mm_tkeep(receive_tkeep), .s_axis_s2mm_tlast(receive_tlast),
        .s_axis_s2mm_tvalid(receive_tvalid), .s_axis_s2mm_tready(receive_tready),
        .stream_rst_n_o(stream_rst_n), .mm2s_introut(mm2s_introut), .s2mm_introut(s2mm_introut)
    );

    ql_axis_gearbox #(.InBytes(MemoryB), .OutBytes(InB)) send (
        .clk(ap_clk), .rst(!stream_rst_n),
        .s_axis_tdata(send_tdata), .s_axis_tkeep(send_tkeep), .s_axis_tlast(send_tlast), .s_axis_tvalid(send_tvalid),
        .s_axis_tready(send_tready),
        .m_axis_tdata(frames_tdata), .m_axis_tkeep(unused_frames_tkeep), .m_axis_tlast(frames_tlast),
        .m_axis_tvalid(frames_tvalid), .m_axis_tready(frames_tready)
    );
    ql_axis_batch #(.InW(InW), .OutW(OutW), .FrameBeats(FrameBeats)) batch (
        .clk(ap_clk), .rst(!stream_rst_n),
        .s_axis_tdata(frames_tdata), .s_axis_tlast(frames_tlast), .s_axis_tvalid(frames_tvalid), .s_axis_tready(frames_tready),
        .core_in_tdata(in_tdata), .core_in_tvalid(in_tvalid), .core_in_tready(in_tready),
        .core_out_tdata(out_tdata), .core_out_tlast(out_tlast), .core_out_tvalid(out_tvalid), .core_out_tready(out_tready),
        .m_axis_tdata(results_tdata), .m_axis_tlast(results_tlast), .m_axis_tvalid(results_tvalid),
        .m_axis_tready(results_tready)
    );
    qloom_top accelerator (
        .ap_clk(ap_clk), .ap_rst_n(stream_rst_n),
        .s_axis_0_tdata(in_tdata), .s_axis_0_tvalid(in_tvalid), .s_axis_0_tready(in_tready),
        .m_axis_0_tdata(out_tdata), .m_axis_0_tlast(out_tlast), .m_axis_0_tvalid(out_tvalid), .m_axis_0_tready(out_tready)
    );
    ql_axis_gearbox #(.InBytes(OutB), .OutBytes(MemoryB)) receive (
        .clk(ap_clk), .rst(!stream_rst_n),
        .s_axis_tdata(results_tdata), .s_axis_tkeep({OutB{1'b1}}), .s_axis_tlast(results_tlast),
        .s_axis_tvalid(results_tvalid), .s_axis_tready(results_tready),
        .m_axis_tdata(receive_tdata), .m_axis_tkeep(receive_tkeep), .m_axis_tlast(receive_tlast),
        .m_axis_tvalid(receive_tvalid), .m_axis_tready(receive_tready)
    );
endmodule
`default_nettype wire
