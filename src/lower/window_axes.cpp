#include "lower/window_axes.h"

#include <algorithm>

namespace qloom::lower {

using network::WindowAxis;

std::vector<WindowAxis> network_axes(const std::vector<ir::WindowAxis>& axes) {
    std::vector<WindowAxis> result;
    for (const ir::WindowAxis& axis : axes) {
        const std::int64_t last =
            (axis.output - 1) * axis.stride + axis.reach() - axis.pad_begin - axis.input;
        result.push_back({.kernel = axis.kernel,
                          .stride = axis.stride,
                          .dilation = axis.dilation,
                          .pad_begin = axis.pad_begin,
                          .pad_end = std::max(last, std::int64_t{0})});
    }
    return result;
}

bool has_padding(const std::vector<WindowAxis>& axes) {
    return std::ranges::any_of(
        axes, [](const WindowAxis& axis) { return axis.pad_begin > 0 || axis.pad_end > 0; });
}

std::int64_t positions_of(const std::vector<WindowAxis>& axes) {
    return network::SlidingWindow{.axes = axes}.positions();
}

Shape window_outputs(const std::vector<WindowAxis>& axes, const Shape& spatial) {
    Shape result;
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        result.push_back(axes[axis].outputs(spatial[axis]));
    }
    return result;
}

}  // namespace qloom::lower
