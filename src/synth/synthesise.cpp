#include "synth/synthesise.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/codes/base.h"
#include "base/content_hash.h"
#include "base/diagnostic.h"
#include "base/process.h"
#include "emit/emit.h"
#include "synth/unit_sources.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A single layer of tens of thousands of LUTs takes minutes.
constexpr std::chrono::seconds kTimeout{6 * 3600};

std::string yosys_version() {
    std::string text = check_tool({"yosys", "-V"}, {}, "yosys").output;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

// What is run on a unit. Parts that were kept apart for speed are joined at the end: paths lead
// through them.
std::string script_of(const UnitSources& sources, Target target, const std::string& module) {
    std::string script;
    // DSP blocks are instances; the check of the hierarchy wants to know them.
    const auto has_dsps = [](const auto& parameter) {
        return parameter.first == "DspPe" && parameter.second != "0";
    };
    if (std::ranges::any_of(sources.parameters, has_dsps))
        script += "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v; ";
    script += "read_verilog -sv";
    for (const fs::path& file : sources.files) script += ' ' + file.filename().string();
    if (!sources.parameters.empty()) {
        script += "; chparam";
        for (const auto& [name, value] : sources.parameters)
            script += fmt::format(" -set {} {}", name, value);
        script += ' ' + sources.module;
    }
    script += fmt::format(
        "; hierarchy -check -top {0}; {1} -top {0}; setattr -mod -unset keep_hierarchy; setattr "
        "-unset keep_hierarchy c:*; "
        "flatten; opt_clean; rename {0} {2}; hierarchy -purge_lib -top {2}; write_json "
        "netlist.json; splitnets; "
        "write_verilog -noattr netlist.v",
        sources.module, info_of(target).command, module);
    return script;
}

// "3.24.1. Executing ABC pass (...)" -> "ABC"
std::string pass_of(std::string_view line) {
    const auto begin = line.find(". Executing ");
    if (begin == std::string_view::npos || line.empty() || line[0] < '0' || line[0] > '9')
        return {};
    std::string_view rest = line.substr(begin + 12);
    const auto end = rest.find(" pass");
    return end == std::string_view::npos ? std::string{} : std::string(rest.substr(0, end));
}

nlohmann::ordered_json to_json(const Cost& cost) {
    return {{"luts", cost.luts},
            {"ffs", cost.ffs},
            {"carries", cost.carries},
            {"bram36", cost.bram36},
            {"ram4k", cost.ram4k},
            {"dsps", cost.dsps},
            {"lut_levels", cost.lut_levels},
            {"path_carries", cost.path_carries}};
}

// Nothing when the file is missing or damaged: the unit is synthesised again.
std::optional<Cost> cached_cost(const fs::path& entry) {
    std::ifstream stream(entry / "cost.json");
    const auto json = nlohmann::json::parse(stream, nullptr, false);
    if (json.is_discarded() || !json.is_object() || !fs::exists(entry / "netlist.v"))
        return std::nullopt;
    const auto number = [&](const char* key) {
        return json.contains(key) && json[key].is_number() ? json[key].get<double>() : -1.0;
    };
    Cost cost{.luts = number("luts"),
              .ffs = number("ffs"),
              .carries = number("carries"),
              .bram36 = number("bram36"),
              .ram4k = number("ram4k"),
              .dsps = number("dsps"),
              .lut_levels = static_cast<int>(number("lut_levels")),
              .path_carries = static_cast<int>(number("path_carries"))};
    if (cost.luts < 0 || cost.ffs < 0 || cost.carries < 0 || cost.bram36 < 0 || cost.ram4k < 0 ||
        cost.dsps < 0 || cost.lut_levels < 0 || cost.path_carries < 0) {
        return std::nullopt;
    }
    return cost;
}

// A folder beside the entries, gone when the work is over or failed.
class Workshop {
public:
    explicit Workshop(const fs::path& cache) {
        std::error_code error;
        fs::create_directories(cache, error);
        std::string pattern = (cache / "work-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw Error(code::kOutputUnwritable, cache.string(),
                        "the folder of synthesised units cannot be written",
                        "make it writable, or name another one");
        }
        path_ = pattern;
    }
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;
    ~Workshop() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

Cost synthesise_unit(const UnitSources& sources, Target target, const std::string& key,
                     const fs::path& cache, const std::function<void(const std::string&)>& say) {
    const Workshop workshop(cache);
    for (const fs::path& file : sources.files)
        fs::copy_file(file, workshop.path() / file.filename());
    for (const auto& [name, file] : sources.memories) {
        fs::create_directories((workshop.path() / name).parent_path());
        fs::copy_file(file, workshop.path() / name);
    }
    const std::string module = "unit_" + key;
    const fs::path log = cache / (key + ".log");
    std::string line;
    check_tool({"yosys", "-p", script_of(sources, target, module)},
               {.working_directory = workshop.path(),
                .log_file = log,
                .timeout = kTimeout,
                .on_output =
                    [&](std::string_view text) {
                        for (const char c : text) {
                            if (c != '\n') {
                                line += c;
                                continue;
                            }
                            if (const std::string pass = pass_of(line); !pass.empty()) say(pass);
                            line.clear();
                        }
                    }},
               "yosys");
    const fs::path json = workshop.path() / "netlist.json";
    const Cost cost = read_netlist(read_source(json), module, json.string()).cost;

    // Whole or not at all, also beside another process at the same work.
    const fs::path made = workshop.path() / "entry";
    fs::create_directories(made);
    fs::rename(workshop.path() / "netlist.v", made / "netlist.v");
    std::ofstream(made / "cost.json") << to_json(cost).dump(1) << '\n';
    std::error_code error;
    fs::remove_all(cache / key, error);
    fs::rename(made, cache / key, error);
    fs::remove(log, error);
    return cost;
}

}  // namespace

