#include "hw/units/upsample.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/prepare.h"
#include "hw/units/buffer.h"

namespace qloom::hw {
namespace {

// What ql_repeat does for the layer: blocks of so many elements, each so many times.
struct Repetition {
    std::int64_t block_elements = 1;
    std::int64_t times = 1;
};

Repetition repetition_of(const LayerView& view) {
    const auto& factors = std::get<network::Upsample>(view.layer.kind).factors;
    const Shape& shape = view.input().shape;
    QLOOM_ASSERT(is_one_repetition(factors, shape), "hardware_form has split the layer");
    const std::int64_t rows = factors.size() > 1 ? factors[0] : 1;
    const std::int64_t columns = factors.back();
    const std::int64_t width = shape[shape.size() - 2];
    if (rows == 1) return {shape.back(), columns};
    return {width * shape.back(), rows * columns};
}

class UpsampleModel final : public ElementwiseModel {
public:
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const auto [elements, times] = repetition_of(view);
        const std::int64_t bits = folding.pe * view.output().type.bits;
        const std::int64_t block = elements / folding.pe;
        std::int64_t words = std::max<std::int64_t>(2, block);
        // Room for a second block, where it costs nothing, lets the input come at its own pace.
        const Buffer buffer = choose_buffer(words, bits, prices);
        if (choose_buffer(2 * block, bits, prices).cost == buffer.cost)
            words = std::max(words, 2 * block);

        Unit unit = base_instance(view, folding, name, Module::kRepeat);
        unit.shape = fmt::format("{} x {}", times, unit.shape);
        unit.cost = buffer.cost;
        const double address = cost::ceil_log2(words);
        unit.cost.luts += 7.0 * address + 2.0 * cost::ceil_log2(times) + 8.0;
        unit.cost.ffs += buffer.register_ffs(bits) + 6.0 * address + cost::ceil_log2(times) + 4.0;
        unit.parameters = {{"DataW", bits},
                           {"Block", block},
                           {"Times", times},
                           {"Words", words},
                           {"RamStyle", buffer.ram_style}};
        return unit;
    }
};

}  // namespace

const UnitModel& upsample_model() {
    static const UpsampleModel model;
    return model;
}

}  // namespace qloom::hw
