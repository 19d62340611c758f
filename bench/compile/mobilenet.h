#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace qloom::bench {

// MobileNet-v1 as a QONNX graph: a convolution, 13 depthwise and pointwise pairs, global average
// pooling, 1000 classes; weights and activations of 4 bits, an 8-bit RGB input of `size` x `size`.
// Weights and BatchNorm statistics are random: it says how long things take, not what is seen.
ir::Graph mobilenet_v1(std::int64_t size, std::uint32_t seed);

}  // namespace qloom::bench
