#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "train/launch.h"
#include "train/recipe.h"

namespace qloom::train {

// Cuts a dataset into shuffled, augmented batches of floats, written straight into the caller's
// memory. The samples of an epoch depend on (seed, epoch) alone, so a resumed run sees the same
// ones.
class Batches {
public:
    // Uses the first `samples` of the dataset, which must outlive this. With ranks, makes this
    // one's share of every batch.
    Batches(const data::Dataset& dataset, std::int64_t samples, const DataSpec& data,
            const InputSpec& input, std::int64_t batch_size, std::uint64_t seed, int rank = 0,
            int ranks = 1);

    // A last batch of a single sample is dropped: it has no variance for BatchNorm. So is one of
    // fewer samples than ranks.
    [[nodiscard]] std::int64_t steps() const;
    [[nodiscard]] BatchShare share(std::int64_t step) const;
    [[nodiscard]] std::int64_t largest() const { return batch_size_; }

    void start_epoch(int epoch);
    // Fills batch `step` of the epoch, or the share of it: x * input.scale + input.offset, row by
    // row. Returns the number of rows.
    std::int64_t fill(std::int64_t step, std::span<float> samples,
                      std::span<std::int32_t> labels) const;

private:
    void write_sample(std::int64_t index, std::int64_t position, float* target) const;

    const data::Dataset* dataset_;
    DataSpec data_;
    InputSpec input_;
    std::int64_t samples_;
    std::int64_t batch_size_;
    std::uint64_t seed_;
    int rank_;
    int ranks_;
    int epoch_ = 0;
    std::vector<std::int64_t> order_;
};

// x * input.scale + input.offset over whole samples, in place.
void apply_input(const InputSpec& input, std::span<float> samples);

// Samples [first, first + labels.size()) in file order, without augmentation: for evaluation.
void fill_in_order(const data::Dataset& dataset, const InputSpec& input, std::int64_t first,
                   std::span<float> samples, std::span<std::int32_t> labels);

}  // namespace qloom::train
