#include "train/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "base/output_folder.h"
#include "data/dataset.h"
#include "onnx/writer.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/export_model.h"
#include "train/metrics.h"
#include "train/model.h"
#include "train/optimiser.h"
#include "train/schedule.h"

namespace qloom::train {
namespace {

namespace fs = std::filesystem;

class Clock {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Recipe with_options(Recipe recipe, const TrainOptions& options) {
    if (options.float_only) {
        recipe = without_quantisers(std::move(recipe));
    }
    recipe.training.epochs = options.epochs.value_or(recipe.training.epochs);
    recipe.training.seed = options.seed.value_or(recipe.training.seed);
    QLOOM_ASSERT(recipe.training.epochs >= 1 && options.threads >= 1,
                 "a training has epochs and threads");
    return recipe;
}

// "run/" -> "run.checkpoint"
fs::path checkpoint_file(const fs::path& output) {
    if (output.empty()) {
        return {};
    }
    const fs::path normal = output.lexically_normal();
    return (normal.has_filename() ? normal : normal.parent_path()).string() + ".checkpoint";
}

void check_data(const Recipe& recipe, const data::Dataset& dataset) {
    const auto refuse = [&](const std::string& what, const std::string& advice) {
        throw Error(code::kRecipeData, recipe.name, what, advice);
    };
    if (dataset.sample_size() != recipe.input.features) {
        refuse(fmt::format("the network takes {} features, but a sample of {} has {} values",
                           recipe.input.features, dataset.name, dataset.sample_size()),
               fmt::format("set features = {} in [input]", dataset.sample_size()));
    }
    if (dataset.classes > recipe.outputs()) {
        refuse(fmt::format("the network has {} outputs, but {} has {} classes", recipe.outputs(),
                           dataset.name, dataset.classes),
               fmt::format("give the last linear layer {} outputs", dataset.classes));
    }
    if (recipe.data.shift > 0 && dataset.sample_shape().size() != 2) {
        refuse(fmt::format("shift moves images, but a sample of {} has shape {}", dataset.name,
                           shape_text(dataset.sample_shape())),
               "set shift = 0 in [data]");
    }
}

// One training from start (or checkpoint) to end; the steps in the order of run().
class Trainer {
public:
    Trainer(Recipe recipe, const TrainOptions& options, const ProgressSink& sink)
        : recipe_(std::move(recipe)),
          options_(options),
          sink_(sink),
          checkpoint_(checkpoint_file(options.output)) {
        result_.recipe = recipe_.name;
        result_.quantised = recipe_.quantised;
        result_.seed = recipe_.training.seed;
        progress_.epochs = recipe_.training.epochs;
    }

    TrainResult run() {
        if (!options_.output.empty()) {
            OutputFolder probe(
                options_.output);  // refuses now what it would refuse after the training
        }
        set_compute_threads(options_.threads);
        load();
        Model model(recipe_, recipe_.training.seed);
        FlatOptimiser optimiser(recipe_.training,
                                static_cast<std::int64_t>(model.parameters().size()),
                                model.decayed());
        result_.parameters = static_cast<std::int64_t>(model.parameters().size());
        resume(model, optimiser);
        for (int epoch = result_.resumed_after_epoch + 1; epoch <= recipe_.training.epochs;
             ++epoch) {
            train_epoch(epoch, model, optimiser);
            if (options_.evaluate_every_epoch || epoch == recipe_.training.epochs) {
                result_.epochs.back().test_accuracy = evaluate(model);
            }
            finish_epoch(epoch, model, optimiser);
        }
        summarise();
        if (!options_.output.empty()) {
            write_output(model);
        }
        return std::move(result_);
    }

private:
    void load() {
        report(Phase::kLoading);
        const data::LoadOptions where{.directory = options_.data_directory.empty()
                                                       ? fs::path(recipe_.data.directory)
                                                       : options_.data_directory,
                                      .limit = std::nullopt};
        const Clock clock;
        train_data_ = data::load(recipe_.data.train, where);
        result_.seconds_loading = clock.seconds();
        check_data(recipe_, train_data_);
        train_samples_ = train_data_.size() - recipe_.data.holdout;
        if (train_samples_ < 2) {
            throw Error(code::kRecipeData, recipe_.name,
                        fmt::format("{} of {} samples are held out", recipe_.data.holdout,
                                    train_data_.size()),
                        "set a smaller holdout in [data]");
        }
        if (recipe_.data.holdout == 0) {
            test_data_ = data::load(recipe_.data.test, where);
            check_data(recipe_, test_data_);
        }
    }

