#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/tensor.h"

// How the values of a tensor are spread: what the page draws as a histogram.
namespace qloom::view {

// {"count", "min", "max", "mean", "zeros", "lo", "width", "counts"}: bin k holds the values in
// [lo + k * width, lo + (k + 1) * width), the last one its upper end as well. Integers that span at
// most kMostBins values get one bin a value (width 1), so that nothing is smoothed. `zeros` counts
// exact zeros. An empty tensor gives null; values that are not finite are counted under
// "not_finite" and nowhere else.
constexpr int kMostBins = 64;
nlohmann::ordered_json statistics(const Tensor<float>& values);
nlohmann::ordered_json statistics(const Tensor<std::int32_t>& values);
nlohmann::ordered_json statistics(const Tensor<std::int64_t>& values);

}  // namespace qloom::view
