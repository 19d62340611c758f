#include "train/metrics.h"

#include <nlohmann/json.hpp>

namespace qloom::train {
namespace {

using Json = nlohmann::ordered_json;

Json document_of(const TrainResult& result) {
    Json epochs = Json::array();
    for (const EpochMetrics& epoch : result.epochs) {
        Json entry{{"epoch", epoch.epoch},
                   {"loss", epoch.loss},
                   {"train_accuracy", epoch.train_accuracy},
                   {"learning_rate", epoch.learning_rate},
                   {"seconds", epoch.seconds}};
        if (epoch.test_accuracy >= 0.0) {
            entry["test_accuracy"] = epoch.test_accuracy;
        }
        epochs.push_back(std::move(entry));
    }
    return {{"recipe", result.recipe},
            {"quantised", result.quantised},
            {"seed", result.seed},
            {"parameters", result.parameters},
            {"accuracy", result.accuracy},
            {"loss", result.loss},
            {"seconds_per_epoch", result.seconds_per_epoch},
            {"seconds_loading", result.seconds_loading},
            {"seconds_training", result.seconds_training},
            {"seconds_evaluating", result.seconds_evaluating},
            {"best_epoch", result.best_epoch},
            {"resumed_after_epoch", result.resumed_after_epoch},
            {"epochs", std::move(epochs)}};
}

}  // namespace

std::string metrics_json(const TrainResult& result) { return document_of(result).dump(2) + "\n"; }

std::string running_metrics_json(const TrainResult& result, int epochs_planned) {
    Json document = document_of(result);
    if (!result.epochs.empty()) {
        document["accuracy"] = result.epochs.back().test_accuracy;
        document["loss"] = result.epochs.back().loss;
    }
    document["finished"] = false;
    document["epochs_planned"] = epochs_planned;
    return document.dump(2) + "\n";
}

}  // namespace qloom::train
