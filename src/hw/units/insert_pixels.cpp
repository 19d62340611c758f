#include "hw/units/insert_pixels.h"

#include "hw/cost.h"

namespace qloom::hw {
namespace {

class InsertPixelsModel final : public ElementwiseModel {
public:
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const auto& layer = std::get<network::InsertPixels>(view.layer.kind);
        const Shape& in = view.input().shape;
        const Shape& out = view.output().shape;
        const bool has_rows = layer.factors.size() > 1;
        const std::int64_t bits = view.output().type.bits;
        const std::int64_t beats = view.output().channels() / folding.pe;

        Unit unit = base_instance(view, folding, name, Module::kInsertPixels);
        const double counters = cost::ceil_log2(beats) + cost::ceil_log2(out[out.size() - 2]) +
                                (has_rows ? cost::ceil_log2(out[0]) : 0);
        unit.cost = cost::skid(folding.pe * bits);
        unit.cost.luts += 1.5 * counters;
        unit.cost.ffs += counters + cost::ceil_log2(layer.factors.back()) +
                         (has_rows ? cost::ceil_log2(layer.factors[0]) : 0);
        unit.parameters = {{"ElemW", bits},
                           {"Elems", folding.pe},
                           {"Beats", beats},
                           {"Width", in[in.size() - 2]},
                           {"Height", has_rows ? in[0] : 1},
                           {"FactorX", layer.factors.back()},
                           {"FactorY", has_rows ? layer.factors[0] : 1},
                           {"Value", layer.value}};
        return unit;
    }
};

}  // namespace

const UnitModel& insert_pixels_model() {
    static const InsertPixelsModel model;
    return model;
}

}  // namespace qloom::hw
