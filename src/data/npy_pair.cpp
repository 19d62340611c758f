#include "data/npy_pair.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "base/npy.h"

namespace qloom::data {
namespace {

constexpr std::int64_t kMostClasses = 1 << 20;

[[noreturn]] void mismatch(const std::string& file, const std::string& what) {
    throw Error(code::kDatasetMismatch, file, what,
                "give samples (N, ...) and N integer labels from 0");
}

std::variant<Tensor<std::uint8_t>, Tensor<float>> compact(NpyArray&& array) {
    if (auto* floats = std::get_if<Tensor<float>>(&array)) {
        return std::move(*floats);
    }
    const auto& integers = std::get<Tensor<std::int64_t>>(array);
    const bool bytes = std::all_of(integers.begin(), integers.end(),
                                   [](std::int64_t value) { return value >= 0 && value <= 255; });
    if (bytes) {
        return Tensor<std::uint8_t>(integers.shape(),
                                    std::vector<std::uint8_t>(integers.begin(), integers.end()));
    }
    return Tensor<float>(integers.shape(), std::vector<float>(integers.begin(), integers.end()));
}

std::int64_t label_of(std::int64_t value) { return value; }
// Labels saved as floats are accepted when they are whole.
std::int64_t label_of(float value) {
    return std::floor(value) == value && std::fabs(value) < 1e9F ? static_cast<std::int64_t>(value)
                                                                 : -1;
}

}  // namespace

Dataset load_npy_pair(const std::string& name, const std::string& samples_file,
                      const std::string& labels_file) {
    return pair_arrays(name, read_npy(samples_file), read_npy(labels_file), samples_file,
                       labels_file);
}

Dataset pair_arrays(const std::string& name, NpyArray samples, const NpyArray& labels,
                    const std::string& samples_file, const std::string& labels_file) {
    Dataset result;
    result.name = name;
    result.samples = compact(std::move(samples));
    const Shape& shape = result.shape();
    if (shape.size() < 2) {
        mismatch(samples_file,
                 fmt::format("the samples have shape {}, expected (N, ...)", shape_text(shape)));
    }
    std::visit(
        [&](const auto& tensor) {
            if (tensor.size() != shape[0] || tensor.size() == 0 || result.sample_size() == 0) {
                mismatch(labels_file, fmt::format("samples of shape {}, but {} labels",
                                                  shape_text(shape), tensor.size()));
            }
            for (const auto value : tensor) {
                const std::int64_t label = label_of(value);
                if (label < 0 || label >= kMostClasses) {
                    mismatch(labels_file, fmt::format("{} is not a label", value));
                }
                result.labels.push_back(static_cast<std::int32_t>(label));
            }
        },
        labels);
    result.classes = *std::max_element(result.labels.begin(), result.labels.end()) + 1;
    return result;
}

}  // namespace qloom::data
