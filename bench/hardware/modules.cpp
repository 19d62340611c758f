// Every module of the RTL library at its default parameters: what it takes of a 7-series device,
// the LUTs between its registers, and the clock at which an iCE40 HX8K runs it after routing.
// Prints a Markdown table.
//   bench_modules RTL_FOLDER WORK_FOLDER [MODULE ...]
// Results are kept in WORK_FOLDER by content, so that a second run costs what has changed.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/content_hash.h"
#include "base/process.h"
#include "synth/netlist.h"
#include "synth/target.h"

namespace fs = std::filesystem;
using qloom::ContentHash;
using qloom::ToolResult;

namespace {

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Names of memory files that a module reads: one word for all parameters that end in "File".
std::vector<std::string> file_parameters(const std::string& text) {
    std::vector<std::string> names;
    for (std::size_t at = text.find("File "); at != std::string::npos;
         at = text.find("File ", at + 1)) {
        std::size_t begin = at;
        while (begin > 0 && (std::isalnum(static_cast<unsigned char>(text[begin - 1])) != 0))
            --begin;
        const std::size_t equals = text.find_first_not_of(' ', at + 4);
        if (equals == std::string::npos || text[equals] != '=') continue;
        const std::string name = text.substr(begin, at + 4 - begin);
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return names;
}

// Random contents, wide and long enough for any memory; readers take what they need.
void write_memory(const fs::path& file) {
    std::mt19937 random(1);
    std::ofstream stream(file);
    for (int word = 0; word < 4096; ++word) {
        for (int part = 0; part < 16; ++part) stream << fmt::format("{:08x}", random());
        stream << '\n';
    }
}

// Runs Yosys; memory files that it does not find are made.
std::optional<std::string> yosys(const fs::path& work, const std::string& script) {
    for (int attempt = 0; attempt < 40; ++attempt) {
        const ToolResult result =
            qloom::run_tool({"yosys", "-q", "-p", script},
                            {.working_directory = work, .timeout = std::chrono::hours(1)}, "yosys");
        if (result.exit_code == 0) return std::nullopt;
        const auto at = result.output.find("an not open file `");
        if (at == std::string::npos)
            return result.output.substr(result.output.size() > 200 ? result.output.size() - 200
                                                                   : 0);
        const std::string rest = result.output.substr(at + 18);
        write_memory(work / rest.substr(0, rest.find('`') == std::string::npos
                                               ? rest.find('\'')
                                               : std::min(rest.find('`'), rest.find('\''))));
    }
    return "memory files without end";
}

struct Bits {
    std::string name;
    int width = 1;
};

// The module's ports in shift registers: paths begin and end in registers, and four pins are
// enough.
std::string wrapper(const std::string& module, const std::vector<Bits>& inputs,
                    const std::vector<Bits>& outputs) {
    int in = 0;
    int out = 0;
    std::string ports;
    for (const Bits& port : inputs) {
        if (port.name == "clk") {
            ports += ", .clk(clk)";
            continue;
        }
        ports += fmt::format(", .{}(in_q[{} +: {}])", port.name, in, port.width);
        in += port.width;
    }
    for (const Bits& port : outputs) {
        ports += fmt::format(", .{}(out[{} +: {}])", port.name, out, port.width);
        out += port.width;
    }
    return fmt::format(
        "module pins (input clk, data_i, take_i, output data_o);\n    reg [{0}:0] in_q;\n    reg "
        "[{1}:0] out_q;\n    wire [{1}:0] out;\n"
        "    assign data_o = out_q[{1}];\n    always @(posedge clk) begin\n        in_q <= {{in_q, "
        "data_i}};\n"
        "        out_q <= take_i ? out : {{out_q, 1'b0}};\n    end\n    {2} dut "
        "({3});\nendmodule\n",
        std::max(in, 1) - 1, std::max(out, 1) - 1, module, ports.substr(2));
}

struct Result {
    double luts = 0;
    double ffs = 0;
    int levels = 0;
    double cells = 0;
    double mhz = 0;
    std::string trouble;
};

Result measure(const fs::path& rtl, const std::string& module, const fs::path& work) {
    Result result;
    fs::remove_all(work);
    fs::create_directories(work);
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(rtl)) {
        if (entry.path().extension() == ".sv") files.push_back(fs::absolute(entry.path()).string());
    }
    std::ranges::sort(files);
    std::string read = fmt::format("read_verilog -sv {}", fmt::join(files, " "));
    for (const std::string& name : file_parameters(text_of(rtl / (module + ".sv"))))
        read += fmt::format("; chparam -set {0} \"m_{0}\" {1}", name, module);
    const std::string command(qloom::synth::info_of(qloom::synth::Target::kXc7).command);
    if (const auto trouble =
            yosys(work, fmt::format("{0}; hierarchy -check -top {1}; rename -top whole; {2} -top "
                                    "whole; setattr -mod -unset keep_hierarchy; setattr -unset "
                                    "keep_hierarchy c:*; flatten; opt_clean; write_json xc7.json",
                                    read, module, command))) {
        result.trouble = *trouble;
        return result;
    }
    const qloom::synth::Cost cost =
        qloom::synth::read_netlist(text_of(work / "xc7.json"), "whole", module).cost;
    result.luts = cost.luts;
    result.ffs = cost.ffs;
    result.levels = cost.lut_levels;
    if (!qloom::tool_exists("nextpnr-ice40")) return result;
    const auto json = nlohmann::json::parse(text_of(work / "xc7.json"));
    std::vector<Bits> inputs;
    std::vector<Bits> outputs;
    for (const auto& [name, port] : json["modules"]["whole"]["ports"].items())
        (port["direction"] == "input" ? inputs : outputs)
            .push_back({name, static_cast<int>(port["bits"].size())});
    std::ofstream(work / "pins.v") << wrapper("whole", inputs, outputs);
    if (const auto trouble = yosys(
            work,
            fmt::format("{0}; hierarchy -check -top {1}; rename -top whole; read_verilog pins.v; "
                        "synth_ice40 -top pins -json pins.json",
                        read, module))) {
        result.trouble = *trouble;
        return result;
    }
    const ToolResult routed = qloom::run_tool(
        {"nextpnr-ice40", "--hx8k", "--package", "ct256", "--json", "pins.json", "--report",
         "report.json", "--freq", "100", "--timing-allow-fail", "--seed", "1", "-q"},
        {.working_directory = work, .timeout = std::chrono::hours(1)}, "nextpnr-ice40");
    const auto report = nlohmann::json::parse(text_of(work / "report.json"), nullptr, false);
    if (routed.exit_code != 0 || !report.is_object()) {
        result.trouble = "does not fit an HX8K";
        return result;
    }
    result.cells = report["utilization"]["ICESTORM_LC"].value("used", 0);
    for (const auto& [clock, entry] : report["fmax"].items())
        result.mhz = std::max(result.mhz, entry.value("achieved", 0.0));
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("bench_modules RTL_FOLDER WORK_FOLDER [MODULE ...]\n", stderr);
        return 2;
    }
    const fs::path rtl = argv[1];
    const fs::path work = argv[2];
    fs::create_directories(work);
    const std::set<std::string> chosen(argv + 3, argv + argc);
    std::vector<std::string> modules;
    ContentHash library;
    for (const auto& entry : fs::directory_iterator(rtl)) {
        if (entry.path().extension() == ".sv") modules.push_back(entry.path().stem().string());
    }
    std::ranges::sort(modules);
    for (const std::string& module : modules) library.add(text_of(rtl / (module + ".sv")));
    std::puts(
        "| module | LUT | FF | LUT levels, xc7 | logic cells | MHz, HX8K |\n| --- | --- | --- | "
        "--- | --- | --- |");
    for (const std::string& module : modules) {
        if (!chosen.empty() && !chosen.contains(module)) continue;
        ContentHash hash = library;
        hash.add(module);
        const fs::path kept = work / (hash.text() + ".txt");
        std::string line = text_of(kept);
        if (line.empty()) {
            const Result result = measure(rtl, module, work / "run");
            line =
                result.trouble.empty()
                    ? fmt::format("| `{}` | {:.0f} | {:.0f} | {} | {:.0f} | {:.0f} |", module,
                                  result.luts, result.ffs, result.levels, result.cells, result.mhz)
                    : fmt::format("| `{}` | {:.0f} | {:.0f} | {} | | {} |", module, result.luts,
                                  result.ffs, result.levels,
                                  result.trouble.substr(0, result.trouble.find('\n')));
            std::ofstream(kept) << line;
        }
        std::puts(line.c_str());
        std::fflush(stdout);
    }
    return 0;
}
