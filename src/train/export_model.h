#pragma once

#include "ir/graph.h"
#include "train/trained.h"

namespace qloom::train {

// The trained network as QONNX means it, frame axis 1:
//   input (1, shape...) [-> Mul, Add: the input's scale and offset] [-> input_quant: Quant]
//   linear       weights (inputs, outputs) -> Quant -> MatMul [-> Add bias]
//   convolution  weights (outputs, channels / groups, kernel) -> Quant -> Conv (or ConvTranspose)
//   with its bias batch_norm   BatchNormalization activation   Relu / Clip / Sigmoid / Tanh ->
//   Quant pool         MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool; truncated:
//   AveragePool -> Mul area -> Trunc join         [Quant of each, one scale] -> Add or Concat
//   upsample     Resize (nearest)           flatten     Flatten
//   -> logits (1, outputs)
// One bit and signed is a BipolarQuant. Nodes bear the layers' names ("fc1"; helpers
// "fc1.weight_quant", "fc1.bias_quant", "fc1.bias_add", "act1.quant"). Weight constants are level *
// scale, so that no reader can round them to another level. The input of a byte dataset is
// annotated UINT8, and the metadata say "qloom.input" = "uint8".
ir::Graph export_graph(const TrainedNetwork& network);

}  // namespace qloom::train
