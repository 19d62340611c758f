#include "hw/units/vector_vector.h"

#include <fmt/format.h>

#include "hw/cost.h"
#include "hw/units/products.h"
#include "hw/units/windows.h"

namespace qloom::hw {
namespace {

using network::VectorVector;

const VectorVector& kind_of(const LayerView& view) {
    return std::get<VectorVector>(view.layer.kind);
}
std::int64_t positions_of(const LayerView& view) { return kind_of(view).weights.dim(1); }
std::int64_t channels_of(const LayerView& view) {
    return view.output().channels() / kind_of(view).multiplier;
}
int weight_bits(const VectorVector& layer) {
    return stored_weight_bits(layer.weight_type, layer.bipolar_weights);
}

// pe: output channels in parallel, all kernels of a channel among them; simd: positions in
// parallel.
class VectorVectorModel final : public UnitModel {
public:
    void check(const LayerView& view) const override {
        check_width(view, view.input(), 16);
        if (weight_bits(kind_of(view)) > 16) {
            throw_no_hardware(
                view,
                fmt::format("its weights have {} bits, and a VectorVector takes at most 16",
                            weight_bits(kind_of(view))),
                "quantise the weights to fewer bits");
        }
    }

    [[nodiscard]] bool has_simd() const override { return true; }

    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        const std::int64_t multiplier = kind_of(view).multiplier;
        std::vector<Folding> result;
        if (const network::Layer* source = group_source(view)) {
            for (const std::int64_t channels : divisors(channels_of(view))) {
                for (const std::int64_t simd : positions_a_beat({view.network, *source}))
                    result.push_back({channels * multiplier, simd});
            }
        } else {
            for (const std::int64_t simd : divisors(positions_of(view)))
                result.push_back({channels_of(view) * multiplier, simd});
        }
        return result;
    }

    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        return view.output().channels() / folding.pe * (positions_of(view) / folding.simd) *
               view.input().vectors();
    }

    [[nodiscard]] std::int64_t input_elements(const LayerView& view, Folding folding,
                                              std::size_t) const override {
        return folding.pe / kind_of(view).multiplier * folding.simd;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const VectorVector& layer = kind_of(view);
        const IntType input = view.input().type;
        const int accumulator = view.output().type.bits;
        const int weight = weight_bits(layer);
        const std::int64_t steps = positions_of(view) / folding.simd;
        const std::int64_t words = view.output().channels() / folding.pe * steps;
        const std::int64_t word_bits = folding.pe * folding.simd * weight;

        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = network::kind_name(view.layer.kind);
        unit.shape = fmt::format("{} x {} -> {}", positions_of(view), channels_of(view),
                                 view.output().channels());
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.weight_bits = layer.weights.size() * weight;
        unit.accumulator_bits = accumulator;
        unit.module = Module::kVectorVector;

        const Resources block = {0.0, 0.0, cost::block_rams(words, word_bits), 0.0};
        const Resources logic = {cost::rom_luts(words, word_bits), static_cast<double>(word_bits),
                                 0.0, 0.0};
        const bool use_block = words > 1 && prices.of(block) < prices.of(logic);
        unit.cost = use_block ? block : logic;
        const Products products{.input_bits = input.bits,
                                .weight_bits = weight,
                                .bipolar = layer.bipolar_weights,
                                .xnor = false,
                                .input_signed = input.is_signed};
        // A single word of weights is a constant, and products with constants are small.
        constexpr double kConstantShare = 0.4;
        if (words == 1) {
            unit.cost.luts -= (1.0 - kConstantShare) * static_cast<double>(folding.pe) *
                              dot_product_luts(products, folding.simd);
        }
        Resources sums = dot_products_cost(products, folding.pe, folding.simd, layer.multiplier,
                                           accumulator, steps > 1);
        // A row adds one of four sums of its two inputs; with a constant weight the others go.
        if (words == 1) sums.ffs *= 0.5;
        unit.cost += sums;

        unit.parameters = {{"Channels", channels_of(view)},
                           {"Positions", positions_of(view)},
                           {"Multiplier", layer.multiplier},
                           {"Pe", folding.pe / layer.multiplier},
                           {"Simd", folding.simd},
                           {"InputW", std::int64_t{input.bits}},
                           {"InputSigned", std::int64_t{input.is_signed}},
                           {"WeightW", std::int64_t{weight}},
                           {"WeightBipolar", std::int64_t{layer.bipolar_weights}},
                           {"AccW", std::int64_t{accumulator}},
                           {"WeightFile", name + "_weights"},
                           {"RamStyle", words == 1  ? "auto"
                                        : use_block ? "block"
                                                    : "distributed"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const VectorVector& layer = kind_of(view);
        const int weight = weight_bits(layer);
        const auto [pe, simd] = unit.folding;
        const std::int64_t positions = positions_of(view);
        const std::int64_t steps = positions / simd;
        const std::int64_t rows = layer.weights.dim(0);
        MemoryImage image(unit.text("WeightFile"), pe * simd * weight, rows / pe * steps);
        for (std::int64_t row = 0; row < rows; ++row) {
            for (std::int64_t k = 0; k < positions; ++k) {
                const std::int64_t value = layer.weights[row * positions + k];
                image.set(row / pe * steps + k / simd, (row % pe * simd + k % simd) * weight,
                          weight, weight == 1 ? (value > 0 ? 1 : 0) : value);
            }
        }
        return {image};
    }
};

}  // namespace

const UnitModel& vector_vector_model() {
    static const VectorVectorModel model;
    return model;
}

}  // namespace qloom::hw
