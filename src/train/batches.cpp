#include "train/batches.h"

#include <algorithm>
#include <numeric>

#include "base/diagnostic.h"
#include "train/random.h"
#include "train/vectorised.h"

namespace qloom::train {
namespace {

QLOOM_VECTORISED
void convert_bytes(const std::uint8_t* source, std::int64_t count, float* target) {
    for (std::int64_t i = 0; i < count; ++i) {
        target[i] = static_cast<float>(source[i]);
    }
}

void convert(const std::uint8_t* source, std::int64_t count, float* target) {
    convert_bytes(source, count, target);
}
void convert(const float* source, std::int64_t count, float* target) {
    std::copy_n(source, count, target);
}

QLOOM_VECTORISED
void scale_and_shift(float* values, std::int64_t count, float scale, float offset) {
    for (std::int64_t i = 0; i < count; ++i) {
        values[i] = values[i] * scale + offset;
    }
}

void apply_input(const InputSpec& input, float* values, std::int64_t count) {
    if (input.scale != 1.0 || input.offset != 0.0) {
        scale_and_shift(values, count, static_cast<float>(input.scale),
                        static_cast<float>(input.offset));
    }
}

// Moves an image (height, width) by (down, right) pixels, zeros where nothing comes in, and mirrors
// it if asked.
template <class T>
void write_moved(const T* image, std::int64_t height, std::int64_t width, std::int64_t down,
                 std::int64_t right, bool mirrored, float* target) {
    for (std::int64_t row = 0; row < height; ++row) {
        for (std::int64_t column = 0; column < width; ++column) {
            const std::int64_t from_row = row - down;
            const std::int64_t moved = column - right;
            const std::int64_t from_column = mirrored ? width - 1 - moved : moved;
            const bool inside =
                from_row >= 0 && from_row < height && from_column >= 0 && from_column < width;
            target[row * width + column] =
                inside ? static_cast<float>(image[from_row * width + from_column]) : 0.0F;
        }
    }
}

}  // namespace

Batches::Batches(const data::Dataset& dataset, std::int64_t samples, const DataSpec& data,
                 const InputSpec& input, std::int64_t batch_size, std::uint64_t seed)
    : dataset_(&dataset),
      data_(data),
      input_(input),
      samples_(samples),
      batch_size_(std::min(batch_size, samples)),
      seed_(seed) {
    QLOOM_ASSERT(samples_ >= 2 && samples_ <= dataset.size() && batch_size_ >= 2,
                 "there is a batch to make");
    start_epoch(1);
}

std::int64_t Batches::steps() const {
    return samples_ / batch_size_ + (samples_ % batch_size_ > 1 ? 1 : 0);
}

void Batches::start_epoch(int epoch) {
    epoch_ = epoch;
    Random random = random_stream(seed_, RandomPurpose::kOrder, static_cast<std::uint64_t>(epoch));
    order_ = shuffled(samples_, random);
}

std::int64_t Batches::fill(std::int64_t step, std::span<float> samples,
                           std::span<std::int32_t> labels) const {
    const std::int64_t first = step * batch_size_;
    const std::int64_t rows = std::min(batch_size_, samples_ - first);
    const std::int64_t width = dataset_->sample_size();
    QLOOM_ASSERT(static_cast<std::int64_t>(samples.size()) >= rows * width, "the batch fits");
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t index = order_[static_cast<std::size_t>(first + row)];
        write_sample(index, first + row, samples.data() + row * width);
        labels[static_cast<std::size_t>(row)] = dataset_->labels[static_cast<std::size_t>(index)];
    }
    apply_input(input_, samples.data(), rows * width);
    return rows;
}

void Batches::write_sample(std::int64_t index, std::int64_t position, float* target) const {
    const Shape& shape = dataset_->shape();
    const std::int64_t width = shape.back();
    const std::int64_t size = dataset_->sample_size();
    std::visit(
        [&](const auto& tensor) {
            const auto* sample = tensor.data() + index * size;
            if (data_.shift == 0 && !data_.mirror) {
                convert(sample, size, target);
                return;
            }
            Random random = random_stream(
                seed_, RandomPurpose::kAugmentation,
                static_cast<std::uint64_t>(epoch_) << 40U | static_cast<std::uint64_t>(position));
            const auto reach = static_cast<std::uint64_t>(2 * data_.shift + 1);
            const std::int64_t down = static_cast<std::int64_t>(random.below(reach)) - data_.shift;
            const std::int64_t right = static_cast<std::int64_t>(random.below(reach)) - data_.shift;
            const bool mirrored = data_.mirror && random.below(2) == 1;
            write_moved(sample, size / width, width, down, right, mirrored, target);
        },
        dataset_->samples);
}

void fill_in_order(const data::Dataset& dataset, const InputSpec& input, std::int64_t first,
                   std::span<float> samples, std::span<std::int32_t> labels) {
    const auto rows = static_cast<std::int64_t>(labels.size());
    const std::int64_t size = dataset.sample_size();
    QLOOM_ASSERT(first + rows <= dataset.size(), "the samples exist");
    std::visit(
        [&](const auto& tensor) {
            convert(tensor.data() + first * size, rows * size, samples.data());
        },
        dataset.samples);
    std::copy_n(dataset.labels.begin() + first, rows, labels.begin());
    apply_input(input, samples.data(), rows * size);
}

}  // namespace qloom::train