Cost Synthesis::total() const {
    Cost sum;
    for (const LayerSynthesis& layer : layers) sum += layer.cost;
    return sum;
}

fs::path netlist_file(const Synthesis& synthesis, const LayerSynthesis& layer) {
    return synthesis.cache / layer.key / "netlist.v";
}

std::string netlist_module(const LayerSynthesis& layer) { return "unit_" + layer.key; }

Synthesis synthesise(const fs::path& dir, const SynthOptions& options) {
    const auto start = Clock::now();
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    const std::vector<UnitSources> sources = unit_sources(accelerator, dir / "rtl");
    Synthesis result{.target = options.target,
                     .tool = yosys_version(),
                     .command = std::string(info_of(options.target).command),
                     .cache = fs::absolute(options.cache.empty() ? dir / "synth" : options.cache),
                     .layers = {},
                     .seconds = 0.0};
    const auto total = static_cast<std::int64_t>(sources.size());
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const hw::Unit& unit = accelerator.units[i];
        const auto say = [&](const std::string& what) {
            if (options.progress)
                options.progress(static_cast<std::int64_t>(i), total,
                                 unit.name + (what.empty() ? "" : ": " + what));
        };
        say("");
        ContentHash hash;
        hash.add(result.tool);
        hash.add(script_of(sources[i], options.target, ""));
        hash.add(sources[i].text_hash());
        LayerSynthesis layer{.unit = unit, .cost = {}, .key = hash.text(), .was_cached = true};
        if (const auto cost = cached_cost(result.cache / layer.key)) {
            layer.cost = *cost;
        } else {
            layer.was_cached = false;
            layer.cost = synthesise_unit(sources[i], options.target, layer.key, result.cache, say);
        }
        result.layers.push_back(std::move(layer));
    }
    if (options.progress) options.progress(total, total, "");
    result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return result;
}

}  // namespace qloom::synth
