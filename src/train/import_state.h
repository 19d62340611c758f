#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "train/import_model.h"

namespace qloom::train {

// A model being read as layers: what is known so far, and how its graph is looked at.
class ImportState {
public:
    explicit ImportState(const ir::Graph& graph) : graph_(graph) {}

protected:
    using TensorId = ir::TensorId;

    [[noreturn]] void unsupported(const ir::Node& node, const std::string& why) const;
    [[nodiscard]] Shape frame_shape(TensorId id) const;
    // The node that alone reads a tensor; nullptr when there are several or none, or it is the
    // output.
    [[nodiscard]] const ir::Node* only_reader(TensorId id) const;
    [[nodiscard]] const Tensor<float>* floats(TensorId id) const;
    float scalar(const ir::Node& node, std::size_t input) const;
    // The constant that a Mul or Add has besides what flows; nullptr when both flow.
    struct Operands {
        TensorId flowing = TensorId::kNone;
        const Tensor<float>* constant = nullptr;
    };
    [[nodiscard]] Operands operands(const ir::Node& node) const;
    [[nodiscard]] const ir::Binary* binary(const ir::Node& node, ir::BinaryKind kind) const;
    // One value, or one a channel (axis 1 of what flows, or the last axis of a vector); empty when
    // it is neither.
    std::vector<float> channel_values(const Tensor<float>& value, const Shape& flowing) const;
    std::string from(const ir::Node& node, TensorId id) const;
    void finish(const ir::Node& last, std::string name, LayerKind kind,
                std::vector<std::string> sources);
    std::string unique(const std::string& name) const;
    void keep(const std::string& name, Shape shape, std::vector<float> values);
    // The integers a layer gives: those of the quantiser behind which only maxima and moves have
    // happened.
    std::optional<IntType> levels_of(std::string name) const;

    const ir::Graph& graph_;
    ImportedModel result_;
    std::map<TensorId, std::string> names_;  // the layer that gives a tensor
    std::set<std::string> names_taken_{kInputName};
    std::set<std::string> done_;  // nodes
};

// Along the axes of the model -> (height, width).
Pair pair_of(const std::vector<std::int64_t>& values, std::int64_t fallback, std::int64_t none);

}  // namespace qloom::train
