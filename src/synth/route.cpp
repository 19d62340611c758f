#include "synth/route.h"

#include <fstream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/diagnostic.h"
#include "base/process.h"
#include "emit/emit.h"
#include "emit/top.h"
#include "synth/unit_sources.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "nextpnr-ice40";

int used(const nlohmann::json& report, const char* cell) {
    return report.contains("utilization") && report["utilization"].contains(cell)
               ? report["utilization"][cell].value("used", 0)
               : 0;
}

std::string nextpnr_version() {
    std::string text = run_tool({"nextpnr-ice40", "--version"}, {}, kPackage).output;
    const auto begin = text.find("nextpnr-ice40");
    if (begin != std::string::npos) text.erase(0, begin);
    return text.substr(0, text.find_first_of("\n)")) +
           (text.find('(') != std::string::npos ? ")" : "");
}

}  // namespace

const std::vector<Ice40Device>& ice40_devices() {
    static const std::vector<Ice40Device> devices{
        {"hx8k", "--hx8k", "ct256"}, {"hx1k", "--hx1k", "tq144"}, {"up5k", "--up5k", "sg48"}};
    return devices;
}

bool can_route_ice40() { return tool_exists("nextpnr-ice40") && tool_exists("icepack"); }

std::string pins_text(const hw::Accelerator& accelerator) {
    std::int64_t in_bits = 0;
    std::int64_t out_bits = 0;
    for (const hw::Port& port : accelerator.inputs) in_bits += port.data_bits + 1;   // data, valid
    for (const hw::Port& port : accelerator.outputs) in_bits += 1 + 0 * port.beats;  // ready
    for (const hw::Port& port : accelerator.inputs) out_bits += 1 + 0 * port.beats;  // ready
    for (const hw::Port& port : accelerator.outputs)
        out_bits += port.data_bits + 2;  // data, last, valid
    std::string text = fmt::format(
        "// The accelerator's streams as shift registers: data_i in, data_o out, one bit a clock; "
        "take_i loads the outputs.\n"
        "`default_nettype none\nmodule qloom_pins (\n    input  wire clk, rst, data_i, take_i,\n   "
        " output wire data_o\n);\n"
        "    reg [{0}:0] in_q;\n    reg [{1}:0] out_q;\n    wire [{1}:0] out;\n    reg rst_q;\n    "
        "assign data_o = out_q[{1}];\n"
        "    always @(posedge clk) begin\n        rst_q <= !rst;\n        in_q <= {{in_q[{2}:0], "
        "data_i}};\n"
        "        out_q <= take_i ? out : {{out_q[{3}:0], 1'b0}};\n    end\n"
        "    qloom_top top (\n        .ap_clk(clk), .ap_rst_n(rst_q)",
        in_bits - 1, out_bits - 1, std::max<std::int64_t>(in_bits - 2, 0),
        std::max<std::int64_t>(out_bits - 2, 0));
    std::int64_t in = 0;
    std::int64_t out = 0;
    for (const hw::Port& port : accelerator.inputs) {
        text += fmt::format(
            ",\n        .{0}_tdata(in_q[{1} +: {2}]), .{0}_tvalid(in_q[{3}]), "
            ".{0}_tready(out[{4}])",
            port.name, in, port.data_bits, in + port.data_bits, out);
        in += port.data_bits + 1;
        out += 1;
    }
    for (const hw::Port& port : accelerator.outputs) {
        text += fmt::format(
            ",\n        .{0}_tdata(out[{1} +: {2}]), .{0}_tlast(out[{3}]), .{0}_tvalid(out[{4}]), "
            ".{0}_tready(in_q[{5}])",
            port.name, out, port.data_bits, out + port.data_bits, out + port.data_bits + 1, in);
        out += port.data_bits + 2;
        in += 1;
    }
    return text + "\n    );\nendmodule\n`default_nettype wire\n";
}

Routed route_ice40(const fs::path& dir, const Synthesis& synthesis, const Ice40Device& device,
                   const std::function<void(const std::string&)>& say) {
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    const fs::path work = synthesis.cache / ("route-" + device.name);
    fs::create_directories(work);
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(work / name, std::ios::binary) << text;
    };
    std::vector<std::string> modules;
    std::set<std::string> read;
    std::string script =
        "read_verilog -lib +/ice40/cells_sim.v; read_verilog -sv qloom_pins.sv qloom_top.sv";
    for (const LayerSynthesis& layer : synthesis.layers) {
        modules.push_back(netlist_module(layer));
        if (read.insert(layer.key).second)
            script += ' ' + fs::proximate(netlist_file(synthesis, layer), work).string();
    }
    if (fs::exists(dir / "rtl" / "ql_resize.sv")) {
        write("ql_resize.sv", read_source(dir / "rtl" / "ql_resize.sv"));
        script += " ql_resize.sv";
    }
    write("qloom_pins.sv", pins_text(accelerator));
    write("qloom_top.sv", emit::top_text(accelerator, modules));

    const auto tell = [&](const char* what) {
        if (say) say(what);
    };
    tell("join the netlists");
    check_tool({"yosys", "-q", "-p", script + "; synth_ice40 -top qloom_pins -json pins.json"},
               {.working_directory = work,
                .log_file = work / "yosys.log",
                .timeout = std::chrono::hours(2)},
               "yosys");
    tell("place and route");
    check_tool({"nextpnr-ice40", device.option, "--package", device.package, "--json", "pins.json",
                "--asc", "pins.asc", "--report", "report.json", "--freq", "200",
                "--timing-allow-fail", "--seed", "1", "-q"},
               {.working_directory = work,
                .log_file = work / "nextpnr.log",
                .timeout = std::chrono::hours(6)},
               kPackage);
    const fs::path bitstream = fs::absolute(dir) / fmt::format("synth_{}.bin", device.name);
    tell("pack the bitstream");
    check_tool({"icepack", "pins.asc", bitstream.string()}, {.working_directory = work},
               "fpga-icestorm");

    Routed routed{.tool = nextpnr_version(), .device = device.name, .bitstream = bitstream};
    const auto report = nlohmann::json::parse(read_source(work / "report.json"), nullptr, false);
    if (!report.is_object()) {
        throw Error(code::kNetlistUnreadable, (work / "report.json").string(),
                    "the report of nextpnr-ice40 is not JSON",
                    "synthesise again; if it stays, another version of nextpnr is at work");
    }
    routed.logic_cells = used(report, "ICESTORM_LC");
    routed.ram4k = used(report, "ICESTORM_RAM");
    if (report.contains("fmax")) {
        for (const auto& [clock, entry] : report["fmax"].items())
            routed.mhz = entry.value("achieved", 0.0);
    }
    return routed;
}

}  // namespace qloom::synth
