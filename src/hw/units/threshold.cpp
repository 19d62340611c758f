#include "hw/units/threshold.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"

namespace qloom::hw {
namespace {

using network::Threshold;

const Threshold& kind_of(const LayerView& view) { return std::get<Threshold>(view.layer.kind); }
bool inverts(const Threshold& layer) { return std::ranges::count(layer.decreasing, true) > 0; }

// Channels the hardware tells apart: all lanes of a beat have their own thresholds, so that one row
// for all channels is a memory of one word.
std::int64_t hardware_channels(const LayerView& view, Folding folding) {
    return kind_of(view).thresholds.dim(0) == 1 ? folding.pe : view.input().channels();
}

std::string level_file(const std::string& base, int level, std::int64_t lane) {
    return fmt::format("{}_{:02}_{:04}", base, level, lane);
}

class ThresholdModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override {
        ElementwiseModel::check(view);
        if (kind_of(view).thresholds.dim(1) > 65535) {
            throw_no_hardware(
                view,
                fmt::format("it has {} thresholds a channel, and a Threshold takes at most 65535",
                            kind_of(view).thresholds.dim(1)),
                "quantise its output to at most 16 bits");
        }
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const Threshold& layer = kind_of(view);
        const IntType input = view.input().type;
        const std::int64_t steps = layer.thresholds.dim(1);
        const std::int64_t channels = hardware_channels(view, folding);
        const std::int64_t folds = channels / folding.pe;
        const int width = input.bits + 1;

        const int output = view.output().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kThreshold);
        unit.threshold_bits = layer.thresholds.dim(0) * steps * width;
        const Resources parallel = parallel_cost(folding.pe, steps, folds, width);
        const auto [search, block_level] = search_cost(folding.pe, steps, folds, width, prices);
        const bool is_search = steps > 1 && prices.of(search) < prices.of(parallel);
        unit.cost = is_search ? search : parallel;
        const auto table = table_cost(folding.pe, folds, input.bits, output);
        if (table && prices.of(*table) < prices.of(unit.cost)) {
            unit.module = Module::kLookup;
            unit.cost = *table;
            unit.cost += cost::skid(folding.pe * output);
            const bool one_row = folds == 1 && layer.thresholds.dim(0) == 1;
            unit.parameters = {{"Channels", one_row ? std::int64_t{1} : channels},
                               {"Pe", folding.pe},
                               {"InputW", std::int64_t{input.bits}},
                               {"OutputW", std::int64_t{output}},
                               {"TableFile", name + "_table"},
                               {"RamStyle", "auto"}};
            return unit;
        }
        unit.cost += cost::skid(folding.pe * output);

        // Without LUTRAM the few blocks there are are kept for weights: thresholds become logic.
        const bool in_logic = !prices.has_lut_ram && channels * steps * width < 16384;
        const char* ram_style = in_logic ? "distributed" : "auto";
        constexpr std::int64_t kNoBlockLevel = 99;
        unit.parameters = {{"Channels", channels},
                           {"Pe", folding.pe},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"Steps", steps},
                           {"OutputW", std::int64_t{view.output().type.bits}},
                           {"OutputBias", layer.out_bias},
                           {"Invert", std::int64_t{inverts(layer)}},
                           {"ThresholdFile", name + "_thresholds"},
                           {"RamStyle", ram_style},
                           {"Style", is_search ? "search" : "parallel"},
                           {"BlockLevel", in_logic ? kNoBlockLevel : std::int64_t{block_level}}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const Threshold& layer = kind_of(view);
        if (unit.module == Module::kLookup) return tables(view, unit);
        const std::string file = unit.text("ThresholdFile");
        const std::int64_t pe = unit.folding.pe;
        const std::int64_t folds = unit.integer("Channels") / pe;
        const std::int64_t steps = layer.thresholds.dim(1);
        const int width = static_cast<int>(unit.integer("InputW")) + 1;
        const IntType input = view.input().type;
        const std::int64_t never = std::int64_t{1}
                                   << (input.is_signed ? input.bits - 1 : input.bits);
        const auto row_of = [&](std::int64_t fold, std::int64_t lane) {
            return layer.thresholds.dim(0) == 1 ? 0 : fold * pe + lane;
        };
        const auto step_of = [&](std::int64_t fold, std::int64_t lane, std::int64_t step) {
            return step < steps ? layer.thresholds[row_of(fold, lane) * steps + step] : never;
        };

