#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "run_helpers.h"

namespace qloom::ir {
namespace {

Ints counting(Shape shape) {
    Ints result(std::move(shape));
    std::iota(result.begin(), result.end(), std::int64_t{0});
    return result;
}

TEST(RunReshape, CopiesInfersAndRefuses) {
    const Value x = counting({2, 3, 4});
    EXPECT_EQ(runi(Reshape{}, {x, ints({0, -1})}).shape(), (Shape{2, 12}));
    EXPECT_EQ(runi(Reshape{}, {x, ints({4, 6})}), counting({4, 6}));
    EXPECT_EQ(refusal(Reshape{}, {x, ints({5, -1})}),
              "Q0201: node n (Reshape): the data [2, 3, 4] cannot take the shape [5, -1]; the number of values must "
              "stay the same");
    EXPECT_EQ(refusal(Reshape{}, {x, ints({-1, -1})}),
              "Q0206: node n (Reshape): its shape [-1, -1] leaves two sizes open; leave at most one -1");
    EXPECT_EQ(refusal(Reshape{}, {x, ints({24, 1, 1, 0})}),
              "Q0201: node n (Reshape): its shape [24, 1, 1, 0] copies axis 3 of the data [2, 3, 4]; make the two shapes "
              "agree");
}

TEST(RunFlatten, AnyAxis) {
    const Value x = counting({2, 3, 4});
    EXPECT_EQ(runi(Flatten{1}, {x}).shape(), (Shape{2, 12}));
    EXPECT_EQ(runi(Flatten{0}, {x}).shape(), (Shape{1, 24}));
    EXPECT_EQ(runi(Flatten{3}, {x}).shape(), (Shape{24, 1}));
    EXPECT_EQ(runi(Flatten{-1}, {x}).shape(), (Shape{6, 4}));
    EXPECT_EQ(refusal(Flatten{4}, {x}), "Q0206: node n (Flatten): axis 4 is outside the 3 axes; legal: -3 to 2");
}

TEST(RunTranspose, PermutesAndReverses) {
    EXPECT_EQ(runi(Transpose{{1, 0}}, {counting({2, 3})}), Ints({3, 2}, {0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(runi(Transpose{}, {counting({2, 3})}), Ints({3, 2}, {0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(runi(Transpose{{0, 2, 1}}, {counting({1, 2, 3})}), Ints({1, 3, 2}, {0, 3, 1, 4, 2, 5}));
    EXPECT_EQ(refusal(Transpose{{0, 0}}, {counting({2, 3})}),
              "Q0206: node n (Transpose): perm [0, 0] is not a permutation; name every axis once");
}

TEST(RunSqueeze, ThereAndBack) {
    EXPECT_EQ(runi(Squeeze{}, {counting({1, 3, 1})}).shape(), (Shape{3}));
    EXPECT_EQ(runi(Squeeze{}, {counting({1, 3, 1}), ints({-1})}).shape(), (Shape{1, 3}));
    EXPECT_EQ(runi(Unsqueeze{}, {counting({3}), ints({0, -1})}).shape(), (Shape{1, 3, 1}));
    EXPECT_EQ(refusal(Squeeze{}, {counting({1, 3}), ints({1})}),
              "Q0201: node n (Squeeze): axis 1 of the data [1, 3] is not 1; squeeze axes of size 1");
    EXPECT_EQ(refusal(Unsqueeze{}, {counting({3}), ints({0, 0})}),
              "Q0206: node n (Unsqueeze): axis 0 is named twice; name each axis once");
}

TEST(RunConcat, AlongAnyAxis) {
    EXPECT_EQ(runi(Concat{1}, {Ints({2, 1}, {1, 2}), Ints({2, 2}, {3, 4, 5, 6})}),
              Ints({2, 3}, {1, 3, 4, 2, 5, 6}));
    EXPECT_EQ(runi(Concat{-2}, {Ints({1, 2}, {1, 2}), Ints({1, 2}, {3, 4})}), Ints({2, 2}, {1, 2, 3, 4}));
    EXPECT_EQ(refusal(Concat{0}, {Ints({1, 2}), Ints({1, 3})}),
              "Q0201: node n (Concat): inputs 0 and 1 have shapes [1, 2] and [1, 3]; all axes but axis 0 must agree");
}

TEST(RunSplit, EqualAndGivenParts) {
    const auto parts = run_all(Split{0}, {ints({1, 2, 3, 4, 5})}, 2);
    EXPECT_EQ(parts, (std::vector<Value>{ints({1, 2, 3}), ints({4, 5})}));
    const auto given = run_all(Split{1}, {Ints({1, 3}, {1, 2, 3}), ints({1, 2})}, 2);
    EXPECT_EQ(given, (std::vector<Value>{Ints({1, 1}, {1}), Ints({1, 2}, {2, 3})}));
    EXPECT_EQ(refusal(Split{0}, {ints({1, 2, 3}), ints({1, 1})}, 2),
              "Q0206: node n (Split): split [1, 1] does not divide 3 values; the parts must add up to the axis");
}

TEST(RunSlice, StartsEndsAndSteps) {
    constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(runi(Slice{}, {ints({0, 1, 2, 3, 4}), ints({1}), ints({-1})}), ints({1, 2, 3}));
    EXPECT_EQ(runi(Slice{}, {ints({0, 1, 2, 3, 4}), ints({-2}), ints({kFar})}), ints({3, 4}));
    EXPECT_EQ(runi(Slice{}, {ints({0, 1, 2, 3, 4}), ints({0}), ints({kFar}), ints({0}), ints({2})}), ints({0, 2, 4}));
    EXPECT_EQ(runi(Slice{}, {ints({0, 1, 2, 3, 4}), ints({-1}), ints({-kFar}), ints({0}), ints({-2})}),
              ints({4, 2, 0}));
    EXPECT_EQ(runi(Slice{}, {ints({0, 1, 2}), ints({2}), ints({1})}), Ints(Shape{0}));
    EXPECT_EQ(runi(Slice{}, {counting({2, 3}), ints({1, 0}), ints({2, 2}), ints({0, 1})}), Ints({1, 2}, {3, 4}));
    EXPECT_EQ(refusal(Slice{}, {ints({0}), ints({0}), ints({1}), ints({0}), ints({0})}),
              "Q0206: node n (Slice): a step is 0; a step is positive or negative");
}

TEST(RunGather, PicksAlongAnAxis) {
    EXPECT_EQ(runi(Gather{0}, {ints({10, 20, 30}), Ints(Shape{}, -1)}), Ints(Shape{}, 30));
    EXPECT_EQ(runi(Gather{1}, {counting({2, 3}), Ints({1, 2}, {2, 0})}), Ints({2, 1, 2}, {2, 0, 5, 3}));
    EXPECT_EQ(refusal(Gather{0}, {ints({1, 2}), ints({2})}),
              "Q0206: node n (Gather): index 2 is outside axis 0 of the data [2]; legal: -2 to 1");
}

TEST(RunPad, ModesAndCrops) {
    EXPECT_EQ(runi(Pad{}, {ints({1, 2}), ints({1, 2}), ints({9})}), ints({9, 1, 2, 9, 9}));
    EXPECT_EQ(runf(Pad{}, {vec({1, 2}), ints({0, 1})}), vec({1, 2, 0}));
    EXPECT_EQ(runi(Pad{PadMode::kReflect}, {ints({1, 2, 3}), ints({2, 1})}), ints({3, 2, 1, 2, 3, 2}));
    EXPECT_EQ(runi(Pad{PadMode::kEdge}, {ints({1, 2}), ints({2, 1})}), ints({1, 1, 1, 2, 2}));
    EXPECT_EQ(runi(Pad{}, {ints({1, 2, 3}), ints({-1, 0})}), ints({2, 3}));
    EXPECT_EQ(refusal(Pad{}, {ints({1, 2}), ints({-3, 0})}),
              "Q0206: node n (Pad): it pads axis 0 of size 2 by -3 and 0; a crop must leave the axis at 0 or more "
              "values");
    EXPECT_EQ(refusal(Pad{PadMode::kReflect}, {ints({1, 2}), ints({2, 0})}),
              "Q0206: node n (Pad): it mirrors 2 and 0 values of an axis of size 2; pad by less than the size of the "
              "axis");
}

TEST(RunDepthToSpace, BothOrdersAndBack) {
    const Value x = counting({1, 8, 1, 1});
    EXPECT_EQ(runi(DepthToSpace{2, false}, {x}), Ints({1, 2, 2, 2}, {0, 2, 4, 6, 1, 3, 5, 7}));
    EXPECT_EQ(runi(DepthToSpace{2, true}, {x}), Ints({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(run(SpaceToDepth{2}, {run(DepthToSpace{2, false}, {x})}), x);
    EXPECT_EQ(refusal(DepthToSpace{3}, {x}), "Q0206: node n (DepthToSpace): block size 3 does not fit 8 channels; the "
                                             "channels must be a multiple of its square");
    EXPECT_EQ(refusal(SpaceToDepth{2}, {x}),
              "Q0206: node n (SpaceToDepth): block size 2 does not divide 1 and 1; height and width must be multiples "
              "of it");
}

TEST(RunResize, NearestAndLinear) {
    const Value x = Floats({1, 1, 2}, {0, 4});
    const Value none = vec({});
    const Value scales = vec({1, 1, 2});
    EXPECT_EQ(runf(Resize{"nearest", "asymmetric", "floor"}, {x, none, scales}), Floats({1, 1, 4}, {0, 0, 4, 4}));
    EXPECT_EQ(runf(Resize{"linear", "half_pixel", "floor"}, {x, none, scales}), Floats({1, 1, 4}, {0, 1, 3, 4}));
    EXPECT_EQ(runf(Resize{"linear", "align_corners", "floor"}, {x, none, none, ints({1, 1, 5})}),
              Floats({1, 1, 5}, {0, 1, 2, 3, 4}));
    EXPECT_EQ(runf(Resize{}, {x, none, none, ints({1, 1, 1})}).shape(), (Shape{1, 1, 1}));
    EXPECT_EQ(refusal(Resize{"cubic"}, {x, none, scales}),
              "Q0206: node n (Resize): mode 'cubic' is not supported; use nearest or linear");
    EXPECT_EQ(refusal(Resize{}, {x, none, vec({1, 1, 0})}),
              "Q0206: node n (Resize): scale 0 of axis 2 makes no sense for size 2; give positive scales that leave at "
              "least one value");
}

TEST(RunShape, AndWhatIsMadeFromShapes) {
    EXPECT_EQ(runi(ShapeOf{}, {Floats({2, 3})}), ints({2, 3}));
    EXPECT_EQ(runf(ConstantOfShape{.value = 2.5F}, {ints({2})}), vec({2.5F, 2.5F}));
    EXPECT_EQ(runi(ConstantOfShape{.value = 7, .is_int64 = true}, {ints({1, 2})}), Ints({1, 2}, {7, 7}));
    EXPECT_EQ(runi(Expand{}, {Ints({2, 1}, {1, 2}), ints({3, 1, 2})}),
              Ints({3, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}));
    EXPECT_EQ(refusal(ConstantOfShape{}, {ints({1000000, 1000000, 1000000})}),
              "Q0203: node n (ConstantOfShape): it makes a tensor of shape [1000000, 1000000, 1000000]; check the shapes "
              "and scales that feed it");
}

TEST(RunReduce, KindsAxesAndKeptAxes) {
    const Value x = Floats({1, 2, 2}, {1, 2, 3, 6});
    EXPECT_EQ(runf(Reduce{ReduceKind::kMean, true}, {x, ints({1, 2})}), Floats({1, 1, 1}, {3}));
    EXPECT_EQ(runf(Reduce{ReduceKind::kSum, false}, {x, ints({1})}), Floats({1, 2}, {4, 8}));
    EXPECT_EQ(runf(Reduce{ReduceKind::kMax, false}, {x, ints({-1})}), Floats({1, 2}, {2, 6}));
    EXPECT_EQ(runf(Reduce{ReduceKind::kMin, false}, {x}), num(1));
    EXPECT_EQ(runi(Reduce{ReduceKind::kMean, false}, {ints({1, 2})}), Ints(Shape{}, 1));
}

TEST(RunHeads, SoftmaxTopKArgMax) {
    const Floats soft = runf(Softmax{.axis = -1}, {Floats({1, 2}, {0, 0})});
    EXPECT_EQ(soft, Floats({1, 2}, {0.5F, 0.5F}));
    EXPECT_FLOAT_EQ(runf(Softmax{.axis = 1, .log = true}, {Floats({1, 2}, {1000, 1000})})[0], -0.69314718F);
    const auto top = run_all(TopK{}, {Floats({1, 4}, {3, 9, 9, 1}), ints({3})}, 2);
    EXPECT_EQ(top, (std::vector<Value>{Floats({1, 3}, {9, 9, 3}), Ints({1, 3}, {1, 2, 0})}));
    const auto least = run_all(TopK{.axis = 0, .largest = false}, {vec({3, 1}), ints({1})}, 2);
    EXPECT_EQ(least, (std::vector<Value>{vec({1}), ints({1})}));
    EXPECT_EQ(runi(ArgMax{.axis = 1}, {Floats({2, 3}, {1, 5, 5, 7, 2, 3})}), Ints({2, 1}, {1, 0}));
    EXPECT_EQ(runi(ArgMax{.axis = 1, .keep_dims = false, .select_last_index = true}, {Floats({1, 3}, {1, 5, 5})}),
              ints({2}));
    EXPECT_EQ(runi(ArgMax{.axis = 0, .minimum = true}, {vec({3, 1, 2})}), ints({1}));
    EXPECT_EQ(refusal(TopK{}, {Floats({1, 4}), ints({5})}, 2),
              "Q0206: node n (TopK): k is [5] for an axis of 4 values; give one number from 1 to 4");
}

}  // namespace
}  // namespace qloom::ir
