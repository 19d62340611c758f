#include "tiny_models.h"

#include <algorithm>
#include <cmath>

#include "onnx/writer.h"

namespace qloom::cli {
namespace {

constexpr float kWeightScale1 = 0.25F;
constexpr float kActivationScale = 8.0F;
constexpr float kWeightScale2 = 0.5F;

// Integers -7..7 that depend on seed, row and column only.
std::int64_t weight(int seed, std::int64_t row, std::int64_t column) {
    return (row * 5 + column * 11 + row * column * 3 + seed) % 15 - 7;
}

ir::TensorInfo info_of(const std::string& name, Shape shape) {
    ir::TensorInfo info;
    info.name = name;
    info.shape = std::move(shape);
    return info;
}

class Builder {
public:
    ir::TensorId input(const std::string& name, std::int64_t values) {
        const ir::TensorId id = graph_.add_tensor(info_of(name, {1, values}));
        inputs_.push_back(id);
        return id;
    }
    ir::TensorId apply(const std::string& name, ir::Op op, std::vector<ir::TensorId> inputs, std::int64_t values) {
        const ir::TensorId out = graph_.add_tensor(info_of(name + "_out", {1, values}));
        graph_.add_node({.name = name, .op = std::move(op), .inputs = std::move(inputs), .outputs = {out}});
        return out;
    }
    ir::TensorId scalar(const std::string& name, float value) {
        return graph_.add_constant(name, Tensor<float>(Shape{}, value));
    }
    ir::TensorId quant(const std::string& name, ir::TensorId x, ir::Quant attributes, float scale, float bits, Shape shape) {
        const ir::TensorId out = graph_.add_tensor(info_of(name + "_out", std::move(shape)));
        graph_.add_node({.name = name,
                         .op = attributes,
                         .inputs = {x, scalar(name + "_scale", scale), scalar(name + "_zero", 0.0F), scalar(name + "_bits", bits)},
                         .outputs = {out}});
        return out;
    }
    // 4-bit narrow weights (rows = inputs).
    ir::TensorId dense(const std::string& name, ir::TensorId x, int seed, float scale, std::int64_t rows, std::int64_t columns) {
        Tensor<float> values({rows, columns});
        for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t c = 0; c < columns; ++c) {
                values[r * columns + c] = scale * static_cast<float>(weight(seed, r, c));
            }
        }
        const ir::TensorId constant = graph_.add_constant(name + "_weights", std::move(values));
        const ir::TensorId quantised = quant(name + "_quant", constant, {.is_signed = true, .narrow = true}, scale, 4.0F, {rows, columns});
        return apply(name, ir::MatMul{}, {x, quantised}, columns);
    }
    ir::Graph finish(ir::TensorId output, const std::string& name) {
        graph_.tensor(output).name = name;
        graph_.set_inputs(inputs_);
        graph_.set_outputs({output});
        return graph_;
    }

private:
    ir::Graph graph_;
    std::vector<ir::TensorId> inputs_;
};

}  // namespace

ir::Graph dense_model() {
    Builder b;
    ir::TensorId x = b.dense("fc1", b.input("x", 6), 1, kWeightScale1, 6, 4);
    x = b.apply("relu1", ir::Unary{ir::UnaryKind::kRelu}, {x}, 4);
    x = b.quant("act1", x, {.is_signed = false}, kActivationScale, 4.0F, {1, 4});
    return b.finish(b.dense("fc2", x, 2, kWeightScale2, 4, 3), "y");
}

Tensor<float> dense_outputs(const Tensor<float>& x) {
    Tensor<float> y({x.dim(0), 3});
    for (std::int64_t frame = 0; frame < x.dim(0); ++frame) {
        double hidden[4];
        for (std::int64_t m = 0; m < 4; ++m) {
            double sum = 0.0;
            for (std::int64_t k = 0; k < 6; ++k) {
                sum += static_cast<double>(x[frame * 6 + k]) * static_cast<double>(weight(1, k, m)) * kWeightScale1;
            }
            hidden[m] = std::nearbyint(std::clamp(std::max(sum, 0.0) / kActivationScale, 0.0, 15.0)) * kActivationScale;
        }
        for (std::int64_t c = 0; c < 3; ++c) {
            double sum = 0.0;
            for (std::int64_t m = 0; m < 4; ++m) {
                sum += hidden[m] * static_cast<double>(weight(2, m, c)) * kWeightScale2;
            }
            y[frame * 3 + c] = static_cast<float>(sum);
        }
    }
    return y;
}

Tensor<float> dense_frames(std::int64_t frames) {
    Tensor<float> x({frames, 6});
    for (std::int64_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>((i * 37 + i / 6 * 11) % 256);
    }
    return x;
}

ir::Graph two_input_model() {
    Builder b;
    const ir::TensorId left = b.input("left", 4);
    const ir::TensorId right = b.input("right", 4);
    const ir::TensorId sum = b.apply("join", ir::Binary{ir::BinaryKind::kAdd}, {left, right}, 4);
    return b.finish(b.dense("fc", sum, 3, kWeightScale1, 4, 2), "sum");
}

ir::Graph unit_input_model() {
    Builder b;
    const ir::TensorId x = b.quant("in", b.input("x", 6), {.is_signed = true}, 1.0F / 128.0F, 8.0F, {1, 6});
    return b.finish(b.dense("fc", x, 4, kWeightScale1, 6, 3), "y");
}

ir::Graph unsupported_model() {
    Builder b;
    ir::TensorId x = b.dense("fc1", b.input("x", 4), 5, kWeightScale1, 4, 4);
    x = b.apply("softmax", ir::Softmax{}, {x}, 4);
    x = b.quant("act", x, {.is_signed = false}, 1.0F / 16.0F, 4.0F, {1, 4});
    return b.finish(b.dense("fc2", x, 6, kWeightScale2, 4, 2), "y");
}

void write_model_file(const ir::Graph& graph, const std::filesystem::path& file) { onnx::write_model(graph, file); }

}  // namespace qloom::cli
