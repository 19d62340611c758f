#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/window.h"
#include "lower/chain.h"
#include "lower/lower.h"
#include "lower/scaled_int.h"
#include "lower/step_function.h"
#include "lower/weights.h"
#include "network/network.h"

namespace qloom::lower {

// Walks a tidied model once, in order, and gives every tensor a state: constant, host (before the hardware), integer,
// or host (after it). The methods of one operator family live in one file: linear.cpp, quantise.cpp, combine.cpp,
// movement.cpp, heads.cpp; the host graphs are cut out in host.cpp.
class Lowerer {
public:
    Lowerer(ir::Graph model, const LowerOptions& options);

    Lowered run();

    // What is known so far, for `check` when run() threw.
    [[nodiscard]] const std::vector<NodePlacement>& placements() const { return result_.placements; }
    [[nodiscard]] const std::vector<std::string>& notes() const { return result_.notes; }

private:
    enum class Where { kUnknown, kConstant, kHostBefore, kInteger, kMoving, kHostAfter };
    // Movement operators followed on indices, from the last value they started at.
    struct Movement {
        ir::TensorId source = ir::TensorId::kNone;
        ir::Value indices;
    };

    // ---- the walk (lowerer.cpp) ----
    void place_inputs();
    // A layer whose constant weights no quantiser made.
    [[nodiscard]] bool has_float_weights(const ir::Node& node);
    // Such a layer behind the last layer the hardware can have: the host computes it.
    [[nodiscard]] bool is_float_tail(const ir::Node& node);
    void place_node(const ir::Node& node);
    void lower_node(const ir::Node& node);
    void to_host_after(const ir::Node& node, const std::string& reason, const std::string& advice);
    void record(const ir::Node& node, Placement placement, std::string reason, std::string advice = "");

    [[nodiscard]] Where where(ir::TensorId id) const;
    [[nodiscard]] const Value& value(ir::TensorId id) const { return values_.at(id); }
    void set_value(ir::TensorId id, Value value);
    // Marks a node's outputs.
    void mark_outputs(const ir::Node& node, Where where);
    [[nodiscard]] Shape logical_shape(ir::TensorId id) const;  // without the frame axis
    [[nodiscard]] Layout default_layout(ir::TensorId id) const;
    [[nodiscard]] std::string node_label(const ir::Node& node) const;

    // ---- elementwise.cpp ----
    [[nodiscard]] std::optional<ChainStep> chain_step(const ir::Node& node, std::size_t data_input);
    void lower_elementwise(const ir::Node& node, std::size_t data_input);
    // An operator whose two operands are functions of the same integers, one at least not affine: x * sigmoid(x). Says
    // whether it is one.
    bool lower_joined_chains(const ir::Node& node);

    // ---- quantise.cpp ----
    [[nodiscard]] std::optional<LevelGrid> grid_of(const ir::Node& node, const Layout& layout, std::int64_t channels);
    // Whether a node is the DequantizeLinear that ends QuantizeLinear - (Clip) - DequantizeLinear.
    [[nodiscard]] bool ends_qcdq(const ir::Node& node) const { return qcdq_range(node).has_value(); }
    // The integers such a quantiser gives: the type of QuantizeLinear cut by Clip.
    [[nodiscard]] std::optional<Range> qcdq_range(const ir::Node& node) const;
    void lower_quantiser(const ir::Node& node);
    void add_hardware_input(const ir::Node& node);
    void quantise_single(const ir::Node& node, Value chained, const LevelGrid& grid);
    // The layer of a step function behind the single stream of `from` (none where it changes nothing).
    void emit_step(const ir::Node& node, const Value& from, StepFunction function, const LevelGrid& grid);
    void quantise_joined(const ir::Node& node, Value chained, const LevelGrid& grid);
    [[nodiscard]] Value quantised_value(const ir::Node& node, const Value& from, network::StreamId stream,
                                        const LevelGrid& grid) const;

    // ---- linear.cpp ----
    void lower_matmul(const ir::Node& node);
    void lower_xnor_popcount(const ir::Node& node);
    // The operands of a product: a quantised value and the integers of a constant matrix (inputs, outputs) that fits it.
    [[nodiscard]] std::pair<Value, ScaledWeights> product_operands(const ir::Node& node);
    [[nodiscard]] Value multiply_matrix(const ir::Node& node, const Value& x, const ScaledWeights& weights);

