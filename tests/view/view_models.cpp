// Makes the models that the browser test looks at:
//   view_models dense FILE       32 -> 16 -> 8 -> 4, 4-bit weights and activations
//   view_models mobilenet FILE   as many nodes as a MobileNet v1: 27 convolutions with
//   normalisation, Relu and quantisers
#include <cstdio>
#include <string>
#include <vector>

#include "onnx/writer.h"

namespace {

using namespace qloom;  // NOLINT: a program of one file

class Model {
public:
    ir::TensorId tensor(const std::string& name, Shape shape) {
        ir::TensorInfo info;
        info.name = name;
        info.shape = std::move(shape);
        return graph.add_tensor(info);
    }
    ir::TensorId constant(const std::string& name, const Shape& shape, float step) {
        Tensor<float> values(shape);
        for (std::int64_t i = 0; i < values.size(); ++i)
            values[i] = step * static_cast<float>((i * 7 + i / 5 + 3) % 15 - 7);
        return graph.add_constant(name, std::move(values));
    }
    ir::TensorId scalar(const std::string& name, float value) {
        return graph.add_constant(name, Tensor<float>(Shape{}, value));
    }
    ir::TensorId node(const std::string& name, ir::Op op, std::vector<ir::TensorId> inputs,
                      const Shape& shape) {
        const ir::TensorId out = tensor(name + "_out", shape);
        graph.add_node(
            {.name = name, .op = std::move(op), .inputs = std::move(inputs), .outputs = {out}});
        return out;
    }
    ir::TensorId quant(const std::string& name, ir::TensorId x, bool is_signed, float scale,
                       const Shape& shape) {
        return node(name, ir::Quant{.is_signed = is_signed, .narrow = is_signed},
                    {x, scalar(name + "_scale", scale), scalar(name + "_zero", 0.0F),
                     scalar(name + "_bits", 4.0F)},
                    shape);
    }
    ir::TensorId dense(const std::string& name, ir::TensorId x, std::int64_t rows,
                       std::int64_t columns) {
        const Shape shape{rows, columns};
        const ir::TensorId weights =
            quant(name + "_quant", constant(name + "_weights", shape, 0.125F), true, 0.125F, shape);
        return node(name, ir::MatMul{}, {x, weights}, {1, columns});
    }
    ir::TensorId activation(const std::string& name, ir::TensorId x, const Shape& shape) {
        x = node(name + "_relu", ir::Unary{ir::UnaryKind::kRelu}, {x}, shape);
        return quant(name, x, false, 4.0F, shape);
    }
    // Convolution (depthwise when group == channels), normalisation, Relu, quantiser.
    ir::TensorId block(const std::string& name, ir::TensorId x, std::int64_t in, std::int64_t out,
                       std::int64_t kernel, std::int64_t group, std::int64_t stride,
                       std::int64_t size) {
        const Shape weights{out, in / group, kernel, kernel};
        const std::int64_t pad = kernel / 2;
        const ir::TensorId w = quant(name + "_quant", constant(name + "_weights", weights, 0.125F),
                                     true, 0.125F, weights);
        const Shape shape{1, out, size, size};
        x = node(name,
                 ir::Conv{.window = {.kernel = {kernel, kernel},
                                     .strides = {stride, stride},
                                     .dilations = {1, 1},
                                     .pads = {pad, pad, pad, pad}},
                          .group = group},
                 {x, w}, shape);
        std::vector<ir::TensorId> inputs{x};
        for (const char* part : {"gamma", "beta", "mean", "variance"}) {
            const float value =
                std::string(part) == "gamma" || std::string(part) == "variance" ? 1.0F : 0.0F;
            inputs.push_back(graph.add_constant(name + "_" + part, Tensor<float>({out}, value)));
        }
        x = node(name + "_norm", ir::BatchNormalization{}, inputs, shape);
        return activation(name + "_act", x, shape);
    }
    void finish(ir::TensorId input, ir::TensorId output, const std::string& name) {
        graph.set_inputs({input});
        graph.set_outputs({output});
        graph.name = name;
    }

    ir::Graph graph;
};

ir::Graph dense() {
    Model m;
    const ir::TensorId input = m.tensor("x", {1, 32});
    ir::TensorId x = m.activation("act1", m.dense("fc1", input, 32, 16), {1, 16});
    x = m.activation("act2", m.dense("fc2", x, 16, 8), {1, 8});
    m.finish(input, m.dense("fc3", x, 8, 4), "three-layers");
    return m.graph;
}

ir::Graph mobilenet() {
    Model m;
    const ir::TensorId input = m.tensor("image", {1, 3, 32, 32});
    std::int64_t size = 16;
    ir::TensorId x = m.block("conv0", input, 3, 8, 3, 1, 2, size);
    std::int64_t channels = 8;
    for (int i = 1; i <= 13; ++i) {
        const bool narrower = i == 2 || i == 4 || i == 6;
        size = narrower ? size / 2 : size;
        const std::string name = "block" + std::to_string(i);
        x = m.block(name + "_dw", x, channels, channels, 3, channels, narrower ? 2 : 1, size);
        const std::int64_t wider = i % 3 == 0 ? channels * 2 : channels;
        x = m.block(name + "_pw", x, channels, wider, 1, 1, 1, size);
        channels = wider;
    }
    x = m.node("pool", ir::GlobalAveragePool{}, {x}, {1, channels, 1, 1});
    x = m.node("flatten", ir::Flatten{}, {x}, {1, channels});
    x = m.quant("pooled", x, false, 0.25F, {1, channels});
    m.finish(input, m.dense("fc", x, channels, 10), "mobilenet-size");
    return m.graph;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: view_models dense|mobilenet FILE\n", stderr);
        return 2;
    }
    onnx::write_model(std::string(argv[1]) == "dense" ? dense() : mobilenet(), argv[2]);
    return 0;
}
