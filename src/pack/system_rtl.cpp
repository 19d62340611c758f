#include "pack/system_rtl.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "emit/rtl_library.h"
#include "pack/embedded_system_rtl.h"
#include "pack/single_stream.h"

namespace qloom::pack {
namespace {

using emit::TextFile;
using hw::Port;

std::string stream_text(const Port& in, const Port& out) {
    return fmt::format(
        R"(// qloom_stream: the accelerator behind one DMA: a packet of frames in, a packet of their results out.
//
//   s_axis_0 --> ql_axis_batch --> qloom_top --> ql_axis_batch --> m_axis_0
`default_nettype none
module qloom_stream (
    input  wire  logic ap_clk,
    input  wire  logic ap_rst_n,
    input  wire  logic [{in_msb}:0] s_axis_0_tdata,
    input  wire  logic s_axis_0_tlast,
    input  wire  logic s_axis_0_tvalid,
    output       logic s_axis_0_tready,
    output       logic [{out_msb}:0] m_axis_0_tdata,
    output       logic m_axis_0_tlast,
    output       logic m_axis_0_tvalid,
    input  wire  logic m_axis_0_tready
);
    logic [{in_msb}:0] in_tdata;
    logic in_tvalid, in_tready;
    logic [{out_msb}:0] out_tdata;
    logic out_tlast, out_tvalid, out_tready;

    ql_axis_batch #(
        .InW({in_bits}), .OutW({out_bits}), .FrameBeats({beats})
    ) batch (
        .clk(ap_clk), .rst(!ap_rst_n),
        .s_axis_tdata(s_axis_0_tdata), .s_axis_tlast(s_axis_0_tlast), .s_axis_tvalid(s_axis_0_tvalid),
        .s_axis_tready(s_axis_0_tready),
        .core_in_tdata(in_tdata), .core_in_tvalid(in_tvalid), .core_in_tready(in_tready),
        .core_out_tdata(out_tdata), .core_out_tlast(out_tlast), .core_out_tvalid(out_tvalid),
        .core_out_tready(out_tready),
        .m_axis_tdata(m_axis_0_tdata), .m_axis_tlast(m_axis_0_tlast), .m_axis_tvalid(m_axis_0_tvalid),
        .m_axis_tready(m_axis_0_tready)
    );
    qloom_top core (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_axis_0_tdata(in_tdata), .s_axis_0_tvalid(in_tvalid), .s_axis_0_tready(in_tready),
        .m_axis_0_tdata(out_tdata), .m_axis_0_tlast(out_tlast), .m_axis_0_tvalid(out_tvalid),
        .m_axis_0_tready(out_tready)
    );
endmodule
`default_nettype wire
)",
        fmt::arg("in_msb", in.data_bits - 1), fmt::arg("out_msb", out.data_bits - 1),
        fmt::arg("in_bits", in.data_bits), fmt::arg("out_bits", out.data_bits),
        fmt::arg("beats", in.beats));
}

std::string soc_text(const Port& in, const Port& out, int memory_bits) {
    return fmt::format(
        R"(// qloom_soc: the accelerator with Qloom's DMA: registers on s_axi_lite, memory on m_axi.
//
//   s_axi_lite --> ql_axi_dma --> ql_axis_gearbox --> qloom_stream --> ql_axis_gearbox --> ql_axi_dma --> m_axi
`default_nettype none
module qloom_soc (
    input  wire  logic         ap_clk,
    input  wire  logic         ap_rst_n,
    input  wire  logic [  9:0] s_axi_lite_awaddr,
    input  wire  logic         s_axi_lite_awvalid,
    output       logic         s_axi_lite_awready,
    input  wire  logic [ 31:0] s_axi_lite_wdata,
    input  wire  logic [  3:0] s_axi_lite_wstrb,
    input  wire  logic         s_axi_lite_wvalid,
    output       logic         s_axi_lite_wready,
    output       logic [  1:0] s_axi_lite_bresp,
    output       logic         s_axi_lite_bvalid,
    input  wire  logic         s_axi_lite_bready,
    input  wire  logic [  9:0] s_axi_lite_araddr,
    input  wire  logic         s_axi_lite_arvalid,
    output       logic         s_axi_lite_arready,
    output       logic [ 31:0] s_axi_lite_rdata,
    output       logic [  1:0] s_axi_lite_rresp,
    output       logic         s_axi_lite_rvalid,
    input  wire  logic         s_axi_lite_rready,
    output       logic [ 31:0] m_axi_araddr,
    output       logic [  7:0] m_axi_arlen,
    output       logic [  2:0] m_axi_arsize,
    output       logic [  1:0] m_axi_arburst,
    output       logic [  3:0] m_axi_arcache,
    output       logic [  2:0] m_axi_arprot,
    output       logic         m_axi_arvalid,
    input  wire  logic         m_axi_arready,
    input  wire  logic [{word_msb}:0] m_axi_rdata,
    input  wire  logic [  1:0] m_axi_rresp,
    input  wire  logic         m_axi_rlast,
    input  wire  logic         m_axi_rvalid,
    output       logic         m_axi_rready,
    output       logic [ 31:0] m_axi_awaddr,
    output       logic [  7:0] m_axi_awlen,
    output       logic [  2:0] m_axi_awsize,
    output       logic [  1:0] m_axi_awburst,
    output       logic [  3:0] m_axi_awcache,
    output       logic [  2:0] m_axi_awprot,
    output       logic         m_axi_awvalid,
    input  wire  logic         m_axi_awready,
    output       logic [{word_msb}:0] m_axi_wdata,
    output       logic [{byte_msb}:0] m_axi_wstrb,
    output       logic         m_axi_wlast,
    output       logic         m_axi_wvalid,
    input  wire  logic         m_axi_wready,
    input  wire  logic [  1:0] m_axi_bresp,
    input  wire  logic         m_axi_bvalid,
    output       logic         m_axi_bready,
    output       logic         mm2s_introut,
    output       logic         s2mm_introut
);
    logic rst, stream_rst_n;
    logic [{word_msb}:0] send_tdata, receive_tdata;
    logic [{byte_msb}:0] send_tkeep, receive_tkeep;
    logic send_tlast, send_tvalid, send_tready, receive_tlast, receive_tvalid, receive_tready;
    logic [{in_msb}:0] in_tdata;
    logic in_tlast, in_tvalid, in_tready;
    logic [{out_msb}:0] out_tdata;
    logic out_tlast, out_tvalid, out_tready;
    assign rst = !ap_rst_n;

    ql_axi_dma #(
        .MemoryW({memory_bits})
    ) dma (
        .clk(ap_clk), .rst(rst),
        .s_axi_lite_awaddr(s_axi_lite_awaddr), .s_axi_lite_awvalid(s_axi_lite_awvalid),
        .s_axi_lite_awready(s_axi_lite_awready), .s_axi_lite_wdata(s_axi_lite_wdata),
        .s_axi_lite_wstrb(s_axi_lite_wstrb), .s_axi_lite_wvalid(s_axi_lite_wvalid),
        .s_axi_lite_wready(s_axi_lite_wready), .s_axi_lite_bresp(s_axi_lite_bresp),
        .s_axi_lite_bvalid(s_axi_lite_bvalid), .s_axi_lite_bready(s_axi_lite_bready),
        .s_axi_lite_araddr(s_axi_lite_araddr), .s_axi_lite_arvalid(s_axi_lite_arvalid),
        .s_axi_lite_arready(s_axi_lite_arready), .s_axi_lite_rdata(s_axi_lite_rdata),
        .s_axi_lite_rresp(s_axi_lite_rresp), .s_axi_lite_rvalid(s_axi_lite_rvalid),
        .s_axi_lite_rready(s_axi_lite_rready),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arsize(m_axi_arsize),
        .m_axi_arburst(m_axi_arburst), .m_axi_arcache(m_axi_arcache), .m_axi_arprot(m_axi_arprot),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready), .m_axi_rdata(m_axi_rdata),
        .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast), .m_axi_rvalid(m_axi_rvalid),
        .m_axi_rready(m_axi_rready),
        .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize),
        .m_axi_awburst(m_axi_awburst), .m_axi_awcache(m_axi_awcache), .m_axi_awprot(m_axi_awprot),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata),
        .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
        .m_axi_wready(m_axi_wready), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid),
        .m_axi_bready(m_axi_bready),
        .m_axis_mm2s_tdata(send_tdata), .m_axis_mm2s_tkeep(send_tkeep), .m_axis_mm2s_tlast(send_tlast),
        .m_axis_mm2s_tvalid(send_tvalid), .m_axis_mm2s_tready(send_tready),
        .s_axis_s2mm_tdata(receive_tdata), .s_axis_s2mm_tkeep(receive_tkeep), .s_axis_s2mm_tlast(receive_tlast),
        .s_axis_s2mm_tvalid(receive_tvalid), .s_axis_s2mm_tready(receive_tready),
        .stream_rst_n_o(stream_rst_n), .mm2s_introut(mm2s_introut), .s2mm_introut(s2mm_introut)
    );

    logic [{in_byte_msb}:0] in_tkeep;
    ql_axis_gearbox #(
        .InBytes({memory_bytes}), .OutBytes({in_bytes})
    ) to_core (
        .clk(ap_clk), .rst(!stream_rst_n),
        .s_axis_tdata(send_tdata), .s_axis_tkeep(send_tkeep), .s_axis_tlast(send_tlast), .s_axis_tvalid(send_tvalid),
        .s_axis_tready(send_tready),
        .m_axis_tdata(in_tdata), .m_axis_tkeep(in_tkeep), .m_axis_tlast(in_tlast), .m_axis_tvalid(in_tvalid),
        .m_axis_tready(in_tready)
    );
    qloom_stream stream (
        .ap_clk(ap_clk), .ap_rst_n(stream_rst_n),
        .s_axis_0_tdata(in_tdata), .s_axis_0_tlast(in_tlast), .s_axis_0_tvalid(in_tvalid), .s_axis_0_tready(in_tready),
        .m_axis_0_tdata(out_tdata), .m_axis_0_tlast(out_tlast), .m_axis_0_tvalid(out_tvalid),
        .m_axis_0_tready(out_tready)
    );
    ql_axis_gearbox #(
        .InBytes({out_bytes}), .OutBytes({memory_bytes})
    ) from_core (
        .clk(ap_clk), .rst(!stream_rst_n),
        .s_axis_tdata(out_tdata), .s_axis_tkeep({{{out_bytes}{{1'b1}}}}), .s_axis_tlast(out_tlast),
        .s_axis_tvalid(out_tvalid), .s_axis_tready(out_tready),
        .m_axis_tdata(receive_tdata), .m_axis_tkeep(receive_tkeep), .m_axis_tlast(receive_tlast),
        .m_axis_tvalid(receive_tvalid), .m_axis_tready(receive_tready)
    );
    wire unused = &{{1'b0, in_tkeep}};
endmodule
`default_nettype wire
)",
        fmt::arg("word_msb", memory_bits - 1), fmt::arg("byte_msb", memory_bits / 8 - 1),
        fmt::arg("memory_bits", memory_bits), fmt::arg("memory_bytes", memory_bits / 8),
        fmt::arg("in_msb", in.data_bits - 1), fmt::arg("in_byte_msb", in.data_bits / 8 - 1),
        fmt::arg("in_bytes", in.data_bits / 8), fmt::arg("out_msb", out.data_bits - 1),
        fmt::arg("out_bytes", out.data_bits / 8));
}

}  // namespace

std::vector<TextFile> system_rtl(const hw::Accelerator& accelerator, int memory_bits) {
    check_single_stream(accelerator);
    QLOOM_ASSERT(memory_bits == 32 || memory_bits == 64 || memory_bits == 128,
                 "the DMA has such a port");
    const Port& in = accelerator.inputs.front();
    const Port& out = accelerator.outputs.front();
    std::vector<TextFile> files;
    for (const EmbeddedFile& file : emit::library_files({"ql_fifo"})) {  // of the DMA
        files.push_back({std::string(file.name), std::string(file.text)});
    }
    for (const EmbeddedFile& file : embedded_system_rtl()) {
        files.push_back({"soc/" + std::string(file.name), std::string(file.text)});
    }
    files.push_back({"soc/qloom_stream.sv", stream_text(in, out)});
    files.push_back({"soc/qloom_soc.sv", soc_text(in, out, memory_bits)});
    return files;
}

}  // namespace qloom::pack
