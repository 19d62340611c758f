#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_file.h"
#include "train/layer_spec.h"
#include "train/state.h"

namespace qloom::train {

struct DataSpec {
    std::string train = "fashion-mnist:train";
    std::string test = "fashion-mnist:test";
    std::string directory = {};  // of the idx files; empty: where the Debian package installs them
    std::int64_t shift = 0;      // augmentation: each image moved by up to so many pixels both ways
    bool mirror = false;         // augmentation: half of the images mirrored left to right
    std::int64_t cutout =
        0;  // augmentation: a square of so many pixels blacked out (arXiv 1708.04552)
    std::int64_t holdout =
        0;  // keep the last samples of `train` apart and evaluate on them in place of `test`
    [[nodiscard]] bool augments() const { return shift > 0 || mirror || cutout > 0; }
    friend bool operator==(const DataSpec&, const DataSpec&) = default;
};

// What the exported model takes: the dataset's own numbers x; the first layer sees quantiser(x *
// scale + offset).
struct InputSpec {
    std::int64_t features = 0;       // values of one sample
    Shape shape = {};                // of one sample: (F), (C, L) or (C, H, W)
    std::vector<double> scale{1.0};  // one, or one a channel
    std::vector<double> offset{0.0};
    std::optional<QuantiserSpec> quantiser = {};

    // Whether x * scale + offset is anything else than x.
    [[nodiscard]] bool is_affine() const;
    friend bool operator==(const InputSpec&, const InputSpec&) = default;
};

enum class Optimiser { kSgd, kAdam, kAdamW };
// What is minimised; targets are 1 for the label and 0 elsewhere, for the hinge +1 and -1. A single
// output stands for the second of two classes.
enum class LossKind { kCrossEntropy, kSquaredHinge, kMse, kBce };
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
    LossKind loss = LossKind::kCrossEntropy;
    double label_smoothing = 0.0;  // kCrossEntropy, kBce
    double clip_weights =
        0.0;           // weights of linear layers and convolutions are kept within +- this; 0: not
    int patience = 0;  // ends after so many epochs without a better accuracy; 0: never early
    bool keep_best = false;  // exports the epoch of best accuracy, not the last one
    friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

// Knowledge distillation (arXiv 1503.02531): the loss becomes
//   (1 - weight) * loss + weight * T^2 * KL(softmax(teacher / T) || softmax(logits / T)).
struct DistillationSpec {
    std::string teacher =
        {};  // an ONNX model of the same classes that takes the same samples; empty: none
    double weight = 0.5;
    double temperature = 2.0;
    friend bool operator==(const DistillationSpec&, const DistillationSpec&) = default;
};

struct Recipe {
    std::string name;
    std::string description;
    DataSpec data;
    InputSpec input;
    TrainingSpec training;
    DistillationSpec distillation;
    bool quantised = true;  // false: the same network in float, whatever the layers ask for
    std::vector<LayerSpec> layers;
    State start = {};  // what the network starts from; empty: drawn from the seed

    // The values the last layer gives.
    [[nodiscard]] std::int64_t outputs() const;
    [[nodiscard]] const LayerSpec& layer(const std::string& layer_name) const;
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
