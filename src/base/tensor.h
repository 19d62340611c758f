#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/diagnostic.h"

namespace qloom {

using Shape = std::vector<std::int64_t>;

// Number of elements of a shape; 1 for a scalar (empty shape). Dimensions must be known and non-negative.
inline std::int64_t element_count(const Shape& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// "[1, 784]"
inline std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// A dense row-major array: value type, owns its data. No views, no strides: what is small stays simple.
template <class T>
class Tensor {
public:
    Tensor() = default;
    explicit Tensor(Shape shape, T fill = T{})
        : shape_(std::move(shape)), data_(static_cast<std::size_t>(element_count(shape_)), fill) {}
    Tensor(Shape shape, std::vector<T> data) : shape_(std::move(shape)), data_(std::move(data)) {
        QLOOM_ASSERT(static_cast<std::int64_t>(data_.size()) == element_count(shape_), "data fills the shape");
    }

    [[nodiscard]] const Shape& shape() const { return shape_; }
    [[nodiscard]] std::int64_t rank() const { return static_cast<std::int64_t>(shape_.size()); }
    [[nodiscard]] std::int64_t dim(std::int64_t axis) const {
        return shape_[static_cast<std::size_t>(axis < 0 ? axis + rank() : axis)];
    }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(data_.size()); }
    [[nodiscard]] bool empty() const { return data_.empty(); }

    [[nodiscard]] T* data() { return data_.data(); }
    [[nodiscard]] const T* data() const { return data_.data(); }
    [[nodiscard]] std::vector<T>& values() { return data_; }
    [[nodiscard]] const std::vector<T>& values() const { return data_; }

    T& operator[](std::int64_t index) { return data_[static_cast<std::size_t>(index)]; }
    const T& operator[](std::int64_t index) const { return data_[static_cast<std::size_t>(index)]; }

    [[nodiscard]] auto begin() { return data_.begin(); }
    [[nodiscard]] auto end() { return data_.end(); }
    [[nodiscard]] auto begin() const { return data_.begin(); }
    [[nodiscard]] auto end() const { return data_.end(); }

    // The same data under another shape of equal size.
    [[nodiscard]] Tensor reshaped(Shape shape) const& { return Tensor(std::move(shape), data_); }
    [[nodiscard]] Tensor reshaped(Shape shape) && { return Tensor(std::move(shape), std::move(data_)); }

    friend bool operator==(const Tensor&, const Tensor&) = default;

private:
    Shape shape_{0};
    std::vector<T> data_;
};

}  // namespace qloom