    void resume(Model& model, FlatOptimiser& optimiser) {
        if (checkpoint_.empty() || !options_.resume) {
            return;
        }
        if (auto found = read_checkpoint(checkpoint_, fingerprint(recipe_))) {
            model.load_state(found->state);
            optimiser.first_moment() = std::move(found->first_moment);
            optimiser.second_moment() = std::move(found->second_moment);
            optimiser.set_steps(found->optimiser_steps);
            result_.epochs = std::move(found->epochs);
            result_.resumed_after_epoch = result_.epochs.empty() ? 0 : result_.epochs.back().epoch;
        }
    }

    void train_epoch(int epoch, Model& model, FlatOptimiser& optimiser) {
        const TrainingSpec& spec = recipe_.training;
        Batches batches(train_data_, train_samples_, recipe_.data, recipe_.input, spec.batch_size,
                        spec.seed);
        const std::int64_t width = train_data_.sample_size();
        std::vector<float> samples(static_cast<std::size_t>(batches.largest() * width));
        std::vector<std::int32_t> labels(static_cast<std::size_t>(batches.largest()));
        progress_.epoch = epoch;
        progress_.step = 0;
        progress_.steps = batches.steps();
        report(Phase::kTraining);
        const Clock clock;
        batches.start_epoch(epoch);
        double loss = 0.0;
        std::int64_t correct = 0;
        std::int64_t seen = 0;
        for (std::int64_t step = 0; step < batches.steps(); ++step) {
            const std::int64_t rows = batches.fill(step, samples, labels);
            const std::int64_t done = (epoch - 1) * batches.steps() + step;
            const double rate = learning_rate(spec, done, batches.steps());
            const LossSums sums = model.train_step(
                std::span<const float>(samples).first(static_cast<std::size_t>(rows * width)),
                std::span<const std::int32_t>(labels).first(static_cast<std::size_t>(rows)),
                spec.label_smoothing, static_cast<std::uint64_t>(done));
            if (!std::isfinite(sums.loss)) {
                diverged(epoch, step, rate);
            }
            optimiser.step(model.parameters(), model.gradients(), rate);
            loss += sums.loss * static_cast<double>(rows);
            correct += sums.correct;
            seen += rows;
            progress_.step = step + 1;
            progress_.loss = loss / static_cast<double>(seen);
            progress_.accuracy = static_cast<double>(correct) / static_cast<double>(seen);
            progress_.learning_rate = rate;
            report_sometimes();
        }
        result_.epochs.push_back({.epoch = epoch,
                                  .loss = progress_.loss,
                                  .train_accuracy = progress_.accuracy,
                                  .learning_rate = progress_.learning_rate,
                                  .seconds = clock.seconds()});
        result_.seconds_training += clock.seconds();
    }

    [[noreturn]] void diverged(int epoch, std::int64_t step, double rate) const {
        const std::string kept = checkpoint_.empty() || epoch == 1
                                     ? ""
                                     : fmt::format("; the state after epoch {} is kept in {}",
                                                   epoch - 1, checkpoint_.string());
        throw Error(
            code::kTrainDiverged, recipe_.name,
            fmt::format("the loss is not a number at epoch {}, step {}, learning rate {:.3g}{}",
                        epoch, step + 1, rate, kept),
            "lower learning_rate, or add batch_norm layers");
    }

