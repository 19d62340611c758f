#include "train/parameter_store.h"

#include <algorithm>
#include <utility>

#include "base/diagnostic.h"

namespace qloom::train {

ParameterStore::Id ParameterStore::add_parameter(std::string name, torch::Tensor initial,
                                                 bool decayed) {
    entries_.push_back({.name = std::move(name),
                        .value = std::move(initial),
                        .trained = true,
                        .decayed = decayed});
    return Id{entries_.size() - 1};
}

ParameterStore::Id ParameterStore::add_buffer(std::string name, torch::Tensor initial) {
    entries_.push_back({.name = std::move(name), .value = std::move(initial)});
    return Id{entries_.size() - 1};
}

void ParameterStore::seal() {
    std::int64_t size = 0;
    for (const Entry& entry : entries_) {
        size += entry.trained ? entry.value.numel() : 0;
    }
    flat_ = torch::zeros({size});
    flat_gradient_ = torch::zeros({size});
    std::int64_t offset = 0;
    for (const bool decayed : {true, false}) {
        for (Entry& entry : entries_) {
            if (!entry.trained || entry.decayed != decayed) {
                continue;
            }
            const std::int64_t count = entry.value.numel();
            const auto sizes = entry.value.sizes().vec();
            torch::Tensor view = flat_.narrow(0, offset, count).view(sizes);
            view.copy_(entry.value);
            // Detached views share the memory but are leaves of autograd; it adds into a gradient
            // that exists.
            entry.value = view.detach().requires_grad_();
            entry.value.mutable_grad() = flat_gradient_.narrow(0, offset, count).view(sizes);
            offset += count;
        }
        if (decayed) {
            decayed_ = offset;
        }
    }
}

State ParameterStore::state() const {
    State result;
    for (const Entry& entry : entries_) {
        const torch::Tensor value = entry.value.detach().contiguous();
        const float* data = value.data_ptr<float>();
        result.push_back(
            {entry.name, Tensor<float>(value.sizes().vec(), {data, data + value.numel()})});
    }
    return result;
}

void ParameterStore::load(const State& state) {
    QLOOM_ASSERT(state.size() == entries_.size(), "the state has as many arrays as the network");
    const torch::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < state.size(); ++i) {
        Entry& entry = entries_[i];
        QLOOM_ASSERT(
            state[i].name == entry.name && state[i].value.shape() == entry.value.sizes().vec(),
            "the state has the arrays of the network");
        std::copy(state[i].value.begin(), state[i].value.end(), entry.value.data_ptr<float>());
    }
}

}  // namespace qloom::train
