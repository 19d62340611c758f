#include "hw/units/lookup.h"

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "hw/cost.h"

namespace qloom::hw {
namespace {

using network::Lookup;

const Lookup& kind_of(const LayerView& view) { return std::get<Lookup>(view.layer.kind); }

class LookupModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override { check_width(view, view.input(), 16); }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const Lookup& layer = kind_of(view);
        const int input = view.input().type.bits;
        const int output = view.output().type.bits;
        const bool shared = layer.table.dim(0) == 1;
        const std::int64_t words = (shared ? 1 : view.input().channels() / folding.pe) << input;

        Unit unit = base_instance(view, folding, name, Module::kLookup);
        unit.weight_bits = layer.table.dim(0) * (std::int64_t{1} << input) * output;
        const auto lanes = static_cast<double>(folding.pe);
        if (words * output >= 16384) {
            unit.cost.bram36 = lanes * cost::block_rams(words, output);
        } else {
            unit.cost.luts = lanes * cost::rom_luts(words, output);
        }
        unit.cost.ffs = lanes * (input + output);
        unit.cost += cost::skid(folding.pe * output);
        unit.parameters = {{"Channels", shared ? std::int64_t{1} : view.input().channels()},
                           {"Pe", folding.pe},
                           {"InputW", std::int64_t{input}},
                           {"OutputW", std::int64_t{output}},
                           {"TableFile", name + "_table"},
                           {"RamStyle", "auto"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const Lookup& layer = kind_of(view);
        const bool shared = layer.table.dim(0) == 1;
        const int output = view.output().type.bits;
        const std::int64_t entries = std::int64_t{1} << view.input().type.bits;
        const std::int64_t pe = shared ? 1 : unit.folding.pe;
        const std::int64_t folds = shared ? 1 : view.input().channels() / pe;
        std::vector<MemoryImage> images;
        for (std::int64_t lane = 0; lane < pe; ++lane) {
            const std::string file = unit.text("TableFile");
            MemoryImage image(fmt::format("{}_{:04}", file, lane), output, folds * entries);
            for (std::int64_t fold = 0; fold < folds; ++fold) {
                for (std::int64_t index = 0; index < layer.table.dim(1); ++index) {
                    const std::int64_t x = layer.input_lo + index;
                    if (!view.input().type.range().contains(x))
                        continue;  // the wires cannot carry it
                    image.set(
                        fold * entries + (x & (entries - 1)), 0, output,
                        layer.table[(shared ? 0 : fold * pe + lane) * layer.table.dim(1) + index]);
                }
            }
            images.push_back(image);
        }
        return images;
    }
};

}  // namespace

const UnitModel& lookup_model() {
    static const LookupModel model;
    return model;
}

}  // namespace qloom::hw
