#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/fold.h"

namespace qloom::hw {
namespace {

using Json = nlohmann::json;

constexpr const char* kAdvice = "start from the folding.json of a compiled folder";

[[noreturn]] void throw_bad(const std::string& where, const std::string& what) {
    throw Error(code::kFoldingFileBad, where, what, kAdvice);
}

std::int64_t whole_number(const Json& value, std::int64_t lowest, const std::string& key,
                          const std::string& where) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < lowest) {
        throw_bad(where, fmt::format("{} is {}, not a whole number of at least {}", key,
                                     value.dump(), lowest));
    }
    return value.get<std::int64_t>();
}

void check_keys(const Json& object, std::initializer_list<const char*> known,
                const std::string& place, const std::string& where) {
    if (!object.is_object()) throw_bad(where, fmt::format("{} is not an object", place));
    for (const auto& [key, value] : object.items()) {
        if (std::ranges::find(known, key, [](const char* k) { return std::string(k); }) ==
            known.end()) {
            throw_bad(where, fmt::format("{} has an unknown key \"{}\"; known: {}", place, key,
                                         fmt::join(known, ", ")));
        }
    }
}

// Windows that come by channel groups have the folding of their reader: nothing but FIFOs stands
// between the two.
bool is_folded_with_reader(const Accelerator& accelerator, int unit) {
    const Module module = accelerator.units[static_cast<std::size_t>(unit)].module;
    const bool is_window = module == Module::kSlidingWindow || module == Module::kParallelWindow;
    if (!is_window && module != Module::kFifo) return false;
    for (const Channel& channel : accelerator.channels) {
        if (channel.from.unit != unit || channel.to.unit == Endpoint::kTop) continue;
        const Module reader = accelerator.units[static_cast<std::size_t>(channel.to.unit)].module;
        return reader == Module::kVectorVector || reader == Module::kWindowReduce ||
               (reader == Module::kFifo && is_folded_with_reader(accelerator, channel.to.unit));
    }
    return false;
}

}  // namespace

FoldingFile parse_folding_file(const std::string& json_text, const std::string& where) {
    const Json json = Json::parse(json_text, nullptr, false);
    if (json.is_discarded()) throw_bad(where, "is not JSON");
    check_keys(json, {"layers", "fifo_depths", "ports"}, "the file", where);
    FoldingFile file;
    file.where = where;
    for (const char* section : {"layers", "fifo_depths", "ports"}) {
        if (json.contains(section) && !json[section].is_object()) {
            throw_bad(where, fmt::format("{} is not an object", section));
        }
    }
    const Json layers = json.value("layers", Json::object());
    for (const auto& [layer, folding] : layers.items()) {
        check_keys(folding, {"pe", "simd", "constant"}, "layer " + layer, where);
        if (folding.contains("constant")) {
            if (!folding["constant"].is_boolean())
                throw_bad(where, fmt::format("{}.constant is {}, not true or false", layer,
                                             folding["constant"].dump()));
            file.constant[layer] = folding["constant"].get<bool>();
            if (folding.size() == 1) continue;
        }
        Folding& entry = file.layers[layer];
        entry = {0, 0};
        if (folding.contains("pe")) entry.pe = whole_number(folding["pe"], 1, layer + ".pe", where);
        if (folding.contains("simd"))
            entry.simd = whole_number(folding["simd"], 1, layer + ".simd", where);
    }
    if (json.contains("fifo_depths")) {
        file.fifo_depths.emplace();
        for (const auto& [name, depth] : json["fifo_depths"].items()) {
            (*file.fifo_depths)[name] = whole_number(depth, 0, name, where);
        }
    }
    const Json ports = json.value("ports", Json::object());
    for (const auto& [name, elements] : ports.items()) {
        file.ports[name] = whole_number(elements, 1, name, where);
    }
    return file;
}

std::string folding_file_text(const Accelerator& accelerator) {
    nlohmann::ordered_json layers = nlohmann::ordered_json::object();
    nlohmann::ordered_json fifos = nlohmann::ordered_json::object();
    nlohmann::ordered_json ports = nlohmann::ordered_json::object();
    for (const Unit& unit : accelerator.units) {
        if (unit.module == Module::kFifo) fifos[unit.name] = unit.integer("Depth");
        if (unit.layer.empty()) continue;
        if (is_folded_with_reader(accelerator, static_cast<int>(&unit - accelerator.units.data())))
            continue;
        if (unit.module == Module::kConstantMatrix) {
            layers[unit.layer] = {{"constant", true}};
            continue;
        }
        layers[unit.layer] = {{"pe", unit.folding.pe}};
        const bool has_simd =
            unit.module == Module::kMatrixVector || unit.module == Module::kSlidingWindow ||
            unit.module == Module::kParallelWindow || unit.module == Module::kVectorVector ||
            unit.module == Module::kWindowReduce;
        if (has_simd) layers[unit.layer]["simd"] = unit.folding.simd;
    }
    for (const auto* side : {&accelerator.inputs, &accelerator.outputs}) {
        for (const Port& port : *side) ports[port.name] = port.elements_per_beat;
    }
    // One line a layer: this file is edited by people.
    std::string text = "{\n  \"layers\": {";
    const auto append = [&](const nlohmann::ordered_json& object) {
        bool first = true;
        for (const auto& [name, value] : object.items()) {
            text += fmt::format("{}\n    {}: {}", first ? "" : ",", nlohmann::json(name).dump(),
                                value.dump());
            first = false;
        }
        text += first ? "}" : "\n  }";
    };
    append(layers);
    text += ",\n  \"fifo_depths\": {";
    append(fifos);
    text += ",\n  \"ports\": {";
    append(ports);
    text += "\n}\n";
    return text;
}

}  // namespace qloom::hw
