#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/int_type.h"
#include "base/tensor.h"
#include "ir/graph.h"

namespace qloom::onnx {

// A graph of any operators as an ONNX file: for viewers such as Netron, not for running.
struct DiagramTensor {
    std::string name;
    IntType type;
    Shape shape;
};
struct DiagramConstant {
    std::string name;
    IntType type;
    ir::Value value;
};
struct DiagramNode {
    std::string name;
    std::string op;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    std::vector<std::pair<std::string, std::string>> attributes;  // keys are made into identifiers
};
struct Diagram {
    std::string name;
    std::string domain;  // of all operators
    std::vector<DiagramNode> nodes;
    std::vector<DiagramTensor> tensors;
    std::vector<DiagramConstant> constants;
    std::vector<std::string> inputs;   // names of tensors
    std::vector<std::string> outputs;  // names of tensors
};

// Equal diagrams give equal bytes. Integer types stand as quantisation annotations with FINN's
// names.
std::string serialise_diagram(const Diagram& diagram);

}  // namespace qloom::onnx
