#pragma once

#include <cstdint>
#include <vector>

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

// Whether the library has a unit that makes these windows a whole window a beat.
bool can_be_parallel(const LayerView& windows);
// Positions a beat in which they may come to a reader by channel groups: 1, and all.
std::vector<std::int64_t> positions_a_beat(const LayerView& windows);

}  // namespace qloom::hw
