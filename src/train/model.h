#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "train/device.h"
#include "train/launch.h"
#include "train/loss.h"
#include "train/recipe.h"
#include "train/state.h"
#include "train/trained.h"

namespace qloom::train {

class Network;
class Ranks;

// A recipe's network on LibTorch, behind an interface of plain memory. All parameters lie in one
// array, all gradients in another, so that optimiser and checkpoint are single passes over memory.
class Model {
public:
    // Initial weights depend on the seed alone.
    // `index` counts devices of one kind. Throws kDeviceMissing.
    Model(const Recipe& recipe, std::uint64_t seed, Device device = Device::kCpu, int index = 0);
    ~Model();
    Model(Model&&) noexcept;
    Model& operator=(Model&&) noexcept;

    // One forward and backward pass over `labels.size()` samples in training mode with the recipe's
    // loss; fills gradients(). `index` counts steps from the start of the training: it decides what
    // dropout drops. With the logits of a teacher the recipe's distillation is mixed in. With
    // ranks, the samples are this one's `share` of the batch; gradients and sums are those of the
    // whole batch. With `pulls`, what widths pull at the loss is added there.
    LossSums train_step(std::span<const float> samples, std::span<const std::int32_t> labels,
                        std::uint64_t index, std::span<const float> teacher = {},
                        const Ranks* ranks = nullptr, BatchShare share = {},
                        WidthPulls* pulls = nullptr);

    // Keeps the first decayed() parameters, the weights, within +-reach.
    void clip_weights(float reach);
    // The first layer, in order, whose values or parameters are not numbers for these samples;
    // empty when all are.
    [[nodiscard]] std::string first_not_finite(std::span<const float> samples,
                                               std::int64_t rows) const;

    // The logits of `rows` samples in evaluation mode, (rows, outputs).
    std::vector<float> evaluate(std::span<const float> samples, std::int64_t rows) const;

    // In the CPU's memory. Whoever writes to the parameters says so.
    std::span<float> parameters();
    std::span<const float> gradients() const;
    void parameters_changed();
    // The first so many parameters are subject to weight decay: the weights of linear layers.
    [[nodiscard]] std::int64_t decayed() const;

    // Parameters and running statistics, everything that decides evaluate(); load_state takes
    // arrays of the same names and shapes and says how many it took of how many there are.
    [[nodiscard]] State state() const;
    std::size_t load_state(const State& state);
    [[nodiscard]] std::size_t state_size() const;
    // The array that holds an element of parameters(): "conv2.weight".
    [[nodiscard]] std::string name_of_parameter(std::int64_t index) const;

    // The trained network as plain numbers.
    [[nodiscard]] TrainedNetwork trained() const;

private:
    std::unique_ptr<Network> network_;
    std::vector<float> host_parameters_;  // of another device
    mutable std::vector<float> host_gradients_;
};

// Threads of the matrix products, for the whole process.
void set_compute_threads(int threads);

}  // namespace qloom::train
