#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

// Arrays as the verbs take and give them: axis 0 counts frames, the other axes are the model's without its own frame
// axis of size 1.
namespace qloom::cli {

// "NAME=FILE" or "FILE" (name empty).
struct NamedFile {
    std::string name;
    std::string file;
    friend bool operator==(const NamedFile&, const NamedFile&) = default;
};
NamedFile parse_named_file(const std::string& argument);

// The arrays of `files` (.npy), one a model input, in the model's order. Files without a name go to the inputs in
// their order. Throws kTensorUnknown, kInputMissing, kFrameShape, kFrameCounts and what reading a file throws.
std::vector<ir::Value> read_inputs(const ir::Graph& model, const std::vector<std::string>& files);

// `array` as frames of a tensor of shape (1, d...): (F, d...) in the tensor's element type. What counts is the number of
// elements, so that (F, 784) and (F, 28, 28) both fit (1, 1, 28, 28). Throws kFrameShape; `where` names the array.
ir::Value fit_frames(ir::Value array, const ir::TensorInfo& tensor, const std::string& where);

// The output files in the model's order: (file, index of the output). Throws kTensorUnknown.
std::vector<std::pair<std::string, std::size_t>> assign_outputs(const ir::Graph& model,
                                                                const std::vector<std::string>& files);

std::int64_t frame_count(const ir::Value& value);
// Frames [first, first + count).
ir::Value slice_frames(const ir::Value& value, std::int64_t first, std::int64_t count);
// The frames of all chunks, one after the other; the chunks are equally shaped but for axis 0.
ir::Value join_frames(const std::vector<ir::Value>& chunks);

// Index of the first largest value of each frame; a value that is itself a label (integers, or one value a frame:
// rounded for integers, its sign for a single real number) is taken as it is.
std::vector<std::int64_t> labels_of(const ir::Value& output);

}  // namespace qloom::cli
