#include "ir/execute.h"

#include <gtest/gtest.h>

#include "graph_builder.h"
#include "random_graph.h"
#include "run_helpers.h"

namespace qloom::ir {
namespace {

// x [1, 2] -> +1 -> * 2
Graph affine() {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    const TensorId sum = b.node("add", Binary{BinaryKind::kAdd}, {x, b.number("one", 1)});
    return b.finish({b.node("mul", Binary{BinaryKind::kMul}, {sum, b.number("two", 2)})});
}

std::string refusal_of(const Executor& executor, const std::vector<Value>& inputs) {
    try {
        static_cast<void>(executor.run(inputs));
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST(Executor, StacksFramesAlongTheFirstAxis) {
    const Executor executor(affine());
    EXPECT_TRUE(executor.batches_frames());
    EXPECT_EQ(executor.run({Floats({3, 2}, {0, 1, 2, 3, 4, 5})}),
              std::vector<Value>{Floats({3, 2}, {2, 4, 6, 8, 10, 12})});
    EXPECT_EQ(executor.run({Floats(Shape{0, 2})}), std::vector<Value>{Floats(Shape{0, 2})});
}

TEST(Executor, ConvertsIntegersToTheModelsFloats) {
    EXPECT_EQ(Executor(affine()).run({Ints({1, 2}, {1, 2})}), std::vector<Value>{Floats({1, 2}, {4, 6})});
}

TEST(Executor, RefusesInputsThatDoNotFit) {
    const Executor executor(affine());
    EXPECT_EQ(refusal_of(executor, {}),
              "Q0208: model model: it has 1 inputs, 0 were given; give one array for every input");
    EXPECT_EQ(refusal_of(executor, {Floats({2, 3})}),
              "Q0208: input x: the data have shape [2, 3], the model takes [F, 2]; give frames of this shape stacked "
              "along the first axis");
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    const TensorId y = b.input("y", {1, 2}, ElementType::kInt64);
    const Executor two(b.finish({b.node("add", Binary{}, {x, y})}));
    EXPECT_EQ(refusal_of(two, {Floats({2, 2}), Floats({3, 2})}),
              "Q0208: input y: it has 3 frames, the first input 2; give every input the same number of frames");
    EXPECT_EQ(refusal_of(two, {Floats({1, 2}), Floats({1, 2}, 0.5F)}),
              "Q0208: input y: the model takes integers, the data hold 0.5; give whole numbers");
}

TEST(Executor, TraceHoldsEveryTensor) {
    const auto trace = Executor(affine()).trace({Floats({2, 2}, {0, 1, 2, 3})});
    EXPECT_EQ(trace.at("x"), Value(Floats({2, 2}, {0, 1, 2, 3})));
    EXPECT_EQ(trace.at("add_out"), Value(Floats({2, 2}, {1, 2, 3, 4})));
    EXPECT_EQ(trace.at("mul_out"), Value(Floats({2, 2}, {2, 4, 6, 8})));
}

TEST(Executor, BatchedEqualsOneByOne) {
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
        RandomGraph random(seed);
        const Executor executor(random.make());
        ASSERT_TRUE(executor.batches_frames()) << seed;
        const Tensor<float> frames = random.frames(5);
        const std::vector<Value> batched = executor.run({frames});
        for (std::int64_t frame = 0; frame < 5; ++frame) {
            const Floats one({1, 6}, std::vector<float>(frames.begin() + frame * 6, frames.begin() + frame * 6 + 6));
            const Value alone = executor.run({one})[0];
            std::visit([&](const auto& whole) {
                const auto& part = std::get<std::decay_t<decltype(whole)>>(alone);
                for (std::int64_t i = 0; i < part.size(); ++i) {
                    ASSERT_EQ(whole[frame * part.size() + i], part[i]) << "seed " << seed << " frame " << frame;
                }
            }, batched[0]);
        }
    }
}

// Operators that mix axis 0 must not run on stacked frames, and still give each frame its own result.
TEST(Executor, FramesAreNeverMixed) {
    auto check = [](const char* what, Graph graph, bool batched, const std::vector<Value>& expected,
                    const Floats& frames) {
        const Executor executor(graph);
        EXPECT_EQ(executor.batches_frames(), batched) << what;
        EXPECT_EQ(executor.run({frames}), expected) << what;
    };
    const Floats frames({2, 3}, {1, 2, 3, 4, 5, 6});
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("softmax over frames", b.finish({b.node("s", Softmax{.axis = 0}, {x})}), false,
              {Floats({2, 3}, 1.0F)}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("sum over everything", b.finish({b.node("r", Reduce{ReduceKind::kSum, false}, {x})}), false,
              {vec({6, 15})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("sum over features", b.finish({b.node("r", Reduce{ReduceKind::kSum, false}, {x, b.integers("a", {1})})}),
              true, {vec({6, 15})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("outer product by broadcasting",
              b.finish({b.node("m", Binary{BinaryKind::kMul}, {x, b.constant("c", {2, 1}, {1, 10})})}), false,
              {Floats({4, 3}, {1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("transposed", b.finish({b.node("t", Transpose{{1, 0}}, {x})}), false,
              {Floats({6, 1}, {1, 2, 3, 4, 5, 6})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        check("a constant concatenated",
              b.finish({b.node("c", Concat{1}, {x, b.constant("k", {1, 1}, {9})})}), false,
              {Floats({2, 4}, {1, 2, 3, 9, 4, 5, 6, 9})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        const TensorId rows = b.node("rows", Reshape{}, {x, b.integers("s", {3, 1})});
        check("frames taken apart", b.finish({rows}), false, {Floats({6, 1}, {1, 2, 3, 4, 5, 6})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        const TensorId cube = b.node("cube", Reshape{}, {x, b.integers("s", {1, 3, 1})});
        check("reshaped within the frame", b.finish({cube}), true, {Floats({2, 3, 1}, {1, 2, 3, 4, 5, 6})}, frames);
    }
    {
        GraphBuilder b;
        const TensorId x = b.input("x", {1, 3});
        const TensorId shape = b.node("shape", ShapeOf{}, {x});
        const TensorId number = b.node("cast", Cast{}, {shape});
        const TensorId size = b.node("size", Slice{}, {number, b.integers("from", {1}), b.integers("to", {2})});
        check("divided by its own width", b.finish({b.node("d", Binary{BinaryKind::kDiv}, {x, size})}), true,
              {Floats({2, 3}, {1.0F / 3, 2.0F / 3, 1, 4.0F / 3, 5.0F / 3, 2})}, frames);
    }
    {
        GraphBuilder b;  // rank 2 with rank 3: the frame axes do not line up
        const TensorId x = b.input("x", {1, 3});
        const TensorId cube = b.node("cube", Reshape{}, {x, b.integers("s", {1, 1, 3})});
        check("different ranks", b.finish({b.node("a", Binary{}, {x, cube})}), false,
              {Floats({2, 1, 3}, {2, 4, 6, 8, 10, 12})}, frames);
    }
}

TEST(Executor, ModelsWithoutAFrameAxis) {
    GraphBuilder b;
    const TensorId x = b.input("x", {3});
    const Executor executor(b.finish({b.node("n", Unary{UnaryKind::kNeg}, {x})}));
    EXPECT_FALSE(executor.batches_frames());
    EXPECT_EQ(executor.run({Floats({2, 3}, {1, 2, 3, 4, 5, 6})}),
              std::vector<Value>{vec({-1, -2, -3, -4, -5, -6})});
    EXPECT_EQ(executor.run({vec({1, 2, 3})}), std::vector<Value>{vec({-1, -2, -3})});
}

TEST(Executor, OutputsThatNoInputReaches) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 2});
    const TensorId y = b.node("n", Unary{UnaryKind::kNeg}, {x});
    const TensorId shape = b.node("shape", ShapeOf{}, {x});
    const Executor executor(b.finish({y, shape, b.constant("c", {1, 1}, {7})}));
    const std::vector<Value> expected{Floats({2, 2}, {-1, -2, -3, -4}), ints({1, 2, 1, 2}), Floats({2, 1}, {7, 7})};
    EXPECT_EQ(executor.run({Floats({2, 2}, {1, 2, 3, 4})}), expected);
}

TEST(Executor, ManyFramesAreCutIntoPasses) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 1024});
    const Executor executor(b.finish({b.node("n", Unary{UnaryKind::kNeg}, {x})}));
    const Floats frames({10000, 1024}, 1.0F);  // more than one pass holds
    EXPECT_EQ(executor.run({frames})[0], Value(Floats({10000, 1024}, -1.0F)));
}

TEST(InferShapes, FollowShapeArithmetic) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 4, 6});
    const TensorId shape = b.node("shape", ShapeOf{}, {x});
    const TensorId last = b.node("last", Gather{0}, {shape, b.integers("i", {2})});
    const TensorId half = b.node("half", Binary{BinaryKind::kDiv}, {last, b.integers("two", {2})});
    const TensorId target = b.node("target", Concat{0}, {b.integers("head", {1, -1}), half});
    const TensorId y = b.node("y", Reshape{}, {x, target});
    const Graph tidy_free = b.finish({y});
    const Executor executor(tidy_free);
    EXPECT_EQ(executor.graph().tensor(y).shape, (Shape{1, 8, 3}));
}

TEST(InferShapes, DataDependentShapesAreRefused) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 4});
    const TensorId s = b.input("s", {2}, ElementType::kInt64);
    const Graph graph = b.finish({b.node("r", Reshape{}, {x, s})});
    try {
        const Executor executor(graph);
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "Q0202: node r (Reshape): its shape is computed from the model's input; hardware "
                                   "needs fixed shapes: export the model with constants there");
    }
}

TEST(InferShapes, HugeTensorsAreRefused) {
    GraphBuilder b;
    const TensorId x = b.input("x", {1, 1});
    const Graph graph = b.finish({b.node("e", Expand{}, {x, b.integers("s", {100000, 100000})})});
    try {
        const Executor executor(graph);
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "Q0203: node e (Expand): its result would have the shape [100000, 100000], more than "
                                   "2147483647 values; check the shapes and scales that feed it");
    }
}

}  // namespace
}  // namespace qloom::ir
