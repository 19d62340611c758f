#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "train/layer_spec.h"
#include "train/quantiser_reader.h"
#include "train/toml_section.h"

namespace qloom::train {

// What the layers of a recipe fall back to.
struct LayerDefaults {
    std::optional<QuantiserSpec> weights;
    std::optional<QuantiserSpec> activations;
    BiasChoice bias;
};

// What the reader knows of the values a layer gives.
struct Flow {
    Shape shape;
    std::optional<IntType> levels;  // integers times one scale: their type
};

// Reads the [[layers]] of a recipe in order and follows shapes and integer types through them.
// Layers that do not fit together are refused with the names of both.
class LayerReader {
public:
    LayerReader(const LayerDefaults& defaults, Flow input);

    // Throws kRecipeType, kRecipeValue, kRecipeBits, kRecipeChain, kRecipeTap, kRecipeKeyUnknown.
    LayerSpec read(TomlSection section);
    // After the last one: throws kRecipeTap when nothing reads what a layer gives.
    void finish(const std::string& file) const;

private:
    struct Source {
        std::string name;
        const Flow* flow = nullptr;
    };
    // A layer in the making: where its table is, what it is called, what it reads.
    struct Draft {
        TomlSection& section;
        const std::string& type;
        const std::string& name;
        std::vector<Source> from;

        [[nodiscard]] const Flow& flow() const { return *from.front().flow; }
    };

    std::vector<Source> read_sources(TomlSection& section, bool many);
    [[noreturn]] void does_not_fit(const Draft& draft, std::string_view key,
                                   const std::string& wants, const std::string& advice) const;

    void read_kind(const Draft& draft, LayerSpec& layer, Flow& flow);
    LinearSpec read_linear(const Draft& draft, Flow& flow);
    ConvSpec read_conv(const Draft& draft, Flow& flow, bool transposed);
    PoolSpec read_pool(const Draft& draft, Flow& flow, PoolKind kind);
    JoinSpec read_join(const Draft& draft, Flow& flow, JoinKind kind);
    UpsampleSpec read_upsample(const Draft& draft, Flow& flow);
    ActivationSpec read_activation(const Draft& draft, Flow& flow, Activation function);
    BatchNormSpec read_norm(const Draft& draft, Flow& flow);
    void check_bias(const Draft& draft, const BiasChoice& bias,
                    const std::optional<QuantiserSpec>& weights) const;
    [[nodiscard]] std::optional<AccumulatorSpec> read_accumulator(
        const Draft& draft, const std::optional<QuantiserSpec>& weights) const;
    [[nodiscard]] int axes_of(const Draft& draft) const;

    LayerDefaults defaults_;
    std::map<std::string, Flow> flows_;
    std::map<std::string, LayerSpec> read_;
    std::map<std::string, std::string> first_reader_;  // by the layer that is read
    std::map<std::string, std::string> folded_by_;     // the BatchNorm that is folded into a layer
    std::string last_;
    std::map<std::string, int> counts_;
};

// The flow behind a quantiser: one scale for everything keeps integers integers.
Flow quantised_flow(Flow flow, const std::optional<QuantiserSpec>& quantiser);

}  // namespace qloom::train
