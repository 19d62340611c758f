#pragma once

#include <vector>

#include "ir/window.h"
#include "network/network.h"

// Windows as streams know them, for convolution and pooling.
namespace qloom::lower {

// With ceil_mode the last window may reach beyond the padding of the model: that is padding, too.
std::vector<network::WindowAxis> network_axes(const std::vector<ir::WindowAxis>& axes);

bool has_padding(const std::vector<network::WindowAxis>& axes);

// Pixels a window: KH * KW.
std::int64_t positions_of(const std::vector<network::WindowAxis>& axes);

// The spatial sizes of what the windows give.
Shape window_outputs(const std::vector<network::WindowAxis>& axes, const Shape& spatial);

}  // namespace qloom::lower