    double evaluate(const Model& model) {
        constexpr std::int64_t kRows = 1000;
        report(Phase::kEvaluating);
        const Clock clock;
        const bool held_out = recipe_.data.holdout > 0;
        const data::Dataset& dataset = held_out ? train_data_ : test_data_;
        const std::int64_t begin = held_out ? train_samples_ : 0;
        const std::int64_t width = dataset.sample_size();
        std::vector<float> samples;
        std::vector<std::int32_t> labels;
        std::int64_t correct = 0;
        for (std::int64_t first = begin; first < dataset.size(); first += kRows) {
            const std::int64_t rows = std::min(kRows, dataset.size() - first);
            samples.resize(static_cast<std::size_t>(rows * width));
            labels.resize(static_cast<std::size_t>(rows));
            fill_in_order(dataset, recipe_.input, first, samples, labels);
            correct +=
                cross_entropy(model.evaluate(samples, rows), labels, recipe_.outputs(), 0.0, {})
                    .correct;
        }
        result_.seconds_evaluating += clock.seconds();
        return static_cast<double>(correct) / static_cast<double>(dataset.size() - begin);
    }

    void finish_epoch(int epoch, Model& model, FlatOptimiser& optimiser) {
        if (!checkpoint_.empty()) {
            write_checkpoint(checkpoint_, {.fingerprint = fingerprint(recipe_),
                                           .optimiser_steps = optimiser.steps(),
                                           .first_moment = optimiser.first_moment(),
                                           .second_moment = optimiser.second_moment(),
                                           .state = model.state(),
                                           .epochs = result_.epochs});
        }
        progress_.test_accuracy = result_.epochs.back().test_accuracy;
        progress_.epoch_done = true;
        report(epoch == recipe_.training.epochs ? Phase::kExporting : Phase::kTraining);
        progress_.epoch_done = false;
    }

    void summarise() {
        result_.accuracy = result_.epochs.back().test_accuracy;
        result_.loss = result_.epochs.back().loss;
        const auto done =
            static_cast<double>(recipe_.training.epochs - result_.resumed_after_epoch);
        if (done > 0.0) {
            result_.seconds_per_epoch = (result_.seconds_loading + result_.seconds_training) / done;
        }
    }

    void write_output(const Model& model) {
        OutputFolder folder(options_.output);
        const TrainedModel trained{.name = recipe_.name,
                                   .input = recipe_.input,
                                   .input_is_bytes = train_data_.is_bytes(),
                                   .layers = model.trained_layers()};
        onnx::write_model(export_graph(trained), folder.staging() / "model.onnx");
        folder.write("metrics.json", metrics_json(result_));
        folder.commit();
        result_.model_file = options_.output / "model.onnx";
        result_.metrics_file = options_.output / "metrics.json";
        std::error_code ignored;
        fs::remove(checkpoint_, ignored);
    }

    // How long a run still takes, from the steps done so far.
    void report(Phase phase) {
        if (!sink_) {
            return;
        }
        progress_.phase = phase;
        progress_.elapsed_seconds = clock_.seconds();
        const int first = result_.resumed_after_epoch + 1;
        const double total = static_cast<double>((progress_.epochs - first + 1) * progress_.steps);
        const double done = static_cast<double>(
            (std::max(progress_.epoch, first) - first) * progress_.steps + progress_.step);
        progress_.eta_seconds =
            done > 0.0 ? progress_.elapsed_seconds * (total - done) / done : 0.0;
        sink_(progress_);
    }

    void report_sometimes() {
        constexpr double kInterval = 0.1;
        if (sink_ && clock_.seconds() - progress_.elapsed_seconds >= kInterval) {
            report(Phase::kTraining);
        }
    }

    Recipe recipe_;
    const TrainOptions& options_;
    const ProgressSink& sink_;
    fs::path checkpoint_;
    data::Dataset train_data_;
    data::Dataset test_data_;
    std::int64_t train_samples_ = 0;
    TrainResult result_;
    TrainProgress progress_;
    Clock clock_;
};

}  // namespace

TrainResult train(const Recipe& recipe, const TrainOptions& options, const ProgressSink& progress) {
    return Trainer(with_options(recipe, options), options, progress).run();
}

}  // namespace qloom::train
