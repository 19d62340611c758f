#include "hw/units/depth_to_space.h"

#include "hw/cost.h"
#include "hw/units/buffer.h"

namespace qloom::hw {
namespace {

// Elements of a pixel that go to the same output row.
std::int64_t group_elements(const LayerView& view) {
    return std::get<network::DepthToSpace>(view.layer.kind).block * view.output().channels();
}

class DepthToSpaceModel final : public ElementwiseModel {
public:
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        for (const std::int64_t pe : divisors(group_elements(view))) result.push_back({pe, 1});
        return result;
    }
    [[nodiscard]] int input_bits(const LayerView& view, std::size_t) const override {
        return view.output().type.bits;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const std::int64_t block = std::get<network::DepthToSpace>(view.layer.kind).block;
        const std::int64_t width = view.input().shape[1];
        const std::int64_t group = group_elements(view) / folding.pe;
        const std::int64_t words = 2 * width * block * group;
        const std::int64_t bits = folding.pe * view.output().type.bits;
        const Buffer buffer = choose_buffer(words, bits, prices);

        Unit unit = base_instance(view, folding, name, Module::kDepthToSpace);
        unit.cost = buffer.cost;
        const double address = cost::ceil_log2(words);
        unit.cost.luts += 6.0 * address;
        unit.cost.ffs += buffer.register_ffs(bits) + 5.0 * address;
        unit.parameters = {{"DataW", bits},
                           {"Width", width},
                           {"Block", block},
                           {"Group", group},
                           {"RamStyle", buffer.ram_style}};
        return unit;
    }
};

}  // namespace

const UnitModel& depth_to_space_model() {
    static const DepthToSpaceModel model;
    return model;
}

}  // namespace qloom::hw
