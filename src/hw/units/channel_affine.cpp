#include "hw/units/channel_affine.h"

#include "hw/cost.h"
#include "hw/units/coefficients.h"

namespace qloom::hw {
namespace {

using network::ChannelAffine;

const ChannelAffine& kind_of(const LayerView& view) {
    return std::get<ChannelAffine>(view.layer.kind);
}

class ChannelAffineModel final : public ElementwiseModel {
public:
    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const ChannelAffine& layer = kind_of(view);
        const IntType input = view.input().type;
        const int output = view.output().type.bits;
        const int mul = signed_bits(layer.mul);
        const int add = signed_bits(layer.add);
        const std::int64_t channels =
            coefficient_channels(layer.mul.size(), view.input().channels(), folding);

        Unit unit = base_instance(view, folding, name, Module::kChannelAffine);
        unit.weight_bits = static_cast<std::int64_t>(layer.mul.size()) * (mul + add);
        unit.accumulator_bits = output;
        unit.cost = coefficient_cost(input.bits, mul, add, output, channels, folding.pe);
        unit.cost += cost::skid(folding.pe * output);
        unit.parameters = {{"Channels", channels},
                           {"Pe", folding.pe},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"MulW", std::int64_t{mul}},
                           {"AddW", std::int64_t{add}},
                           {"OutputW", std::int64_t{output}},
                           {"CoefficientFile", name + "_coefficients"},
                           {"RamStyle", "auto"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const ChannelAffine& layer = kind_of(view);
        return {coefficient_image(unit.text("CoefficientFile"), layer.mul, layer.add,
                                  unit.integer("Channels"), unit.folding.pe)};
    }
};

}  // namespace

const UnitModel& channel_affine_model() {
    static const ChannelAffineModel model;
    return model;
}

}  // namespace qloom::hw
