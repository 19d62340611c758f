#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ir/graph.h"

namespace qloom::ptq {

// A tensor's values for all frames of a run, in chunks of frames.
using Chunks = std::vector<ir::Value>;

// Runs a graph node by node on many frames, so that a caller can look at and change what flows in
// between.
class Batches {
public:
    // Frames stacked along axis 0 of every input. Requires: sorted nodes, shapes inferred, inputs
    // that fit the model.
    Batches(const ir::Graph& graph, const std::vector<ir::Value>& inputs);

    [[nodiscard]] std::int64_t frames() const { return frames_; }
    [[nodiscard]] const Chunks& input(std::size_t i) const { return inputs_[i]; }
    // The outputs of a node of `graph` (the graph given, or a copy with other constants), for every
    // chunk. `values` holds what computed tensors it reads.
    [[nodiscard]] std::vector<Chunks> run(const ir::Graph& graph, const ir::Node& node,
                                          const std::vector<const Chunks*>& values) const;

private:
    std::vector<Chunks> inputs_;
    std::int64_t frames_ = 0;
    bool stacked_ = false;  // a chunk holds many frames
};

// Counts how often tensors are still to be read, so that those no longer needed are dropped.
class Store {
public:
    explicit Store(const ir::Graph& graph);

    void put(ir::TensorId id, Chunks chunks);
    [[nodiscard]] const Chunks& at(ir::TensorId id) const { return values_.at(id); }
    [[nodiscard]] bool contains(ir::TensorId id) const { return values_.contains(id); }
    // Called after a node ran.
    void read(const ir::Node& node);

private:
    std::map<ir::TensorId, Chunks> values_;
    std::vector<std::int64_t> left_;
};

const Tensor<float>& as_floats(const ir::Value& value);

}  // namespace qloom::ptq
