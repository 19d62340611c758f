#include "view/accelerator_json.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "hw/prepare.h"
#include "hw/registry.h"
#include "hw/stream_model.h"

namespace qloom::view {
namespace {

constexpr std::int64_t kSlowestTarget = 400'000;  // cycles

using Json = nlohmann::ordered_json;

Json share(double used, std::int64_t available) {
    return available > 0 ? Json(used / static_cast<double>(available)) : Json(nullptr);
}

Json port_json(const hw::Port& port) {
    return {{"port", port.name},
            {"tensor", port.stream},
            {"type", port.type.text()},
            {"elements", port.elements},
            {"beats", port.beats},
            {"elements_per_beat", port.elements_per_beat},
            {"element_bits", port.element_bits},
            {"data_bits", port.data_bits}};
}

}  // namespace

Json summary_of(const hw::Accelerator& accelerator) {
    const hw::Resources total = accelerator.total();
    const hw::Board& board = accelerator.board;
    Json units = Json::array();
    for (const hw::Unit& unit : accelerator.units) {
        units.push_back({{"name", unit.name},
                         {"layer", unit.layer},
                         {"kind", unit.kind},
                         {"shape", unit.shape},
                         {"pe", unit.folding.pe},
                         {"simd", unit.folding.simd},
                         {"cycles", unit.cycles},
                         {"luts", std::llround(unit.cost.luts)},
                         {"ffs", std::llround(unit.cost.ffs)},
                         {"bram36", unit.cost.bram36},
                         {"dsps", std::llround(unit.cost.dsps)}});
    }
    return {{"board", board.name},
            {"part", board.part},
            {"clock_mhz", accelerator.clock_mhz},
            {"target_ii_cycles", accelerator.target_ii},
            {"ii_cycles", accelerator.ii_cycles},
            {"latency_cycles", accelerator.latency_cycles},
            {"fps", accelerator.fps()},
            {"luts", std::llround(total.luts)},
            {"ffs", std::llround(total.ffs)},
            {"bram36", total.bram36},
            {"dsps", std::llround(total.dsps)},
            {"utilisation",
             {{"luts", share(total.luts, board.luts)},
              {"ffs", share(total.ffs, board.ffs)},
              {"bram36", share(total.bram36, board.bram36)},
              {"dsps", share(total.dsps, board.dsps)}}},
            {"units", std::move(units)}};
}

Json accelerator_json(const hw::Accelerator& accelerator) {
    const hw::Board& board = accelerator.board;
    Json json = summary_of(accelerator);
    json["available"] = {
        {"luts", board.luts}, {"ffs", board.ffs}, {"bram36", board.bram36}, {"dsps", board.dsps}};
    const auto is_fifo = [](const hw::Unit& unit) { return unit.module == hw::Module::kFifo; };
    const std::vector<std::int64_t> peaks = std::ranges::any_of(accelerator.units, is_fifo)
                                                ? hw::measure_streams(accelerator).fifo_peaks
                                                : std::vector<std::int64_t>{};
    for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
        const hw::Unit& unit = accelerator.units[i];
        Json& entry = json["units"][i];
        entry["module"] = hw::module_name(unit.module);
        entry["weight_bits"] = unit.weight_bits;
        entry["threshold_bits"] = unit.threshold_bits;
        entry["accumulator_bits"] = unit.accumulator_bits;
        if (is_fifo(unit)) {
            entry["depth_beats"] = unit.integer("Depth");
            entry["peak_beats"] = peaks[i];
        }
    }
    Json channels = Json::array();
    for (const hw::Channel& channel : accelerator.channels) {
        channels.push_back({{"tensor", channel.name},
                            {"type", channel.type.text()},
                            {"elements_per_beat", channel.elements},
                            {"beats", channel.beats},
                            {"bits", channel.bits()},
                            {"from", channel.from.unit},
                            {"from_port", channel.from.port},
                            {"to", channel.to.unit},
                            {"to_port", channel.to.port}});
    }
    json["channels"] = std::move(channels);
    json["inputs"] = Json::array();
    for (const hw::Port& port : accelerator.inputs) json["inputs"].push_back(port_json(port));
    json["outputs"] = Json::array();
    for (const hw::Port& port : accelerator.outputs) json["outputs"].push_back(port_json(port));
    json["notes"] = accelerator.notes;
    return json;
}

TargetLimits target_limits(const network::Network& given) {
    const network::Network network = hw::binary_additions(given);
    TargetLimits limits;
    for (const network::Layer& layer : network.layers) {
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const hw::LayerView view{network, layer};
        const hw::UnitModel& model = hw::unit_model(layer.kind);
        model.check(view);
        std::int64_t fastest = 0;
        for (const hw::Folding folding : model.legal_foldings(view)) {
            const std::int64_t cycles = model.cycles(view, folding);
            fastest = fastest == 0 ? cycles : std::min(fastest, cycles);
            limits.slowest_ii = std::max(limits.slowest_ii, cycles);
        }
        limits.fastest_ii = std::max(limits.fastest_ii, fastest);
    }
    limits.slowest_ii =
        std::max(limits.fastest_ii, std::min(limits.slowest_ii, kSlowestTarget));
    return limits;
}

}  // namespace qloom::view
