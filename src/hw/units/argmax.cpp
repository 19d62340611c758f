#include "hw/units/argmax.h"

#include <fmt/format.h>

#include "hw/cost.h"

namespace qloom::hw {
namespace {

class ArgmaxModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override {
        ElementwiseModel::check(view);
        if (view.input().vectors() != 1) {
            throw_no_hardware(
                view,
                fmt::format("it takes the argmax of each of {} vectors", view.input().vectors()),
                "flatten its input first");
        }
    }
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        for (const std::int64_t pe : divisors(view.input().channels())) result.push_back({pe, 1});
        return result;
    }
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return view.input().elements() / folding.pe;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding,
                                               std::size_t) const override {
        return 1;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const IntType input = view.input().type;
        const std::int64_t labels = view.input().channels();
        const int index = view.output().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kArgmax);
        unit.shape = fmt::format("{} -> 1", labels);
        const auto lanes = static_cast<double>(folding.pe);
        unit.cost.luts = lanes * (1.4 * input.bits + index) + 5.0;
        unit.cost.ffs = lanes * (input.bits + index) + 3.0 * index + input.bits + 16.0;
        unit.parameters = {{"Labels", labels},
                           {"Pe", folding.pe},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"IndexW", std::int64_t{index}}};
        return unit;
    }
};

}  // namespace

const UnitModel& argmax_model() {
    static const ArgmaxModel model;
    return model;
}

}  // namespace qloom::hw
