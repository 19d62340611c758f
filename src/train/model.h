#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "train/loss.h"
#include "train/recipe.h"
#include "train/state.h"
#include "train/trained.h"

namespace qloom::train {

// A recipe's network on LibTorch, behind an interface of plain memory. All parameters lie in one
// array, all gradients in another, so that optimiser and checkpoint are single passes over memory.
class Model {
public:
    // Initial weights depend on the seed alone.
    Model(const Recipe& recipe, std::uint64_t seed);
    ~Model();
    Model(Model&&) noexcept;
    Model& operator=(Model&&) noexcept;

    // One forward and backward pass over `labels.size()` samples in training mode; fills
    // gradients(). `index` counts steps from the start of the training: it decides what dropout
    // drops.
    LossSums train_step(std::span<const float> samples, std::span<const std::int32_t> labels,
                        double label_smoothing, std::uint64_t index);

    // The logits of `rows` samples in evaluation mode, (rows, outputs).
    std::vector<float> evaluate(std::span<const float> samples, std::int64_t rows) const;

    std::span<float> parameters();
    std::span<const float> gradients() const;
    // The first so many parameters are subject to weight decay: the weights of linear layers.
    [[nodiscard]] std::int64_t decayed() const;

    // Parameters and running statistics, everything that decides evaluate(); load_state wants the
    // same names and shapes.
    [[nodiscard]] State state() const;
    void load_state(const State& state);

    // The trained network as plain numbers.
    [[nodiscard]] std::vector<TrainedLayer> trained_layers() const;

private:
    class Network;
    std::unique_ptr<Network> network_;
};

// Threads of the matrix products, for the whole process.
void set_compute_threads(int threads);

}  // namespace qloom::train
