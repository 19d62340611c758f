#pragma once

#include <random>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "ir/run_node.h"

namespace qloom::ir {

using Floats = Tensor<float>;
using Ints = Tensor<std::int64_t>;

inline Floats vec(std::vector<float> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return {Shape{count}, std::move(values)};
}
inline Ints ints(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return {Shape{count}, std::move(values)};
}
inline Floats num(float value) { return Floats(Shape{}, value); }

inline Node node_of(Op op, int outputs = 1) {
    Node node{"n", std::move(op), {}, {}};
    for (int i = 0; i < outputs; ++i) {
        node.outputs.push_back(TensorId{i});
    }
    return node;
}

inline std::vector<Value> run_all(Op op, const std::vector<Value>& inputs, int outputs = 1) {
    std::vector<const Value*> pointers;
    for (const Value& value : inputs) {
        pointers.push_back(&value);
    }
    return run_node(node_of(std::move(op), outputs), pointers);
}
inline Value run(Op op, const std::vector<Value>& inputs) { return run_all(std::move(op), inputs)[0]; }
inline Floats runf(Op op, const std::vector<Value>& inputs) { return std::get<Floats>(run(std::move(op), inputs)); }
inline Ints runi(Op op, const std::vector<Value>& inputs) { return std::get<Ints>(run(std::move(op), inputs)); }

// The message of the Error an operator throws, or "no error".
inline std::string refusal(Op op, const std::vector<Value>& inputs, int outputs = 1) {
    try {
        run_all(std::move(op), inputs, outputs);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

// Multiples of 1/8 in -8..8: sums of products stay exact in float32, so that any order of addition is right.
inline Floats random_floats(Shape shape, std::mt19937& random) {
    Floats result(std::move(shape));
    for (float& x : result) {
        x = static_cast<float>(static_cast<int>(random() % 129) - 64) / 8.0F;
    }
    return result;
}

}  // namespace qloom::ir
