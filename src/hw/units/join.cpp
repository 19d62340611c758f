#include "hw/units/join.h"

#include <limits>

#include <fmt/format.h>

#include "hw/cost.h"

namespace qloom::hw {
namespace {

class AddModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override {
        ElementwiseModel::check(view);
        for (const std::int64_t multiplier : std::get<network::Add>(view.layer.kind).multipliers) {
            if (multiplier > std::numeric_limits<std::int32_t>::max() ||
                multiplier < std::numeric_limits<std::int32_t>::min()) {
                throw_no_hardware(
                    view,
                    fmt::format("it multiplies an operand by {}, which has more than 32 bits",
                                multiplier),
                    "give its operands scales that are closer to each other");
            }
        }
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const auto& layer = std::get<network::Add>(view.layer.kind);
        const IntType a = view.input(0).type;
        const IntType b = view.input(1).type;
        const int output = view.output().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kAdd);
        unit.accumulator_bits = output;
        const auto lanes = static_cast<double>(folding.pe);
        // A multiplier is a constant: a few additions of shifted copies.
        const auto constant_rows = [](std::int64_t mul) {
            return mul == 1 || mul == -1 ? 0.0 : 1.5;
        };
        unit.cost.luts =
            lanes * output *
            (1.0 + constant_rows(layer.multipliers[0]) + constant_rows(layer.multipliers[1]));
        unit.cost.ffs = lanes * output * 1.5;
        unit.cost += cost::skid(folding.pe * output);
        unit.parameters = {{"Elems", folding.pe},
                           {"AW", std::int64_t{a.bits}},
                           {"ASigned", std::int64_t{a.is_signed}},
                           {"AMul", layer.multipliers[0]},
                           {"BW", std::int64_t{b.bits}},
                           {"BSigned", std::int64_t{b.is_signed}},
                           {"BMul", layer.multipliers[1]},
                           {"OutputW", std::int64_t{output}}};
        return unit;
    }
};

class MultiplyModel final : public ElementwiseModel {
public:
    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const IntType a = view.input(0).type;
        const IntType b = view.input(1).type;
        const int output = view.output().type.bits;
        Unit unit = base_instance(view, folding, name, Module::kMul);
        unit.accumulator_bits = output;
        const auto lanes = static_cast<double>(folding.pe);
        unit.cost.luts = lanes * cost::product_luts(a.bits, b.bits);
        unit.cost.ffs = lanes * (a.bits + b.bits);
        unit.cost += cost::skid(folding.pe * output);
        unit.parameters = {{"Elems", folding.pe},
                           {"AW", std::int64_t{a.bits}},
                           {"ASigned", std::int64_t{a.is_signed}},
                           {"BW", std::int64_t{b.bits}},
                           {"BSigned", std::int64_t{b.is_signed}},
                           {"OutputW", std::int64_t{output}}};
        return unit;
    }
};

}  // namespace

const UnitModel& add_model() {
    static const AddModel model;
    return model;
}

const UnitModel& multiply_model() {
    static const MultiplyModel model;
    return model;
}

}  // namespace qloom::hw
