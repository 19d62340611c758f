#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "graph_builder.h"
#include "ir/execute.h"

// Small float networks with random weights.
namespace qloom::ptq::testing {

inline Tensor<float> random_tensor(Shape shape, float lo, float hi, std::mt19937& rng) {
    std::uniform_real_distribution<float> number(lo, hi);
    Tensor<float> result(std::move(shape));
    for (float& value : result) {
        value = number(rng);
    }
    return result;
}

class FloatNet {
public:
    explicit FloatNet(std::uint32_t seed) : rng(seed) {}

    ir::TensorId random(Shape shape, float reach = 1.0F) {
        Tensor<float> values = random_tensor(shape, -reach, reach, rng);
        return builder.constant(std::move(shape), std::move(values.values()));
    }
    ir::TensorId dense(const std::string& name, ir::TensorId x, std::int64_t inputs,
                       std::int64_t outputs) {
        const float reach = 2.0F / std::sqrt(static_cast<float>(inputs));
        const ir::TensorId product =
            builder.op(ir::MatMul{}, {x, random({inputs, outputs}, reach)}, name);
        return builder.op(ir::Binary{ir::BinaryKind::kAdd}, {product, random({outputs}, 0.3F)},
                          name + "_bias");
    }
    // kernel k x k, padding k / 2.
    ir::TensorId conv(const std::string& name, ir::TensorId x, std::int64_t inputs,
                      std::int64_t outputs, std::int64_t k, std::int64_t group = 1) {
        const float reach = 2.0F / std::sqrt(static_cast<float>(inputs / group * k * k));
        const ir::Conv op{.window = {.kernel = {k, k}, .pads = {k / 2, k / 2, k / 2, k / 2}},
                          .group = group};
        return builder.op(
            op, {x, random({outputs, inputs / group, k, k}, reach), random({outputs}, 0.3F)}, name);
    }
    ir::TensorId unary(ir::UnaryKind kind, ir::TensorId x, const std::string& name = "") {
        return builder.op(ir::Unary{kind}, {x}, name);
    }
    ir::TensorId relu(ir::TensorId x, const std::string& name = "") {
        return unary(ir::UnaryKind::kRelu, x, name);
    }
    ir::TensorId flatten(ir::TensorId x) { return builder.op(ir::Flatten{1}, {x}); }
    ir::TensorId max_pool(ir::TensorId x) {
        return builder.op(ir::MaxPool{.window = {.kernel = {2, 2}, .strides = {2, 2}}}, {x});
    }

    lower::testing::GraphBuilder builder;
    std::mt19937 rng;
};

// conv - relu - pool - depthwise conv - relu - flatten - dense - relu - dense, images of 2 x 8 x 8.
inline ir::Graph small_cnn(std::uint32_t seed) {
    FloatNet net(seed);
    ir::TensorId x = net.builder.input("x", {1, 2, 8, 8});
    x = net.relu(net.conv("conv1", x, 2, 6, 3), "relu1");
    x = net.max_pool(x);
    x = net.relu(net.conv("conv2", x, 6, 6, 3, 6), "relu2");
    x = net.relu(net.dense("fc1", net.flatten(x), 96, 12), "relu3");
    return net.builder.finish({net.dense("fc2", x, 12, 4)});
}

inline ir::Graph small_mlp(std::uint32_t seed, std::int64_t inputs = 12) {
    FloatNet net(seed);
    ir::TensorId x = net.builder.input("x", {1, inputs});
    x = net.relu(net.dense("fc1", x, inputs, 16), "relu1");
    x = net.relu(net.dense("fc2", x, 16, 16), "relu2");
    return net.builder.finish({net.dense("fc3", x, 16, 5)});
}

// Frames whose values hang together, as those of images do: a few sources, mixed.
inline Tensor<float> correlated_frames(std::int64_t count, const Shape& frame, std::uint32_t seed) {
    std::mt19937 rng(seed);
    const std::int64_t size = element_count(frame);
    const std::int64_t sources = std::max<std::int64_t>(2, size / 4);
    const Tensor<float> mix = random_tensor({sources, size}, -1.0F, 1.0F, rng);
    Shape shape{count};
    shape.insert(shape.end(), frame.begin() + 1, frame.end());
    Tensor<float> result(shape);
    for (std::int64_t f = 0; f < count; ++f) {
        const Tensor<float> source = random_tensor({sources}, -1.0F, 1.0F, rng);
        for (std::int64_t i = 0; i < size; ++i) {
            float value = 0.0F;
            for (std::int64_t s = 0; s < sources; ++s) {
                value += source[s] * mix[s * size + i];
            }
            result[f * size + i] = value;
        }
    }
    return result;
}

inline std::vector<float> outputs_of(const ir::Graph& graph, const Tensor<float>& frames) {
    return std::get<Tensor<float>>(ir::Executor(graph).run({frames})[0]).values();
}

// The largest |a - b| over the largest |a|.
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double difference = 0.0;
    double size = 1e-30;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference =
            std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
        size = std::max(size, std::abs(static_cast<double>(a[i])));
    }
    return difference / size;
}

}  // namespace qloom::ptq::testing
