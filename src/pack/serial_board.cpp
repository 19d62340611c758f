#include "pack/serial_board.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/content_hash.h"
#include "base/diagnostic.h"
#include "emit/rtl_library.h"
#include "pack/embedded_system_rtl.h"
#include "pack/stream_bytes.h"

namespace qloom::pack {
namespace {

using emit::TextFile;
using hw::Port;

constexpr int kLeastClocksPerBit = 4;
constexpr double kRateTolerance = 0.02;  // ten bits drift by a fifth of one

bool is_sound(double clock_mhz, std::int64_t baud) {
    const int clocks = clocks_per_bit(clock_mhz, baud);
    const double rate = clock_mhz * 1e6 / clocks;
    return clocks >= kLeastClocksPerBit &&
           std::abs(rate / static_cast<double>(baud) - 1.0) <= kRateTolerance;
}

bool can_clock(const hw::Ice40Board& ice40, double clock_mhz) {
    return clock_mhz == ice40.oscillator_mhz || pll_settings(ice40.oscillator_mhz, clock_mhz);
}

// The clocks next to `clock_mhz` at which everything works, below and above.
std::string near_clocks(const hw::Ice40Board& ice40, double clock_mhz) {
    std::vector<double> clocks{ice40.oscillator_mhz};
    for (int divq = 1; divq <= 6; ++divq) {
        for (int divf = 0; divf <= 127; ++divf) {
            const double clock = ice40.oscillator_mhz * (divf + 1) / std::exp2(divq);
            if (pll_settings(ice40.oscillator_mhz, clock)) clocks.push_back(clock);
        }
    }
    std::erase_if(clocks, [&](double clock) { return !is_sound(clock, ice40.baud); });
    std::ranges::sort(clocks);
    const auto above = std::ranges::lower_bound(clocks, clock_mhz);
    std::vector<std::string> near;
    if (above != clocks.begin()) near.push_back(fmt::format("{:g}", *std::prev(above)));
    if (above != clocks.end()) near.push_back(fmt::format("{:g}", *above));
    return near.empty()
               ? "give the board file another `baud`"
               : fmt::format("near it work: --clock-mhz {}", fmt::join(near, ", --clock-mhz "));
}

void check_clock(const hw::Board& board, double clock_mhz) {
    const hw::Ice40Board& ice40 = *board.ice40;
    if (!can_clock(ice40, clock_mhz)) {
        throw Error(code::kSerialClockBad, board.name,
                    fmt::format("the PLL does not make {:g} MHz of the board's {:g} MHz", clock_mhz,
                                ice40.oscillator_mhz),
                    near_clocks(ice40, clock_mhz));
    }
    if (!is_sound(clock_mhz, ice40.baud)) {
        throw Error(
            code::kSerialClockBad, board.name,
            fmt::format("a UART of {} baud does not work at {:g} MHz", ice40.baud, clock_mhz),
            near_clocks(ice40, clock_mhz));
    }
}

std::string gearbox(const std::string& name, std::int64_t in_bytes, std::int64_t out_bytes,
                    const std::string& from, const std::string& to) {
    return fmt::format(
        "    logic [{5}:0] {0}_tkeep;\n"
        "    wire unused_{0} = &{{1'b0, {0}_tkeep}};\n"
        "    ql_axis_gearbox #(.InBytes({1}), .OutBytes({2})) {0} (\n"
        "        .clk(clk), .rst(rst),\n"
        "        .s_axis_tdata({3}_tdata), .s_axis_tkeep('1), .s_axis_tlast({3}_tlast), "
        ".s_axis_tvalid({3}_tvalid), "
        ".s_axis_tready({3}_tready),\n"
        "        .m_axis_tdata({4}_tdata), .m_axis_tkeep({0}_tkeep), .m_axis_tlast({4}_tlast), "
        ".m_axis_tvalid({4}_tvalid), "
        ".m_axis_tready({4}_tready)\n    );\n",
        name, in_bytes, out_bytes, from, to, out_bytes - 1);
}

std::string stream(const char* name, std::int64_t bytes) {
    return fmt::format("    logic [{}:0] {}_tdata;\n    logic {}_tlast, {}_tvalid, {}_tready;\n",
                       bytes * 8 - 1, name, name, name, name);
}

std::string uart_text(const Port& in, const Port& out, const SerialLink& link, int clocks) {
    const std::int64_t in_bytes = in.data_bits / 8;
    const std::int64_t out_bytes = out.data_bits / 8;
    // A frame, and room for the next one's beginning while it leaves.
    const auto buffer =
        std::bit_ceil(static_cast<std::uint64_t>(link.frame_bytes + link.frame_bytes / 4 + 1));
    std::string text = fmt::format(
        "// qloom_uart: the accelerator at a serial line of {} baud; ql_link.sv says how it "
        "speaks.\n"
        "`default_nettype none\nmodule qloom_uart (\n    input  wire  logic clk,\n    input  wire  "
        "logic rst,\n"
        "    input  wire  logic rx_i,\n    output       logic tx_o,\n    output       logic "
        "led_o\n);\n",
        link.baud);
    text += stream("frame", 1) + stream("result", 1);
    const char* in_name = in_bytes == 1 ? "frame" : "in";
    const char* out_name = out_bytes == 1 ? "result" : "out";
    if (in_bytes != 1) text += stream("in", in_bytes);
    if (out_bytes != 1) text += stream("out", out_bytes);
    text += fmt::format(
        "    ql_link #(\n        .ClocksPerBit({}), .FrameBytes({}), .ResultBytes({}), "
        ".BufferBytes({}), "
        ".Design(32'h{:08x})\n    ) link (\n"
        "        .clk(clk), .rst(rst), .rx_i(rx_i), .tx_o(tx_o), .led_o(led_o),\n"
        "        .m_axis_tdata(frame_tdata), .m_axis_tlast(frame_tlast), "
        ".m_axis_tvalid(frame_tvalid), "
        ".m_axis_tready(frame_tready),\n"
        "        .s_axis_tdata(result_tdata), .s_axis_tlast(result_tlast), "
        ".s_axis_tvalid(result_tvalid), "
        ".s_axis_tready(result_tready)\n    );\n",
        clocks, link.frame_bytes, link.result_bytes, buffer, link.design);
    if (in_bytes != 1) text += gearbox("to_core", 1, in_bytes, "frame", "in");
    text += fmt::format(
        "    qloom_top core (\n        .ap_clk(clk), .ap_rst_n(!rst),\n"
        "        .s_axis_0_tdata({0}_tdata), .s_axis_0_tvalid({0}_tvalid), "
        ".s_axis_0_tready({0}_tready),\n"
        "        .m_axis_0_tdata({1}_tdata), .m_axis_0_tlast({1}_tlast), "
        ".m_axis_0_tvalid({1}_tvalid), "
        ".m_axis_0_tready({1}_tready)\n    );\n    wire unused_last = &{{1'b0, {0}_tlast}};\n",
        in_name, out_name);
    if (out_bytes != 1) text += gearbox("from_core", out_bytes, 1, "out", "result");
    return text + "endmodule\n`default_nettype wire\n";
}

std::string board_text(const hw::Board& board, double clock_mhz) {
    const hw::Ice40Board& ice40 = *board.ice40;
    std::string text = fmt::format(
        "// qloom_board: {}: clock of {:g} MHz, reset, pins.\n"
        "`default_nettype none\nmodule qloom_board (\n    input  wire  logic clk_i,\n    input  "
        "wire  logic rx_i,\n"
        "    output       logic tx_o,\n    output       logic led_o\n);\n    logic clk, locked;\n",
        board.title, clock_mhz);
    if (clock_mhz == ice40.oscillator_mhz && !ice40.clock_pin_is_pll) {
        text += "    assign clk = clk_i;\n    assign locked = 1'b1;\n";
    } else {
        // A pad of the PLL brings the oscillator's clock out by its bypass.
        const bool bypass = clock_mhz == ice40.oscillator_mhz;
        const PllSettings pll =
            pll_settings(ice40.oscillator_mhz, bypass ? ice40.oscillator_mhz * 2 : clock_mhz)
                .value();
        text += fmt::format(
            "    SB_PLL40_{} #(\n        .FEEDBACK_PATH(\"SIMPLE\"), .DIVR(4'd{}), .DIVF(7'd{}), "
            ".DIVQ(3'd{}), "
            ".FILTER_RANGE(3'd{})\n    ) pll (\n"
            "        .{}(clk_i), .PLLOUTGLOBAL(clk), .LOCK(locked), .RESETB(1'b1), "
            ".BYPASS(1'b{})\n    );\n",
            ice40.clock_pin_is_pll ? "PAD" : "CORE", pll.divr, pll.divf, pll.divq, pll.filter_range,
            ice40.clock_pin_is_pll ? "PACKAGEPIN" : "REFERENCECLK", bypass ? 1 : 0);
    }
    return text +
           "\n    // Registers are zero after configuration: the reset lasts until the clock has "
           "been steady for a while.\n"
           "    logic [7:0] steady_q = '0;\n    logic rst_q = 1'b0;\n    logic ready_q = 1'b0;\n"
           "    always_ff @(posedge clk) begin : p_reset\n"
           "        if (!locked) steady_q <= '0;\n"
           "        else if (!(&steady_q)) steady_q <= steady_q + 1'b1;\n"
           "        ready_q <= &steady_q;\n"
           "        rst_q <= !ready_q;\n    end\n"
           "    qloom_uart uart (.clk(clk), .rst(rst_q), .rx_i(rx_i), .tx_o(tx_o), "
           ".led_o(led_o));\n"
           "endmodule\n`default_nettype wire\n";
}

std::string makefile_text(const hw::Board& board, double clock_mhz) {
    return fmt::format(
        "# The tools' own commands: Yosys, nextpnr-ice40, icepack. `qloom synth` runs the same "
        "unit by unit, and faster again.\n"
        "qloom.bin: qloom.asc\n\ticepack $< $@\n"
        "qloom.asc: qloom.json board.pcf\n\tnextpnr-ice40 --{} --package {} --json $< --pcf "
        "board.pcf --asc $@ --freq {:g} --seed 1\n"
        "qloom.json: files.f\n"
        "\tcd ../rtl && yosys -q -p 'read_verilog -sv '\"$$(sed 's/^/..\\/ice40\\//' "
        "../ice40/files.f | tr '\\n' ' ')\"'; "
        "synth_ice40 -top qloom_board -json ../ice40/$@'\n"
        ".PHONY: flash clean\nflash: qloom.bin\n\ticeprog $<\nclean:\n\trm -f qloom.bin qloom.asc "
        "qloom.json\n",
        board.ice40->device, board.ice40->package, clock_mhz);
}

}  // namespace

std::string link_text(const SerialLink& link) {
    const nlohmann::ordered_json json{{"board", link.board},
                                      {"baud", link.baud},
                                      {"frame_bytes", link.frame_bytes},
                                      {"result_bytes", link.result_bytes},
                                      {"design", fmt::format("{:08x}", link.design)},
                                      {"clock_mhz", link.clock_mhz},
                                      {"latency_cycles", link.latency_cycles}};
    return json.dump(2) + "\n";
}

std::optional<SerialLink> link_from(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    try {
        return SerialLink{.board = json.at("board").get<std::string>(),
                          .baud = json.at("baud").get<std::int64_t>(),
                          .frame_bytes = json.at("frame_bytes").get<std::int64_t>(),
                          .result_bytes = json.at("result_bytes").get<std::int64_t>(),
                          .design = static_cast<std::uint32_t>(
                              std::stoul(json.at("design").get<std::string>(), nullptr, 16)),
                          .clock_mhz = json.at("clock_mhz").get<double>(),
                          .latency_cycles = json.at("latency_cycles").get<std::int64_t>()};
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

std::optional<PllSettings> pll_settings(double in_mhz, double out_mhz) {
    // Lattice, iCE40 sysCLOCK PLL guide: phase detector 10 to 133 MHz, oscillator 533 to 1066 MHz.
    for (int divr = 0; divr < 16; ++divr) {
        const double detector = in_mhz / (divr + 1);
        if (detector < 10.0 || detector > 133.0) continue;
        for (int divq = 1; divq <= 6; ++divq) {
            const double oscillator = out_mhz * std::exp2(divq);
            const double factor = oscillator / detector;
            if (oscillator < 533.0 || oscillator > 1066.0 || factor > 128.0) continue;
            if (std::abs(factor - std::round(factor)) > 1e-6) continue;
            const int range = detector < 17    ? 1
                              : detector < 26  ? 2
                              : detector < 44  ? 3
                              : detector < 66  ? 4
                              : detector < 101 ? 5
                                               : 6;
            return PllSettings{divr, static_cast<int>(std::lround(factor)) - 1, divq, range};
        }
    }
    return std::nullopt;
}

int clocks_per_bit(double clock_mhz, std::int64_t baud) {
    return static_cast<int>(std::lround(clock_mhz * 1e6 / static_cast<double>(baud)));
}

std::vector<TextFile> serial_board_files(const hw::Accelerator& accelerator, const hw::Board& board,
                                         const std::vector<TextFile>& rtl) {
    QLOOM_ASSERT(board.ice40 && accelerator.inputs.size() == 1 && accelerator.outputs.size() == 1,
                 "an iCE40 board and one stream each way");
    check_clock(board, accelerator.clock_mhz);
    const Port& in = accelerator.inputs.front();
    const Port& out = accelerator.outputs.front();
    ContentHash hash;
    for (const TextFile& file : rtl) {
        if (!file.path.starts_with("rtl/")) continue;
        hash.add(file.path);
        hash.add(file.text);
    }
    const SerialLink link{
        .board = board.name,
        .baud = board.ice40->baud,
        .frame_bytes = frame_bytes(in),
        .result_bytes = frame_bytes(out),
        .design = static_cast<std::uint32_t>(std::stoul(hash.text().substr(0, 8), nullptr, 16)),
        .clock_mhz = accelerator.clock_mhz,
        .latency_cycles = accelerator.latency_cycles};

    std::vector<TextFile> files;
    std::string list;
    const std::string& accelerator_list =
        std::ranges::find(rtl, "rtl/files.f", &TextFile::path)->text;
    for (std::size_t begin = 0; begin < accelerator_list.size();) {
        const std::size_t end = accelerator_list.find('\n', begin);
        list += "../rtl/" + accelerator_list.substr(begin, end - begin) + "\n";
        begin = end == std::string::npos ? accelerator_list.size() : end + 1;
    }
    const auto add = [&](const std::string& name, std::string text) {
        if (list.find("/" + name + "\n") != std::string::npos)
            return;  // the accelerator has it too
        list += name + "\n";
        files.push_back({"ice40/" + name, std::move(text)});
    };
    for (const EmbeddedFile& file : emit::library_files({"ql_fifo"}))
        add(std::string(file.name), std::string(file.text));
    if (in.data_bits != 8 || out.data_bits != 8) {
        const auto box =
            std::ranges::find(embedded_system_rtl(), "ql_axis_gearbox.sv", &EmbeddedFile::name);
        add(std::string(box->name), std::string(box->text));
    }
    for (const EmbeddedFile& file : embedded_uart_rtl())
        add(std::string(file.name), std::string(file.text));
    add("qloom_uart.sv", uart_text(in, out, link, clocks_per_bit(link.clock_mhz, link.baud)));
    add("qloom_board.sv", board_text(board, link.clock_mhz));
    files.push_back({"ice40/files.f", list});
    files.push_back({"ice40/link.json", link_text(link)});
    files.push_back({"ice40/Makefile", makefile_text(board, link.clock_mhz)});
    files.push_back(
        {"ice40/board.pcf",
         fmt::format("# {}\nset_io clk_i {}\nset_io rx_i {}\nset_io tx_o {}\nset_io led_o {}\n",
                     board.title, board.ice40->clock_pin, board.ice40->rx_pin, board.ice40->tx_pin,
                     board.ice40->led_pin)});
    std::ranges::sort(files, {}, &TextFile::path);
    return files;
}

}  // namespace qloom::pack
