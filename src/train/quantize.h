#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "ir/graph.h"

// Post-training quantisation: a float model and some samples of its data give a quantised model,
// without training.
namespace qloom::train {

struct QuantizeOptions {
    int weight_bits = 4;
    int activation_bits = 4;
    double input_scale =
        1.0;  // samples times this are what the model takes; it becomes part of the result
    std::int64_t samples = 512;    // of the calibration data that are looked at
    bool equalise = true;          // cross-layer equalisation (arXiv 1906.04721)
    bool correct_rounding = true;  // GPTQ (arXiv 2210.17323): each rounding error is made up for by
                                   // the weights after it
    bool correct_bias = true;      // bias correction (arXiv 1906.04721)
};

// How well a layer's values survive: 10 log10(sum float^2 / sum (float - quantised)^2) over the
// calibration samples.
struct LayerNoise {
    std::string layer;
    double decibels = 0.0;
};

struct QuantizeResult {
    ir::Graph graph;                 // QONNX
    std::vector<LayerNoise> layers;  // in order
    std::string
        weakest;  // the layer with weights of lowest signal to noise: more bits pay there first
};

// BatchNorm is folded into the layer before, every activation gets a quantiser per tensor, every
// layer with weights one a channel; sums that reach an addition, a concatenation or the next layer
// without an activation get a signed one. Scales are those of least squared error. Throws
// kImportUnsupported, kRecipeData when the data do not fit.
QuantizeResult quantize(const ir::Graph& graph, const data::Dataset& calibration,
                        const QuantizeOptions& options = {});

}  // namespace qloom::train
