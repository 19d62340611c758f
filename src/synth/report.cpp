#include "synth/report.h"

#include <cmath>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/codes/base.h"
#include "base/diagnostic.h"
#include "base/table.h"
#include "emit/emit.h"

namespace qloom::synth {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Units of a few LUTs say nothing about the model in per cent.
constexpr double kSmallestCompared = 50.0;

std::optional<double> error_of(double estimate, double found) {
    if (found < kSmallestCompared) return std::nullopt;
    return (estimate - found) / found;
}

std::string number(double value) { return value == 0.0 ? "-" : fmt::format("{:.0f}", value); }
std::string halves(double value) { return value == 0.0 ? "-" : fmt::format("{:g}", value); }
std::string percent(const std::optional<double>& value) {
    return value ? fmt::format("{:+.0f} %", 100.0 * *value) : "";
}

Json cost_json(const Cost& cost, Target target) {
    Json json = {
        {"luts", cost.luts}, {"ffs", cost.ffs}, {"carries", cost.carries}, {"bram36", cost.bram36}};
    if (target == Target::kIce40) json["ram4k"] = cost.ram4k;
    json["dsps"] = cost.dsps;
    json["lut_levels"] = cost.lut_levels;
    json["path_carries"] = cost.path_carries;
    return json;
}

Json or_null(const std::optional<double>& value) {
    return value ? Json(std::round(*value * 1e4) / 1e4) : Json(nullptr);
}

void write_whole(const fs::path& file, const std::string& text) {
    const fs::path partial = file.string() + ".partial";
    std::ofstream stream(partial, std::ios::binary);
    stream << text;
    stream.close();
    std::error_code error;
    if (stream) fs::rename(partial, file, error);
    if (!stream || error) {
        throw Error(code::kOutputUnwritable, file.string(), "the file cannot be written",
                    "check the permissions and the space left");
    }
}

}  // namespace

std::optional<double> lut_error(const Synthesis& synthesis, const LayerSynthesis& layer) {
    if (!info_of(synthesis.target).has_estimate) return std::nullopt;
    return error_of(layer.unit.cost.luts, layer.cost.luts);
}

std::optional<double> total_lut_error(const Synthesis& synthesis) {
    if (!info_of(synthesis.target).has_estimate) return std::nullopt;
    double estimate = 0.0;
    for (const LayerSynthesis& layer : synthesis.layers) estimate += layer.unit.cost.luts;
    return error_of(estimate, synthesis.total().luts);
}

std::string report_json(const Synthesis& synthesis, const Routed* route) {
    const TargetInfo& target = info_of(synthesis.target);
    Json json = {{"target", target.name}, {"tool", synthesis.tool}, {"command", synthesis.command}};
    const Cost total = synthesis.total();
    json.update(cost_json(total, synthesis.target));
    hw::Resources estimate;
    for (const LayerSynthesis& layer : synthesis.layers) estimate += layer.unit.cost;
    const auto estimate_json = [](const hw::Resources& cost) {
        return Json{{"luts", std::round(cost.luts)},
                    {"ffs", std::round(cost.ffs)},
                    {"bram36", cost.bram36},
                    {"dsps", std::round(cost.dsps)}};
    };
    json["estimate"] = target.has_estimate ? estimate_json(estimate) : Json(nullptr);
    json["lut_error"] = or_null(total_lut_error(synthesis));
    json["routed"] = nullptr;
    if (route != nullptr) {
        json["routed"] = {{"tool", route->tool},
                          {"device", route->device},
                          {"board", route->board.empty() ? Json(nullptr) : Json(route->board)},
                          {"logic_cells", route->logic_cells},
                          {"ram4k", route->ram4k},
                          {"mhz", route->mhz},
                          {"asked_mhz", route->asked_mhz},
                          {"bitstream", route->bitstream.filename().string()}};
    }
    json["layers"] = Json::array();
    for (const LayerSynthesis& layer : synthesis.layers) {
        Json entry = {{"name", layer.unit.name},
                      {"layer", layer.unit.layer.empty() ? Json(nullptr) : Json(layer.unit.layer)},
                      {"kind", layer.unit.kind},
                      {"module", hw::module_name(layer.unit.module)}};
        entry.update(cost_json(layer.cost, synthesis.target));
        entry["estimate"] = target.has_estimate ? estimate_json(layer.unit.cost) : Json(nullptr);
        entry["lut_error"] = or_null(lut_error(synthesis, layer));
        json["layers"].push_back(entry);
    }
    return json.dump(2) + "\n";
}

std::string report_text(const Synthesis& synthesis, const Routed* route, int columns) {
    const TargetInfo& target = info_of(synthesis.target);
    const bool is_ice40 = synthesis.target == Target::kIce40;
    Table table({{"unit", Align::kLeft},
                 {"kind", Align::kLeft},
                 {"LUT", Align::kRight},
                 {"FF", Align::kRight},
                 {"carry", Align::kRight},
                 {is_ice40 ? "RAM4K" : "BRAM36", Align::kRight},
                 {"DSP", Align::kRight},
                 {"levels", Align::kRight},
                 {"estimated", Align::kRight},
                 {"error", Align::kRight}});
    const auto row = [&](const std::string& name, const std::string& kind, const Cost& cost,
                         double estimate, const std::optional<double>& error) {
        table.add_row({name, kind, number(cost.luts), number(cost.ffs), number(cost.carries),
                       halves(is_ice40 ? cost.ram4k : cost.bram36), number(cost.dsps),
                       fmt::format("{}", cost.lut_levels),
                       target.has_estimate ? number(estimate) : "", percent(error)});
    };
    double estimate = 0.0;
    for (const LayerSynthesis& layer : synthesis.layers) {
        row(layer.unit.name, layer.unit.kind, layer.cost, layer.unit.cost.luts,
            lut_error(synthesis, layer));
        estimate += layer.unit.cost.luts;
    }
    table.add_rule();
    row("total", "", synthesis.total(), estimate, total_lut_error(synthesis));
    std::string text = fmt::format("Synthesised for {} by {}, unit by unit.\n\n{}", target.title,
                                   synthesis.tool, table.text(columns));
    text +=
        "\nLUT: with memories in LUTs. levels: LUTs on the longest path between registers; carry "
        "chains count as none.\n";
    if (route != nullptr) {
        text += fmt::format(
            "Placed and routed for {} by {}: {} logic cells, {} memories, {:.1f} MHz, {}\n",
            route->board.empty() ? route->device : route->board, route->tool, route->logic_cells,
            route->ram4k, route->mhz, route->bitstream.filename().string());
    }
    return text;
}

void write_reports(const fs::path& dir, const Synthesis& synthesis, const Routed* route) {
    write_whole(dir / "synth.json", report_json(synthesis, route));
    write_whole(dir / "report.txt", emit::report_text(emit::read_accelerator(dir), {}) + "\n" +
                                        report_text(synthesis, route));
}

}  // namespace qloom::synth
