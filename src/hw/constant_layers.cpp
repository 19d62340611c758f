#include "hw/constant_layers.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "hw/cost.h"
#include "hw/registry.h"
#include "hw/units/constant_matrix.h"

namespace qloom::hw {
namespace {

using network::index_of;
using network::Layer;
using network::MatrixVector;
using network::Network;
using network::Threshold;

// What no plan gets below: LUTs a weight and input bit. Spares the search where it cannot pay.
constexpr double kFewestLuts = 0.08;
constexpr std::int64_t kMostWeights = 4'000'000;
// Clocks that the target leaves a vector: with more of them, weights in memories win.
constexpr std::int64_t kMostClocks = 8;
// More thresholds than these stay a unit of their own, with their levels in memories.
constexpr std::int64_t kMostSteps = 255;

// The threshold layer that alone reads the output of a layer; nullptr where there is none.
const Layer* sole_threshold(const Network& network, const Layer& layer) {
    if (network.reader_counts()[index_of(layer.outputs[0])] != 1) return nullptr;
    for (const Layer& reader : network.layers) {
        if (reader.inputs.size() != 1 || reader.inputs[0] != layer.outputs[0]) continue;
        const auto* threshold = std::get_if<Threshold>(&reader.kind);
        return threshold != nullptr && threshold->thresholds.dim(1) <= kMostSteps ? &reader
                                                                                  : nullptr;
    }
    return nullptr;
}

double cheapest_price(const Network& network, const Layer& layer, const ConstantChoice& choice) {
    const LayerView view{network, layer};
    const UnitModel& model = unit_model(layer.kind);
    double best = std::numeric_limits<double>::max();
    for (const Folding folding : model.legal_foldings(view)) {
        if (model.cycles(view, folding) > choice.target_ii) continue;
        best = std::min(
            best, choice.prices.of(model.instance(view, folding, layer.name, choice.prices).cost));
    }
    return best;
}

// Vectors come in parts where the target leaves time; the whole ones are put together in front.
double gathering_price(const Network& network, const Layer& layer, const ConstantChoice& choice) {
    const network::Stream& input = network.stream(layer.inputs[0]);
    const std::int64_t beats = std::max<std::int64_t>(choice.target_ii / input.vectors(), 1);
    std::int64_t part = input.channels();
    for (const std::int64_t d : divisors(input.channels())) {
        if (input.channels() / d > beats) continue;
        part = d;
        break;
    }
    if (part == input.channels()) return 0.0;
    return choice.prices.of(cost::width_converter(input.type.bits, part, input.channels()));
}

std::shared_ptr<ConstantMatrixForm> form_of(const ConstantMatrixDesign& design,
                                            const Layer* threshold) {
    auto form = std::make_shared<ConstantMatrixForm>();
    form->threshold = threshold == nullptr ? "" : threshold->name;
    form->group = design.group;
    form->stages = design.stages();
    form->cost = design.cost();
    return form;
}

void mark(Layer& layer, const Layer* threshold, std::shared_ptr<const ConstantMatrixForm> form) {
    std::get<MatrixVector>(layer.kind).form = std::move(form);
    if (threshold != nullptr) layer.outputs = threshold->outputs;
}

void erase_layers(Network& network, const std::vector<std::string>& names) {
    std::erase_if(network.layers, [&](const Layer& layer) {
        return std::ranges::find(names, layer.name) != names.end();
    });
}

}  // namespace

Network with_constant_matrices(const Network& prepared, const ConstantChoice& choice) {
    Network result = prepared;
    std::vector<std::string> absorbed;
    for (std::size_t i = 0; i < prepared.layers.size(); ++i) {
        const Layer& layer = prepared.layers[i];
        const auto* matrix = std::get_if<MatrixVector>(&layer.kind);
        if (matrix == nullptr) continue;
        const auto wanted = choice.wanted.find(layer.name);
        const bool is_forced = wanted != choice.wanted.end() && wanted->second;
        if (wanted != choice.wanted.end() && !wanted->second) continue;
        const network::Stream& input = prepared.stream(layer.inputs[0]);
        const Layer* threshold = sole_threshold(prepared, layer);
        if (threshold != nullptr && choice.pinned.contains(threshold->name)) threshold = nullptr;
        double folded = 0.0;
        if (!is_forced) {
            if (choice.pinned.contains(layer.name) || input.vectors() > choice.target_ii) continue;
            if (choice.target_ii > kMostClocks * input.vectors()) continue;
            if (matrix->weights.size() > kMostWeights || input.type.bits > 16) continue;
            folded = cheapest_price(prepared, layer, choice);
            if (threshold != nullptr) folded += cheapest_price(prepared, *threshold, choice);
            const auto zeros = std::ranges::count(matrix->weights.values(), 0);
            const bool has_zeros = matrix->arithmetic == MatrixVector::Arithmetic::kInteger;
            const auto weights =
                static_cast<double>(matrix->weights.size() - (has_zeros ? zeros : 0));
            if (kFewestLuts * weights * input.type.bits > folded) continue;
        }
        const Threshold* steps =
            threshold == nullptr ? nullptr : &std::get<Threshold>(threshold->kind);
        const network::Stream& output =
            prepared.stream(threshold == nullptr ? layer.outputs[0] : threshold->outputs[0]);
        const auto form =
            form_of(design_constant_matrix(*matrix, input, steps, output), threshold);
        if (!is_forced &&
            choice.prices.of(form->cost) + gathering_price(prepared, layer, choice) >= folded)
            continue;
        mark(result.layers[i], threshold, form);
        if (threshold != nullptr) absorbed.push_back(threshold->name);
    }
    erase_layers(result, absorbed);
    return result;
}

Network with_constant_matrices(const Network& prepared, const Accelerator& accelerator) {
    Network result = prepared;
    std::vector<std::string> absorbed;
    for (const Unit& unit : accelerator.units) {
        if (unit.module != Module::kConstantMatrix) continue;
        const auto layer = std::ranges::find(result.layers, unit.layer, &Layer::name);
        const std::string threshold = unit.text("Threshold");
        const auto steps = std::ranges::find(prepared.layers, threshold, &Layer::name);
        auto form = std::make_shared<ConstantMatrixForm>();
        form->threshold = threshold;
        form->group = unit.integer("Group");
        form->stages = static_cast<int>(unit.integer("Stages"));
        form->cost = unit.cost;
        mark(*layer, steps == prepared.layers.end() ? nullptr : &*steps, form);
        if (!threshold.empty()) absorbed.push_back(threshold);
    }
    erase_layers(result, absorbed);
    return result;
}

}  // namespace qloom::hw
