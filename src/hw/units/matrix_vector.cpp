#include "hw/units/matrix_vector.h"

#include <fmt/format.h>

#include "hw/cost.h"
#include "hw/units/products.h"

namespace qloom::hw {
namespace {

using network::MatrixVector;

const MatrixVector& kind_of(const LayerView& view) {
    return std::get<MatrixVector>(view.layer.kind);
}
bool is_xnor(const MatrixVector& layer) {
    return layer.arithmetic == MatrixVector::Arithmetic::kXnorPopcount;
}

// Bits of a weight in the memory.
int weight_bits(const MatrixVector& layer) {
    return stored_weight_bits(layer.weight_type, is_xnor(layer) || layer.bipolar_weights);
}

class MatrixVectorModel final : public UnitModel {
public:
    void check(const LayerView& view) const override {
        check_width(view, view.input(), 16);
        if (weight_bits(kind_of(view)) > 16) {
            throw_no_hardware(
                view,
                fmt::format("its weights have {} bits, and a MatrixVector takes at most 16",
                            weight_bits(kind_of(view))),
                "quantise the weights to fewer bits");
        }
    }

    [[nodiscard]] bool has_simd() const override { return true; }

    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        std::vector<Folding> result;
        for (const std::int64_t pe : divisors(kind_of(view).matrix_height())) {
            for (const std::int64_t simd : divisors(kind_of(view).matrix_width()))
                result.push_back({pe, simd});
        }
        return result;
    }

    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding folding) const override {
        const MatrixVector& layer = kind_of(view);
        return layer.matrix_height() / folding.pe * (layer.matrix_width() / folding.simd) *
               view.input().vectors();
    }

    [[nodiscard]] std::int64_t input_elements(const LayerView&, Folding folding,
                                              std::size_t) const override {
        return folding.simd;
    }
    [[nodiscard]] std::int64_t output_elements(const LayerView&, Folding folding,
                                               std::size_t) const override {
        return folding.pe;
    }

    [[nodiscard]] Unit instance(const LayerView& view, Folding folding, const std::string& name,
                                const Prices& prices) const override {
        const MatrixVector& layer = kind_of(view);
        const IntType input = view.input().type;
        const int accumulator = view.output().type.bits;
        const int weight = weight_bits(layer);
        const std::int64_t simd_folds = layer.matrix_width() / folding.simd;
        const std::int64_t words = simd_folds * (layer.matrix_height() / folding.pe);
        const std::int64_t word_bits = folding.pe * folding.simd * weight;

        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = network::kind_name(view.layer.kind);
        unit.shape = fmt::format("{} -> {}", layer.matrix_width(), layer.matrix_height());
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.weight_bits = layer.weights.size() * weight;
        unit.accumulator_bits = accumulator;
        unit.module = Module::kMatrixVector;

        const Resources block = {0.0, 0.0, cost::block_rams(words, word_bits), 0.0};
        const Resources logic = {cost::rom_luts(words, word_bits), static_cast<double>(word_bits),
                                 0.0, 0.0};
        const bool use_block = words > 1 && prices.of(block) < prices.of(logic);
        unit.cost = use_block ? block : logic;
        const Products products{.input_bits = input.bits,
                                .weight_bits = weight,
                                .bipolar = layer.bipolar_weights,
                                .xnor = is_xnor(layer),
                                .input_signed = input.is_signed};
        unit.cost += dot_products_cost(products, folding.pe, folding.simd, folding.pe, accumulator,
                                       simd_folds > 1);
        // Two results at a time move into DSP blocks where that is cheaper; the others then wait
        // for them, and what waits longer than two clocks costs a LUT a bit.
        std::int64_t dsp_pe = 0;
        if (fits_dsp(products, folding.simd, prices.dsp_factor_bits)) {
            const Resources pair = dsp_pair_cost(products, folding.simd);
            const Resources logic{2.0 * dot_product_luts(products, folding.simd), 0.0, 0.0, 0.0};
            const std::int64_t pairs = std::min(folding.pe / 2, prices.most_dsps / folding.simd);
            if (prices.of(pair) < prices.of(logic)) {
                dsp_pe = 2 * pairs;
                const auto moved = static_cast<double>(pairs);
                unit.cost.luts += moved * (pair.luts - logic.luts);
                unit.cost.ffs += moved * pair.ffs;
                unit.cost.dsps += moved * pair.dsps;
                if (pairs > 0)
                    unit.cost.luts += static_cast<double>((folding.pe - dsp_pe) * accumulator);
            }
        }
        if (layer.matrix_height() != folding.pe) {
            unit.cost += Resources{cost::ram_luts(2 * simd_folds, folding.simd * input.bits) + 16.0,
                                   static_cast<double>(folding.simd * input.bits) + 24.0, 0.0, 0.0};
        }

        unit.parameters = {
            {"MatrixW", layer.matrix_width()},
            {"MatrixH", layer.matrix_height()},
            {"Pe", folding.pe},
            {"Simd", folding.simd},
            {"InputW", std::int64_t{input.bits}},
            {"InputSigned", std::int64_t{input.is_signed}},
            {"WeightW", std::int64_t{weight}},
            {"WeightBipolar", std::int64_t{layer.bipolar_weights && !is_xnor(layer)}},
            {"Xnor", std::int64_t{is_xnor(layer)}},
            {"AccW", std::int64_t{accumulator}},
            {"WeightFile", name + "_weights"},
            {"RamStyle", words == 1  ? "auto"
                         : use_block ? "block"
                                     : "distributed"},
            {"BufferStyle", "auto"},
            {"DspPe", dsp_pe},
            {"DspFamily", prices.dsp_factor_bits == 27 ? "dsp48e2" : "dsp48e1"}};
        return unit;
    }

    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView& view,
                                                    const Unit& unit) const override {
        const MatrixVector& layer = kind_of(view);
        const int weight = weight_bits(layer);
        const auto [pe, simd] = unit.folding;
        const std::int64_t simd_folds = layer.matrix_width() / simd;
        const std::int64_t neuron_folds = layer.matrix_height() / pe;
        MemoryImage image(unit.text("WeightFile"), pe * simd * weight, simd_folds * neuron_folds);
        const bool xnor = is_xnor(layer);
        for (std::int64_t row = 0; row < layer.matrix_height(); ++row) {
            for (std::int64_t column = 0; column < layer.matrix_width(); ++column) {
                const std::int64_t value = layer.weights[row * layer.matrix_width() + column];
                const std::int64_t field = weight == 1 && !xnor ? (value > 0 ? 1 : 0) : value;
                image.set(row / pe * simd_folds + column / simd,
                          (row % pe * simd + column % simd) * weight, weight, field);
            }
        }
        return {image};
    }
};

}  // namespace

const UnitModel& matrix_vector_model() {
    static const MatrixVectorModel model;
    return model;
}

}  // namespace qloom::hw
