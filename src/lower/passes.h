#pragma once

#include "base/codes/lower.h"
#include "ir/graph.h"
#include "network/network.h"

namespace qloom::lower {

// Appends an argmax over the last axis of the model's only output, whose index becomes the output.
// Throws code::kArgmaxOutput when the model has several outputs, or one that is no vector of scores.
ir::Graph with_argmax(ir::Graph model);

// Lets an ArgMax or TopK read the input of the Softmax before it: the order is the same.
//   before:  x --> Softmax --> ArgMax --> i        after:  x --> ArgMax --> i
// Requires: the same axis.   Ensures: the same index (the first of equal largest values: Softmax keeps ties).
ir::Graph without_softmax_before_argmax(ir::Graph model);

// Removes layers nobody reads, and turns falling thresholds into rising ones by negating the matrix rows before them.
//   before:  x --> W --> Threshold(T, falling) --> y      y = bias + #{W x < T}
//   after:   x --> -W --> Threshold(1 - T) --> y          y = bias + #{-W x >= 1 - T}
// Requires: the matrix has no other reader and its weight type holds the negated row (XNOR rows are complemented).
network::Network tidied_network(network::Network network);

}  // namespace qloom::lower
