#include "emit/report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/table.h"
#include "emit/emit.h"

namespace qloom::emit {
namespace {

using hw::Accelerator;
using hw::Channel;
using hw::Resources;
using hw::Unit;
using OrderedJson = nlohmann::ordered_json;

// Bits a beat of all inputs, or outputs, of a unit.
std::int64_t stream_bits(const Accelerator& accelerator, int unit, bool is_input) {
    std::int64_t bits = 0;
    for (const Channel& channel : accelerator.channels) {
        if ((is_input ? channel.to : channel.from).unit == unit)
            bits = std::max(bits, channel.bits());
    }
    return bits;
}

double share(double used, std::int64_t available) {
    return available > 0 ? 100.0 * used / static_cast<double>(available) : 0.0;
}

double rounded(double value) { return std::round(value * 10.0) / 10.0; }

OrderedJson cost_json(const Resources& cost) {
    return {{"luts", std::round(cost.luts)},
            {"ffs", std::round(cost.ffs)},
            {"bram36", cost.bram36},
            {"dsps", std::round(cost.dsps)}};
}

std::string number(double value) { return value == 0.0 ? "-" : fmt::format("{:.0f}", value); }
std::string halves(double value) { return value == 0.0 ? "-" : fmt::format("{:g}", value); }
std::string bits_text(std::int64_t bits) { return bits == 0 ? "-" : fmt::format("{}", bits); }

}  // namespace

std::string report_json(const Accelerator& accelerator) {
    OrderedJson layers = OrderedJson::array();
    OrderedJson plumbing = OrderedJson::array();
    for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
        const Unit& unit = accelerator.units[i];
        const int index = static_cast<int>(i);
        OrderedJson entry = {{"name", unit.name}, {"kind", unit.kind}, {"shape", unit.shape}};
        if (!unit.layer.empty()) {
            entry["layer"] = unit.layer;
            entry["pe"] = unit.folding.pe;
            entry["simd"] = unit.folding.simd;
        }
        entry["cycles"] = unit.cycles;
        entry["input_bits"] = stream_bits(accelerator, index, true);
        entry["output_bits"] = stream_bits(accelerator, index, false);
        if (!unit.layer.empty()) {
            entry["weight_bits"] = unit.weight_bits;
            entry["threshold_bits"] = unit.threshold_bits;
            entry["accumulator_bits"] = unit.accumulator_bits;
        }
        entry["estimate"] = cost_json(unit.cost);
        (unit.layer.empty() ? plumbing : layers).push_back(entry);
    }
    OrderedJson streams = OrderedJson::array();
    for (const auto* side : {&accelerator.inputs, &accelerator.outputs}) {
        for (const hw::Port& port : *side) {
            streams.push_back({{"port", port.name},
                               {"tensor", port.stream},
                               {"type", port.type.text()},
                               {"elements", port.elements},
                               {"beats", port.beats},
                               {"elements_per_beat", port.elements_per_beat},
                               {"element_bits", port.element_bits},
                               {"data_bits", port.data_bits}});
        }
    }
    const Resources total = accelerator.total();
    const hw::Board& board = accelerator.board;
    OrderedJson report = {{"board", board.name},
                                {"part", board.part},
                                {"clock_mhz", accelerator.clock_mhz},
                                {"target_ii", accelerator.target_ii},
                                {"ii_cycles", accelerator.ii_cycles},
                                {"latency_cycles", accelerator.latency_cycles},
                                {"fps", std::floor(accelerator.fps())},
                                {"total", cost_json(total)},
                                {"available",
                                 {{"luts", board.luts},
                                  {"ffs", board.ffs},
                                  {"bram36", board.bram36},
                                  {"dsps", board.dsps}}},
                                {"percent",
                                 {{"luts", rounded(share(total.luts, board.luts))},
                                  {"ffs", rounded(share(total.ffs, board.ffs))},
                                  {"bram36", rounded(share(total.bram36, board.bram36))},
                                  {"dsps", rounded(share(total.dsps, board.dsps))}}},
                                {"streams", streams},
                                {"layers", layers},
                                {"plumbing", plumbing},
                                {"notes", accelerator.notes}};
    if (accelerator.decision) report["decision"] = hw::to_json(*accelerator.decision);
    return report.dump(2) + "\n";
}

std::string report_text(const Accelerator& accelerator, const network::Network&) {
    Table table({{"unit", Align::kLeft},
                 {"kind", Align::kLeft},
                 {"shape", Align::kLeft},
                 {"PE", Align::kRight},
                 {"SIMD", Align::kRight},
                 {"cycles", Align::kRight},
                 {"in", Align::kRight},
                 {"out", Align::kRight},
                 {"weights", Align::kRight},
                 {"thresholds", Align::kRight},
                 {"LUT", Align::kRight},
                 {"FF", Align::kRight},
                 {"BRAM36", Align::kRight},
                 {"DSP", Align::kRight}});
    for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
        const Unit& unit = accelerator.units[i];
        const int index = static_cast<int>(i);
        const bool is_layer = !unit.layer.empty();
        table.add_row(
            {unit.name, unit.kind, unit.shape, is_layer ? fmt::format("{}", unit.folding.pe) : "",
             unit.module == hw::Module::kMatrixVector ? fmt::format("{}", unit.folding.simd) : "",
             fmt::format("{}", unit.cycles),
             fmt::format("{}", stream_bits(accelerator, index, true)),
             fmt::format("{}", stream_bits(accelerator, index, false)), bits_text(unit.weight_bits),
             bits_text(unit.threshold_bits), number(unit.cost.luts), number(unit.cost.ffs),
             halves(unit.cost.bram36), number(unit.cost.dsps)});
    }
    const Resources total = accelerator.total();
    table.add_rule();
    table.add_row({"total", "", "", "", "", fmt::format("{}", accelerator.ii_cycles), "", "", "",
                   "", number(total.luts), number(total.ffs), halves(total.bram36),
                   number(total.dsps)});
    const hw::Board& board = accelerator.board;
    if (board.luts > 0) {
        const auto percent = [](double used, std::int64_t have) {
            return fmt::format("{:.1f} %", share(used, have));
        };
        table.add_row({board.name, "", board.part, "", "", "", "", "", "", "",
                       percent(total.luts, board.luts), percent(total.ffs, board.ffs),
                       percent(total.bram36, board.bram36), percent(total.dsps, board.dsps)});
    }
    std::string text = fmt::format(
        "A frame every {} cycles (II), {} cycles from first beat in to last beat out: {:.0f} "
        "frames/s at {:g} MHz.\n\n",
        accelerator.ii_cycles, accelerator.latency_cycles, std::floor(accelerator.fps()),
        accelerator.clock_mhz);
    text += table.text();
    text +=
        "\nin, out: bits a beat. weights, thresholds: bits of memory. LUT, FF, BRAM36, DSP: "
        "estimates.\n";
    for (const auto* side : {&accelerator.inputs, &accelerator.outputs}) {
        for (const hw::Port& port : *side) {
            text += fmt::format("{}: {}, {} {} in {} beats of {} bits\n", port.name, port.stream,
                                port.elements, port.type.text(), port.beats, port.data_bits);
        }
    }
    if (accelerator.decision) text += "\n";
    for (const std::string& line : hw::explain(accelerator)) text += line + "\n";
    for (const std::string& note : accelerator.notes) text += "note: " + note + "\n";
    return text;
}

}  // namespace qloom::emit
