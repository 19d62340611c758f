#include "train/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace qloom::train {
namespace {

TEST(CrossEntropy, ExampleOfTheHeader) {
    const std::vector<float> logits{0.0F, 0.0F};
    const std::vector<std::int32_t> labels{0};
    std::vector<float> gradient(2);
    const LossSums sums = cross_entropy(logits, labels, 2, 0.0, gradient);
    EXPECT_NEAR(sums.loss, std::log(2.0), 1e-7);
    EXPECT_EQ(sums.correct, 1);  // the first of equal logits counts
    EXPECT_EQ(gradient, (std::vector<float>{-0.5F, 0.5F}));
}

// -sum target * log softmax, straight from the definition.
double reference(const std::vector<double>& logits, const std::vector<std::int32_t>& labels,
                 std::size_t classes, double smoothing) {
    double loss = 0.0;
    for (std::size_t row = 0; row < labels.size(); ++row) {
        double total = 0.0;
        for (std::size_t c = 0; c < classes; ++c) {
            total += std::exp(logits[row * classes + c]);
        }
        for (std::size_t c = 0; c < classes; ++c) {
            const double target =
                smoothing / static_cast<double>(classes) +
                (static_cast<std::int32_t>(c) == labels[row] ? 1.0 - smoothing : 0.0);
            loss -= target * (logits[row * classes + c] - std::log(total));
        }
    }
    return loss / static_cast<double>(labels.size());
}

TEST(CrossEntropy, LossAndGradientOfTheDefinition) {
    const std::vector<float> logits{0.5F, -1.0F, 3.0F, 2.0F, 2.5F, -4.0F};
    const std::vector<std::int32_t> labels{2, 0};
    for (const double smoothing : {0.0, 0.1}) {
        std::vector<float> gradient(6);
        const LossSums sums = cross_entropy(logits, labels, 3, smoothing, gradient);
        std::vector<double> wide(logits.begin(), logits.end());
        EXPECT_NEAR(sums.loss, reference(wide, labels, 3, smoothing), 1e-6);
        EXPECT_EQ(sums.correct, 1);
        for (std::size_t i = 0; i < wide.size(); ++i) {
            const double h = 1e-6;
            wide[i] += h;
            const double above = reference(wide, labels, 3, smoothing);
            wide[i] -= 2.0 * h;
            const double below = reference(wide, labels, 3, smoothing);
            wide[i] += h;
            EXPECT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-6);
        }
    }
}

TEST(CrossEntropy, LargeLogitsStayFinite) {
    const std::vector<float> logits{1e4F, -1e4F};
    const std::vector<std::int32_t> labels{1};
    EXPECT_NEAR(cross_entropy(logits, labels, 2, 0.0, {}).loss, 2e4, 1.0);
}

TEST(CrossEntropy, NotANumberShows) {
    const std::vector<float> logits{std::nanf(""), 0.0F};
    const std::vector<std::int32_t> labels{1};
    EXPECT_TRUE(std::isnan(cross_entropy(logits, labels, 2, 0.0, {}).loss));
}

TEST(LossOf, ExamplesOfTheHeader) {
    const auto one = [](LossKind kind, float z) {
        const std::vector<float> logits{z};
        const std::vector<std::int32_t> labels{1};
        std::vector<float> gradient(1);
        const LossSums sums = loss_of(kind, logits, labels, 1, 0.0, gradient);
        return std::pair{sums.loss, static_cast<double>(gradient[0])};
    };
    EXPECT_EQ(one(LossKind::kSquaredHinge, 0.5F), (std::pair{0.25, -1.0}));
    EXPECT_EQ(one(LossKind::kMse, 0.5F), (std::pair{0.25, -1.0}));
    EXPECT_NEAR(one(LossKind::kBce, 0.0F).first, std::log(2.0), 1e-12);
    EXPECT_EQ(one(LossKind::kBce, 0.0F).second, -0.5);
    EXPECT_EQ(one(LossKind::kBce, 500.0F), (std::pair{0.0, 0.0}));  // no overflow
}

// Each gradient is the derivative of its loss, several classes and a single output.
TEST(LossOf, GradientsAreDerivatives) {
    const std::vector<float> logits{0.5F, -1.0F, 3.0F, 2.0F, 2.5F, -0.3F};
    for (const LossKind kind :
         {LossKind::kCrossEntropy, LossKind::kSquaredHinge, LossKind::kMse, LossKind::kBce}) {
        for (const std::int64_t classes : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}}) {
            if (classes == 1 && kind == LossKind::kCrossEntropy) {
                continue;
            }
            std::vector<std::int32_t> labels;
            for (std::int64_t row = 0; row < 6 / classes; ++row) {
                labels.push_back(
                    static_cast<std::int32_t>(row % std::max<std::int64_t>(classes, 2)));
            }
            std::vector<float> gradient(6);
            loss_of(kind, logits, labels, classes, 0.1, gradient);
            for (std::size_t i = 0; i < 6; ++i) {
                std::vector<float> moved = logits;
                const auto at = [&](float z) {
                    moved[i] = z;
                    return loss_of(kind, moved, labels, classes, 0.1, {}).loss;
                };
                const float h = 1e-2F;
                EXPECT_NEAR(
                    gradient[i],
                    (at(logits[i] + h) - at(logits[i] - h)) / (2.0 * static_cast<double>(h)), 1e-3)
                    << static_cast<int>(kind) << " " << classes << " " << i;
            }
        }
    }
}

TEST(LossOf, CountsASingleOutputOnItsLabelsSide) {
    const std::vector<float> logits{0.4F, 0.6F, -1.0F};
    const std::vector<std::int32_t> labels{1, 1, 0};
    EXPECT_EQ(loss_of(LossKind::kBce, logits, labels, 1, 0.0, {}).correct, 3);
    EXPECT_EQ(loss_of(LossKind::kMse, logits, labels, 1, 0.0, {}).correct, 2);
}

}  // namespace
}  // namespace qloom::train
