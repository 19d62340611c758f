#pragma once

#include <random>
#include <string>
#include <utility>

#include "graph_builder.h"

namespace qloom::ir {

// A random network of frames [1, 6] for equivalence tests: dense layers with quantised or float weights, in several
// spellings (MatMul, Gemm with either transpose, shape arithmetic), elementwise chains, branches that join, and nodes
// that change nothing. Values are small, so that nothing overflows.
class RandomGraph {
public:
    explicit RandomGraph(std::uint32_t seed) : random_(seed) {}

    Graph make() {
        TensorId x = builder_.input("x", {1, kWidth});
        TensorId earlier = x;
        for (auto layers = 3 + random_() % 6; layers > 0; --layers) {
            const TensorId before = x;
            x = layer(x);
            if (random_() % 4 == 0) {
                x = builder_.node(name("join"), Binary{BinaryKind::kAdd}, {x, earlier});
            }
            earlier = before;
        }
        if (random_() % 2 == 0) {
            x = builder_.node(name("head"), ArgMax{.axis = 1}, {x});
        }
        return builder_.finish({x});
    }

    Tensor<float> frames(std::int64_t count) { return floats({count, kWidth}); }

private:
    static constexpr std::int64_t kWidth = 6;

    std::string name(const std::string& base) { return base + std::to_string(counter_++); }

    Tensor<float> floats(Shape shape) {
        Tensor<float> result(std::move(shape));
        for (float& value : result) {
            value = static_cast<float>(static_cast<int>(random_() % 2001) - 1000) / 500.0F;
        }
        return result;
    }
    TensorId constant(Shape shape) { return builder_.graph().add_constant(name("c"), floats(std::move(shape))); }

    // Weights of shape `shape`, quantised in half of the cases: per tensor, or per channel along `channel_axis`.
    TensorId weights(const Shape& shape, std::size_t channel_axis) {
        const TensorId w = constant(shape);
        switch (random_() % 4) {
            case 0: return builder_.quant(name("wq"), w, 0.25F, 4);
            case 1: {
                Shape scales(shape.size(), 1);
                scales[channel_axis] = shape[channel_axis];
                Tensor<float> scale(scales);
                for (float& value : scale) {
                    value = static_cast<float>(random_() % 8 + 1) / 16.0F;
                }
                const std::string q = name("wq");
                return builder_.node(q, Quant{.narrow = true},
                                     {w, builder_.graph().add_constant(q + "_scale", scale),
                                      builder_.number(q + "_zero", 0), builder_.number(q + "_bits", 3)});
            }
            case 2: return builder_.node(name("wb"), BipolarQuant{}, {w, builder_.number(name("s"), 0.5F)});
            default: return w;
        }
    }

    TensorId layer(TensorId x) {
        switch (random_() % 9) {
            case 0:
                return builder_.node(name("matmul"), MatMul{}, {x, weights({kWidth, kWidth}, 1)});
            case 1:
                return builder_.node(name("gemm"), Gemm{.trans_b = true},
                                     {x, weights({kWidth, kWidth}, 0), constant({kWidth})});
            case 2:
                return builder_.node(name("gemm"), Gemm{.alpha = 0.5F, .beta = 2.0F},
                                     {x, weights({kWidth, kWidth}, 1), constant({1, kWidth})});
            case 3: {
                const TensorId w = builder_.node(name("turn"), Transpose{}, {weights({kWidth, kWidth}, 0)});
                return builder_.node(name("matmul"), MatMul{}, {x, w});
            }
            case 4: {
                const std::string bn = name("bn");
                Tensor<float> variance(Shape{kWidth}, 0.5F);
                return builder_.node(bn, BatchNormalization{},
                                     {x, constant({kWidth}), constant({kWidth}), constant({kWidth}),
                                      builder_.graph().add_constant(bn + "_var", variance)});
            }
            case 5: return builder_.quant(name("act"), x, 0.25F, 4, {.is_signed = random_() % 2 == 0});
            case 6: {  // a Reshape to its own shape, worked out from it
                const TensorId shape = builder_.node(name("shape"), ShapeOf{}, {x});
                const TensorId first = builder_.node(name("pick"), Gather{0}, {shape, builder_.integers(name("i"), {0})});
                const TensorId all = builder_.node(name("cat"), Concat{0}, {first, builder_.integers(name("i"), {-1})});
                return builder_.node(name("reshape"), Reshape{}, {x, all});
            }
            case 7: {
                const TensorId same = builder_.node(name("drop"), Dropout{}, {x});
                return builder_.node(name("relu"), Unary{UnaryKind::kRelu}, {same});
            }
            default: {
                const auto halves = builder_.nodes(name("split"), Split{1}, {x}, 2);
                return builder_.node(name("cat"), Concat{1}, {halves[1], halves[0]});
            }
        }
    }

    std::mt19937 random_;
    GraphBuilder builder_;
    int counter_ = 0;
};

}  // namespace qloom::ir
