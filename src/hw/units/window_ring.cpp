#include "hw/units/window_ring.h"

#include <algorithm>

namespace qloom::hw {
namespace {

using network::WindowAxis;

// Pixels from the first one of the first window to the last one that it needs, both counted.
std::int64_t reach(const WindowAxis& axis) { return (axis.kernel - 1) * axis.dilation + 1; }

// Windows along an axis that start before the end of the image.
std::int64_t live_windows(const WindowAxis& axis, std::int64_t size, std::int64_t outputs) {
    return std::min((size + axis.pad_begin - 1) / axis.stride + 1, outputs);
}

// Rows of windows that lie above the image as a whole.
std::int64_t rows_above(const WindowGeometry& g) {
    const std::int64_t beyond = g.y.pad_begin - reach(g.y);
    return beyond < 0 ? 0 : beyond / g.y.stride + 1;
}

// Words that the first row of windows needs beyond those that can come in while it is read.
std::int64_t first_row_need(const WindowGeometry& g, std::int64_t groups, WindowStyle style) {
    const std::int64_t oy = rows_above(g);
    const std::int64_t positions = g.x.kernel * g.y.kernel;
    const std::int64_t window_steps = style == WindowStyle::kParallel ? groups : positions * groups;
    std::int64_t need = 1;
    for (std::int64_t ox = 0; ox < g.out_w; ++ox) {
        const std::int64_t y0 = oy * g.y.stride - g.y.pad_begin;
        const std::int64_t x0 = ox * g.x.stride - g.x.pad_begin;
        std::int64_t step = (oy * g.out_w + ox) * window_steps;
        if (style == WindowStyle::kParallel) {
            const std::int64_t y = std::min(y0 + reach(g.y), g.height) - 1;
            const std::int64_t x = std::min(x0 + reach(g.x), g.width) - 1;
            need = std::max(need, (y * g.width + x) * groups - step + 1);
            continue;
        }
        for (std::int64_t k = 0; k < positions; ++k) {
            const std::int64_t y = y0 + k / g.x.kernel * g.y.dilation;
            const std::int64_t x = x0 + k % g.x.kernel * g.x.dilation;
            if (y >= 0 && y < g.height && x >= 0 && x < g.width)
                need = std::max(need, (y * g.width + x) * groups - step + 1);
            step += style == WindowStyle::kByGroups ? 1 : groups;
        }
    }
    return need;
}

}  // namespace

WindowGeometry::WindowGeometry(const LayerView& windows) {
    const Shape& shape = windows.input().shape;
    const auto& axes = std::get<network::SlidingWindow>(windows.layer.kind).axes;
    if (axes.size() == 2) {
        height = shape[0];
        y = axes[0];
    }
    width = shape[axes.size() - 1];
    x = axes.back();
    out_h = y.outputs(height);
    out_w = x.outputs(width);
}

bool WindowGeometry::starts_inside() const {
    return y.pad_begin < reach(y) && x.pad_begin < reach(x);
}

std::int64_t ring_words(const WindowGeometry& g, std::int64_t groups, WindowStyle style) {
    const std::int64_t live_w = live_windows(g.x, g.width, g.out_w);
    const std::int64_t live_h = live_windows(g.y, g.height, g.out_h);
    // Reading a window takes so many steps a group.
    const std::int64_t positions = style == WindowStyle::kParallel ? 1 : g.x.kernel * g.y.kernel;
    // In pixels.
    const std::int64_t window = (reach(g.y) - 1) * g.width + reach(g.x);
    const std::int64_t row_jump = g.y.stride * g.width - (live_w - 1) * g.x.stride;
    const std::int64_t last_start = ((live_h - 1) * g.y.stride - g.y.pad_begin) * g.width +
                                    (live_w - 1) * g.x.stride - g.x.pad_begin;
    if (g.out_h * g.out_w * positions < g.height * g.width) {
        // Writing never waits: not for reading a row or the last rows, and not for windows in the
        // padding.
        const std::int64_t row_lag =
            g.out_w * std::max<std::int64_t>(positions - g.x.stride, 0) + g.x.stride;
        const std::int64_t last_rows = g.height - (g.out_h - 1) * g.y.stride;
        const std::int64_t frame_lag =
            g.out_h * std::max<std::int64_t>(g.out_w * positions - g.y.stride * g.width, 0) +
            std::clamp<std::int64_t>(g.out_w * positions - last_rows * g.width, 0,
                                     g.out_w * positions);
        const std::int64_t idle_rows =
            rows_above(g) + g.out_h - live_h + (live_w < g.out_w ? 1 : 0);
        const std::int64_t padding =
            g.y.pad_begin * g.width + g.x.pad_begin + idle_rows * g.out_w * positions;
        std::int64_t words =
            (window + std::max(g.x.stride, std::min(row_jump, row_lag)) + frame_lag + padding) *
            groups;
        // Parallel windows below the image wait for its last pixel.
        if (style == WindowStyle::kParallel && idle_rows > 0)
            words += (g.height * g.width - last_start) * groups;
        return words + 1;
    }
    // Reading never waits. Where padding alone makes it the slower side, pixels and rows there
    // make up for the others.
    const std::int64_t catch_up =
        std::max<std::int64_t>(g.y.stride * g.width - g.out_w * positions, 0) * live_h +
        std::max<std::int64_t>(g.x.stride - positions, 0) * live_w;
    const std::int64_t within =
        window + std::max(g.x.stride, row_jump) + (catch_up > 0 ? catch_up + 1 : 0);
    const std::int64_t across =
        (g.height * g.width - last_start) * groups + first_row_need(g, groups, style);
    return std::max(within * groups, across) + 1;
}

}  // namespace qloom::hw
