#include "hw/units/concat_split.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "hw/cost.h"

namespace qloom::hw {
namespace {

// Channels of each part.
std::vector<std::int64_t> part_channels(const LayerView& view,
                                        const std::vector<network::StreamId>& parts) {
    std::vector<std::int64_t> channels;
    for (const network::StreamId part : parts)
        channels.push_back(view.network.stream(part).channels());
    return channels;
}

std::vector<Folding> foldings_of(const std::vector<std::int64_t>& channels) {
    std::int64_t common = 0;
    for (const std::int64_t count : channels) common = std::gcd(common, count);
    std::vector<Folding> result;
    for (const std::int64_t pe : divisors(common)) result.push_back({pe, 1});
    return result;
}

// 32 bits a way, way 0 low, as a Verilog literal: the parameter is wider than an integer.
std::string beats_literal(const std::vector<std::int64_t>& channels, std::int64_t pe) {
    std::string digits;
    for (auto part = channels.rbegin(); part != channels.rend(); ++part)
        digits += fmt::format("{:08x}", *part / pe);
    return fmt::format("{}'h{}", 32 * channels.size(), digits);
}

Resources steering_cost(std::int64_t bits, std::size_t ways) {
    Resources cost = cost::skid(bits);
    const auto more = static_cast<double>(ways) - 2.0;  // two ways fit into the skid's own LUTs
    cost.luts +=
        0.3 * static_cast<double>(bits) * std::max(0.0, more) + 3.0 * static_cast<double>(ways);
    cost.ffs += 8.0;
    return cost;
}

class ConcatModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override { check_width(view, view.output(), 48); }
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        return foldings_of(part_channels(view, view.layer.inputs));
    }
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }
    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const std::vector<std::int64_t> channels = part_channels(view, view.layer.inputs);
        const std::int64_t bits = folding.pe * view.output().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kConcat);
        unit.shape = fmt::format("{}", fmt::join(channels, "+"));
        unit.cost = steering_cost(bits, channels.size());
        unit.parameters = {{"DataW", bits},
                           {"Ways", static_cast<std::int64_t>(channels.size())},
                           {"Beats", beats_literal(channels, folding.pe)}};
        return unit;
    }
};

class SplitModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override { check_width(view, view.input(), 48); }
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        return foldings_of(part_channels(view, view.layer.outputs));
    }
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return view.input().elements() / folding.pe;
    }
    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const std::vector<std::int64_t> channels = part_channels(view, view.layer.outputs);
        const std::int64_t bits = folding.pe * view.input().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kSplit);
        unit.shape = fmt::format("{}", fmt::join(channels, "+"));
        unit.cost = steering_cost(bits, channels.size());
        unit.parameters = {{"DataW", bits},
                           {"Ways", static_cast<std::int64_t>(channels.size())},
                           {"Beats", beats_literal(channels, folding.pe)}};
        return unit;
    }
};

}  // namespace

const UnitModel& concat_model() {
    static const ConcatModel model;
    return model;
}

const UnitModel& split_model() {
    static const SplitModel model;
    return model;
}

}  // namespace qloom::hw
