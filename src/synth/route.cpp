#include "synth/route.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/codes/emit.h"
#include "base/diagnostic.h"
#include "base/process.h"
#include "emit/emit.h"
#include "emit/top.h"
#include "synth/unit_sources.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "nextpnr-ice40";
constexpr double kAmbition = 200.0;  // MHz to aim at where no board asks

using Say = std::function<void(const std::string&)>;

// One design on its way to a bitstream.
struct Job {
    fs::path work;                     // folder of everything between
    std::string top;                   // module
    std::vector<std::string> sources;  // of the top, relative to `work`
    std::string option;                // "--hx8k"
    std::string package;
    fs::path pins;     // .pcf, or empty
    double mhz = 0.0;  // what to aim at
    fs::path bitstream;
};

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

// The unit netlists and the top around them, written to the job's folder; the script that reads
// them.
std::string read_script(const fs::path& dir, const Synthesis& synthesis, const Job& job) {
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    std::string script = "read_verilog -lib +/ice40/cells_sim.v; read_verilog -sv";
    for (const std::string& source : job.sources) script += ' ' + source;
    std::vector<std::string> modules;
    std::set<std::string> read;
    for (const LayerSynthesis& layer : synthesis.layers) {
        modules.push_back(netlist_module(layer));
        if (read.insert(layer.key).second)
            script += ' ' + fs::proximate(netlist_file(synthesis, layer), job.work).string();
    }
    if (fs::exists(dir / "rtl" / "ql_resize.sv"))
        script += ' ' + fs::proximate(dir / "rtl" / "ql_resize.sv", job.work).string();
    std::ofstream(job.work / "qloom_top.sv", std::ios::binary)
        << emit::top_text(accelerator, modules);
    return script + " qloom_top.sv";
}

void join_netlists(const fs::path& dir, const Synthesis& synthesis, const Job& job,
                   const Say& say) {
    if (say) say("join the netlists");
    check_tool(
        {"yosys", "-q", "-p",
         fmt::format(
             "{}; synth_ice40 -top {} -json design.json; splitnets; write_verilog -noattr design.v",
             read_script(dir, synthesis, job), job.top)},
        {.working_directory = job.work,
         .log_file = job.work / "yosys.log",
         .timeout = std::chrono::hours(2)},
        "yosys");
}

Routed place_and_route(const Job& job, const Say& say) {
    if (say) say("place and route");
    std::vector<std::string> command{"nextpnr-ice40",
                                     job.option,
                                     "--package",
                                     job.package,
                                     "--json",
                                     "design.json",
                                     "--asc",
                                     "design.asc",
                                     "--report",
                                     "report.json",
                                     "--freq",
                                     fmt::format("{:g}", job.mhz),
                                     "--timing-allow-fail",
                                     "--seed",
                                     "1",
                                     "-q"};
    if (!job.pins.empty()) {
        command.emplace_back("--pcf");
        command.push_back(job.pins.string());
    }
    check_tool(command,
               {.working_directory = job.work,
                .log_file = job.work / "nextpnr.log",
                .timeout = std::chrono::hours(6)},
               kPackage);
    Routed routed{.tool = nextpnr_version(),
                  .device = job.option.substr(2),
                  .board = {},
                  .netlist = job.work / "design.v",
                  .bitstream = job.bitstream};
    const auto report =
        nlohmann::json::parse(read_source(job.work / "report.json"), nullptr, false);
    if (!report.is_object()) {
        throw Error(code::kNetlistUnreadable, (job.work / "report.json").string(),
                    "the report of nextpnr-ice40 is not JSON",
                    "synthesise again; if it stays, another version of nextpnr is at work");
    }
    routed.logic_cells = used(report, "ICESTORM_LC");
    routed.ram4k = used(report, "ICESTORM_RAM");
    if (report.contains("fmax")) {
        for (const auto& [clock, entry] : report["fmax"].items())
            routed.mhz = std::max(routed.mhz, entry.value("achieved", 0.0));
    }
    return routed;
}

void pack_bitstream(const Job& job, const Say& say) {
    if (say) say("pack the bitstream");
    check_tool({"icepack", "design.asc", fs::absolute(job.bitstream).string()},
               {.working_directory = job.work}, "fpga-icestorm");
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
                   const Say& say) {
    const Job job{.work = synthesis.cache / ("route-" + device.name),
                  .top = "qloom_pins",
                  .sources = {"qloom_pins.sv"},
                  .option = device.option,
                  .package = device.package,
                  .pins = {},
                  .mhz = kAmbition,
                  .bitstream = fs::absolute(dir) / fmt::format("synth_{}.bin", device.name)};
    fs::create_directories(job.work);
    std::ofstream(job.work / "qloom_pins.sv", std::ios::binary)
        << pins_text(emit::read_accelerator(dir));
    join_netlists(dir, synthesis, job, say);
    const Routed routed = place_and_route(job, say);
    pack_bitstream(job, say);
    return routed;
}

Routed route_board(const fs::path& dir, const Synthesis& synthesis, const Say& say) {
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    const hw::Board& board = accelerator.board;
    QLOOM_ASSERT(board.ice40, "the folder was compiled for a board with an iCE40");
    const fs::path folder = fs::absolute(dir) / "ice40";
    Job job{.work = fs::absolute(synthesis.cache) / ("board-" + board.name),
            .top = "qloom_board",
            .sources = {},
            .option = "--" + board.ice40->device,
            .package = board.ice40->package,
            .pins = folder / "board.pcf",
            .mhz = accelerator.clock_mhz,
            .bitstream = folder / "qloom.bin"};
    fs::create_directories(job.work);
    std::vector<fs::path> files;
    if (fs::exists(folder)) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            if (entry.path().extension() == ".sv") files.push_back(entry.path());
        }
    }
    if (files.empty()) {
        throw Error(code::kOutputFolderNotOurs, dir.string(),
                    fmt::format("has no ice40/ for the board {}", board.name),
                    "compile again without --no-package");
    }
    std::ranges::sort(files);
    for (const fs::path& file : files)
        job.sources.push_back(fs::proximate(file, job.work).string());
    // Library files that ice40/ shares with rtl/.
    for (const char* shared : {"ql_fifo.sv", "ql_ram.sv", "ql_skid.sv"}) {
        if (!fs::exists(folder / shared))
            job.sources.push_back(
                fs::proximate(fs::absolute(dir) / "rtl" / shared, job.work).string());
    }
    const Cost total = synthesis.total();
    const auto check = [&](double needs, std::int64_t has, const char* what) {
        if (needs <= static_cast<double>(has)) return;
        throw Error(code::kBoardTooSmall, board.name,
                    fmt::format("the accelerator alone needs {:.0f} {} of {}", needs, what, has),
                    "compile for fewer frames a second, or take a smaller network");
    };
    check(std::max(total.luts, total.ffs), board.luts, "logic cells");
    check(total.ram4k, board.ice40->ram4k, "memories of 4 Kbit");
    join_netlists(dir, synthesis, job, say);
    Routed routed = place_and_route(job, say);
    routed.board = board.name;
    routed.asked_mhz = accelerator.clock_mhz;
    if (routed.mhz < routed.asked_mhz) {
        throw Error(code::kTimingMissed, board.name,
                    fmt::format("the routed design runs at {:.1f} MHz, and its clock is {:g} MHz",
                                routed.mhz, routed.asked_mhz),
                    fmt::format("compile with --clock-mhz {:.0f}; the message of a clock that the "
                                "board cannot make names "
                                "the next ones",
                                std::floor(routed.mhz)));
    }
    pack_bitstream(job, say);
    return routed;
}

}  // namespace qloom::synth
