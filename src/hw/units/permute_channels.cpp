#include "hw/units/permute_channels.h"

#include <algorithm>
#include <set>

#include "hw/cost.h"
#include "hw/units/buffer.h"

namespace qloom::hw {
namespace {

const std::vector<std::int64_t>& order_of(const LayerView& view) {
    return std::get<network::PermuteChannels>(view.layer.kind).order;
}

// A source in the order's memory: the input beat (high) and the lane there.
int lane_bits(std::int64_t pe) { return std::max(1, cost::ceil_log2(pe)); }
int beat_bits(std::int64_t folds) { return std::max(1, cost::ceil_log2(folds)); }

// How many lanes of the input an output lane takes its values from, over all folds: synthesis keeps
// only those of its copy.
std::int64_t source_lanes(const std::vector<std::int64_t>& order, std::int64_t pe,
                          std::int64_t lane) {
    std::set<std::int64_t> lanes;
    for (std::size_t c = static_cast<std::size_t>(lane); c < order.size();
         c += static_cast<std::size_t>(pe))
        lanes.insert(order[c] % pe);
    return static_cast<std::int64_t>(lanes.size());
}

class PermuteChannelsModel final : public ElementwiseModel {
public:
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const std::int64_t bits = view.output().type.bits;
        const std::int64_t channels = view.output().channels();
        const std::int64_t folds = channels / folding.pe;
        Unit unit = base_instance(view, folding, name, Module::kPermuteChannels);
        std::string ram_style = "auto";
        if (folds == 1) {
            unit.cost = cost::skid(folding.pe * bits);
        } else {
            const std::int64_t words = 2 * folds;
            const std::int64_t source_bits = lane_bits(folding.pe) + beat_bits(folds);
            unit.weight_bits = folds * folding.pe * source_bits;
            unit.cost.luts = 4.0 * cost::ceil_log2(words) + 6.0 +
                             0.5 * cost::rom_luts(folds, folding.pe * source_bits);
            unit.cost.ffs = 3.0 * cost::ceil_log2(words) + 4.0;
            // One style for all copies: what the widest asks for.
            std::int64_t most = 1;
            for (std::int64_t lane = 0; lane < folding.pe; ++lane)
                most = std::max(most, source_lanes(order_of(view), folding.pe, lane));
            ram_style = choose_buffer(words, most * bits, prices).ram_style;
            for (std::int64_t lane = 0; lane < folding.pe; ++lane) {
                const std::int64_t sources = source_lanes(order_of(view), folding.pe, lane);
                if (ram_style == "block") {
                    unit.cost.bram36 += cost::block_rams(words, sources * bits);
                } else {
                    unit.cost.luts += cost::ram_luts(words, sources * bits);
                    unit.cost.ffs += static_cast<double>(sources * bits);
                }
                if (sources == 1) continue;
                const auto ways = static_cast<double>(sources);
                unit.cost.luts += static_cast<double>(bits) * std::max(1.0, ways / 3.0);
                unit.cost.ffs += cost::ceil_log2(sources);
            }
        }
        unit.parameters = {{"Channels", channels},
                           {"Pe", folding.pe},
                           {"ElemW", bits},
                           {"OrderFile", name + "_order"},
                           {"RamStyle", ram_style}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const std::vector<std::int64_t>& order = order_of(view);
        const std::int64_t pe = unit.folding.pe;
        const std::int64_t folds = static_cast<std::int64_t>(order.size()) / pe;
        const int lane_width = lane_bits(pe);
        const int width = lane_width + beat_bits(folds);
        MemoryImage image(unit.text("OrderFile"), pe * width, folds);
        for (std::int64_t c = 0; c < static_cast<std::int64_t>(order.size()); ++c) {
            const std::int64_t source = order[static_cast<std::size_t>(c)];
            image.set(c / pe, c % pe * width, width, (source / pe << lane_width) | source % pe);
        }
        return {image};
    }
};

}  // namespace

const UnitModel& permute_channels_model() {
    static const PermuteChannelsModel model;
    return model;
}

}  // namespace qloom::hw
