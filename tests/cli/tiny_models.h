#pragma once

#include <filesystem>
#include <string>

#include "base/tensor.h"
#include "ir/graph.h"

// Networks of a handful of neurons, with their meaning written as plain loops.
namespace qloom::cli {

// x (1, 6), bytes -> 4-bit weights -> relu -> UINT4 -> 4-bit weights -> y (1, 3).
ir::Graph dense_model();
// What it computes for frames (F, 6).
Tensor<float> dense_outputs(const Tensor<float>& x);
// Frames (F, 6) of bytes, all different.
Tensor<float> dense_frames(std::int64_t frames);

// left (1, 4) and right (1, 4), integers -> left + right -> 4-bit weights -> sum (1, 2).
ir::Graph two_input_model();

// x (1, 6) -> INT8 with scale 1/128 -> 4-bit weights -> y (1, 3): a model for images in 0..1.
ir::Graph unit_input_model();

// A Softmax between two layers with weights, where no host can run it.
ir::Graph unsupported_model();

void write_model_file(const ir::Graph& graph, const std::filesystem::path& file);

}  // namespace qloom::cli
