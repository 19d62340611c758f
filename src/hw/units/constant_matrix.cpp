#include "hw/units/constant_matrix.h"

#include <algorithm>

#include <fmt/format.h>

#include "hw/constant_product.h"
#include "hw/cost.h"

namespace qloom::hw {
namespace {

using network::MatrixVector;

const MatrixVector& kind_of(const LayerView& view) {
    return std::get<MatrixVector>(view.layer.kind);
}

class ConstantMatrixModel final : public UnitModel {
public:
    void check(const LayerView& view) const override { check_width(view, view.input(), 16); }
    [[nodiscard]] bool has_simd() const override { return true; }
    [[nodiscard]] std::vector<Folding> legal_foldings(const LayerView& view) const override {
        return {{kind_of(view).matrix_height(), kind_of(view).matrix_width()}};
    }
    [[nodiscard]] std::int64_t cycles(const LayerView& view, Folding) const override {
        return view.input().vectors();
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
                                const Prices&) const override {
        const MatrixVector& layer = kind_of(view);
        const ConstantMatrixForm& form = *constant_form(layer);
        Unit unit;
        unit.name = name;
        unit.layer = view.layer.name;
        unit.kind = "ConstantMatrix";
        unit.shape = fmt::format("{} -> {}", layer.matrix_width(), layer.matrix_height());
        unit.folding = folding;
        unit.cycles = cycles(view, folding);
        unit.cost = form.cost;
        unit.module = Module::kConstantMatrix;
        unit.parameters = {{"Stages", std::int64_t{form.stages}},
                           {"Group", form.group},
                           {"Threshold", form.threshold}};
        return unit;
    }
    [[nodiscard]] std::vector<MemoryImage> memories(const LayerView&, const Unit&) const override {
        return {};
    }
};

}  // namespace

int ConstantMatrixDesign::step_stages() const {
    return step_levels > kMostStepLevels ? 2 : 1;
}

int ConstantMatrixDesign::stages() const { return pipeline.stages - 1 + step_stages() - 1; }

Resources ConstantMatrixDesign::cost() const {
    Resources cost;
    cost.luts = graph.luts() + pipeline.shift_luts(graph);
    cost.ffs = pipeline.ffs(graph) + stages();
    const auto rows = static_cast<std::int64_t>(graph.results.size());
    const std::int64_t bits = rows * output.bits;
    for (const StepLogic& logic : steps) cost.luts += logic.luts;
    if (steps.empty()) {
        for (const AdderResult& result : graph.results) {
            if (result.term.is_zero()) continue;
            // A sum that must be negated or moved ends in one more adder.
            if (result.term.negative || result.offset != 0)
                cost.luts += graph.node(result.term.node).type.bits;
        }
    } else if (step_stages() > 1) {
        for (const AdderResult& result : graph.results) {
            if (!result.term.is_zero())
                cost.ffs += (step_stages() - 1) *
                            (graph.node(result.term.node).type.bits + output.bits);
        }
    }
    return cost + cost::skid(bits);
}

ConstantMatrixDesign design_constant_matrix(const MatrixVector& layer,
                                            const network::Stream& input,
                                            const network::Threshold* threshold,
                                            const network::Stream& output, std::int64_t group) {
    const ConstantProduct product{
        .weights = layer.weights,
        .input_type = input.type,
        .input_range = input.range,
        .is_xnor = layer.arithmetic == MatrixVector::Arithmetic::kXnorPopcount};
    AdderGraph graph = constant_product(product, group);
    ConstantMatrixDesign design{.graph = std::move(graph),
                                .pipeline = {},
                                .steps = {},
                                .group = group,
                                .step_levels = 0,
                                .output = output.type};
    int tail = 1;  // the skid's multiplexer
    for (std::size_t row = 0; row < design.graph.results.size(); ++row) {
        const AdderResult& result = design.graph.results[row];
        const AdderNode* node =
            result.term.is_zero() ? nullptr : &design.graph.node(result.term.node);
        if (threshold == nullptr) {
            if (result.term.negative || result.offset != 0) tail = 2;
            continue;
        }
        design.steps.push_back(step_logic(*threshold, static_cast<std::int64_t>(row), result, node,
                                          output.type.bits));
        design.step_levels = std::max(design.step_levels, design.steps.back().levels);
    }
    tail += std::min(design.step_levels, kMostStepLevels);
    design.pipeline = pipelined(design.graph, kConstantLevels, tail);
    return design;
}

const ConstantMatrixForm* constant_form(const MatrixVector& layer) {
    return dynamic_cast<const ConstantMatrixForm*>(layer.form.get());
}

const UnitModel& constant_matrix_model() {
    static const ConstantMatrixModel model;
    return model;
}

}  // namespace qloom::hw
