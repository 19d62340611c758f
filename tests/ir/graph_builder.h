#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace qloom::ir {

// Builds graphs in tests, by name and without files:
//   GraphBuilder b;
//   auto x = b.input("x", {1, 4});
//   auto y = b.node("relu", Unary{UnaryKind::kRelu}, {x});
//   Graph graph = b.finish({y});
class GraphBuilder {
public:
    TensorId input(const std::string& name, Shape shape, ElementType type = ElementType::kFloat32) {
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.shape = std::move(shape);
        inputs_.push_back(graph_.add_tensor(std::move(info)));
        return inputs_.back();
    }
    TensorId constant(const std::string& name, Shape shape, std::vector<float> values) {
        return graph_.add_constant(name, Tensor<float>(std::move(shape), std::move(values)));
    }
    TensorId number(const std::string& name, float value) {
        return graph_.add_constant(name, Tensor<float>(Shape{}, value));
    }
    TensorId integers(const std::string& name, std::vector<std::int64_t> values) {
        const auto count = static_cast<std::int64_t>(values.size());
        return graph_.add_constant(name, Tensor<std::int64_t>({count}, std::move(values)));
    }
    // A node with one output, named "<name>_out".
    TensorId node(const std::string& name, Op op, std::vector<TensorId> inputs) {
        return nodes(name, std::move(op), std::move(inputs), 1)[0];
    }
    std::vector<TensorId> nodes(const std::string& name, Op op, std::vector<TensorId> inputs, int outputs) {
        std::vector<TensorId> results;
        for (int i = 0; i < outputs; ++i) {
            TensorInfo info;
            info.name = name + (i == 0 ? "_out" : "_out" + std::to_string(i));
            results.push_back(graph_.add_tensor(std::move(info)));
        }
        graph_.add_node({name, std::move(op), std::move(inputs), results});
        return results;
    }
    // A quantiser with one scale; zero point 0 unless given.
    TensorId quant(const std::string& name, TensorId x, float scale, float bits, Quant op = {}, float zero = 0.0F) {
        return node(name, op, {x, number(name + "_scale", scale), number(name + "_zero", zero),
                               number(name + "_bits", bits)});
    }
    Graph& graph() { return graph_; }
    Graph finish(std::vector<TensorId> outputs) {
        graph_.set_inputs(inputs_);
        graph_.set_outputs(std::move(outputs));
        return std::move(graph_);
    }

private:
    Graph graph_;
    std::vector<TensorId> inputs_;
};

}  // namespace qloom::ir
