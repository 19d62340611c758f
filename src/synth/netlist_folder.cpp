#include "synth/netlist_folder.h"

#include <fstream>
#include <set>

#include <fmt/format.h>

#include "base/process.h"
#include "emit/emit.h"
#include "emit/top.h"
#include "synth/simulation_cells.h"
#include "synth/unit_sources.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBlockRamFile = "block_ram.sv";

void write_text(const fs::path& file, const std::string& text) {
    // A file of the same text keeps its time, and tools their work.
    if (fs::exists(file) && read_source(file) == text) return;
    std::ofstream(file, std::ios::binary) << text;
}

// LUTs, carries and registers become expressions, a wire a bit: vectors would look like loops to a
// simulator. Block RAM stays as cells.
std::string conversion(Target target, const std::string& module) {
    const bool has_block_ram_models = target != Target::kIce40;
    // iCE40's large memories take Yosys minutes to read; deferred, only the cells in use are.
    std::string script = fmt::format("read_verilog{} {}; ", has_block_ram_models ? "" : " -defer",
                                     info_of(target).cells);
    if (has_block_ram_models) {
        script +=
            fmt::format("delete RAMB18E1 RAMB36E1; read_verilog -sv -lib {}; ", kBlockRamFile);
    }
    return script + fmt::format(
                        "read_verilog netlist.v; hierarchy -purge_lib -top {0}; proc; flatten; "
                        "opt_clean; splitnets; "
                        "write_verilog -noattr simulation.v",
                        module);
}

}  // namespace

fs::path write_netlist_folder(
    const fs::path& dir, const Synthesis& synthesis,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    const fs::path folder =
        synthesis.cache / fmt::format("netlist-{}", info_of(synthesis.target).name);
    const fs::path rtl = folder / "rtl";
    fs::create_directories(rtl);
    fs::copy_file(dir / "accelerator.json", folder / "accelerator.json",
                  fs::copy_options::overwrite_existing);

    std::string list = std::string(kBlockRamFile) + "\n";
    write_text(rtl / kBlockRamFile, block_ram_models());
    if (fs::exists(dir / "rtl" / "ql_resize.sv")) {
        write_text(rtl / "ql_resize.sv", read_source(dir / "rtl" / "ql_resize.sv"));
        list += "ql_resize.sv\n";
    }
    std::vector<std::string> modules;
    std::set<std::string> written;
    const auto total = static_cast<std::int64_t>(synthesis.layers.size());
    for (const LayerSynthesis& layer : synthesis.layers) {
        if (progress) progress(static_cast<std::int64_t>(modules.size()), total);
        modules.push_back(netlist_module(layer));
        if (!written.insert(layer.key).second) continue;
        const fs::path entry = synthesis.cache / layer.key;
        if (!fs::exists(entry / "simulation.v")) {
            write_text(entry / kBlockRamFile, block_ram_models());
            const std::string partial = "simulation.partial.v";
            std::string script = conversion(synthesis.target, modules.back());
            script.replace(script.rfind("simulation.v"), std::string::npos, partial);
            check_tool({"yosys", "-q", "-p", script},
                       {.working_directory = entry,
                        .log_file = synthesis.cache / (layer.key + ".log"),
                        .timeout = std::chrono::hours(1)},
                       "yosys");
            fs::rename(entry / partial, entry / "simulation.v");
            fs::remove(synthesis.cache / (layer.key + ".log"));
        }
        write_text(rtl / (modules.back() + ".v"), read_source(entry / "simulation.v"));
        list += modules.back() + ".v\n";
    }
    write_text(rtl / "qloom_top.sv", emit::top_text(accelerator, modules));
    write_text(rtl / "files.f", list + "qloom_top.sv\n");
    if (progress) progress(total, total);
    return folder;
}

}  // namespace qloom::synth
