#pragma once

#include "network/network.h"

// Layers that move pixels or work on windows, in the integer executor. Values are frames x (H, W, C); a stream (L, C) is
// taken as one row. Files of this kind are included by execute.cpp only.
namespace qloom::network {

// The spatial geometry of one frame, padded with a row axis where a stream has only one spatial axis.
struct Geometry {
    std::int64_t height = 1;
    std::int64_t width = 1;
    std::int64_t channels = 1;
};
inline Geometry geometry_of(const Shape& stream) {
    const std::size_t rank = stream.size();
    return {.height = rank > 2 ? stream[rank - 3] : 1, .width = rank > 1 ? stream[rank - 2] : 1, .channels = stream.back()};
}

// x -> windows, a copy of `channels` neighbours at a time; outside the image a copy of `pad`.
template <class T>
void gather_windows(const SlidingWindow& unit, const Geometry& in, const Geometry& out, const T* pad, const T* x, T* y) {
    const WindowAxis rows = unit.axes.size() > 1 ? unit.axes[0] : WindowAxis{};
    const WindowAxis columns = unit.axes.back();
    for (std::int64_t oy = 0; oy < out.height; ++oy) {
        for (std::int64_t ox = 0; ox < out.width; ++ox) {
            for (std::int64_t ky = 0; ky < rows.kernel; ++ky) {
                const std::int64_t iy = oy * rows.stride - rows.pad_begin + ky * rows.dilation;
                for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
                    const std::int64_t ix = ox * columns.stride - columns.pad_begin + kx * columns.dilation;
                    if (iy >= 0 && iy < in.height && ix >= 0 && ix < in.width) {
                        std::copy_n(x + (iy * in.width + ix) * in.channels, in.channels, y);
                    } else {
                        std::copy_n(pad, in.channels, y);
                    }
                    y += in.channels;
                }
            }
        }
    }
}

template <class T>
void depthwise_product(const VectorVector& unit, std::int64_t windows, const T* x, T* y) {
    const std::int64_t m = unit.weights.dim(0);
    const std::int64_t k = unit.weights.dim(1);
    const std::int64_t channels = m / unit.multiplier;
    std::vector<T> by_position(static_cast<std::size_t>(m * k));  // (K, M), so that the inner loop runs over channels
    for (std::int64_t row = 0; row < m; ++row) {
        for (std::int64_t position = 0; position < k; ++position) {
            by_position[static_cast<std::size_t>(position * m + row)] = static_cast<T>(unit.weights[row * k + position]);
        }
    }
    for (std::int64_t window = 0; window < windows; ++window, x += k * channels, y += m) {
        std::fill_n(y, m, T(0));
        for (std::int64_t position = 0; position < k; ++position) {
            const T* weights = by_position.data() + position * m;
            const T* values = x + position * channels;
            for (std::int64_t row = 0; row < m; ++row) {
                y[row] += weights[row] * values[row / unit.multiplier];
            }
        }
    }
}

// y[c] from `positions` vectors of `channels`.
template <class T>
void reduce_positions(Reduction reduction, std::int64_t positions, std::int64_t channels, const T* x, T* y) {
    std::copy_n(x, channels, y);
    T* __restrict result = y;  // nothing overlaps: loops of vectors
    for (std::int64_t position = 1; position < positions; ++position) {
        const T* __restrict values = x + position * channels;
        if (reduction == Reduction::kMax) {
            for (std::int64_t c = 0; c < channels; ++c) result[c] = values[c] > result[c] ? values[c] : result[c];
        } else {
            for (std::int64_t c = 0; c < channels; ++c) result[c] += values[c];
        }
    }
}

template <class T>
void repeat_pixels(const std::vector<std::int64_t>& factors, const Geometry& in, const Geometry& out, const T* x, T* y) {
    const std::int64_t fy = factors.size() > 1 ? factors[0] : 1;
    const std::int64_t fx = factors.back();
    for (std::int64_t oy = 0; oy < out.height; ++oy) {
        for (std::int64_t ox = 0; ox < out.width; ++ox) {
            std::copy_n(x + (oy / fy * in.width + ox / fx) * in.channels, in.channels, y);
            y += in.channels;
        }
    }
}

template <class T>
void insert_pixels(const InsertPixels& unit, const Geometry& in, const Geometry& out, const T* x, T* y) {
    const std::int64_t fy = unit.factors.size() > 1 ? unit.factors[0] : 1;
    const std::int64_t fx = unit.factors.back();
    for (std::int64_t oy = 0; oy < out.height; ++oy) {
        for (std::int64_t ox = 0; ox < out.width; ++ox, y += in.channels) {
            if (oy % fy == 0 && ox % fx == 0) {
                std::copy_n(x + (oy / fy * in.width + ox / fx) * in.channels, in.channels, y);
            } else {
                std::fill_n(y, in.channels, static_cast<T>(unit.value));
            }
        }
    }
}

template <class T>
void depth_to_space(const DepthToSpace& unit, const Geometry& in, const Geometry& out, const T* x, T* y) {
    for (std::int64_t oy = 0; oy < out.height; ++oy) {
        for (std::int64_t ox = 0; ox < out.width; ++ox, y += out.channels) {
            const std::int64_t block = oy % unit.block * unit.block + ox % unit.block;
            const T* pixel = x + (oy / unit.block * in.width + ox / unit.block) * in.channels;
            std::copy_n(pixel + block * out.channels, out.channels, y);
        }
    }
}

}  // namespace qloom::network
