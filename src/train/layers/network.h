#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/layers/layer.h"
#include "train/parameter_store.h"
#include "train/random.h"
#include "train/recipe.h"

namespace qloom::train {

// The layers of a recipe, run in order. Included by .cpp files of this room only.
class Network {
public:
    // Initial weights depend on the seed alone.
    Network(const Recipe& recipe, std::uint64_t seed, torch::Device device = torch::kCPU);

    // samples (N, features) -> what the last layer gives, (N, outputs).
    torch::Tensor forward(const torch::Tensor& samples, const Pass& pass) {
        return forward(samples, pass, {});
    }
    [[nodiscard]] TrainedNetwork trained();

    // An evaluation that shows every layer's inputs and values, under the name of the last layer of
    // those done together.
    using Watch = std::function<void(const std::string& name, std::span<const Stream> inputs,
                                     const torch::Tensor& y)>;
    void watch(const torch::Tensor& samples, const Watch& watch) {
        forward(samples, {.training = false}, watch);
    }
    // The first layer whose values are not all numbers for these samples, in evaluation; empty when
    // there is none.
    [[nodiscard]] std::string first_not_finite(const torch::Tensor& samples);

    [[nodiscard]] const Recipe& recipe() const { return recipe_; }
    ParameterStore& store() { return store_; }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] torch::Device device() const { return device_; }

private:
    // One or more layers of the recipe done together.
    struct Step {
        std::unique_ptr<Layer> layer;
        std::vector<std::size_t> from;  // values
        std::size_t to = 0;
        std::string name = {};                    // of its last layer
        std::vector<std::size_t> done_with = {};  // values that nothing later reads
    };
    torch::Tensor forward(const torch::Tensor& samples, const Pass& pass, const Watch& watch);
    void add_step(const Recipe& recipe, std::size_t index, Random& random);
    void find_last_uses();
    [[nodiscard]] const LayerSpec* only_reader(const Recipe& recipe, const std::string& name) const;

    Recipe recipe_;
    std::uint64_t seed_;
    torch::Device device_;
    ParameterStore store_;
    std::vector<Step> steps_;
    std::map<std::string, std::size_t> values_;  // by layer; 0 is the input
};

}  // namespace qloom::train
