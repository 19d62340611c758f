#include "emit/emit.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/codes/emit.h"
#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "base/output_folder.h"
#include "emit/constant_matrix.h"
#include "emit/report.h"
#include "emit/rtl_library.h"
#include "emit/top.h"
#include "hw/constant_layers.h"
#include "hw/fold.h"
#include "hw/prepare.h"
#include "hw/registry.h"
#include "hw/units/constant_matrix.h"

namespace qloom::emit {
namespace {

namespace fs = std::filesystem;

// The caches of simulation models and of synthesised units survive a new compile: their entries are
// named by what they were made of.
constexpr const char* kSimulationCache = "sim";
constexpr const char* kSynthesisCache = "synth";

std::set<std::string> used_modules(const hw::Accelerator& accelerator) {
    std::set<std::string> modules;
    for (const hw::Unit& unit : accelerator.units)
        modules.emplace(unit.has_own_module() ? "ql_skid" : hw::module_name(unit.module));
    for (const hw::Channel& channel : accelerator.channels) {
        if (channel.sink_bits != channel.type.bits) modules.insert("ql_resize");
    }
    return modules;
}

// Modules that are made for one unit.
void add_own_modules(const hw::Accelerator& accelerator, const network::Network& network,
                     std::vector<TextFile>& files, std::string& list) {
    for (const hw::Unit& unit : accelerator.units) {
        if (!unit.has_own_module()) continue;
        const auto layer_named = [&](const std::string& name) {
            return std::ranges::find(network.layers, name, &network::Layer::name);
        };
        const auto layer = layer_named(unit.layer);
        const auto steps = layer_named(unit.text("Threshold"));
        const bool has_steps = steps != network.layers.end();
        const network::Stream& input = network.stream(layer->inputs[0]);
        const hw::ConstantMatrixDesign design = hw::design_constant_matrix(
            std::get<network::MatrixVector>(layer->kind), input,
            has_steps ? &std::get<network::Threshold>(steps->kind) : nullptr,
            network.stream(has_steps ? steps->outputs[0] : layer->outputs[0]),
            unit.integer("Group"));
        const std::string module = unit.rtl_module();
        files.push_back({"rtl/" + module + ".sv", constant_matrix_text(module, design, input)});
        list += module + ".sv\n";
    }
}

void add_rtl(const hw::Accelerator& accelerator, const network::Network& given,
             std::vector<TextFile>& files) {
    std::string list;
    for (const EmbeddedFile& file : library_files(used_modules(accelerator))) {
        const std::string name(file.name);
        files.push_back({"rtl/" + name, std::string(file.text)});
        list += name + "\n";
    }
    add_own_modules(accelerator, hw::hardware_form(given), files, list);
    files.push_back({"rtl/qloom_top.sv", top_text(accelerator)});
    files.push_back({"rtl/files.f", list + "qloom_top.sv\n"});
}

void add_memories(const hw::Accelerator& accelerator, const network::Network& given,
                  std::vector<TextFile>& files) {
    const network::Network network =
        hw::with_constant_matrices(hw::hardware_form(given), accelerator);
    std::map<std::string, const hw::Unit*> units;
    for (const hw::Unit& unit : accelerator.units) {
        if (!unit.layer.empty()) units[unit.layer] = &unit;
    }
    for (const network::Layer& layer : network.layers) {
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const auto unit = units.find(layer.name);
        QLOOM_ASSERT(unit != units.end(), "the accelerator was made from this network");
        for (const hw::MemoryImage& image :
             hw::unit_model(layer.kind).memories({network, layer}, *unit->second)) {
            files.push_back({"rtl/" + image.name() + ".mem", image.text()});
        }
    }
}

}  // namespace

std::vector<TextFile> generate(const hw::Accelerator& accelerator,
                               const network::Network& network) {
    std::vector<TextFile> files;
    add_rtl(accelerator, network, files);
    add_memories(accelerator, network, files);
    files.push_back({"accelerator.json", hw::to_json(accelerator).dump(1) + "\n"});
    files.push_back({"folding.json", hw::folding_file_text(accelerator)});
    files.push_back({"report.json", report_json(accelerator)});
    files.push_back({"report.txt", report_text(accelerator, network)});
    std::ranges::sort(files, {}, &TextFile::path);
    return files;
}

void emit(const hw::Accelerator& accelerator, const network::Network& network, const fs::path& out,
          const std::vector<TextFile>& more) {
    write_folder(generate(accelerator, network), out, more);
}

std::vector<std::string> kept_folders() { return {kSimulationCache, kSynthesisCache}; }

void write_folder(const std::vector<TextFile>& files, const fs::path& out, const std::vector<TextFile>& more) {
    OutputFolder folder(out, kept_folders());
    for (const TextFile& file : files) folder.write(file.path, file.text);
    for (const TextFile& file : more) folder.write(file.path, file.text);
    folder.commit();
}

hw::Accelerator read_accelerator(const fs::path& dir) {
    const fs::path file = dir / "accelerator.json";
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw Error(code::kOutputFolderNotOurs, dir.string(),
                    "does not hold a compiled network (no accelerator.json)",
                    "name a folder written by qloom compile");
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        throw Error(code::kAcceleratorFileBad, file.string(), "cannot be read (it is not JSON)",
                    "compile the network again");
    }
    return hw::accelerator_from_json(json, file.string());
}

}  // namespace qloom::emit
