#pragma once

#include <string>
#include <vector>

#include "cli/software.h"
#include "data/dataset.h"

// Labelled images as frames of a model.
namespace qloom::cli {

// What numbers a model is fed with: the bytes of the images as they are (0..255), or divided by 255 (0..1).
enum class InputScale { kRaw, kUnit };
enum class ScaleChoice { kAuto, kRaw, kUnit };
constexpr const char* kScaleNames[] = {"auto", "raw", "unit"};

// kUnit when the model quantises its input itself and that quantiser saturates within a few units of 1.0, so that bytes
// would all look alike to it; else kRaw. Found by running constant frames through the model's first operators.
InputScale input_scale_of(const ir::Graph& model);

// A dataset bound to a model with one input.
class DataInput {
public:
    // Throws kDataShape when a sample does not fit the input, kInputMissing when the model has several inputs.
    DataInput(const ir::Graph& model, data::Dataset dataset, ScaleChoice choice);

    [[nodiscard]] const data::Dataset& dataset() const { return dataset_; }
    [[nodiscard]] InputScale scale() const { return scale_; }
    [[nodiscard]] std::int64_t size() const { return dataset_.size(); }
    // "0..255" or "0..1".
    [[nodiscard]] std::string scale_text() const;
    // The input type that the samples have: UINT8, with scale 1/255 for 0..1; nothing for models with a quantiser.
    [[nodiscard]] InputTypes input_types(InputTypes declared) const;
    // Samples [first, first + count) as the model's only input.
    [[nodiscard]] std::vector<ir::Value> frames(std::int64_t first, std::int64_t count) const;
    // How many of `labels`, for the samples from `first` on, are right.
    [[nodiscard]] std::int64_t count_correct(const std::vector<std::int64_t>& labels, std::int64_t first) const;
    // Throws kNotClassifier unless the model's only or first output is a label or one value a class.
    void check_classifier() const;

private:
    const ir::Graph& model_;
    data::Dataset dataset_;
    InputScale scale_ = InputScale::kRaw;
};

}  // namespace qloom::cli