        std::vector<MemoryImage> images;
        if (unit.text("Style") == "parallel") {
            MemoryImage image(file, pe * steps * width, folds);
            for (std::int64_t fold = 0; fold < folds; ++fold) {
                for (std::int64_t lane = 0; lane < pe; ++lane) {
                    for (std::int64_t step = 0; step < steps; ++step) {
                        image.set(fold, (lane * steps + step) * width, width,
                                  step_of(fold, lane, step));
                    }
                }
            }
            images.push_back(image);
        } else {
            const int levels = cost::ceil_log2(steps + 1);
            for (int level = 0; level < levels; ++level) {
                const std::int64_t nodes = std::int64_t{1} << level;
                for (std::int64_t lane = 0; lane < pe; ++lane) {
                    MemoryImage image(level_file(file, level, lane), width, folds * nodes);
                    for (std::int64_t fold = 0; fold < folds; ++fold) {
                        for (std::int64_t node = 0; node < nodes; ++node) {
                            const std::int64_t step =
                                (2 * node + 1) * (std::int64_t{1} << (levels - 1 - level)) - 1;
                            image.set(fold * nodes + node, 0, width, step_of(fold, lane, step));
                        }
                    }
                    images.push_back(image);
                }
            }
        }
        if (inverts(layer)) {
            MemoryImage image(file + "_invert", pe, folds);
            for (std::int64_t fold = 0; fold < folds; ++fold) {
                for (std::int64_t lane = 0; lane < pe; ++lane) {
                    image.set(
                        fold, lane, 1,
                        layer.decreasing[static_cast<std::size_t>(row_of(fold, lane))] ? 1 : 0);
                }
            }
            images.push_back(image);
        }
        return images;
    }

private:
    // Where the input is narrow: its meaning for every value, in LUTs.
    static std::optional<Resources> table_cost(std::int64_t pe, std::int64_t folds, int input,
                                               int output) {
        constexpr int kMostInputBits = 10;
        constexpr std::int64_t kBlockBits = 16384;  // from here on tools take block RAM
        if (input > kMostInputBits || (folds << input) * output >= kBlockBits) return std::nullopt;
        const auto lanes = static_cast<double>(pe);
        return Resources{lanes * cost::rom_luts(folds << input, output), lanes * (input + output),
                         0.0, 0.0};
    }
    static std::vector<MemoryImage> tables(const LayerView& view, const Unit& unit) {
        const Threshold& layer = kind_of(view);
        const IntType input = view.input().type;
        const std::int64_t steps = layer.thresholds.dim(1);
        const int output = view.output().type.bits;
        const std::int64_t entries = std::int64_t{1} << input.bits;
        const std::int64_t lanes = std::min(unit.integer("Channels"), unit.folding.pe);
        const std::int64_t folds = unit.integer("Channels") / lanes;
        std::vector<MemoryImage> images;
        for (std::int64_t lane = 0; lane < lanes; ++lane) {
            MemoryImage image(fmt::format("{}_{:04}", unit.text("TableFile"), lane), output,
                              folds * entries);
            for (std::int64_t fold = 0; fold < folds; ++fold) {
                const std::int64_t row =
                    layer.thresholds.dim(0) == 1 ? 0 : fold * unit.folding.pe + lane;
                for (std::int64_t bits = 0; bits < entries; ++bits) {
                    const bool is_negative = input.is_signed && bits >= entries / 2;
                    const std::int64_t x = is_negative ? bits - entries : bits;
                    std::int64_t count = 0;
                    for (std::int64_t step = 0; step < steps; ++step)
                        count += x >= layer.thresholds[row * steps + step] ? 1 : 0;
                    if (!layer.decreasing.empty() &&
                        layer.decreasing[static_cast<std::size_t>(row)])
                        count = steps - count;
                    image.set(fold * entries + bits, 0, output, layer.out_bias + count);
                }
            }
            images.push_back(image);
        }
        return images;
    }
    static Resources parallel_cost(std::int64_t pe, std::int64_t steps, std::int64_t folds,
                                   int width) {
        const auto lanes = static_cast<double>(pe);
        const auto count = static_cast<double>(steps);
        const double compare =
            folds == 1 ? cost::constant_compare_luts(width) : cost::compare_luts(width);
        return {lanes * count * (compare + 1.0) + cost::rom_luts(folds, pe * steps * width),
                lanes * (width + count + 8.0) + (folds == 1 ? 0.0 : lanes * count * width), 0.0,
                0.0};
    }

    struct Search {
        Resources cost;
        int block_level = 0;  // deeper levels are in block RAM
    };
    static Search search_cost(std::int64_t pe, std::int64_t steps, std::int64_t folds, int width,
                              const Prices& prices) {
        const int levels = cost::ceil_log2(steps + 1);
        Search search;
        Resources lane;
        for (int level = 0; level < levels; ++level) {
            const std::int64_t words = folds << level;
            const Resources logic{cost::rom_luts(words, width), static_cast<double>(width), 0.0,
                                  0.0};
            const Resources block{0.0, 0.0, cost::block_rams(words, width), 0.0};
            const bool is_logic = search.block_level == level &&
                                  (words <= 64 || prices.of(logic) <= prices.of(block));
            if (is_logic) ++search.block_level;
            lane += is_logic ? logic : block;
            lane.luts += cost::compare_luts(width) + 2.0;
            lane.ffs += width + levels + 2.0;
        }
        const auto lanes = static_cast<double>(pe);
        search.cost = {lanes * lane.luts, lanes * lane.ffs, lanes * lane.bram36, 0.0};
        return search;
    }
};

}  // namespace

const UnitModel& threshold_model() {
    static const ThresholdModel model;
    return model;
}

}  // namespace qloom::hw
