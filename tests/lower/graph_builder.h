#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "ir/infer_shapes.h"

namespace qloom::lower::testing {

// Writes small models by hand: every method appends an operator and returns the tensor it makes.
class GraphBuilder {
public:
    ir::TensorId input(const std::string& name, Shape shape) {
        const ir::TensorId id = graph_.add_tensor({.name = name,
                                                   .type = ir::ElementType::kFloat32,
                                                   .shape = std::move(shape),
                                                   .constant = std::nullopt,
                                                   .annotation = std::nullopt});
        inputs_.push_back(id);
        return id;
    }
    ir::TensorId constant(Shape shape, std::vector<float> data) {
        return graph_.add_constant(fresh("const"), Tensor<float>(std::move(shape), std::move(data)));
    }
    ir::TensorId scalar(float value) { return constant({}, {value}); }
    ir::TensorId integers(std::vector<std::int64_t> data) {
        const auto count = static_cast<std::int64_t>(data.size());
        return graph_.add_constant(fresh("ints"), Tensor<std::int64_t>({count}, std::move(data)));
    }
    ir::TensorId op(ir::Op op, std::vector<ir::TensorId> inputs, const std::string& name = "") {
        return ops(std::move(op), std::move(inputs), 1, name)[0];
    }
    std::vector<ir::TensorId> ops(ir::Op op, std::vector<ir::TensorId> inputs, int outputs, const std::string& name = "") {
        const std::string label = name.empty() ? fresh(ir::op_name(op)) : name;
        std::vector<ir::TensorId> ids;
        for (int i = 0; i < outputs; ++i) {
            ids.push_back(graph_.add_tensor({.name = label + "_out" + (i > 0 ? std::to_string(i) : ""),
                                             .type = ir::ElementType::kFloat32,
                                             .shape = std::nullopt,
                                             .constant = std::nullopt,
                                             .annotation = std::nullopt}));
        }
        graph_.add_node({.name = label, .op = std::move(op), .inputs = std::move(inputs), .outputs = ids});
        return ids;
    }
    ir::TensorId quant(ir::TensorId x, float scale, float zero, int bits, ir::Quant attributes = {},
                       const std::string& name = "") {
        return op(attributes, {x, scalar(scale), scalar(zero), scalar(static_cast<float>(bits))}, name);
    }
    ir::TensorId quant_per_channel(ir::TensorId x, ir::TensorId scales, int bits, ir::Quant attributes = {}) {
        return op(attributes, {x, scales, scalar(0), scalar(static_cast<float>(bits))});
    }
    // A (k, m) matrix of quantised random weights.
    ir::TensorId weights(std::int64_t k, std::int64_t m, float scale, int bits, std::mt19937& rng) {
        std::uniform_real_distribution<float> number(-1.2F, 1.2F);
        const float top = static_cast<float>((1 << (bits - 1)) - 1) * scale;
        std::vector<float> data(static_cast<std::size_t>(k * m));
        for (float& value : data) {
            value = number(rng) * (bits == 1 ? 1.0F : top);
        }
        const ir::TensorId id = constant({k, m}, std::move(data));
        return bits == 1 ? op(ir::BipolarQuant{}, {id, scalar(scale)})
                         : quant(id, scale, 0, bits, {.is_signed = true, .narrow = true});
    }
    ir::TensorId random_vector(std::int64_t count, float lo, float hi, std::mt19937& rng) {
        std::uniform_real_distribution<float> number(lo, hi);
        std::vector<float> data(static_cast<std::size_t>(count));
        for (float& value : data) {
            value = number(rng);
        }
        return constant({count}, std::move(data));
    }
    ir::TensorId batch_norm(ir::TensorId x, std::int64_t count, std::mt19937& rng) {
        return op(ir::BatchNormalization{},
                  {x, random_vector(count, -1.5F, 1.5F, rng), random_vector(count, -1.0F, 1.0F, rng),
                   random_vector(count, -2.0F, 2.0F, rng), random_vector(count, 0.2F, 3.0F, rng)});
    }
    ir::TensorId add(ir::TensorId a, ir::TensorId b) { return op(ir::Binary{ir::BinaryKind::kAdd}, {a, b}); }
    ir::TensorId mul(ir::TensorId a, ir::TensorId b) { return op(ir::Binary{ir::BinaryKind::kMul}, {a, b}); }
    ir::TensorId relu(ir::TensorId x) { return op(ir::Unary{ir::UnaryKind::kRelu}, {x}); }

    ir::Graph finish(std::vector<ir::TensorId> outputs) {
        graph_.set_inputs(inputs_);
        graph_.set_outputs(std::move(outputs));
        graph_.sort();
        ir::infer_shapes(graph_);
        return graph_;
    }

private:
    std::string fresh(const std::string& base) { return base + "_" + std::to_string(counter_++); }

    ir::Graph graph_;
    std::vector<ir::TensorId> inputs_;
    int counter_ = 0;
};

}  // namespace qloom::lower::testing
