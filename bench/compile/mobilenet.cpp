#include "mobilenet.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace qloom::bench {
namespace {

using namespace ir;  // NOLINT: the operators are all that this file is about

class MobileNetBuilder {
public:
    explicit MobileNetBuilder(std::uint32_t seed) : random_(seed) {}

    Graph build(std::int64_t size) {
        TensorInfo image;
        image.name = "image";
        image.type = ElementType::kFloat32;
        image.shape = Shape{1, 3, size, size};
        const TensorId input = graph_.add_tensor(std::move(image));
        TensorId x = quantised("image", input, 1.0F / 255.0F, 8.0F, false);
        x = block("stem", x, 3, 32, 3, 2, 1);
        struct Pair {
            std::int64_t in, out, stride;
        };
        const std::vector<Pair> pairs{{32, 64, 1},   {64, 128, 2},  {128, 128, 1},  {128, 256, 2},
                                      {256, 256, 1}, {256, 512, 2}, {512, 512, 1},  {512, 512, 1},
                                      {512, 512, 1}, {512, 512, 1}, {512, 512, 1},  {512, 1024, 2},
                                      {1024, 1024, 1}};
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const auto [in, out, stride] = pairs[i];
            const std::string name = "pair" + std::to_string(i);
            x = block(name + "_depth", x, in, in, 3, stride, in);
            x = block(name + "_point", x, in, out, 1, 1, 1);
        }
        x = node("pool", GlobalAveragePool{}, {x});
        x = quantised("pool_act", x, 1.0F / 64.0F, 8.0F, false);
        x = node("flat", Flatten{}, {x});
        x = node("classes", MatMul{}, {x, weights("classes", {1024, 1000})});
        graph_.set_inputs({input});
        graph_.set_outputs({x});
        return std::move(graph_);
    }

private:
    TensorId node(const std::string& name, Op op, std::vector<TensorId> inputs) {
        TensorInfo info;
        info.name = name + "_out";
        const TensorId result = graph_.add_tensor(std::move(info));
        graph_.add_node({name, std::move(op), std::move(inputs), {result}});
        return result;
    }
    TensorId number(const std::string& name, float value) {
        return graph_.add_constant(name, Tensor<float>(Shape{}, value));
    }
    TensorId quantised(const std::string& name, TensorId x, float scale, float bits, bool is_signed) {
        return node(name + "_quant", Quant{.is_signed = is_signed, .narrow = is_signed},
                    {x, number(name + "_scale", scale), number(name + "_zero", 0.0F),
                     number(name + "_bits", bits)});
    }
    // Integers of -7 to 7 sevenths, quantised to themselves.
    TensorId weights(const std::string& name, Shape shape) {
        Tensor<float> values(std::move(shape));
        std::uniform_int_distribution<int> level(-7, 7);
        for (float& value : values) value = static_cast<float>(level(random_)) / 8.0F;
        return quantised(name + "_weight",
                         graph_.add_constant(name + "_weight", std::move(values)), 0.125F, 4.0F,
                         true);
    }
    TensorId channel_values(const std::string& name, std::int64_t channels, float lo, float hi) {
        Tensor<float> values(Shape{channels});
        std::uniform_real_distribution<float> any(lo, hi);
        for (float& value : values) value = any(random_);
        return graph_.add_constant(name, std::move(values));
    }

    // Convolution, BatchNorm, ReLU, 4 bits.
    TensorId block(const std::string& name, TensorId x, std::int64_t in, std::int64_t out,
                   std::int64_t kernel, std::int64_t stride, std::int64_t groups) {
        const std::int64_t pad = kernel / 2;
        const Window window{.kernel = {kernel, kernel},
                            .strides = {stride, stride},
                            .dilations = {1, 1},
                            .pads = {pad, pad, pad, pad}};
        x = node(name, Conv{.window = window, .group = groups},
                 {x, weights(name, {out, in / groups, kernel, kernel})});
        // About as large as a sum of so many random products.
        const auto fan_in = static_cast<float>(in / groups * kernel * kernel);
        x = node(name + "_norm", BatchNormalization{},
                 {x, channel_values(name + "_gamma", out, 0.5F, 1.5F),
                  channel_values(name + "_beta", out, -0.3F, 0.7F),
                  channel_values(name + "_mean", out, -0.2F, 0.2F),
                  channel_values(name + "_variance", out, 0.1F * fan_in, 0.3F * fan_in)});
        x = node(name + "_relu", Unary{UnaryKind::kRelu}, {x});
        return quantised(name + "_act", x, 0.125F, 4.0F, false);
    }

    std::mt19937 random_;
    Graph graph_;
};

}  // namespace

ir::Graph mobilenet_v1(std::int64_t size, std::uint32_t seed) {
    return MobileNetBuilder(seed).build(size);
}

}  // namespace qloom::bench
