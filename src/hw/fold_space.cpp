#include "hw/fold_space.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/prepare.h"
#include "hw/registry.h"

namespace qloom::hw {
namespace {

using network::index_of;
using network::Layer;
using network::Network;
using network::StreamId;

// LUTs run out before block RAM and DSPs do, and a device is hard to route when they are nearly all
// used: a share of the others counts a third of the same share of the LUTs.
constexpr double kScarcityShare = 1.0 / 3.0;
// Where the board says nothing.
constexpr double kBlockRamLuts = 130.0;
constexpr double kDspLuts = 60.0;

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

void add(Usage& sum, const Resources& cost) {
    const Usage more = usage_of(cost);
    for (std::size_t i = 0; i < kUsageKinds; ++i) sum[i] += more[i];
}

// The index of a key in a list of different ones.
int key_index(std::vector<std::vector<std::int64_t>>& keys, const std::vector<std::int64_t>& key) {
    const auto index = std::ranges::find(keys, key) - keys.begin();
    if (index == std::ssize(keys)) keys.push_back(key);
    return static_cast<int>(index);
}

// A layer with those that follow it, as one thing with ports.
class Group {
public:
    Group(const Network& network, const std::vector<StreamId>& wires, const Layer& leader,
          const std::vector<const Layer*>& followers)
        : network_(network), wires_(wires) {
        members_.push_back({&leader, true});
        for (const Layer* follower : followers) members_.push_back({follower, false});
        std::map<std::size_t, Port> made;
        for (const Member& member : members_) {
            for (std::size_t port = 0; port < member.layer->outputs.size(); ++port)
                made[wire_of(member.layer->outputs[port])] = {&member, port};
        }
        std::set<std::size_t> inside;
        for (const Member& member : members_) {
            for (std::size_t port = 0; port < member.layer->inputs.size(); ++port) {
                const std::size_t wire = wire_of(member.layer->inputs[port]);
                if (const auto from = made.find(wire); from != made.end()) {
                    inside_.push_back({wire, from->second, {&member, port}});
                    inside.insert(wire);
                } else {
                    inputs_.push_back({wire, {&member, port}});
                }
            }
        }
        for (const auto& [wire, port] : made) {
            if (!inside.contains(wire)) outputs_.push_back({wire, port});
        }
    }

    [[nodiscard]] std::int64_t cycles(Folding folding) const {
        std::int64_t most = 1;
        for (const Member& member : members_)
            most = std::max(most, model(member).cycles(view(member), its(member, folding)));
        return most;
    }

    [[nodiscard]] Usage usage(Folding folding, const Prices& prices) const {
        Usage sum = {};
        for (const Member& member : members_) {
            add(sum, model(member)
                         .instance(view(member), its(member, folding), member.layer->name, prices)
                         .cost);
        }
        for (const Inside& stream : inside_) {
            const std::int64_t from = elements(stream.from, folding, false);
            const std::int64_t to = elements(stream.to, folding, true);
            if (from == to) continue;
            add(sum, cost::width_converter(network_.streams[stream.wire].type.bits, from, to));
        }
        return sum;
    }

    [[nodiscard]] std::vector<std::int64_t> input_key(Folding folding) const {
        std::vector<std::int64_t> key;
        for (const Outside& port : inputs_) key.push_back(elements(port.port, folding, true));
        return key;
    }
    [[nodiscard]] std::vector<std::int64_t> output_key(Folding folding) const {
        std::vector<std::int64_t> key;
        for (const Outside& port : outputs_) key.push_back(elements(port.port, folding, false));
        return key;
    }
    [[nodiscard]] std::vector<std::size_t> input_wires() const { return wires_of(inputs_); }
    [[nodiscard]] std::vector<std::size_t> output_wires() const { return wires_of(outputs_); }

private:
    struct Member {
        const Layer* layer = nullptr;
        bool leads = false;
    };
    struct Port {
        const Member* member = nullptr;
        std::size_t index = 0;
    };
    struct Inside {
        std::size_t wire = 0;
        Port from;
        Port to;
    };
    struct Outside {
        std::size_t wire = 0;
        Port port;
    };

    [[nodiscard]] std::size_t wire_of(StreamId id) const { return index_of(wires_[index_of(id)]); }
    [[nodiscard]] LayerView view(const Member& member) const { return {network_, *member.layer}; }
    [[nodiscard]] static const UnitModel& model(const Member& member) {
        return unit_model(member.layer->kind);
    }
    [[nodiscard]] Folding its(const Member& member, Folding folding) const {
        return member.leads ? folding : model(member).follow(view(member), folding);
    }
    [[nodiscard]] std::int64_t elements(Port port, Folding folding, bool is_input) const {
        const UnitModel& it = model(*port.member);
        const Folding own = its(*port.member, folding);
        return is_input ? it.input_elements(view(*port.member), own, port.index)
                        : it.output_elements(view(*port.member), own, port.index);
    }
    [[nodiscard]] static std::vector<std::size_t> wires_of(const std::vector<Outside>& ports) {
        std::vector<std::size_t> wires;
        for (const Outside& port : ports) wires.push_back(port.wire);
        return wires;
    }

