#pragma once

#include "ir/graph.h"
#include "train/recipe.h"
#include "train/state.h"

namespace qloom::train {

// A model as a network that can be trained: the layers of a recipe, and the state they start from.
struct ImportedModel {
    std::string name;
    InputSpec input;
    std::vector<LayerSpec> layers;
    State state;
};

// Reads a tidy graph (ir/tidy.h) as the exporter would have written it, whoever wrote it:
//   MatMul, Conv, ConvTranspose of a constant, or of its Quant or BipolarQuant, with the Add of a
//   constant behind it BatchNormalization; Relu, Clip to -1..1, Sigmoid, Tanh, Quant, BipolarQuant,
//   and a quantiser behind an activation MaxPool, AveragePool, global pools; AveragePool -> Mul ->
//   Trunc; Add and Concat of what flows; Resize (nearest); Flatten and Reshape to one axis;
//   Softmax, ArgMax and TopK at the end are left out
// Mul and Add of constants at the input become its scale and offset. Scales become learned ones,
// started at the model's. Evaluated, the network gives what the reference executor gives for the
// graph. Throws kImportUnsupported naming the first node that is nothing of this.
ImportedModel import_graph(const ir::Graph& graph);

}  // namespace qloom::train
