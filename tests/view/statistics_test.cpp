#include "view/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <nlohmann/json.hpp>

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

TEST(Statistics, SmallIntegersGetABinEach) {
    const Json json = statistics(Tensor<std::int32_t>({7}, {-2, -1, 0, 0, 0, 2, 2}));
    EXPECT_EQ(json["count"], 7);
    EXPECT_EQ(json["min"], -2.0);
    EXPECT_EQ(json["max"], 2.0);
    EXPECT_DOUBLE_EQ(json["mean"], 1.0 / 7.0);
    EXPECT_EQ(json["zeros"], 3);
    EXPECT_EQ(json["lo"], -2.0);
    EXPECT_EQ(json["width"], 1.0);
    EXPECT_EQ(json["counts"], Json({1, 1, 3, 0, 2}));
}

TEST(Statistics, BinsHoldWhatTheirBoundsSay) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0.1F, 2.0F);
    Tensor<float> values({1000});
    for (float& value : values) value = normal(random);
    const Json json = statistics(values);
    const double lo = json["lo"];
    const double width = json["width"];
    const auto counts = json["counts"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 1000);
    EXPECT_NEAR(lo + width * static_cast<double>(counts.size()), json["max"].get<double>(), 1e-9);
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
        const double from = lo + width * static_cast<double>(bin);
        std::int64_t inside = 0;
        for (const float value : values) {
            const bool last = bin + 1 == counts.size();
            inside += value >= from && (last || value < from + width) ? 1 : 0;
        }
        EXPECT_NEAR(static_cast<double>(inside), static_cast<double>(counts[bin]), 1.0)
            << bin;  // a value on an edge
    }
}

TEST(Statistics, ManyIntegersShareBins) {
    Tensor<std::int64_t> values({200});
    std::iota(values.begin(), values.end(), std::int64_t{0});
    const Json json = statistics(values);
    EXPECT_LE(json["counts"].size(), static_cast<std::size_t>(kMostBins));
    EXPECT_GT(json["width"], 1.0);
}

TEST(Statistics, OddValues) {
    EXPECT_TRUE(statistics(Tensor<float>({0})).is_null());
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(statistics(Tensor<float>({2}, {nan, INFINITY})).is_null());
    const Json json = statistics(Tensor<float>({3}, {1.0F, nan, 1.0F}));
    EXPECT_EQ(json["not_finite"], 1);
    EXPECT_EQ(json["counts"], Json({2}));
    const Json constant = statistics(Tensor<float>({2}, {0.25F, 0.25F}));
    EXPECT_EQ(constant["counts"], Json({2}));
}

}  // namespace
}  // namespace qloom::view
