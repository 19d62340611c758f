#include "view/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>

namespace qloom::view {
namespace {

constexpr int kRealBins = 41;  // odd: weights around zero get a bin in the middle

template <class T>
nlohmann::ordered_json statistics_of(const Tensor<T>& values) {
    double lo = std::numeric_limits<double>::infinity();
    double hi = -lo;
    double sum = 0.0;
    std::int64_t zeros = 0;
    std::int64_t finite = 0;
    bool all_integers = true;
    for (const T& value : values) {
        const auto real = static_cast<double>(value);
        if (!std::isfinite(real)) continue;
        ++finite;
        lo = std::min(lo, real);
        hi = std::max(hi, real);
        sum += real;
        zeros += real == 0.0 ? 1 : 0;
        all_integers = all_integers && real == std::floor(real);
    }
    if (finite == 0) return nullptr;

    double first = lo;
    double width = 1.0;
    int bins = 1;
    if (all_integers && hi - lo < kMostBins) {
        bins = static_cast<int>(hi - lo) + 1;
    } else if (hi > lo) {
        bins = kRealBins;
        width = (hi - lo) / bins;
    }
    std::vector<std::int64_t> counts(static_cast<std::size_t>(bins));
    for (const T& value : values) {
        const auto real = static_cast<double>(value);
        if (!std::isfinite(real)) continue;
        const auto bin = static_cast<std::int64_t>((real - first) / width);
        ++counts[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, bins - 1))];
    }
    nlohmann::ordered_json json{{"count", values.size()},
                                {"min", lo},
                                {"max", hi},
                                {"mean", sum / static_cast<double>(finite)},
                                {"zeros", zeros},
                                {"lo", first},
                                {"width", width},
                                {"counts", std::move(counts)}};
    if (finite < values.size()) json["not_finite"] = values.size() - finite;
    return json;
}

}  // namespace

nlohmann::ordered_json statistics(const Tensor<float>& values) { return statistics_of(values); }
nlohmann::ordered_json statistics(const Tensor<std::int32_t>& values) {
    return statistics_of(values);
}
nlohmann::ordered_json statistics(const Tensor<std::int64_t>& values) {
    return statistics_of(values);
}

}  // namespace qloom::view
