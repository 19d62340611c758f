#include "data/dataset.h"

#include <gtest/gtest.h>

#include "base/diagnostic.h"
#include "test_files.h"

namespace qloom::data {
namespace {

// A folder with a tiny dataset under the names of the MNIST family: 3 images of 2 x 2 pixels.
void write_family(const TestFolder& folder, const std::string& prefix, const Bytes& labels) {
    folder.write(prefix + "-images-idx3-ubyte.gz",
                 gzipped(idx_bytes({3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255})));
    folder.write(prefix + "-labels-idx1-ubyte",
                 idx_bytes({static_cast<std::uint32_t>(labels.size())}, labels));
}

TEST(Dataset, LoadsAFamilyFromAFolder) {
    const TestFolder folder("data_family");
    write_family(folder, "t10k", {9, 0, 4});
    const Dataset dataset =
        load("fashion-mnist:test", {.directory = folder.path(), .limit = std::nullopt});
    EXPECT_EQ(dataset.name, "fashion-mnist:test");
    EXPECT_EQ(dataset.size(), 3);
    EXPECT_EQ(dataset.classes, 10);
    EXPECT_EQ(dataset.class_names[9], "ankle boot");
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{9, 0, 4}));
    EXPECT_EQ(dataset.sample_shape(), (Shape{2, 2}));
    EXPECT_TRUE(dataset.is_bytes());
    EXPECT_EQ(dataset.frames(1, 2), Tensor<float>({2, 2, 2}, {4, 5, 6, 7, 8, 9, 10, 255}));
}

TEST(Dataset, KeepsTheFirstSamplesOnly) {
    const TestFolder folder("data_limit");
    write_family(folder, "train", {1, 2, 3});
    const Dataset dataset = load("mnist:train", {.directory = folder.path(), .limit = 2});
    EXPECT_EQ(dataset.size(), 2);
    EXPECT_EQ(dataset.shape(), (Shape{2, 2, 2}));
    EXPECT_EQ(dataset.frames(0, 2), Tensor<float>({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(load("mnist:train", {.directory = folder.path(), .limit = 7}).size(), 3);
}

TEST(Dataset, LoadsIdxPairs) {
    const TestFolder folder("data_idx");
    write_family(folder, "x", {1, 0, 2});
    const std::string specification = "idx:" + (folder.path() / "x-images-idx3-ubyte.gz").string() +
                                      "," + (folder.path() / "x-labels-idx1-ubyte").string();
    const Dataset dataset = load(specification);
    EXPECT_EQ(dataset.name, specification);
    EXPECT_EQ(dataset.classes, 3);
    EXPECT_TRUE(dataset.class_names.empty());
}

TEST(Dataset, UnknownSpecification) {
    EXPECT_EQ(
        error_text([] { load("fashon-mnist:test"); }),
        "Q0800: fashon-mnist:test: there is no such dataset; did you mean fashion-mnist:test? the "
        "datasets are "
        "fashion-mnist:train, fashion-mnist:test, mnist:train, mnist:test, cifar10:train, cifar10:test, "
        "idx:IMAGES,LABELS, npy:X.npy,Y.npy, npz:FILE,X,Y, images:DIR and csv:FILE,LABEL");
    EXPECT_EQ(error_text([] { load("npz:a,b"); }),
              "Q0800: npz:a,b: a file is needed, or a file and the names of two arrays; write npz:FILE or npz:FILE,X,Y");
    EXPECT_EQ(error_text([] { load("idx:only-one"); }),
              "Q0800: idx:only-one: two files are needed, separated by one comma; write "
              "idx:IMAGES,LABELS");
    EXPECT_EQ(
        error_text([] { load("npy:a,b,c"); }),
        "Q0800: npy:a,b,c: two files are needed, separated by one comma; write npy:X.npy,Y.npy");
}

TEST(Dataset, NotInstalled) {
    EXPECT_EQ(error_text([] {
                  load("fashion-mnist:test", {.directory = "/no/such", .limit = std::nullopt});
              }),
              "Q0801: fashion-mnist: t10k-images-idx3-ubyte.gz is not in /no/such; install the "
              "Debian package "
              "dataset-fashion-mnist: apt-get install dataset-fashion-mnist");
    EXPECT_EQ(
        error_text([] { load("mnist:train", {.directory = "/no/such", .limit = std::nullopt}); }),
        "Q0801: mnist: train-images-idx3-ubyte.gz is not in /no/such; Debian has no package of it: "
        "put its four "
        "idx files into a folder and name it with --data-dir");
}

TEST(Dataset, PairsThatDoNotBelongTogether) {
    const TestFolder folder("data_mismatch");
    const std::string images = folder.write("i", idx_bytes({2, 2, 1}, {0, 1, 2, 3}));
    const std::string flat = folder.write("f", idx_bytes({2}, {0, 1}));
    const std::string labels = folder.write("l", idx_bytes({3}, {0, 1, 2}));
    const auto text = [](const std::string& a, const std::string& b) {
        return error_text([&] { load("idx:" + a + "," + b); });
    };
    const std::string advice = "; give the files of images and labels that belong together";
    EXPECT_EQ(text(images, labels),
              "Q0803: idx:" + images + "," + labels + ": 2 images, but 3 labels" + advice);
    EXPECT_EQ(text(flat, labels), "Q0803: idx:" + flat + "," + labels +
                                      ": the images have shape [2], expected (N, height, width)" +
                                      advice);
    EXPECT_EQ(text(images, images), "Q0803: idx:" + images + "," + images +
                                        ": the labels have shape [2, 2, 1], expected (N)" + advice);

    write_family(folder, "train", {1, 2, 10});
    EXPECT_EQ(error_text([&] {
                  load("mnist:train", {.directory = folder.path(), .limit = std::nullopt});
              }),
              "Q0803: mnist:train: label 10 of 10 classes" + advice);
}

// The real files where the package is installed.
TEST(Dataset, FashionMnist) {
    if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
        GTEST_SKIP() << "the Debian package dataset-fashion-mnist is not installed";
    }
    const Dataset dataset = load("fashion-mnist:test");
    EXPECT_EQ(dataset.shape(), (Shape{10000, 28, 28}));
    // The first labels of the test set, as its authors' own documentation shows them.
    EXPECT_EQ((std::vector<std::int32_t>(dataset.labels.begin(), dataset.labels.begin() + 5)),
              (std::vector<std::int32_t>{9, 2, 1, 1, 6}));
    std::vector<int> counts(10);
    for (const std::int32_t label : dataset.labels) {
        ++counts[static_cast<std::size_t>(label)];
    }
    EXPECT_EQ(counts, std::vector<int>(10, 1000));
}

}  // namespace
}  // namespace qloom::data
