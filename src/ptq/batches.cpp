#include "ptq/batches.h"

#include <algorithm>

#include "ir/frames.h"
#include "ir/run_node.h"

namespace qloom::ptq {
namespace {

// A chunk holds about this many values of the largest tensor.
constexpr std::int64_t kChunkElements = std::int64_t{1} << 21;

bool only_changes_shape(const ir::Op& op) {
    return std::holds_alternative<ir::Reshape>(op) || std::holds_alternative<ir::Flatten>(op) ||
           std::holds_alternative<ir::Squeeze>(op) || std::holds_alternative<ir::Unsqueeze>(op);
}

bool may_stack(const ir::Graph& graph) {
    std::vector<bool> depends(graph.tensors().size(), false);
    std::vector<const ir::Value*> constants(graph.tensors().size(), nullptr);
    for (std::size_t t = 0; t < constants.size(); ++t) {
        if (graph.tensors()[t].constant) {
            constants[t] = &*graph.tensors()[t].constant;
        }
    }
    for (const ir::TensorId id : graph.inputs()) {
        depends[index_of(id)] = true;
    }
    for (const ir::Node& node : graph.nodes()) {
        for (const ir::TensorId id : node.outputs) {
            if (id != ir::TensorId::kNone) {
                depends[index_of(id)] = true;
            }
        }
    }
    return ir::why_not_frame_batchable(graph, depends, constants).empty();
}

}  // namespace

const Tensor<float>& as_floats(const ir::Value& value) {
    const auto* floats = std::get_if<Tensor<float>>(&value);
    QLOOM_ASSERT(floats != nullptr, "values in front of a quantiser are floats");
    return *floats;
}

Batches::Batches(const ir::Graph& graph, const std::vector<ir::Value>& inputs)
    : stacked_(may_stack(graph)) {
    std::int64_t largest = 1;
    for (const ir::Node& node : graph.nodes()) {
        for (const ir::TensorId id : node.outputs) {
            if (id != ir::TensorId::kNone) {
                largest = std::max(largest, element_count(*graph.tensor(id).shape));
            }
        }
    }
    const Shape first = *graph.tensor(graph.inputs()[0]).shape;
    frames_ = ir::shape_of(inputs[0])[0] / first[0];
    const std::int64_t chunk =
        stacked_ ? std::clamp<std::int64_t>(kChunkElements / largest, 1, frames_) : 1;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::int64_t rows = (*graph.tensor(graph.inputs()[i]).shape)[0];
        Chunks chunks;
        for (std::int64_t at = 0; at < frames_; at += chunk) {
            const std::int64_t count = std::min(chunk, frames_ - at);
            chunks.push_back(std::visit(
                [&](const auto& x) -> ir::Value {
                    Shape shape = x.shape();
                    const std::int64_t row = x.size() / shape[0] * rows;
                    shape[0] = count * rows;
                    return std::decay_t<decltype(x)>(
                        shape, {x.begin() + at * row, x.begin() + (at + count) * row});
                },
                inputs[i]));
        }
        inputs_.push_back(std::move(chunks));
    }
}

std::vector<Chunks> Batches::run(const ir::Graph& graph, const ir::Node& node,
                                 const std::vector<const Chunks*>& values) const {
    std::vector<Chunks> results(node.outputs.size());
    for (std::size_t c = 0; c < inputs_[0].size(); ++c) {
        std::vector<const ir::Value*> in;
        std::int64_t count = 1;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            const ir::TensorId id = node.inputs[i];
            if (values[i] != nullptr) {
                in.push_back(&(*values[i])[c]);
                count = ir::shape_of(*in.back())[0];
            } else {
                in.push_back(id == ir::TensorId::kNone ? nullptr : &*graph.tensor(id).constant);
            }
        }
        std::vector<ir::Value> outputs;
        if (stacked_ && only_changes_shape(node.op)) {
            Shape shape = *graph.tensor(node.outputs[0]).shape;
            shape[0] = count;
            outputs.push_back(std::visit(
                [&](const auto& x) -> ir::Value { return x.reshaped(std::move(shape)); }, *in[0]));
        } else {
            outputs = ir::run_node(node, in);
        }
        for (std::size_t o = 0; o < results.size(); ++o) {
            results[o].push_back(std::move(outputs[o]));
        }
    }
    return results;
}

Store::Store(const ir::Graph& graph) : left_(graph.tensors().size(), 0) {
    for (const ir::Node& node : graph.nodes()) {
        for (const ir::TensorId id : node.inputs) {
            if (id != ir::TensorId::kNone) {
                ++left_[index_of(id)];
            }
        }
    }
    for (const ir::TensorId id : graph.outputs()) {
        ++left_[index_of(id)];
    }
}

void Store::put(ir::TensorId id, Chunks chunks) {
    if (id != ir::TensorId::kNone && left_[index_of(id)] > 0) {
        values_.insert_or_assign(id, std::move(chunks));
    }
}

void Store::read(const ir::Node& node) {
    for (const ir::TensorId id : node.inputs) {
        if (id != ir::TensorId::kNone && --left_[index_of(id)] == 0) {
            values_.erase(id);
        }
    }
}

}  // namespace qloom::ptq
