#include "ir/run_node.h"

#include "ir/infer_rules.h"
#include "ir/kernels.h"
#include "ir/window.h"

namespace qloom::ir {
namespace {

ElementType type_of(const Value& value) {
    return std::holds_alternative<Tensor<float>>(value) ? ElementType::kFloat32 : ElementType::kInt64;
}

Shape spatial_of(const Shape& shape, bool channels_last) {
    return channels_last ? Shape(shape.begin() + 1, shape.end() - 1) : Shape(shape.begin() + 2, shape.end());
}

// One operator being run: inputs, what infer_node said of the outputs, and how to name the node in errors.
struct Run {
    const Node& node;
    const kernels::Inputs& in;
    const std::vector<TensorFacts>& out;
    const rules::Inputs& facts;
    const std::vector<double>* weights;

    [[nodiscard]] const Shape& shape() const { return out.front().shape; }
    [[nodiscard]] const Shape& input_shape(std::size_t i) const { return shape_of(*in[i]); }
    [[nodiscard]] std::vector<WindowAxis> axes(const Window& window, bool channels_last, Shape kernel = {}) const {
        return resolve_window(facts.where(), window, spatial_of(input_shape(0), channels_last), kernel);
    }
    [[nodiscard]] Shape kernel_shape() const {
        const Shape& w = input_shape(1);
        return {w.begin() + 2, w.end()};
    }

    std::vector<Value> one(Value value) const {
        std::vector<Value> result;
        result.push_back(std::move(value));
        return result;
    }

