#pragma once

#include <cstdint>
#include <vector>

#include "network/execute_windows.h"

namespace qloom::network {

// A MatrixVector of kind kXnorPopcount on packed bits: 64 products a word, an exclusive or and a count of
// bits. Where its input is made by a SlidingWindow, that one is taken along: the words of a pixel are gathered
// instead of its floats.
class XnorProduct {
public:
    // `window` may be null; `source` is the shape of one frame before it.
    XnorProduct(const MatrixVector& unit, const SlidingWindow* window, const Shape& source);

    // x holds frames of `source`, bits as 0 and 1; y[window][m] = #{k : x[window][k] == w[m][k]}.
    void run(const float* x, std::int64_t frames, float* y) const;

private:
    SlidingWindow window_;
    Geometry in_;
    Geometry out_;
    std::int64_t pixel_words_;           // words of one pixel
    std::int64_t rows_;                  // outputs
    std::int64_t width_;                 // products an output
    std::vector<std::uint64_t> weights_;  // (window words, rows): the inner loop runs over rows
};

}  // namespace qloom::network
