#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/fold_choice.h"
#include "hw/registry.h"

namespace qloom::hw {
namespace {

using network::Layer;
using network::Network;

// Q0507: layer fc1: PE=3 does not divide 64 output channels; legal: 1, 2, 4, ... (nearest 2, 4)
[[noreturn]] void throw_illegal(const Layer& layer, const char* what, std::int64_t value,
                                const char* of, const std::set<std::int64_t>& legal) {
    const auto above = legal.lower_bound(value);
    std::vector<std::int64_t> nearest;
    if (above != legal.begin()) nearest.push_back(*std::prev(above));
    if (above != legal.end()) nearest.push_back(*above);
    throw Error(
        code::kFoldingIllegal, "layer " + layer.name,
        fmt::format("{}={} does not divide {} {}", what, value, *legal.rbegin(), of),
        fmt::format("legal: {} (nearest {})", fmt::join(legal, ", "), fmt::join(nearest, ", ")));
}

// Keeps the foldings that the file allows.
void apply_pin(const UnitModel& model, const Layer& layer, Folding pin, const std::string& where,
               std::vector<Folding>& foldings) {
    std::set<std::int64_t> pes;
    std::set<std::int64_t> simds;
    for (const Folding folding : foldings) {
        pes.insert(folding.pe);
        simds.insert(folding.simd);
    }
    if (pin.simd != 0 && !model.has_simd()) {
        throw Error(code::kFoldingFileBad, where,
                    fmt::format("layer {} is a {}, which has no simd", layer.name,
                                network::kind_name(layer.kind)),
                    "give it a pe only");
    }
    if (pin.pe != 0 && !pes.contains(pin.pe)) {
        throw_illegal(layer, "PE", pin.pe, model.has_simd() ? "output channels" : "channels", pes);
    }
    if (pin.simd != 0 && !simds.contains(pin.simd))
        throw_illegal(layer, "SIMD", pin.simd, "input channels", simds);
    std::erase_if(foldings, [&](Folding folding) {
        return (pin.pe != 0 && folding.pe != pin.pe) || (pin.simd != 0 && folding.simd != pin.simd);
    });
}

// For every layer those whose folding it decides.
std::vector<std::vector<const Layer*>> followers_of(const Network& network) {
    std::vector<std::vector<const Layer*>> followers(network.layers.size());
    for (const Layer& layer : network.layers) {
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        if (const Layer* leader = unit_model(layer.kind).leader({network, layer})) {
            followers[static_cast<std::size_t>(leader - network.layers.data())].push_back(&layer);
        }
    }
    return followers;
}

void refuse_pin(const Layer& layer, const Layer& leader, const FoldOptions& options) {
    if (!options.folding || !options.folding->layers.contains(layer.name)) return;
    throw Error(code::kFoldingFileBad, options.folding->where,
                fmt::format("layer {} has no folding of its own: it is folded with layer {}",
                            layer.name, leader.name),
                fmt::format("fold layer {}", leader.name));
}

void check_layer_names(const Network& network, const FoldingFile& file) {
    std::vector<std::string> names;
    for (const Layer& layer : network.layers) names.push_back(layer.name);
    for (const auto& [name, folding] : file.layers) {
        if (std::ranges::find(names, name) != names.end()) continue;
        const std::string near = nearest_word(name, names);
        throw Error(code::kFoldingUnknownLayer, file.where,
                    fmt::format("the network has no layer {}", name),
                    near.empty() ? fmt::format("its layers: {}", fmt::join(names, ", "))
                                 : fmt::format("did you mean {}?", near));
    }
}

}  // namespace

std::vector<std::vector<Candidate>> feasible_foldings(const Network& network,
                                                      std::int64_t target_ii,
                                                      const FoldOptions& options, double clock_mhz,
                                                      const Prices& prices) {
    if (options.folding) check_layer_names(network, *options.folding);
    std::vector<std::vector<Candidate>> result(network.layers.size());
    // The layer that needs the most cycles however much hardware it gets.
    std::int64_t best_ii = 1;
    std::string limiting =
        network.layers.empty() ? "the network" : "layer " + network.layers.front().name;
    const std::vector<std::vector<const Layer*>> followers = followers_of(network);
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const Layer& layer = network.layers[i];
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const LayerView view{network, layer};
        const UnitModel& model = unit_model(layer.kind);
        model.check(view);
        if (const Layer* leader = model.leader(view)) {
            refuse_pin(layer, *leader, options);
            continue;
        }
        const auto cycles_of = [&](Folding folding) {
            std::int64_t cycles = model.cycles(view, folding);
            for (const Layer* follower : followers[i]) {
                const LayerView other{network, *follower};
                const UnitModel& its = unit_model(follower->kind);
                cycles = std::max(cycles, its.cycles(other, its.follow(other, folding)));
            }
            return cycles;
        };
        std::vector<Folding> foldings = model.legal_foldings(view);
        bool pinned = false;
        if (options.folding) {
            if (const auto pin = options.folding->layers.find(layer.name);
                pin != options.folding->layers.end()) {
                apply_pin(model, layer, pin->second, options.folding->where, foldings);
                pinned = true;
            }
        }
        std::int64_t fastest = 0;
        for (const Folding folding : foldings) {
            const std::int64_t cycles = cycles_of(folding);
            fastest = fastest == 0 ? cycles : std::min(fastest, cycles);
        }
        if (!pinned && fastest > best_ii) {
            best_ii = fastest;
            limiting = "layer " + layer.name;
        }
        // A pinned layer is what the person wants, also where it is slower than the target.
        const std::int64_t limit = pinned ? std::max(target_ii, fastest) : target_ii;
        for (const Folding folding : foldings) {
            const std::int64_t cycles = cycles_of(folding);
            if (cycles > limit) continue;
            double price = prices.of(model.instance(view, folding, layer.name, prices).cost);
            for (const Layer* follower : followers[i]) {
                const LayerView other{network, *follower};
                const UnitModel& its = unit_model(follower->kind);
                price += prices.of(
                    its.instance(other, its.follow(other, folding), follower->name, prices).cost);
            }
            result[i].push_back({folding, cycles, price});
        }
        std::ranges::stable_sort(result[i], {}, &Candidate::price);
    }
    if (best_ii > target_ii) {
        throw Error(
            code::kTargetUnreachable, limiting,
            fmt::format("needs at least {} cycle{} a frame, and the target allows {}", best_ii,
                        best_ii == 1 ? "" : "s", target_ii),
            fmt::format("the best reachable is {} cycle{} a frame, {:.0f} frames/s at {:g} MHz",
                        best_ii, best_ii == 1 ? "" : "s",
                        clock_mhz * 1e6 / static_cast<double>(best_ii), clock_mhz));
    }
    return result;
}

}  // namespace qloom::hw
