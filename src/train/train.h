#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/device.h"
#include "train/launch.h"
#include "train/recipe.h"

namespace qloom::train {

struct TrainOptions {
    // The folder that appears, whole, when training is done (base/output_folder.h): model.onnx,
    // metrics.json. While it runs, a checkpoint lies beside it as `<output>.checkpoint`; a killed
    // run leaves it and the next call with the same recipe goes on from it. Empty: nothing is
    // written.
    std::filesystem::path output = {};
    std::optional<int> epochs = {};          // in place of the recipe's
    std::optional<std::uint64_t> seed = {};  // in place of the recipe's
    int threads = 1;  // of the matrix products; one is fastest for small networks
    Device device = Device::kCpu;
    bool float_only = false;           // train the same network without quantisers
    bool resume = true;                // false: ignore what a killed run left
    bool evaluate_every_epoch = true;  // false: evaluate after the last one only
    std::filesystem::path data_directory =
        {};  // of the idx files; empty: where the Debian package installs them
    // This process is one of several that train one network, each on its share of every batch.
    // Only rank 0 writes. The loss curve is that of one process, up to float rounding.
    std::optional<Launch> launch = {};
};

enum class Phase { kSearching, kLoading, kTraining, kEvaluating, kExporting };

// Where the training stands; sent a few times a second, and at the end of every epoch.
struct TrainProgress {
    Phase phase = Phase::kLoading;
    int epoch = 0;  // 1-based
    int epochs = 0;
    std::int64_t step = 0;  // done, of this epoch
    std::int64_t steps = 0;
    double loss = 0.0;            // mean over the epoch so far
    double accuracy = 0.0;        // on training samples, over the epoch so far, 0..1
    double test_accuracy = -1.0;  // of the last evaluation; -1 before the first
    double learning_rate = 0.0;
    double elapsed_seconds = 0.0;
    double eta_seconds = 0.0;
    bool epoch_done = false;
    double price = 0.0;  // kSearching: of the network at hand
};
using ProgressSink = std::function<void(const TrainProgress&)>;

struct EpochMetrics {
    int epoch = 0;
    double loss = 0.0;
    double train_accuracy = 0.0;
    double test_accuracy = -1.0;  // -1: not evaluated after this epoch
    double learning_rate = 0.0;   // of its last step
    double seconds = 0.0;         // of its training steps
    friend bool operator==(const EpochMetrics&, const EpochMetrics&) = default;
};

struct TrainResult {
    std::string recipe;
    bool quantised = true;
    std::uint64_t seed = 0;
    std::int64_t parameters = 0;
    double accuracy = 0.0;  // on the test set, after the last epoch, 0..1
    double loss = 0.0;      // of the last epoch's training
    double seconds_per_epoch =
        0.0;  // (loading the training data + training steps) / epochs of this run
    double seconds_loading = 0.0;
    double seconds_training = 0.0;
    double seconds_evaluating = 0.0;
    int best_epoch = 0;           // of highest accuracy among those evaluated
    int resumed_after_epoch = 0;  // 0: from the start
    std::vector<EpochMetrics> epochs;
    std::filesystem::path model_file;  // empty when nothing was written
    std::filesystem::path metrics_file;
};

// Trains a recipe, quantisation-aware, and writes the model as QONNX. Same recipe, seed and threads
// on the same machine: the same bytes, also when the run was killed and resumed. Throws the data
// room's errors, kRecipeData, kDeviceMissing, kTrainDiverged, kCheckpointForeign,
// kCheckpointCorrupt, kOutputFolderExists, kOutputUnwritable; with `launch` kRankMissing,
// kRankLost, and SaidElsewhere (train/ranks.h) where rank 0 reports the error.
TrainResult train(const Recipe& recipe, const TrainOptions& options = {},
                  const ProgressSink& progress = {});

}  // namespace qloom::train
