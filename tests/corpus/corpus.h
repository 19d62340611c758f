#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ir/graph.h"

// The corpus of golden vectors: one folder a network with model.onnx, input*.npy, output*.npy and meta.json.
namespace qloom::testing {

struct CorpusEntry {
    std::string name;
    std::filesystem::path folder;
    bool has_convolution = false;
    bool has_quantiser = false;
    int near_ties = 0;
    std::vector<std::string> operators;
};

// Sorted by name; empty where the corpus is absent.
std::vector<CorpusEntry> corpus_entries();

std::vector<ir::Value> golden_inputs(const CorpusEntry& entry);
std::vector<ir::Value> golden_outputs(const CorpusEntry& entry);

// The corpus' own rule: |ours - golden| <= 1e-4 * max(1, |golden|); counts the frames with a value beyond it.
struct Match {
    std::int64_t frames = 0;
    std::int64_t differing_frames = 0;
    double largest = 0.0;  // of |ours - golden| / max(1, |golden|)
    std::string note;      // a shape that does not fit
};
Match compare(const std::vector<ir::Value>& ours, const std::vector<ir::Value>& golden);

}  // namespace qloom::testing
