#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/run_node.h"

namespace qloom::ir {

// The reference executor: runs a graph operator by operator with float semantics. Slow and obvious by design, except
// that nodes which treat axis 0 as independent frames run on many frames at once.
class Executor {
public:
    // Keeps a copy of the graph, sorts it, infers its shapes and computes what does not depend on the inputs.
    explicit Executor(const Graph& graph);

    // Frames are stacked along axis 0: a model input [1, C, H, W] takes [F, C, H, W]; every input has the same number
    // of frames. Outputs come in the graph's order, stacked the same way. Integer data are converted where the model
    // wants floats, and the other way round where they are whole.
    [[nodiscard]] std::vector<Value> run(const std::vector<Value>& inputs) const;

    // Every tensor that depends on the inputs, and the constants computed on the way, by name; frames stacked.
    [[nodiscard]] std::map<std::string, Value> trace(const std::vector<Value>& inputs) const;

    // Whether all frames run in one pass.
    [[nodiscard]] bool batches_frames() const { return batches_frames_; }
    [[nodiscard]] const Graph& graph() const { return graph_; }

private:
    using Slots = std::vector<const Value*>;
    struct Frames;

    [[nodiscard]] Frames split_frames(const std::vector<Value>& inputs) const;
    // Runs `count` frames at once; afterwards results of `wanted` tensors are in the result, by tensor index.
    [[nodiscard]] std::vector<std::optional<Value>> pass(std::vector<Value> inputs, std::int64_t count,
                                                         const std::vector<bool>& wanted) const;
    [[nodiscard]] std::vector<std::optional<Value>> run_all(const std::vector<Value>& inputs,
                                                            const std::vector<bool>& wanted) const;

    Graph graph_;
    std::vector<std::optional<Value>> constants_;  // computed, by tensor index
    std::vector<bool> depends_;                    // on the inputs, by tensor index
    std::vector<std::vector<double>> weights_;     // widened second operands, by node index; empty where none
    std::vector<std::size_t> last_use_;            // node index after which a tensor is not read, by tensor index
    std::int64_t largest_ = 1;                     // elements of the largest tensor of one frame
    bool batches_frames_ = false;
};

}  // namespace qloom::ir
