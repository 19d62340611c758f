#pragma once

#include "train/import_model.h"

// Changes of a float network, as layers and state, that leave what it computes as it is. No
// LibTorch here.
namespace qloom::train {

// Multiplies every BatchNorm behind a linear layer or convolution (not transposed) into it and
// takes it out; gives every layer with weights a bias.
//   before:  y = gamma (W x + b - mean) / sigma + beta       after:  W' = W gamma / sigma,  b' =
//   beta + (b - mean) gamma / sigma
void fold_norms(ImportedModel& model);

// Cross-layer equalisation (arXiv 1906.04721): where a ReLU lies between two layers with weights
// (pools and flattening too), channel c between them is divided by s_c before it and multiplied
// behind it, so that both ranges become equal:
//   s_c = r1_c / sqrt(r1_c r2_c),   r = max |weights of channel c|
void equalise(ImportedModel& model);

// Puts quantisers everywhere, as quantize.h says; their scales are not known yet.
void place_quantisers(ImportedModel& model, int weight_bits, int activation_bits);

// The array of a state, by name.
Tensor<float>& array_of(State& state, const std::string& name);

}  // namespace qloom::train
