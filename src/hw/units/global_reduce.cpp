#include "hw/units/global_reduce.h"

#include "hw/cost.h"
#include "hw/units/buffer.h"

namespace qloom::hw {
namespace {

class GlobalReduceModel final : public ElementwiseModel {
public:
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return view.input().elements() / folding.pe;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const bool is_maximum =
            std::get<network::GlobalReduce>(view.layer.kind).reduction == network::Reduction::kMax;
        const IntType input = view.input().type;
        const std::int64_t output = view.output().type.bits;
        const std::int64_t channels = view.input().channels();
        const std::int64_t pixels = view.input().vectors();
        const std::int64_t folds = channels / folding.pe;
        const int accumulator = is_maximum ? input.bits : static_cast<int>(output);

        Unit unit = base_instance(view, folding, name, Module::kGlobalReduce);
        unit.shape = fmt::format("{} x {} -> {}", pixels, channels, channels);
        unit.accumulator_bits = accumulator;
        const auto lanes = static_cast<double>(folding.pe);
        unit.cost = cost::skid(folding.pe * output);
        unit.cost.luts +=
            lanes * (is_maximum ? accumulator + cost::compare_luts(accumulator) : accumulator) +
            2.0 * cost::ceil_log2(folds) + 1.5 * cost::ceil_log2(pixels) + 4.0;
        unit.cost.ffs +=
            lanes * input.bits + 2.0 * cost::ceil_log2(folds) + cost::ceil_log2(pixels) + 3.0;
        std::string ram_style = "auto";
        if (folds > 1) {
            const std::int64_t bits = folding.pe * accumulator;
            const Buffer buffer = choose_buffer(folds, bits, prices);
            unit.cost += buffer.cost;
            unit.cost.ffs += buffer.register_ffs(bits);
            ram_style = buffer.ram_style;
        } else {
            unit.cost.ffs += lanes * accumulator;
        }
        unit.parameters = {{"Channels", channels},
                           {"Pe", folding.pe},
                           {"Pixels", pixels},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"OutputW", output},
                           {"Maximum", std::int64_t{is_maximum}},
                           {"RamStyle", ram_style}};
        return unit;
    }
};

}  // namespace

const UnitModel& global_reduce_model() {
    static const GlobalReduceModel model;
    return model;
}

}  // namespace qloom::hw
