#pragma once

#include <vector>

#include "lower/scaled_int.h"

// Channels-last stream shapes and the layouts on them, for the operators on images.
namespace qloom::lower {

// The spatial sizes of a channels-last stream.
inline Shape spatial_of(const Shape& stream) { return Shape(stream.begin(), stream.end() - 1); }

// The layout of a value whose stream has another shape; the order of axes stays.
inline Layout reshaped(Layout layout, const Shape& stream) {
    for (std::size_t axis = 0; axis < layout.logical.size(); ++axis) {
        layout.logical[axis] = stream[static_cast<std::size_t>(layout.axes[axis])];
    }
    return layout;
}

// The same from spatial sizes and a number of channels.
inline Layout resized(Layout layout, Shape spatial, std::int64_t channels) {
    spatial.push_back(channels);
    return reshaped(std::move(layout), spatial);
}

// What holds for one pixel, for `times` pixels one after the other.
template <class T>
std::vector<T> tiled(const std::vector<T>& one, std::int64_t times) {
    std::vector<T> result;
    for (std::int64_t i = 0; i < times; ++i) {
        result.insert(result.end(), one.begin(), one.end());
    }
    return result;
}

}  // namespace qloom::lower
