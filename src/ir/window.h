#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "ir/ops.h"

namespace qloom::ir {

// A window along one spatial axis with everything decided: output o reads inputs
// o * stride - pad_begin + k * dilation for k in [0, kernel).
struct WindowAxis {
    std::int64_t input = 1;
    std::int64_t output = 1;
    std::int64_t kernel = 1;
    std::int64_t stride = 1;
    std::int64_t dilation = 1;
    std::int64_t pad_begin = 0;
    std::int64_t pad_end = 0;

    // Extent of the dilated kernel.
    [[nodiscard]] std::int64_t reach() const { return (kernel - 1) * dilation + 1; }
    friend bool operator==(const WindowAxis&, const WindowAxis&) = default;
};

// Decides attributes left open (kernel from `kernel_shape`, strides and dilations 1, pads 0, auto_pad, ceil_mode) for
// the spatial sizes of an input. `where` names the node in diagnostics.
std::vector<WindowAxis> resolve_window(const std::string& where, const Window& window, const Shape& spatial,
                                       const Shape& kernel_shape);

// The same for a transposed convolution: output = stride * (input - 1) + output_padding + reach - pads.
// `pad_begin` and `pad_end` crop the output.
std::vector<WindowAxis> resolve_transposed_window(const std::string& where, const ConvTranspose& op,
                                                  const Shape& spatial, const Shape& kernel_shape);

}  // namespace qloom::ir
