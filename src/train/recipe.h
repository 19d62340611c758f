#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/embedded_file.h"
#include "base/int_type.h"

namespace qloom::train {

// ---- quantisers
// ----------------------------------------------------------------------------------------------------

// Where the scale of a quantiser comes from.
//   kLearned    a parameter trained with the weights (LSQ, arXiv 1902.08153), started at the mse
//   optimum kMax        max |x| / largest level kMeanSigma  (mean |x| + k * sigma(|x|)) / largest
//   level kMse        the scale of least squared quantisation error kConstant   the number written
//   in the recipe
// Statistics of weights are taken at every step; those of activations are running averages, fixed
// in evaluation.
enum class ScaleSource { kLearned, kMax, kMeanSigma, kMse, kConstant };

enum class Granularity { kTensor, kChannel };

// How values become integers: level = round_half_even(clamp(x / scale, lo, hi)), value = level *
// scale.
//   {bits 4, signed, narrow}  -7..7       {bits 4, unsigned}  0..15
//   {bits 2, signed, narrow}  -1..1 (ternary)      {bits 1, signed}  -1 or +1 (bipolar; x >= 0 ->
//   +1)
struct QuantiserSpec {
    IntType type{4, true, true};
    ScaleSource source = ScaleSource::kLearned;
    Granularity granularity = Granularity::kTensor;
    double sigmas = 3.0;    // kMeanSigma: k
    double constant = 1.0;  // kConstant: the scale

    [[nodiscard]] bool is_bipolar() const { return type.bits == 1 && type.is_signed; }
    friend bool operator==(const QuantiserSpec&, const QuantiserSpec&) = default;
};

// ---- layers
// ---------------------------------------------------------------------------------------------------------

// y = W x + b; W is (outputs, inputs).
struct LinearSpec {
    std::int64_t inputs = 0;  // filled in by load_recipe from the layer before
    std::int64_t outputs = 0;
    bool bias = true;
    std::optional<QuantiserSpec> weights;  // none: float
    friend bool operator==(const LinearSpec&, const LinearSpec&) = default;
};

// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, a channel at a time.
struct BatchNormSpec {
    std::int64_t channels = 0;  // filled in by load_recipe
    double epsilon = 1e-5;
    double momentum = 0.1;  // of the running mean and variance
    friend bool operator==(const BatchNormSpec&, const BatchNormSpec&) = default;
};

enum class Activation { kIdentity, kRelu, kHardTanh, kSigmoid, kTanh };

// y = quantiser(f(x)).
struct ActivationSpec {
    Activation function = Activation::kRelu;
    std::int64_t channels = 0;               // filled in by load_recipe
    std::optional<QuantiserSpec> quantiser;  // none: float
    friend bool operator==(const ActivationSpec&, const ActivationSpec&) = default;
};

// Drops each value with probability `rate` in training; identity in evaluation.
struct DropoutSpec {
    double rate = 0.5;
    friend bool operator==(const DropoutSpec&, const DropoutSpec&) = default;
};

struct LayerSpec {
    std::string name;  // unique: "fc1"
    std::variant<LinearSpec, BatchNormSpec, ActivationSpec, DropoutSpec> kind;
    friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

// ---- the rest of a recipe
// --------------------------------------------------------------------------------------------

struct DataSpec {
    std::string train = "fashion-mnist:train";
    std::string test = "fashion-mnist:test";
    std::string directory = {};  // of the idx files; empty: where the Debian package installs them
    std::int64_t shift = 0;      // augmentation: each image moved by up to so many pixels both ways
    bool mirror = false;         // augmentation: half of the images mirrored left to right
    std::int64_t holdout =
        0;  // keep the last samples of `train` apart and evaluate on them in place of `test`
    friend bool operator==(const DataSpec&, const DataSpec&) = default;
};

// What the exported model takes: the dataset's own numbers x; the first layer sees quantiser(x *
// scale + offset).
struct InputSpec {
    std::int64_t features = 0;  // values of one sample
    double scale = 1.0;
    double offset = 0.0;
    std::optional<QuantiserSpec> quantiser;
    friend bool operator==(const InputSpec&, const InputSpec&) = default;
};

enum class Optimiser { kSgd, kAdam, kAdamW };
enum class Schedule { kConstant, kStep, kCosine, kOneCycle };

struct TrainingSpec {
    int epochs = 5;
    std::int64_t batch_size = 128;
    std::uint64_t seed = 1;
    Optimiser optimiser = Optimiser::kAdamW;
    double learning_rate = 1e-3;
    double momentum = 0.9;  // SGD
    double beta1 = 0.9;     // Adam, AdamW
    double beta2 = 0.999;
    double weight_decay = 0.0;  // AdamW: decoupled; Adam and SGD: added to the gradient; weights of
                                // linear layers only
    Schedule schedule = Schedule::kCosine;
    double warmup = 0.3;       // kOneCycle, kCosine: share of all steps with rising rate
    double step_factor = 0.1;  // kStep: the rate is multiplied by this ...
    int step_epochs = 30;      // ... every so many epochs
    double label_smoothing = 0.0;
    friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

struct Recipe {
    std::string name;
    std::string description;
    DataSpec data;
    InputSpec input;
    TrainingSpec training;
    bool quantised = true;  // false: the same network in float, whatever the layers ask for
    std::vector<LayerSpec> layers;

    // The width of the last layer.
    [[nodiscard]] std::int64_t outputs() const;
    friend bool operator==(const Recipe&, const Recipe&) = default;
};

// A built-in recipe by name, or else a TOML file by path. Its form is documented in
// docs/recipes.md. Throws kRecipeUnknown, kRecipeSyntax, kRecipeKeyUnknown, kRecipeType,
// kRecipeValue, kRecipeBits or kRecipeChain.
Recipe load_recipe(const std::string& name_or_path);

// The same from text; `where` names the source in messages.
Recipe parse_recipe(std::string_view text, const std::string& where);

// The recipes compiled into the program (the folder recipes/), ascending: name
// "fashion-mnist-mlp.toml", and the text.
const std::vector<EmbeddedFile>& builtin_recipes();
// What `qloom train` takes: {"fashion-mnist-mlp", ...}.
std::vector<std::string> builtin_recipe_names();

// One line that says everything which decides the trained weights: the same line, the same
// training.
std::string fingerprint(const Recipe& recipe);

// The recipe with every quantiser taken out: the float network to compare with.
Recipe without_quantisers(Recipe recipe);

}  // namespace qloom::train