    // ---- convolution.cpp ----
    void lower_conv(const ir::Node& node);
    void lower_conv_transpose(const ir::Node& node);
    // Windows as rows of a matrix (FINN-ONNX); the product behind them is the convolution.
    void lower_im2col(const ir::Node& node);
    // The (M, K) kernel of a matrix on windows that joins every output with one channel only, or nothing.
    [[nodiscard]] std::optional<ScaledWeights> depthwise_kernel(const Value& windows, const ScaledWeights& matrix) const;
    // The value whose pixels are the windows of `x`; padding is the integer of the real 0.
    [[nodiscard]] Value windowed(const ir::Node& node, Value x, const std::vector<network::WindowAxis>& axes);
    // The product of windows with a (M, K, C) kernel, depthwise or dense or by groups, plus an optional bias.
    [[nodiscard]] Value convolved(const ir::Node& node, const Value& x, const std::vector<network::WindowAxis>& axes,
                                  const ScaledWeights& kernel, std::int64_t groups);
    [[nodiscard]] Value depthwise(const ir::Node& node, const Value& windows, const ScaledWeights& kernel);
    void add_bias(const ir::Node& node, Value& value, std::size_t input);
    // An affine single value in channels-last streams, or the diagnostic why not.
    [[nodiscard]] Value quantised_input(const ir::Node& node, ir::TensorId id);
    // The value with the integer that stands for the real 0 (padding), the same for all channels; streams in which 0
    // falls between two integers are doubled first.
    [[nodiscard]] std::pair<Value, std::int64_t> with_zero(const ir::Node& node, Value value);

    // ---- pooling.cpp ----
    void lower_max_pool(const ir::Node& node);
    void lower_average_pool(const ir::Node& node);
    void lower_quantised_average_pool(const ir::Node& node);
    // Sums over the windows of `x`, divided by `divisor`.
    [[nodiscard]] Value summed_windows(const ir::Node& node, Value x, const std::vector<network::WindowAxis>& axes,
                                       double divisor);
    // Averages where windows at the border count fewer pixels: sums times a whole number a pixel.
    [[nodiscard]] Value partial_averages(const ir::Node& node, Value x, const std::vector<ir::WindowAxis>& geometry,
                                         bool count_include_pad);
    void lower_global_pool(const ir::Node& node, network::Reduction reduction);
    // Sum, mean or maximum over all spatial axes.
    void lower_reduce(const ir::Node& node);
    // One value a channel of all pixels of `x`, which keeps its axes as axes of size 1.
    [[nodiscard]] Value reduced(const ir::Node& node, Value x, network::Reduction reduction, bool mean);

    // ---- pixels.cpp: operators that move pixels or channels ----
    void lower_pad(const ir::Node& node);
    void lower_resize(const ir::Node& node);
    void lower_depth_to_space(const ir::Node& node);
    void lower_space_to_depth(const ir::Node& node);
    void lower_product(const ir::Node& node);
    // A layer of one stream applied to every stream of the value (which keeps its chain).
    [[nodiscard]] Value moved(const ir::Node& node, Value value, const network::LayerKind& kind, const Shape& stream_shape,
                              const std::function<std::vector<Range>(const std::vector<Range>&)>& new_ranges);
    [[nodiscard]] Value permuted(const ir::Node& node, Value value, const network::PermuteChannels& unit);
    void follow_movement(const ir::Node& node);

    // ---- combine.cpp ----
    void lower_addition(const ir::Node& node);
    [[nodiscard]] bool lower_broadcast_addition(const ir::Node& node);
    [[nodiscard]] Value sum_of(const ir::Node& node, const Affine& a, const Affine& b, const Layout& layout);
    void lower_concat(const ir::Node& node);
    void lower_split(const ir::Node& node);
    // The value as one stream with one scale, where its terms are integer multiples of one another.
    [[nodiscard]] Value merged(const ir::Node& node, Value value);
    // The same for a tensor, remembered for its other readers.
    Value merged_input(const ir::Node& node, ir::TensorId id);

    // ---- slice.cpp ----
    void lower_slice(const ir::Node& node);
    // Elements [from, to) along one logical axis of a value with one stream: a split whose other parts nobody reads.
    [[nodiscard]] Value cut(const ir::Node& node, Value x, std::size_t logical_axis, std::int64_t from, std::int64_t to);

    // ---- movement.cpp ----
    void lower_movement(const ir::Node& node);

    // ---- heads.cpp ----
    void lower_argmax(const ir::Node& node, std::int64_t axis, std::size_t index_output);
    [[nodiscard]] std::optional<network::StreamId> comparable_stream(const ir::Node& node, const Value& value);

    // ---- host.cpp ----
    void cut_host_graphs();

    // ---- streams ----
    network::StreamId add_stream(const std::string& name, Shape shape, std::vector<Range> ranges);
    [[nodiscard]] const std::vector<Range>& ranges(network::StreamId id) const { return ranges_[network::index_of(id)]; }
    [[nodiscard]] std::string fresh_layer_name(const std::string& base);
    network::Layer& add_layer(const std::string& name, network::LayerKind kind, std::vector<network::StreamId> inputs,
                              std::vector<network::StreamId> outputs);

    ir::Graph model_;
    LowerOptions options_;
    Constants constants_;
    Lowered result_;
    std::vector<Where> where_;
    std::map<ir::TensorId, Value> values_;
    std::vector<std::vector<Range>> ranges_;       // per stream, per channel
    std::set<std::string> stream_names_;
    std::set<std::string> layer_names_;
    std::map<ir::TensorId, Movement> movements_;
    // Integer tensors that are indices (argmax), not scaled reals.
    std::set<ir::TensorId> index_tensors_;
};

}  // namespace qloom::lower
