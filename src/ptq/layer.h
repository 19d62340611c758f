#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "ir/graph.h"

namespace qloom::ptq {

// A layer with constant weights, seen as `groups` matrix products y[g, m] = sum_k w[g, m, k] * x[g,
// k] + bias[g, m] for every output pixel. Output channel g * rows + m.
struct Layer {
    ir::NodeId node = ir::NodeId::kNone;  // MatMul, Conv or ConvTranspose
    ir::NodeId bias_node =
        ir::NodeId::kNone;  // the Add behind a MatMul; none where the bias is an input of the node
    ir::TensorId input = ir::TensorId::kNone;
    ir::TensorId weights = ir::TensorId::kNone;  // a constant of this layer alone
    ir::TensorId bias = ir::TensorId::kNone;     // the same
    ir::TensorId output = ir::TensorId::kNone;   // with the bias
    std::int64_t groups = 1;
    std::int64_t rows = 1;     // outputs a group
    std::int64_t columns = 1;  // inputs a group: channels times kernel taps
};

// Whether a node is a product of a computed tensor with constant weights that layers can be.
bool has_constant_weights(const ir::Graph& graph, const ir::Node& node);

// The layers of a prepared graph (prepare.h), in the order of its nodes.
std::vector<Layer> layers_of(const ir::Graph& graph);

// Weights as (groups, rows, columns), and back in the layer's own layout.
Tensor<double> weight_matrix(const ir::Graph& graph, const Layer& layer);
Tensor<float> weight_tensor(const ir::Graph& graph, const Layer& layer,
                            const Tensor<double>& matrix);
// One number for each of (groups, rows) as a tensor that broadcasts against the weights.
Tensor<float> per_row(const ir::Graph& graph, const Layer& layer, const std::vector<float>& values);

// The rows x[g] of a layer's products, out of its input tensor.
class Unfold {
public:
    Unfold(const ir::Graph& graph, const Layer& layer);

    // Output pixels of one frame.
    [[nodiscard]] std::int64_t pixels() const { return pixels_; }
    // Writes the `columns` inputs of one output pixel of frame `frame` of x.
    void row(const Tensor<float>& x, std::int64_t frame, std::int64_t pixel, std::int64_t group,
             double* to) const;

private:
    bool dense_ = true;
    std::int64_t columns_ = 1;
    std::int64_t channels_ = 1;  // of the input, a group
    std::int64_t groups_ = 1;
    std::int64_t plane_ = 1;  // input pixels of a channel
    std::int64_t taps_ = 1;
    std::int64_t pixels_ = 1;
    std::vector<std::int64_t> from_;  // (pixels, taps): input pixel, -1 for padding
};

// "node fc1 (MatMul)"
std::string label_of(const ir::Node& node);

}  // namespace qloom::ptq
