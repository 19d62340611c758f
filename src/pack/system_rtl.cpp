#include "pack/system_rtl.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

// The DMA's ports towards registers, memory and interrupts, as its own file declares them.
std::string outer_ports() {
    const auto file =
        std::ranges::find(embedded_system_rtl(), "ql_axi_dma.sv", &EmbeddedFile::name);
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < file->text.size();) {
        const std::size_t end = std::min(file->text.find('\n', begin), file->text.size());
        std::string line(file->text.substr(begin, end - begin));
        begin = end + 1;
        if (line == ");") break;  // the end of the ports
        const bool is_port = line.starts_with("    input ") || line.starts_with("    output ");
        const bool is_outer = line.find(" s_axi_lite_") != std::string::npos ||
                              line.find(" m_axi_") != std::string::npos ||
                              line.find("_introut") != std::string::npos;
        if (!is_port || !is_outer) continue;
        if (line.back() == ',') line.pop_back();
        lines.push_back(std::move(line));
    }
    return fmt::format("{}", fmt::join(lines, ",\n"));
}

std::string soc_text(const Port& in, const Port& out, int memory_bits) {
    return fmt::format(
        R"(// qloom_soc: the accelerator with Qloom's DMA: registers on s_axi_lite, memory on m_axi.
//
//   s_axi_lite --> ql_axi_dma --> ql_axis_gearbox --> qloom_stream --> ql_axis_gearbox --> ql_axi_dma --> m_axi
`default_nettype none
module qloom_soc #(
    parameter integer MemoryW = {memory_bits}
) (
    input  wire  logic                 ap_clk,
    input  wire  logic                 ap_rst_n,
{ports}
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

    // Registers, memory and interrupts have the same names inside and outside.
    ql_axi_dma #(
        .MemoryW(MemoryW)
    ) dma (
        .clk(ap_clk), .rst(rst),
        .m_axis_mm2s_tdata(send_tdata), .m_axis_mm2s_tkeep(send_tkeep), .m_axis_mm2s_tlast(send_tlast),
        .m_axis_mm2s_tvalid(send_tvalid), .m_axis_mm2s_tready(send_tready),
        .s_axis_s2mm_tdata(receive_tdata), .s_axis_s2mm_tkeep(receive_tkeep), .s_axis_s2mm_tlast(receive_tlast),
        .s_axis_s2mm_tvalid(receive_tvalid), .s_axis_s2mm_tready(receive_tready),
        .stream_rst_n_o(stream_rst_n), .*
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
        fmt::arg("memory_bits", memory_bits), fmt::arg("ports", outer_ports()),
        fmt::arg("memory_bytes", memory_bits / 8), fmt::arg("in_msb", in.data_bits - 1),
        fmt::arg("in_byte_msb", in.data_bits / 8 - 1), fmt::arg("in_bytes", in.data_bits / 8),
        fmt::arg("out_msb", out.data_bits - 1), fmt::arg("out_bytes", out.data_bits / 8));
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
