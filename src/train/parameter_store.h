#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "train/state.h"

namespace qloom::train {

// The parameters and buffers of a network. Parameters lie behind one another in one flat tensor,
// those with weight decay first, and their gradients likewise in another; each parameter is a view.
// Included by .cpp files of this room only.
class ParameterStore {
public:
    enum class Id : std::size_t {};

    Id add_parameter(std::string name, torch::Tensor initial, bool decayed);
    // Not trained, but part of the state: running statistics and the like.
    Id add_buffer(std::string name, torch::Tensor initial);
    // Lays the parameters out on a device, each in the memory order it came in; nothing can be
    // added afterwards.
    void seal(torch::Device device = torch::kCPU);

    // By name; it must be there.
    torch::Tensor& find(const std::string& name);
    torch::Tensor& operator[](Id id) { return entries_[static_cast<std::size_t>(id)].value; }
    const torch::Tensor& operator[](Id id) const {
        return entries_[static_cast<std::size_t>(id)].value;
    }

    torch::Tensor& parameters() { return flat_; }
    [[nodiscard]] const torch::Tensor& gradients() const { return flat_gradient_; }
    torch::Tensor& gradients() { return flat_gradient_; }
    [[nodiscard]] std::int64_t decayed() const { return decayed_; }

    [[nodiscard]] State state() const;
    // Takes the arrays of state() that are there under the same name and shape; says how many it
    // took.
    std::size_t load(const State& state);
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    // The name and place of an element of parameters(): "conv2.weight".
    [[nodiscard]] std::string name_of_element(std::int64_t index) const;

private:
    struct Entry {
        std::string name;
        torch::Tensor value;
        bool trained = false;
        bool decayed = false;
        std::int64_t offset = 0;  // among the parameters
    };
    std::vector<Entry> entries_;
    torch::Tensor flat_;
    torch::Tensor flat_gradient_;
    std::int64_t decayed_ = 0;
};

}  // namespace qloom::train
