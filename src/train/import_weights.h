#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/ops.h"
#include "train/import_state.h"

namespace qloom::train {

// Reads what has numbers of its own: quantisers, linear layers, convolutions, BatchNorm.
class WeightImporter : public ImportState {
public:
    using ImportState::ImportState;

protected:
    // A quantiser's numbers as a learned one, of values with `channels` along the axis of its
    // scale.
    struct Numbers {
        QuantiserSpec spec;
        std::vector<float> scale;
        std::vector<float> zero;
    };
    Numbers numbers_of(const ir::Node& node, std::int64_t channels) const;
    // As Quantiser keeps them (layers/quantiser.h).
    void keep_numbers(const std::string& owner, const Numbers& numbers, bool activation);
    // Weights behind their quantiser, or bare.
    struct Weights {
        const Tensor<float>* values = nullptr;
        const ir::Node* quantiser = nullptr;
    };
    Weights weights_of(const ir::Node& node);
    // A constant, or a quantised one: the values and, if so, the quantiser.
    const Tensor<float>* constant_bias(TensorId id, std::optional<BiasQuantiser>& quantiser);
    void read_weighted(const ir::Node& node);
    template <class Change>
    static void set(LayerKind& kind, Change change) {
        if (auto* linear = std::get_if<LinearSpec>(&kind)) {
            change(*linear);
        } else if (auto* conv = std::get_if<ConvSpec>(&kind)) {
            change(*conv);
        }
    }
    ConvSpec conv_of(const ir::Node& node, const Shape& in, const Shape& w) const;
    void read_norm(const ir::Node& node, const ir::BatchNormalization& op);
};

}  // namespace qloom::train
