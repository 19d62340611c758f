#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "lower/lower.h"

// A model in software, by either engine.
namespace qloom::cli {

struct Model {
    std::string file;   // as it was asked for
    std::string bytes;  // the file as it stands
    ir::Graph graph;    // tidied
};

// Reads and tidies a model file.
Model load_model(const std::string& file);

using InputTypes = std::vector<std::pair<std::string, lower::InputType>>;

// The options --input-type: "uint8" or "NAME=int4". Throws kTensorUnknown and kInputTypeBad.
InputTypes parse_input_types(const ir::Graph& model, const std::vector<std::string>& arguments);
// `declared`, and for every other input that has neither quantiser nor annotation the type that its samples show.
InputTypes complete_input_types(const ir::Graph& model, InputTypes declared, const std::vector<ir::Value>& samples);

// Runs frames through the whole model: inputs and outputs are the model's own.
using Engine = std::function<std::vector<ir::Value>(const std::vector<ir::Value>&)>;
enum class EngineKind { kReference, kInteger };
constexpr const char* kEngineNames[] = {"reference", "integer"};
Engine make_engine(const Model& model, EngineKind kind, const InputTypes& input_types);

// Frames a call of an engine works on at once: enough for the matrix products, little enough for the caches.
constexpr std::int64_t kChunkFrames = 256;

// Runs all frames chunk by chunk; `after_chunk` hears how many frames are done.
std::vector<ir::Value> run_in_chunks(const Engine& engine, const std::vector<ir::Value>& inputs,
                                     const std::function<void(std::int64_t)>& after_chunk);

}  // namespace qloom::cli
