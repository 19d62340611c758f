#pragma once

#include <string>
#include <vector>

#include "train/functions.h"
#include "train/layers/layer.h"
#include "train/parameter_store.h"

namespace qloom::train {

// The parameters and running statistics of a BatchNorm. Included by .cpp files of this room only.
class BatchNorm {
public:
    BatchNorm(const std::string& name, const BatchNormSpec& spec, ParameterStore& store);

    [[nodiscard]] const torch::Tensor& gamma() const { return (*store_)[gamma_]; }
    [[nodiscard]] const torch::Tensor& beta() const { return (*store_)[beta_]; }
    [[nodiscard]] float epsilon() const { return static_cast<float>(spec_.epsilon); }
    [[nodiscard]] BatchStatistics running() const {
        return {(*store_)[mean_], (*store_)[variance_], 0.0};
    }
    // A step of the running statistics.
    void follow(const BatchStatistics& batch);
    [[nodiscard]] TrainedNorm trained() const;

private:
    BatchNormSpec spec_;
    ParameterStore* store_;
    ParameterStore::Id gamma_{};
    ParameterStore::Id beta_{};
    ParameterStore::Id mean_{};
    ParameterStore::Id variance_{};
};

}  // namespace qloom::train
