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

// What augmentation does to an image.
struct Change {
    std::int64_t down = 0;
    std::int64_t right = 0;
    bool mirrored = false;
    // The square that is blacked out, in pixels of the result; may reach over the border.
    std::int64_t cut_top = 0;
    std::int64_t cut_left = 0;
    std::int64_t cut_size = 0;
};

Change drawn_change(const DataSpec& data, std::int64_t height, std::int64_t width, Random& random) {
    const auto reach = static_cast<std::uint64_t>(2 * data.shift + 1);
    Change change;
    change.down = static_cast<std::int64_t>(random.below(reach)) - data.shift;
    change.right = static_cast<std::int64_t>(random.below(reach)) - data.shift;
    change.mirrored = data.mirror && random.below(2) == 1;
    if (data.cutout > 0) {
        change.cut_size = data.cutout;
        change.cut_top =
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(height))) -
            data.cutout / 2;
        change.cut_left =
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width))) -
            data.cutout / 2;
    }
    return change;
}

// One plane (height, width) of an image, moved, mirrored and cut; zeros where nothing comes in.
template <class T>
void write_changed(const T* image, std::int64_t height, std::int64_t width, const Change& change,
                   float* target) {
    for (std::int64_t row = 0; row < height; ++row) {
        for (std::int64_t column = 0; column < width; ++column) {
            const std::int64_t from_row = row - change.down;
            const std::int64_t moved = column - change.right;
            const std::int64_t from_column = change.mirrored ? width - 1 - moved : moved;
            const bool inside =
                from_row >= 0 && from_row < height && from_column >= 0 && from_column < width;
            const bool cut = row >= change.cut_top && row < change.cut_top + change.cut_size &&
                             column >= change.cut_left &&
                             column < change.cut_left + change.cut_size;
            target[row * width + column] =
                inside && !cut ? static_cast<float>(image[from_row * width + from_column]) : 0.0F;
        }
    }
}

}  // namespace

void apply_input(const InputSpec& input, std::span<float> samples) {
    float* values = samples.data();
    const auto count = static_cast<std::int64_t>(samples.size());
    if (!input.is_affine()) {
        return;
    }
    const std::size_t channels = std::max(input.scale.size(), input.offset.size());
    const std::int64_t run =
        channels == 1 ? count : input.features / static_cast<std::int64_t>(channels);
    for (std::int64_t first = 0; first < count; first += run) {
        const std::size_t channel = static_cast<std::size_t>(first / run) % channels;
        scale_and_shift(values + first, run,
                        static_cast<float>(input.scale[input.scale.size() == 1 ? 0 : channel]),
                        static_cast<float>(input.offset[input.offset.size() == 1 ? 0 : channel]));
    }
}

Batches::Batches(const data::Dataset& dataset, std::int64_t samples, const DataSpec& data,
                 const InputSpec& input, std::int64_t batch_size, std::uint64_t seed, int rank,
                 int ranks)
    : dataset_(&dataset),
      data_(data),
      input_(input),
      samples_(samples),
      batch_size_(std::min(batch_size, samples)),
      seed_(seed),
      rank_(rank),
      ranks_(ranks) {
    QLOOM_ASSERT(samples_ >= 2 && samples_ <= dataset.size() && batch_size_ >= std::max(2, ranks),
                 "there is a batch to make");
    start_epoch(1);
}

std::int64_t Batches::steps() const {
    return samples_ / batch_size_ + (samples_ % batch_size_ >= std::max(2, ranks_) ? 1 : 0);
}

void Batches::start_epoch(int epoch) {
    epoch_ = epoch;
    Random random = random_stream(seed_, RandomPurpose::kOrder, static_cast<std::uint64_t>(epoch));
    order_ = shuffled(samples_, random);
}

BatchShare Batches::share(std::int64_t step) const {
    return share_of(std::min(batch_size_, samples_ - step * batch_size_), rank_, ranks_);
}

std::int64_t Batches::fill(std::int64_t step, std::span<float> samples,
                           std::span<std::int32_t> labels) const {
    const BatchShare part = share(step);
    const std::int64_t first = step * batch_size_ + part.first;
    const std::int64_t rows = part.rows;
    const std::int64_t width = dataset_->sample_size();
    QLOOM_ASSERT(static_cast<std::int64_t>(samples.size()) >= rows * width, "the batch fits");
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t index = order_[static_cast<std::size_t>(first + row)];
        write_sample(index, first + row, samples.data() + row * width);
        labels[static_cast<std::size_t>(row)] = dataset_->labels[static_cast<std::size_t>(index)];
    }
    apply_input(input_, samples.first(static_cast<std::size_t>(rows * width)));
    return rows;
}

void Batches::write_sample(std::int64_t index, std::int64_t position, float* target) const {
    const Shape& shape = dataset_->shape();
    const std::int64_t size = dataset_->sample_size();
    std::visit(
        [&](const auto& tensor) {
            const auto* sample = tensor.data() + index * size;
            if (!data_.augments()) {
                convert(sample, size, target);
                return;
            }
            Random random = random_stream(
                seed_, RandomPurpose::kAugmentation,
                static_cast<std::uint64_t>(epoch_) << 40U | static_cast<std::uint64_t>(position));
            const std::int64_t width = shape.back();
            const std::int64_t height = shape[shape.size() - 2];
            const Change change = drawn_change(data_, height, width, random);
            for (std::int64_t plane = 0; plane < size; plane += height * width) {
                write_changed(sample + plane, height, width, change, target + plane);
            }
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
    apply_input(input, samples.first(static_cast<std::size_t>(rows * size)));
}

}  // namespace qloom::train
