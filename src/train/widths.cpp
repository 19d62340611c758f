// Widths as data: which there are, and how recipe and state change with them.
#include <algorithm>
#include <cmath>

#include "base/diagnostic.h"
#include "train/budget.h"
#include "train/fake_quant.h"

namespace qloom::train {
namespace {

constexpr const char* kWeightEnding = ".weight";

QuantiserSpec* pointer_to(std::optional<QuantiserSpec>& spec) { return spec ? &*spec : nullptr; }

QuantiserSpec* quantiser_of(LayerSpec& layer, bool weights) {
    if (auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
        return weights ? pointer_to(linear->weights) : nullptr;
    }
    if (auto* conv = std::get_if<ConvSpec>(&layer.kind)) {
        return weights ? pointer_to(conv->weights) : nullptr;
    }
    if (auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
        return weights ? nullptr : pointer_to(activation->quantiser);
    }
    if (auto* join = std::get_if<JoinSpec>(&layer.kind)) {
        return weights ? nullptr : pointer_to(join->quantiser);
    }
    return nullptr;
}

}  // namespace

QuantiserSpec* find_quantiser(Recipe& recipe, const std::string& quantiser) {
    for (LayerSpec& layer : recipe.layers) {
        if (quantiser == layer.name) {
            return quantiser_of(layer, false);
        }
        if (quantiser == layer.name + kWeightEnding) {
            return quantiser_of(layer, true);
        }
    }
    return nullptr;
}

void set_widths(Recipe& recipe, State& state, const std::map<std::string, int>& bits) {
    for (const auto& [name, width] : bits) {
        QuantiserSpec* spec = find_quantiser(recipe, name);
        QLOOM_ASSERT(spec != nullptr, "a width belongs to a quantiser");
        const float before = level_range(*spec).hi;
        spec->type.bits = width;
        const float factor = before / level_range(*spec).hi;
        for (NamedArray& array : state) {
            const bool logarithm = array.name == name + ".log_scale";
            if (logarithm || array.name == name + ".scale") {
                for (float& value : array.value) {
                    value = logarithm ? value + std::log(factor) : value * factor;
                }
            }
        }
    }
}

}  // namespace qloom::train
