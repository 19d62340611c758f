#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "ptq/layer.h"

namespace qloom::ptq {

// Two layers with nothing between them but operators f with f(s x) = s f(x) for s > 0, each read by
// the next alone:
//   first - Relu - MaxPool - Flatten - second
struct LayerPair {
    std::size_t first = 0;  // index into the layers
    std::size_t second = 0;
    std::vector<std::int64_t> channel;  // by input of `second` (groups, columns): the output
                                        // channel of `first` it comes from
};
std::vector<LayerPair> equalisable_pairs(const ir::Graph& graph, const std::vector<Layer>& layers);

// Cross-layer equalisation (arXiv 1906.04721): output channel i of the first layer is divided by
// s_i, and the weights of the second that read it are multiplied by s_i, with
//   s_i = sqrt(r1_i / r2_i),  r1_i, r2_i the largest |weight| of the channel in the first and in
//   the second layer,
// after which both reach equally far. Repeated over all pairs until nothing moves.
// Ensures: the same function, but for rounding.
void equalise_weights(ir::Graph& graph, const std::vector<Layer>& layers,
                      const std::vector<LayerPair>& pairs);

// The same with r1_i the largest |value| of the channel in front of the second layer: one scale
// then serves all channels of the activation between them. `frames`: what the model is run on.
void equalise_activations(ir::Graph& graph, const std::vector<Layer>& layers,
                          const std::vector<LayerPair>& pairs,
                          const std::vector<ir::Value>& frames);

}  // namespace qloom::ptq
