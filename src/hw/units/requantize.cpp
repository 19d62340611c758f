#include "hw/units/requantize.h"

#include <algorithm>
#include <limits>

#include "base/diagnostic.h"
#include "hw/cost.h"
#include "hw/units/coefficients.h"

namespace qloom::hw {
namespace {

using network::Requantize;

const Requantize& kind_of(const LayerView& view) { return std::get<Requantize>(view.layer.kind); }

// Bits of mul * x + add, two's complement.
int sum_bits(const LayerView& view) {
    const Requantize& layer = kind_of(view);
    const Range x = view.input().range;
    __extension__ using Wide = __int128;
    Wide lo = 0;
    Wide hi = 0;
    for (std::size_t i = 0; i < layer.mul.size(); ++i) {
        for (const std::int64_t corner : {x.lo, x.hi}) {
            const Wide sum = static_cast<Wide>(layer.mul[i]) * corner + layer.add[i];
            lo = std::min(lo, sum);
            hi = std::max(hi, sum);
        }
    }
    int bits = 1;
    while (bits < 100 && (hi >= (static_cast<Wide>(1) << (bits - 1)) ||
                          lo < -(static_cast<Wide>(1) << (bits - 1)))) {
        ++bits;
    }
    return bits;
}

class RequantizeModel final : public ElementwiseModel {
public:
    void check(const LayerView& view) const override {
        check_width(view, view.input(), 32);
        if (sum_bits(view) > 63) {
            throw_no_hardware(view, "its scaled values need more than 63 bits",
                              "quantise its input, or its output, to fewer bits");
        }
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices&) const override {
        const Requantize& layer = kind_of(view);
        const IntType input = view.input().type;
        const int output = view.output().type.bits;
        const int mul = signed_bits(layer.mul);
        const int add = signed_bits(layer.add);
        const int sum = std::max(sum_bits(view), layer.shift + 2);
        const std::int64_t channels =
            coefficient_channels(layer.mul.size(), view.input().channels(), folding);

        Unit unit = base_instance(view, folding, name, Module::kRequantize);
        unit.weight_bits = static_cast<std::int64_t>(layer.mul.size()) * (mul + add);
        unit.accumulator_bits = sum;
        unit.cost = coefficient_cost(input.bits, mul, add, sum, channels, folding.pe);
        unit.cost.luts += static_cast<double>(folding.pe) * (sum - layer.shift + output);
        unit.cost += cost::skid(folding.pe * output);
        unit.parameters = {{"Channels", channels},
                           {"Pe", folding.pe},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"MulW", std::int64_t{mul}},
                           {"AddW", std::int64_t{add}},
                           {"SumW", std::int64_t{sum}},
                           {"Shift", std::int64_t{layer.shift}},
                           {"Lo", layer.lo},
                           {"Hi", layer.hi},
                           {"OutputW", std::int64_t{output}},
                           {"CoefficientFile", name + "_coefficients"},
                           {"RamStyle", "auto"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const Requantize& layer = kind_of(view);
        return {coefficient_image(unit.text("CoefficientFile"), layer.mul, layer.add,
                                  unit.integer("Channels"), unit.folding.pe)};
    }
};

}  // namespace

const UnitModel& requantize_model() {
    static const RequantizeModel model;
    return model;
}

}  // namespace qloom::hw
