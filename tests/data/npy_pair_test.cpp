#include "data/npy_pair.h"

#include <gtest/gtest.h>

#include "base/npy.h"
#include "test_files.h"

namespace qloom::data {
namespace {

class NpyPair : public testing::Test {
protected:
    std::string file(const std::string& name, const NpyArray& array) const {
        const std::filesystem::path path = folder_.path() / name;
        write_npy(path, array);
        return path.string();
    }

    const TestFolder folder_{"data_npy"};
};

TEST_F(NpyPair, SmallIntegersStayBytes) {
    const std::string x = file("x.npy", Tensor<std::int64_t>({2, 3}, {0, 1, 2, 3, 4, 255}));
    const std::string y = file("y.npy", Tensor<std::int64_t>({2}, {1, 0}));
    const Dataset dataset = load("npy:" + x + "," + y);
    EXPECT_TRUE(dataset.is_bytes());
    EXPECT_EQ(dataset.frames(0, 2), Tensor<float>({2, 3}, {0, 1, 2, 3, 4, 255}));
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{1, 0}));
    EXPECT_EQ(dataset.classes, 2);
}

TEST_F(NpyPair, OtherNumbersBecomeFloats) {
    const std::string x = file("x.npy", Tensor<std::int64_t>({1, 2}, {-1, 300}));
    const std::string f = file("f.npy", Tensor<float>({1, 2}, {0.5F, -2.0F}));
    const std::string y = file("y.npy", Tensor<float>({1}, {3.0F}));
    EXPECT_EQ(load("npy:" + x + "," + y).frames(0, 1), Tensor<float>({1, 2}, {-1, 300}));
    EXPECT_EQ(load("npy:" + f + "," + y).frames(0, 1), Tensor<float>({1, 2}, {0.5F, -2.0F}));
    EXPECT_EQ(load("npy:" + f + "," + y).classes, 4);
}

TEST_F(NpyPair, PairsThatDoNotBelongTogether) {
    const std::string x = file("x.npy", Tensor<float>({2, 2}, {0, 1, 2, 3}));
    const std::string flat = file("flat.npy", Tensor<float>({2}, {0, 1}));
    const std::string three = file("three.npy", Tensor<std::int64_t>({3}, {0, 1, 2}));
    const std::string negative = file("negative.npy", Tensor<std::int64_t>({2}, {0, -1}));
    const std::string half = file("half.npy", Tensor<float>({2}, {0.0F, 0.5F}));
    const auto text = [](const std::string& a, const std::string& b) {
        return error_text([&] { load("npy:" + a + "," + b); });
    };
    const std::string advice = "; give samples (N, ...) and N integer labels from 0";
    EXPECT_EQ(text(x, three),
              "Q0803: " + three + ": samples of shape [2, 2], but 3 labels" + advice);
    EXPECT_EQ(text(flat, three),
              "Q0803: " + flat + ": the samples have shape [2], expected (N, ...)" + advice);
    EXPECT_EQ(text(x, negative), "Q0803: " + negative + ": -1 is not a label" + advice);
    EXPECT_EQ(text(x, half), "Q0803: " + half + ": 0.5 is not a label" + advice);
}

}  // namespace
}  // namespace qloom::data
