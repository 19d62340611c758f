#include "cli/frames.h"

#include <gtest/gtest.h>

#include "cli/data_input.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

TEST(Frames, NamedFiles) {
    EXPECT_EQ(parse_named_file("x.npy"), (NamedFile{"", "x.npy"}));
    EXPECT_EQ(parse_named_file("in=x.npy"), (NamedFile{"in", "x.npy"}));
    EXPECT_EQ(parse_named_file("in=a=b.npy"), (NamedFile{"in", "a=b.npy"}));
}

TEST(Frames, AnyShapeOfTheRightSizeFits) {
    ir::TensorInfo image;
    image.name = "x";
    image.shape = Shape{1, 1, 4, 3};
    for (const Shape& shape : {Shape{5, 12}, Shape{5, 4, 3}, Shape{5, 1, 4, 3}, Shape{5, 2, 6}}) {
        EXPECT_EQ(ir::shape_of(fit_frames(Tensor<float>(shape), image, "a")), (Shape{5, 1, 4, 3}));
    }
    for (const Shape& shape : {Shape{12}, Shape{4, 3}, Shape{1, 12}, Shape{1, 1, 4, 3}}) {
        EXPECT_EQ(ir::shape_of(fit_frames(Tensor<float>(shape), image, "a")), (Shape{1, 1, 4, 3}));
    }
    for (const Shape& shape : {Shape{5, 11}, Shape{}, Shape{0, 12}, Shape{12, 5}}) {
        EXPECT_THROW(fit_frames(Tensor<float>(shape), image, "a"), Error) << shape_text(shape);
    }
}

TEST(Frames, IntegersBecomeTheModelsFloats) {
    ir::TensorInfo tensor;
    tensor.name = "x";
    tensor.shape = Shape{1, 2};
    const ir::Value value = fit_frames(Tensor<std::int64_t>({2, 2}, {1, -2, 3, 255}), tensor, "a");
    EXPECT_EQ(std::get<Tensor<float>>(value), Tensor<float>({2, 2}, {1, -2, 3, 255}));
}

TEST(Frames, SliceAndJoinAreInverse) {
    const ir::Value value = dense_frames(7);
    const ir::Value joined = join_frames({slice_frames(value, 0, 3), slice_frames(value, 3, 1), slice_frames(value, 4, 3)});
    EXPECT_EQ(joined, value);
}

TEST(Frames, LabelsAreTheFirstLargestValueOrTheValueItself) {
    EXPECT_EQ(labels_of(Tensor<float>({3, 3}, {1, 5, 5, -1, -2, -3, 0, 0, 1})), (std::vector<std::int64_t>{1, 0, 2}));
    EXPECT_EQ(labels_of(Tensor<std::int64_t>({2, 1}, {7, 3})), (std::vector<std::int64_t>{7, 3}));
    EXPECT_EQ(labels_of(Tensor<std::int64_t>({2}, {7, 3})), (std::vector<std::int64_t>{7, 3}));
    EXPECT_EQ(labels_of(Tensor<float>({3, 1}, {-1, 1, 0})), (std::vector<std::int64_t>{0, 1, 0}));
}

TEST(Frames, InputScaleFollowsTheModelsOwnQuantiser) {
    EXPECT_EQ(input_scale_of(dense_model()), InputScale::kRaw);
    EXPECT_EQ(input_scale_of(unit_input_model()), InputScale::kUnit);
    EXPECT_EQ(input_scale_of(two_input_model()), InputScale::kRaw);
}

}  // namespace
}  // namespace qloom::cli