    std::vector<Value> operator()(const Quant& op) const { return one(kernels::quant(op, in)); }
    std::vector<Value> operator()(const BipolarQuant&) const { return one(kernels::bipolar_quant(in)); }
    std::vector<Value> operator()(const Trunc& op) const { return one(kernels::trunc(op, in)); }
    std::vector<Value> operator()(const MultiThreshold& op) const { return one(kernels::multi_threshold(op, in)); }
    std::vector<Value> operator()(const QuantizeLinear& op) const { return one(kernels::quantize_linear(op, in)); }
    std::vector<Value> operator()(const DequantizeLinear& op) const {
        return one(kernels::dequantize_linear(op, in));
    }
    std::vector<Value> operator()(const MatMul&) const { return one(kernels::matmul(in, shape(), weights)); }
    std::vector<Value> operator()(const Gemm& op) const { return one(kernels::gemm(op, in, shape(), weights)); }
    std::vector<Value> operator()(const XnorPopcountMatMul&) const {
        return one(kernels::xnor_popcount_matmul(in, shape()));
    }
    std::vector<Value> operator()(const Conv& op) const {
        return one(kernels::conv(op, axes(op.window, op.channels_last, kernel_shape()), in, shape(), weights));
    }
    std::vector<Value> operator()(const ConvTranspose& op) const {
        const auto window =
            resolve_transposed_window(facts.where(), op, spatial_of(input_shape(0), false), kernel_shape());
        return one(kernels::conv_transpose(op, window, in, shape(), weights));
    }
    std::vector<Value> operator()(const BatchNormalization& op) const {
        return one(kernels::batch_normalization(op, in));
    }
    std::vector<Value> operator()(const MaxPool& op) const {
        return one(kernels::max_pool(op, axes(op.window, op.channels_last), in, shape()));
    }
    std::vector<Value> operator()(const AveragePool& op) const {
        return one(kernels::average_pool(op, axes(op.window, false), in, shape()));
    }
    std::vector<Value> operator()(const GlobalAveragePool&) const {
        return one(kernels::global_pool(false, in, shape()));
    }
    std::vector<Value> operator()(const GlobalMaxPool&) const { return one(kernels::global_pool(true, in, shape())); }
    std::vector<Value> operator()(const QuantAvgPool2d& op) const {
        Window window;
        window.kernel = {op.kernel, op.kernel};
        window.strides = {op.stride, op.stride};
        return one(kernels::quant_avg_pool(op, axes(window, op.channels_last), in, shape()));
    }
    std::vector<Value> operator()(const Im2Col& op) const {
        return one(kernels::im2col(op, axes(op.window, true), in, shape()));
    }
    std::vector<Value> operator()(const Unary& op) const { return one(kernels::unary(op, in)); }
    std::vector<Value> operator()(const Parametric& op) const { return one(kernels::parametric(op, in)); }
    std::vector<Value> operator()(const Clip&) const { return one(kernels::clip(in)); }
    std::vector<Value> operator()(const PRelu&) const { return one(kernels::prelu(in)); }
    std::vector<Value> operator()(const Binary& op) const {
        return one(kernels::binary(node, op.kind, in, shape()));
    }
    std::vector<Value> operator()(const Reshape&) const { return one(kernels::reshaped(*in[0], shape())); }
    std::vector<Value> operator()(const Flatten&) const { return one(kernels::reshaped(*in[0], shape())); }
    std::vector<Value> operator()(const Transpose& op) const { return one(kernels::transpose(op.perm, *in[0])); }
    std::vector<Value> operator()(const Squeeze&) const { return one(kernels::reshaped(*in[0], shape())); }
    std::vector<Value> operator()(const Unsqueeze&) const { return one(kernels::reshaped(*in[0], shape())); }
    std::vector<Value> operator()(const Concat& op) const { return one(kernels::concat(op.axis, in, shape())); }
    std::vector<Value> operator()(const Split& op) const {
        std::vector<Shape> shapes;
        for (const TensorFacts& result : out) {
            shapes.push_back(result.shape);
        }
        return kernels::split(op.axis, in, shapes);
    }
    std::vector<Value> operator()(const Slice&) const {
        std::vector<kernels::Step> steps(input_shape(0).size());
        for (const rules::SliceAxis& slice : rules::slice_axes(facts)) {
            steps[static_cast<std::size_t>(slice.axis)] = {slice.start, slice.step};
        }
        return one(kernels::slice(steps, in, shape()));
    }
    std::vector<Value> operator()(const Gather& op) const { return one(kernels::gather(op.axis, in, shape())); }
    std::vector<Value> operator()(const Pad& op) const {
        return one(kernels::pad(op.mode, rules::pad_amounts(facts), in, shape()));
    }
    std::vector<Value> operator()(const Resize& op) const { return one(kernels::resize(op, in, shape())); }
    std::vector<Value> operator()(const DepthToSpace& op) const {
        return one(kernels::depth_to_space(op, in, shape()));
    }
    std::vector<Value> operator()(const SpaceToDepth& op) const {
        return one(kernels::space_to_depth(op, in, shape()));
    }
    std::vector<Value> operator()(const ShapeOf&) const {
        const Shape& x = input_shape(0);
        return one(Tensor<std::int64_t>(Shape{static_cast<std::int64_t>(x.size())}, std::vector<std::int64_t>(x)));
    }
    std::vector<Value> operator()(const ConstantOfShape& op) const {
        if (op.is_int64) {
            return one(Tensor<std::int64_t>(shape(), static_cast<std::int64_t>(op.value)));
        }
        return one(Tensor<float>(shape(), op.value));
    }
    std::vector<Value> operator()(const Cast& op) const { return one(kernels::cast(op.to, in)); }
    std::vector<Value> operator()(const Expand&) const { return one(kernels::expand(in, shape())); }
    std::vector<Value> operator()(const Dropout&) const { return one(*in[0]); }
    std::vector<Value> operator()(const Reduce& op) const {
        return one(kernels::reduce(op.kind, rules::reduce_axes(facts), in, shape()));
    }
    std::vector<Value> operator()(const Softmax& op) const { return one(kernels::softmax(op, in)); }
    std::vector<Value> operator()(const TopK& op) const {
        return kernels::top_k(op, in, shape());
    }
    std::vector<Value> operator()(const ArgMax& op) const { return one(kernels::arg_max(op, in, shape())); }
};

}  // namespace

std::vector<Value> run_node(const Node& node, const std::vector<const Value*>& inputs) {
    return run_node(node, inputs, nullptr);
}

std::vector<Value> run_node(const Node& node, const std::vector<const Value*>& inputs,
                            const std::vector<double>* weights) {
    std::vector<TensorFacts> known(inputs.size());
    std::vector<const TensorFacts*> pointers(inputs.size(), nullptr);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i] != nullptr) {
            known[i] = {type_of(*inputs[i]), shape_of(*inputs[i]), inputs[i]};
            pointers[i] = &known[i];
        }
    }
    const std::vector<TensorFacts> out = infer_node(node, pointers);
    return std::visit(Run{node, inputs, out, rules::Inputs(node, pointers), weights}, node.op);
}

}  // namespace qloom::ir
