#pragma once

#include <cstdint>

#include "hw/unit.h"

// Windows between a SlidingWindow and what reduces them channel by channel (VectorVector,
// WindowReduce). The network says that windows come position by position, channels innermost. Where
// such a layer is the only one that reads the windows, the hardware sends all positions of one
// group of channels after those of another instead, so that a beat may have fewer channels than a
// pixel: the two layers are then folded together.
namespace qloom::hw {

// The layer that reads these windows by channel groups; nullptr: they come as the network says.
const network::Layer* group_reader(const LayerView& windows);
// The SlidingWindow whose windows come by channel groups to this reader, or nullptr.
const network::Layer* group_source(const LayerView& reader);

}  // namespace qloom::hw
