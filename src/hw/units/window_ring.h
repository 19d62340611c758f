#pragma once

#include <cstdint>

#include "hw/unit.h"

// The line buffer of a SlidingWindow.
namespace qloom::hw {

// Both axes of the image; a row of pixels is an image of one row.
struct WindowGeometry {
    std::int64_t height = 1;
    std::int64_t width = 1;
    network::WindowAxis y;
    network::WindowAxis x;
    std::int64_t out_h = 1;
    std::int64_t out_w = 1;

    explicit WindowGeometry(const LayerView& windows);

    // Whether the first window reaches into the image along both axes.
    [[nodiscard]] bool starts_inside() const;
};

// How the windows leave: a position a clock, the channel groups inside or outside, or all positions
// of a group at once.
enum class WindowStyle { kSerial, kByGroups, kParallel };

// Words of the ring: as few as keep reading and writing from waiting for each other (tests/hw
// measures it). It holds
//   within a frame:  one window, and what the next row of windows frees at once: while this row
//                    leaves, so much of what the next one needs must come in (or less, where
//                    reading a row takes less than writing it)
//   across frames:   from the start of the last window to what the next frame's first one needs
std::int64_t ring_words(const WindowGeometry& geometry, std::int64_t groups, WindowStyle style);

}  // namespace qloom::hw
