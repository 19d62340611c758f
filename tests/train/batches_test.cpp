#include "train/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace qloom::train {
namespace {

// Sample i is an image of 2 x 2 pixels 4i .. 4i+3, label i.
data::Dataset numbered(std::int64_t count) {
    data::Dataset dataset;
    dataset.name = "numbered";
    Tensor<std::uint8_t> images({count, 2, 2});
    for (std::int64_t i = 0; i < images.size(); ++i) {
        images[i] = static_cast<std::uint8_t>(i);
    }
    dataset.samples = std::move(images);
    for (std::int64_t i = 0; i < count; ++i) {
        dataset.labels.push_back(static_cast<std::int32_t>(i));
    }
    dataset.classes = static_cast<int>(count);
    return dataset;
}

struct Drawn {
    std::vector<std::int32_t> labels;
    std::vector<float> samples;
    std::vector<std::int64_t> rows;
};

Drawn epoch_of(Batches& batches, int epoch, std::int64_t width = 4) {
    Drawn drawn;
    batches.start_epoch(epoch);
    for (std::int64_t step = 0; step < batches.steps(); ++step) {
        std::vector<float> samples(static_cast<std::size_t>(batches.largest() * width));
        std::vector<std::int32_t> labels(static_cast<std::size_t>(batches.largest()));
        const std::int64_t rows = batches.fill(step, samples, labels);
        drawn.rows.push_back(rows);
        drawn.labels.insert(drawn.labels.end(), labels.begin(), labels.begin() + rows);
        drawn.samples.insert(drawn.samples.end(), samples.begin(), samples.begin() + rows * width);
    }
    return drawn;
}

TEST(Batches, EverySampleOnceAnEpochInAnotherOrder) {
    const data::Dataset dataset = numbered(11);
    Batches batches(dataset, 11, {}, {}, 4, 1);
    const Drawn first = epoch_of(batches, 1);
    const Drawn second = epoch_of(batches, 2);
    EXPECT_EQ(first.rows, (std::vector<std::int64_t>{4, 4, 3}));
    EXPECT_EQ(std::set<std::int32_t>(first.labels.begin(), first.labels.end()).size(), 11U);
    EXPECT_NE(first.labels, second.labels);
    for (std::size_t row = 0; row < first.labels.size(); ++row) {
        for (std::size_t pixel = 0; pixel < 4; ++pixel) {
            EXPECT_EQ(first.samples[row * 4 + pixel],
                      static_cast<float>(first.labels[row] * 4) + static_cast<float>(pixel));
        }
    }
}

TEST(Batches, OrderDependsOnSeedAndEpochAlone) {
    const data::Dataset dataset = numbered(20);
    Batches a(dataset, 20, {}, {}, 5, 7);
    Batches b(dataset, 20, {}, {}, 5, 7);
    epoch_of(a, 1);
    epoch_of(a, 2);
    EXPECT_EQ(epoch_of(a, 3).labels, epoch_of(b, 3).labels);
    Batches other(dataset, 20, {}, {}, 5, 8);
    EXPECT_NE(epoch_of(b, 3).labels, epoch_of(other, 3).labels);
}

TEST(Batches, DropsALastSampleThatIsAloneAndLeavesHeldOutOnes) {
    const data::Dataset dataset = numbered(12);
    Batches batches(dataset, 9, {}, {}, 4, 1);
    const Drawn drawn = epoch_of(batches, 1);
    EXPECT_EQ(drawn.rows, (std::vector<std::int64_t>{4, 4}));
    EXPECT_LT(*std::max_element(drawn.labels.begin(), drawn.labels.end()), 9);
}

TEST(Batches, ScalesTheInput) {
    const data::Dataset dataset = numbered(2);
    InputSpec input;
    input.scale = {0.5};
    input.offset = {-1.0};
    std::vector<float> samples(8);
    std::vector<std::int32_t> labels(2);
    fill_in_order(dataset, input, 0, samples, labels);
    EXPECT_EQ(samples, (std::vector<float>{-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5}));
    EXPECT_EQ(labels, (std::vector<std::int32_t>{0, 1}));
}

// With shift 1 an image of 2 x 2 has nine places; each pixel either keeps its neighbours or leaves
// the picture.
TEST(Batches, ShiftMovesImages) {
    const data::Dataset dataset = numbered(2);
    Batches batches(dataset, 2, {.shift = 1}, {}, 2, 3);
    std::set<std::vector<float>> seen;
    for (int epoch = 1; epoch <= 200; ++epoch) {
        const Drawn drawn = epoch_of(batches, epoch);
        const std::size_t row = drawn.labels[0] == 1 ? 0 : 1;  // image 1: pixels 4 5 / 6 7
        seen.insert({drawn.samples.begin() + static_cast<std::ptrdiff_t>(row) * 4,
                     drawn.samples.begin() + static_cast<std::ptrdiff_t>(row) * 4 + 4});
    }
    const std::set<std::vector<float>> expected{{4, 5, 6, 7}, {0, 4, 0, 6}, {5, 0, 7, 0},
                                                {0, 0, 4, 5}, {6, 7, 0, 0}, {0, 0, 0, 4},
                                                {0, 0, 5, 0}, {0, 6, 0, 0}, {7, 0, 0, 0}};
    EXPECT_EQ(seen, expected);
}

TEST(Batches, MirrorTurnsHalfOfTheImages) {
    const data::Dataset dataset = numbered(2);
    Batches batches(dataset, 2, {.mirror = true}, {}, 2, 3);
    int mirrored = 0;
    for (int epoch = 1; epoch <= 200; ++epoch) {
        const Drawn drawn = epoch_of(batches, epoch);
        const std::size_t row = drawn.labels[0] == 1 ? 0 : 4;
        const std::vector<float> image(
            drawn.samples.begin() + static_cast<std::ptrdiff_t>(row),
            drawn.samples.begin() + static_cast<std::ptrdiff_t>(row) + 4);
        const bool turned = image == std::vector<float>{5, 4, 7, 6};
        EXPECT_TRUE(turned || image == (std::vector<float>{4, 5, 6, 7}));
        mirrored += turned ? 1 : 0;
    }
    EXPECT_NEAR(mirrored, 100, 30);
}

// Images of three channels: all planes move together; a square of zeros is cut into every one of
// them.
TEST(Batches, PlanesChangeTogetherAndCutoutBlackens) {
    data::Dataset dataset;
    Tensor<std::uint8_t> images({2, 3, 6, 5});
    for (std::int64_t i = 0; i < images.size(); ++i) {
        images[i] = static_cast<std::uint8_t>(1 + i % 200);
    }
    dataset.samples = images;
    dataset.labels = {0, 1};
    dataset.classes = 2;
    Batches batches(dataset, 2, {.mirror = true, .cutout = 3}, {}, 2, 3);
    std::set<std::int64_t> cuts;
    for (int epoch = 1; epoch <= 50; ++epoch) {
        const Drawn drawn = epoch_of(batches, epoch, 90);
        for (std::size_t row = 0; row < 2; ++row) {
            const std::int64_t image = drawn.labels[row];
            std::int64_t cut = 0;
            bool mirrored = false;
            for (std::int64_t i = 0; i < 30; ++i) {
                const auto at = [&](std::int64_t plane) {
                    return drawn.samples[row * 90 + static_cast<std::size_t>(plane * 30 + i)];
                };
                EXPECT_EQ(at(0) == 0.0F, at(1) == 0.0F);
                EXPECT_EQ(at(0) == 0.0F, at(2) == 0.0F);
                if (at(0) == 0.0F) {
                    ++cut;
                    continue;
                }
                const std::int64_t turned = i / 5 * 5 + 4 - i % 5;
                mirrored = mirrored || at(0) != static_cast<float>(images[image * 90 + i]);
                const std::int64_t from = image * 90 + (mirrored ? turned : i);
                EXPECT_EQ(at(0), static_cast<float>(images[from]));
                EXPECT_EQ(at(2), static_cast<float>(images[from + 60]));
            }
            cuts.insert(cut);
        }
    }
    EXPECT_EQ(*cuts.rbegin(), 9);  // in the middle
    EXPECT_LT(*cuts.begin(), 9);   // over the border
    EXPECT_GE(*cuts.begin(), 4);
}

TEST(Batches, ChannelsHaveScalesOfTheirOwn) {
    data::Dataset dataset;
    dataset.samples =
        Tensor<std::uint8_t>({2, 2, 1, 2}, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8});
    dataset.labels = {0, 1};
    dataset.classes = 2;
    const InputSpec input{.features = 4, .shape = {2, 1, 2}, .scale = {1.0, 10.0}, .offset = {0.5}};
    std::vector<float> samples(8);
    std::vector<std::int32_t> labels(2);
    fill_in_order(dataset, input, 0, samples, labels);
    EXPECT_EQ(samples, (std::vector<float>{1.5, 2.5, 30.5, 40.5, 5.5, 6.5, 70.5, 80.5}));
}

}  // namespace
}  // namespace qloom::train
