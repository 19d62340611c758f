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

void ParameterStore::seal(torch::Device device) {
    std::int64_t size = 0;
    for (const Entry& entry : entries_) {
        size += entry.trained ? entry.value.numel() : 0;
    }
    flat_ = torch::zeros({size}, device);
    flat_gradient_ = torch::zeros({size}, device);
    std::int64_t offset = 0;
    for (const bool decayed : {true, false}) {
        for (Entry& entry : entries_) {
            if (!entry.trained || entry.decayed != decayed) {
                continue;
            }
            QLOOM_ASSERT(entry.value.is_non_overlapping_and_dense(), "a parameter has no gaps");
            const std::int64_t count = entry.value.numel();
            const auto sizes = entry.value.sizes().vec();
            const auto strides = entry.value.strides().vec();
            torch::Tensor view = flat_.narrow(0, offset, count).as_strided(sizes, strides, offset);
            view.copy_(entry.value);
            // Detached views share the memory but are leaves of autograd; it adds into a gradient
            // that exists.
            entry.value = view.detach().requires_grad_();
            entry.value.mutable_grad() = flat_gradient_.as_strided(sizes, strides, offset);
            entry.offset = offset;
            offset += count;
        }
        if (decayed) {
            decayed_ = offset;
        }
    }
    for (Entry& entry : entries_) {
        if (!entry.trained) {
            entry.value = entry.value.to(device);
        }
    }
}

torch::Tensor& ParameterStore::find(const std::string& name) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.name == name; });
    QLOOM_ASSERT(found != entries_.end(), "the array exists");
    return found->value;
}

State ParameterStore::state() const {
    State result;
    for (const Entry& entry : entries_) {
        const torch::Tensor value = entry.value.detach().cpu().contiguous();
        const float* data = value.data_ptr<float>();
        result.push_back(
            {entry.name, Tensor<float>(value.sizes().vec(), {data, data + value.numel()})});
    }
    return result;
}

std::size_t ParameterStore::load(const State& state) {
    const torch::NoGradGuard no_gradients;
    std::size_t taken = 0;
    for (Entry& entry : entries_) {
        const auto found = std::find_if(state.begin(), state.end(), [&](const NamedArray& array) {
            return array.name == entry.name && array.value.shape() == entry.value.sizes().vec();
        });
        if (found != state.end()) {
            // from_blob wants mutable memory; copy_ only reads it.
            entry.value.copy_(torch::from_blob(const_cast<float*>(found->value.data()),
                                               entry.value.sizes(), torch::kFloat));
            ++taken;
        }
    }
    return taken;
}

std::string ParameterStore::name_of_element(std::int64_t index) const {
    for (const Entry& entry : entries_) {
        if (entry.trained && index >= entry.offset && index < entry.offset + entry.value.numel()) {
            return entry.name;
        }
    }
    QLOOM_ASSERT(false, "every parameter has a name");
}

}  // namespace qloom::train
