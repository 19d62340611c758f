#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/codes/ir.h"
#include "base/int_type.h"
#include "base/tensor.h"
#include "ir/ops.h"

namespace qloom::ir {

// Ids are indices into the graph's own vectors; they do not convert to int and are never reused.
enum class TensorId : std::int32_t { kNone = -1 };
enum class NodeId : std::int32_t { kNone = -1 };

constexpr std::size_t index_of(TensorId id) { return static_cast<std::size_t>(id); }
constexpr std::size_t index_of(NodeId id) { return static_cast<std::size_t>(id); }

enum class ElementType { kFloat32, kInt64, kBool };

// A value at run time or a constant. Integers of ONNX models (int8..int64) are carried as int64, bools as int64 0/1,
// doubles and halves as float.
using Value = std::variant<Tensor<float>, Tensor<std::int64_t>>;

const Shape& shape_of(const Value& value);

struct TensorInfo {
    std::string name;                      // unique, not empty
    ElementType type = ElementType::kFloat32;
    std::optional<Shape> shape;            // known after infer_shapes; axis 0 is the frame axis, of size 1
    std::optional<Value> constant;         // initialisers and folded constants
    std::optional<IntType> annotation;     // FINN quantisation annotation or a declared input type: holds integers
};

struct Node {
    std::string name;               // unique, not empty (the reader invents one from the operator and output)
    Op op;
    std::vector<TensorId> inputs;   // kNone for an absent optional input
    std::vector<TensorId> outputs;  // kNone for an output nobody wants
};

// A model as ONNX means it: nodes in topological order over named tensors. Value type: copy to branch.
class Graph {
public:
    TensorId add_tensor(TensorInfo info);
    TensorId add_constant(std::string name, Value value);
    // Appends; inputs must exist. The node keeps the position it was added at until sort().
    NodeId add_node(Node node);

    [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return tensors_; }
    [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
    [[nodiscard]] const TensorInfo& tensor(TensorId id) const { return tensors_[index_of(id)]; }
    [[nodiscard]] TensorInfo& tensor(TensorId id) { return tensors_[index_of(id)]; }
    [[nodiscard]] const Node& node(NodeId id) const { return nodes_[index_of(id)]; }
    [[nodiscard]] Node& node(NodeId id) { return nodes_[index_of(id)]; }

    [[nodiscard]] const std::vector<TensorId>& inputs() const { return inputs_; }    // without initialisers
    [[nodiscard]] const std::vector<TensorId>& outputs() const { return outputs_; }
    void set_inputs(std::vector<TensorId> inputs) { inputs_ = std::move(inputs); }
    void set_outputs(std::vector<TensorId> outputs) { outputs_ = std::move(outputs); }

    [[nodiscard]] TensorId find_tensor(std::string_view name) const;  // kNone when absent
    [[nodiscard]] bool is_constant(TensorId id) const { return id != TensorId::kNone && tensor(id).constant.has_value(); }

    // The node that makes a tensor (kNone for inputs and constants) and the nodes that read it, by linear search
    // over an index built on demand: call `Uses uses(graph)` for loops.
    [[nodiscard]] NodeId producer(TensorId id) const;
    [[nodiscard]] std::vector<NodeId> consumers(TensorId id) const;

    // Removes nodes by predicate flag (size nodes().size()), then renumbers node ids.
    void erase_nodes(const std::vector<bool>& erase);
    // Orders nodes topologically; throws code::kGraphCyclic naming a node of the cycle.
    void sort();
    // `base`, or `base_1`, `base_2`, ... whichever no tensor has yet.
    [[nodiscard]] std::string fresh_tensor_name(const std::string& base) const;
    // The same for nodes.
    [[nodiscard]] std::string fresh_node_name(const std::string& base) const;

    std::string name = "model";
    // Free-form key/value pairs kept in the file (ONNX metadata_props), e.g. "qloom.input_normalisation".
    std::vector<std::pair<std::string, std::string>> metadata;

private:
    std::vector<TensorInfo> tensors_;
    std::vector<Node> nodes_;
    std::vector<TensorId> inputs_;
    std::vector<TensorId> outputs_;
};

// Who makes and who reads each tensor, in constant time; a snapshot, not updated when the graph changes.
class Uses {
public:
    explicit Uses(const Graph& graph);

    [[nodiscard]] NodeId producer(TensorId id) const;
    [[nodiscard]] const std::vector<NodeId>& consumers(TensorId id) const;  // each node once

private:
    std::vector<NodeId> producers_;
    std::vector<std::vector<NodeId>> consumers_;
};

// "" when two graphs are equal: same nodes in the same order, same tensors by name. Otherwise what differs first.
std::string first_difference(const Graph& a, const Graph& b);

}  // namespace qloom::ir
