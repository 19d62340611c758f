#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"
#include "onnx/proto.h"

namespace qloom::onnx {

// The graph under construction and what a node's conversion may need of the rest of the file.
struct Build {
    ir::Graph graph;
    std::unordered_map<std::string, ir::TensorId> ids;             // by tensor name
    std::unordered_map<std::string, std::int32_t> data_types;      // of initialisers, constants and inputs, by name
    std::unordered_set<std::string> node_names;
    std::unordered_set<std::string> read_tensors;                  // names some node or the model's result reads
    std::vector<ir::TensorId> bypassed;                            // tensors whose maker may have become useless
    std::int64_t opset = 14;                                       // of the standard domain

    [[nodiscard]] std::string fresh_tensor_name(const std::string& base) const;
    ir::TensorId add_tensor(const std::string& base);
    ir::TensorId add_constant(const std::string& base, ir::Value value);
    std::string unique_node_name(const std::string& base);
};

// One node of the file while it is converted: typed access to its attributes (with a diagnostic for a wrong type),
// its inputs and outputs as ids that a conversion may rearrange, and ways to add helper nodes.
class NodeReader {
public:
    NodeReader(Build& build, const ::onnx::NodeProto& proto);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::string& op_type() const { return proto_.op_type(); }
    [[nodiscard]] std::int64_t opset() const { return build_.opset; }
    [[nodiscard]] std::string where() const;

    // Attributes.
    [[nodiscard]] bool has(const std::string& attribute) const { return attributes_.contains(attribute); }
    [[nodiscard]] std::int64_t integer(const std::string& attribute, std::int64_t fallback) const;
    [[nodiscard]] bool flag(const std::string& attribute, bool fallback) const {
        return integer(attribute, fallback ? 1 : 0) != 0;
    }
    [[nodiscard]] float real(const std::string& attribute, float fallback) const;
    [[nodiscard]] std::string text(const std::string& attribute, const std::string& fallback) const;
    [[nodiscard]] std::vector<std::int64_t> integers(const std::string& attribute) const;
    [[nodiscard]] std::vector<float> reals(const std::string& attribute) const;
    [[nodiscard]] const ::onnx::TensorProto& tensor(const std::string& attribute) const;

    // Inputs and outputs; kNone where absent.
    std::vector<ir::TensorId> inputs;
    std::vector<ir::TensorId> outputs;
    [[nodiscard]] bool given(std::size_t input) const {
        return input < inputs.size() && inputs[input] != ir::TensorId::kNone;
    }
    [[nodiscard]] std::string input_name(std::size_t input) const {
        return input < static_cast<std::size_t>(proto_.input_size()) ? proto_.input(static_cast<int>(input)) : "";
    }
    // Whether anything reads output i.
    [[nodiscard]] bool is_read(std::size_t output) const;
    // Outputs from `first` on are not kept; throws when one of them is read.
    void drop_outputs(std::size_t first, const std::string& what);
    // An old opset's attribute as constant input i, named after the node and `role`.
    void set_input(std::size_t input, const std::string& role, ir::Value value);

    // Adds this node to the graph with the inputs and outputs as they now are.
    void emit(ir::Op op);
    // Adds a helper node that makes a new tensor.
    ir::TensorId emit_helper(const std::string& role, ir::Op op, std::vector<ir::TensorId> from);

    Build& build() { return build_; }
    [[noreturn]] void unsupported(const std::string& what, const std::string& advice) const;

private:
    [[nodiscard]] const ::onnx::AttributeProto* find(const std::string& attribute,
                                                     ::onnx::AttributeProto::AttributeType type) const;

    Build& build_;
    const ::onnx::NodeProto& proto_;
    std::string name_;
    std::map<std::string, const ::onnx::AttributeProto*> attributes_;
};

// Converts the node to the IR, by operator and domain; throws for an operator nobody knows.
void convert_node(NodeReader& node, const std::string& domain);

// Tables of conversions by family, for convert_node.
using Convert = void (*)(NodeReader&);
using ConvertTable = std::map<std::string, Convert>;
const ConvertTable& standard_elementwise();
const ConvertTable& standard_linear();
const ConvertTable& standard_movement();
const ConvertTable& quantisation_operators();  // of the QONNX, Brevitas and FINN domains
const ConvertTable& channels_last_operators();

}  // namespace qloom::onnx