    const Network& network_;
    const std::vector<StreamId>& wires_;
    std::vector<Member> members_;
    std::vector<Inside> inside_;
    std::vector<Outside> inputs_;
    std::vector<Outside> outputs_;
};

// All choices of one layer.
LayerSpace layer_space(const Group& group, std::size_t layer, const std::vector<Folding>& foldings,
                       const std::vector<Prices>& prices, const PriceLadder& ladder) {
    LayerSpace space;
    space.layer = layer;
    space.input_wires = group.input_wires();
    space.output_wires = group.output_wires();
    for (std::size_t f = 0; f < foldings.size(); ++f) {
        const Folding folding = foldings[f];
        Choice choice{.folding = folding, .cycles = group.cycles(folding)};
        space.fastest = f == 0 ? choice.cycles : std::min(space.fastest, choice.cycles);
        choice.input_key = key_index(space.input_keys, group.input_key(folding));
        choice.output_key = key_index(space.output_keys, group.output_key(folding));
        // prices[b * ladder.dsp.size() + d]. Where neither end of a ladder changes anything, what is
        // between does not either.
        const std::size_t dsps = std::max<std::size_t>(1, ladder.dsp.size());
        const std::size_t first = space.choices.size();
        const auto add_way = [&](std::size_t p) {
            choice.prices = static_cast<int>(p);
            choice.usage = group.usage(folding, prices[p]);
            const bool is_new = std::none_of(
                space.choices.begin() + static_cast<std::ptrdiff_t>(first), space.choices.end(),
                [&](const Choice& other) { return other.usage == choice.usage; });
            if (is_new) space.choices.push_back(choice);
            return is_new;
        };
        add_way(0);
        if (prices.size() == 1) continue;
        bool dsps_matter = false;
        for (const std::size_t d : {std::size_t{1}, dsps - 1})
            dsps_matter = add_way(d) || dsps_matter;
        bool blocks_matter = false;
        for (const std::size_t b : {std::size_t{1}, prices.size() / dsps - 1})
            blocks_matter = add_way(b * dsps) || blocks_matter;
        for (std::size_t p = 1; p < prices.size(); ++p) {
            if ((p % dsps == 0 || dsps_matter) && (p < dsps || blocks_matter)) add_way(p);
        }
    }
    return space;
}

}  // namespace

FoldSpace fold_space(const Network& network, const FoldOptions& options,
                     const Prices& prices, const PriceLadder& ladder) {
    if (options.folding) check_layer_names(network, *options.folding);
    FoldSpace result;
    result.prices.push_back(prices);
    if (!ladder.bram36.empty()) {
        result.prices.clear();
        for (const double bram36 : ladder.bram36) {
            for (const double dsp : ladder.dsp) {
                result.prices.push_back(prices);
                result.prices.back().bram36 = bram36;
                result.prices.back().dsp = dsp;
            }
        }
    }
    result.limiting =
        network.layers.empty() ? "the network" : "layer " + network.layers.front().name;
    const std::vector<StreamId> wires = wire_streams(network);
    std::vector<std::vector<const Layer*>> followers(network.layers.size());
    for (const Layer& layer : network.layers) {
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const LayerView view{network, layer};
        unit_model(layer.kind).check(view);
        const Layer* leader = unit_model(layer.kind).leader(view);
        if (leader == nullptr) continue;
        refuse_pin(layer, *leader, options);
        followers[static_cast<std::size_t>(leader - network.layers.data())].push_back(&layer);
    }
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const Layer& layer = network.layers[i];
        if (std::holds_alternative<network::Reshape>(layer.kind)) continue;
        const LayerView view{network, layer};
        const UnitModel& model = unit_model(layer.kind);
        if (model.leader(view) != nullptr) continue;
        std::vector<Folding> foldings = model.legal_foldings(view);
        bool is_pinned = false;
        if (options.folding) {
            if (const auto pin = options.folding->layers.find(layer.name);
                pin != options.folding->layers.end()) {
                apply_pin(model, layer, pin->second, options.folding->where, foldings);
                is_pinned = true;
            }
        }
        const Group group(network, wires, layer, followers[i]);
        result.layers.push_back(layer_space(group, i, foldings, result.prices, ladder));
        result.layers.back().is_pinned = is_pinned;
        const std::int64_t fastest = result.layers.back().fastest;
        if (!is_pinned && fastest > result.fastest_ii) {
            result.fastest_ii = fastest;
            result.limiting = "layer " + layer.name;
        }
    }
    return result;
}

Prices scarcity_prices(const Board& board) {
    Prices prices;
    prices.has_lut_ram = board.has_estimates();
    if (!board.has_estimates()) return prices;
    prices.dsp_factor_bits = board.part.starts_with("xc7") ? 25 : 27;
    prices.most_dsps = board.dsps;
    const auto price = [&](std::int64_t count, double otherwise) {
        if (board.luts <= 0 || count <= 0) return otherwise;
        return kScarcityShare * static_cast<double>(board.luts) / static_cast<double>(count);
    };
    prices.bram36 = price(board.bram36, kBlockRamLuts);
    prices.dsp = price(board.dsps, kDspLuts);
    return prices;
}

PriceLadder price_ladder(const Prices& base) {
    constexpr double kForbidden = 1e9;
    constexpr double kFree = 1e-3;
    return {.bram36 = {base.bram36, kFree, base.bram36 / 4.0, base.bram36 * 4.0, kForbidden},
            .dsp = {base.dsp, kFree, base.dsp / 4.0, base.dsp * 4.0, kForbidden}};
}

Usage usage_of(const Resources& cost) { return {cost.luts, cost.ffs, cost.bram36, cost.dsps}; }
Resources resources_of(const Usage& usage) { return {usage[0], usage[1], usage[2], usage[3]}; }
Usage weights_of(const Prices& prices) { return {1.0, prices.ff, prices.bram36, prices.dsp}; }

}  // namespace qloom::hw
