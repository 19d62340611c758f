#include "train/train.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <utility>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "base/output_folder.h"
#include "data/dataset.h"
#include "ir/tidy.h"
#include "onnx/reader.h"
#include "onnx/writer.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/export_model.h"
#include "train/import_model.h"
#include "train/metrics.h"
#include "train/model.h"
#include "train/optimiser.h"
#include "train/ranks.h"
#include "train/recipe_data.h"
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
fs::path beside(const fs::path& output, const char* ending) {
    if (output.empty()) {
        return {};
    }
    const fs::path normal = output.lexically_normal();
    return (normal.has_filename() ? normal : normal.parent_path()).string() + ending;
}

// One training from start (or checkpoint) to end; the steps in the order of run().
class Trainer {
public:
    Trainer(Recipe recipe, const TrainOptions& options, const ProgressSink& sink)
        : recipe_(std::move(recipe)),
          options_(options),
          sink_(sink),
          checkpoint_(beside(options.output, ".checkpoint")),
          running_metrics_(beside(options.output, ".metrics.json")) {
        result_.recipe = recipe_.name;
        result_.quantised = recipe_.quantised;
        result_.seed = recipe_.training.seed;
        progress_.epochs = recipe_.training.epochs;
    }

    TrainResult run() {
        if (options_.launch && options_.launch->ranks > 1) {
            ranks_ = std::make_unique<Ranks>(*options_.launch);
        }
        try {
            train_all();
            if (ranks_) {
                ranks_->finish();
            }
        } catch (const Error& error) {
            if (ranks_ && ranks_->fail(error.code() == code::kRankLost ? "" : error.what())) {
                throw SaidElsewhere{error.code()};
            }
            throw;
        } catch (...) {
            if (ranks_) {
                ranks_->fail("it was interrupted");
            }
            throw;
        }
        return std::move(result_);
    }

private:
    void train_all() {
        if (writes()) {
            OutputFolder probe(
                options_.output);  // refuses now what it would refuse after the training
        }
        set_compute_threads(options_.threads);
        load();
        Model model(recipe_, recipe_.training.seed, options_.device, device_index());
        FlatOptimiser optimiser(recipe_.training,
                                static_cast<std::int64_t>(model.parameters().size()),
                                model.decayed());
        result_.parameters = static_cast<std::int64_t>(model.parameters().size());
        resume(model, optimiser);
        load_teacher();
        for (int epoch = result_.resumed_after_epoch + 1;
             epoch <= recipe_.training.epochs && !out_of_patience(); ++epoch) {
            train_epoch(epoch, model, optimiser);
            if (evaluates_every_epoch() || epoch == recipe_.training.epochs) {
                result_.epochs.back().test_accuracy = evaluate(model);
            }
            if (recipe_.training.keep_best && best_epoch() == epoch) {
                best_ = model.state();
            }
            finish_epoch(epoch, model, optimiser);
        }
        if (recipe_.training.keep_best) {
            model.load_state(best_);
        }
        summarise();
        if (writes()) {
            write_output(model);
        }
    }

    [[nodiscard]] bool writes() const {
        return !options_.output.empty() && (!ranks_ || ranks_->leads());
    }
    [[nodiscard]] int rank() const { return ranks_ ? ranks_->rank() : 0; }
    [[nodiscard]] int ranks() const { return ranks_ ? ranks_->size() : 1; }
    [[nodiscard]] int device_index() const { return ranks_ ? options_.launch->local_rank : 0; }

    [[nodiscard]] bool evaluates_every_epoch() const {
        return options_.evaluate_every_epoch || recipe_.training.keep_best ||
               recipe_.training.patience > 0;
    }

    // The first of those with the highest accuracy; 0 before any.
    [[nodiscard]] int best_epoch() const {
        const auto best = std::max_element(result_.epochs.begin(), result_.epochs.end(),
                                           [](const EpochMetrics& a, const EpochMetrics& b) {
                                               return a.test_accuracy < b.test_accuracy;
                                           });
        return best == result_.epochs.end() ? 0 : best->epoch;
    }

    [[nodiscard]] bool out_of_patience() const {
        return recipe_.training.patience > 0 && !result_.epochs.empty() &&
               result_.epochs.back().epoch - best_epoch() >= recipe_.training.patience;
    }

    void load() {
        report(Phase::kLoading);
        const data::LoadOptions where{.directory = options_.data_directory.empty()
                                                       ? fs::path(recipe_.data.directory)
                                                       : options_.data_directory,
                                      .limit = std::nullopt};
        const Clock clock;
        train_data_ = data::load(recipe_.data.train, where);
        result_.seconds_loading = clock.seconds();
        check_recipe_data(recipe_, train_data_);
        train_samples_ = train_data_.size() - recipe_.data.holdout;
        if (train_samples_ < 2) {
            throw Error(code::kRecipeData, recipe_.name,
                        fmt::format("{} of {} samples are held out", recipe_.data.holdout,
                                    train_data_.size()),
                        "set a smaller holdout in [data]");
        }
        if (std::min(recipe_.training.batch_size, train_samples_) < ranks()) {
            throw Error(code::kRecipeData, recipe_.name,
                        fmt::format("a batch of {} samples cannot be shared by {} ranks",
                                    std::min(recipe_.training.batch_size, train_samples_), ranks()),
                        "set a larger batch_size in [training], or start fewer ranks");
        }
        if (recipe_.data.holdout == 0) {
            test_data_ = data::load(recipe_.data.test, where);
            check_recipe_data(recipe_, test_data_);
        }
    }

    void load_teacher() {
        const std::string& file = recipe_.distillation.teacher;
        if (file.empty()) {
            return;
        }
        Recipe recipe;
        ImportedModel imported = import_graph(ir::tidy(onnx::read_model(file)));
        recipe.name = imported.name;
        recipe.input = std::move(imported.input);
        recipe.layers = std::move(imported.layers);
        recipe.start = std::move(imported.state);
        if (recipe.input.features != recipe_.input.features ||
            recipe.outputs() != recipe_.outputs()) {
            throw Error(code::kRecipeData, file,
                        fmt::format("the teacher maps {} values to {}, the network {} to {}",
                                    recipe.input.features, recipe.outputs(), recipe_.input.features,
                                    recipe_.outputs()),
                        "take a teacher of the same samples and classes");
        }
        teacher_input_ = recipe.input;
        teacher_.emplace(recipe, 1, options_.device, device_index());
    }

    // The teacher's logits of raw samples; empty without a teacher.
    std::vector<float> taught(std::span<const float> raw, std::int64_t rows) const {
        if (!teacher_) {
            return {};
        }
        std::vector<float> samples(raw.begin(), raw.end());
        apply_input(teacher_input_, samples);
        return teacher_->evaluate(samples, rows);
    }

    void resume(Model& model, FlatOptimiser& optimiser) {
        if (checkpoint_.empty() || !options_.resume) {
            return;
        }
        std::string bytes = writes() ? checkpoint_bytes(checkpoint_) : "";
        if (ranks_) {
            bytes = ranks_->from_leader(bytes);
        }
        if (!bytes.empty()) {
            Checkpoint found = parse_checkpoint(bytes, checkpoint_, fingerprint(recipe_));
            if (model.load_state(found.state) != model.state_size()) {
                throw_foreign(checkpoint_);
            }
            optimiser.first_moment() = std::move(found.first_moment);
            optimiser.second_moment() = std::move(found.second_moment);
            optimiser.set_steps(found.optimiser_steps);
            best_ = std::move(found.best);
            result_.epochs = std::move(found.epochs);
            result_.resumed_after_epoch = result_.epochs.empty() ? 0 : result_.epochs.back().epoch;
        }
    }

    void train_epoch(int epoch, Model& model, FlatOptimiser& optimiser) {
        const TrainingSpec& spec = recipe_.training;
        Batches batches(train_data_, train_samples_, recipe_.data, {}, spec.batch_size, spec.seed,
                        rank(), ranks());
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
            const std::span<float> batch =
                std::span<float>(samples).first(static_cast<std::size_t>(rows * width));
            const std::vector<float> teacher = taught(batch, rows);
            apply_input(recipe_.input, batch);
            const std::int64_t done = (epoch - 1) * batches.steps() + step;
            const double rate = learning_rate(spec, done, batches.steps());
            const BatchShare share = batches.share(step);
            const LossSums sums = model.train_step(
                batch, std::span<const std::int32_t>(labels).first(static_cast<std::size_t>(rows)),
                static_cast<std::uint64_t>(done), teacher, ranks_.get(), share);
            if (!std::isfinite(sums.loss)) {
                diverged(epoch, step, rate, model.first_not_finite(batch, rows));
            }
            optimiser.step(model.parameters(), model.gradients(), rate);
            if (spec.clip_weights > 0.0) {
                model.clip_weights(static_cast<float>(spec.clip_weights));
            }
            model.parameters_changed();
            loss += sums.loss * static_cast<double>(share.whole);
            correct += sums.correct;
            seen += share.whole;
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

    [[noreturn]] void diverged(int epoch, std::int64_t step, double rate,
                               const std::string& layer) const {
        const std::string kept = checkpoint_.empty() || epoch == 1
                                     ? ""
                                     : fmt::format("; the state after epoch {} is kept in {}",
                                                   epoch - 1, checkpoint_.string());
        throw Error(
            code::kTrainDiverged, recipe_.name,
            fmt::format(
                "the loss is not a number at epoch {}, step {}, learning rate {:.3g}{}{}", epoch,
                step + 1, rate,
                layer.empty() ? "" : fmt::format("; the first such values are those of {}", layer),
                kept),
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
        const BatchShare share = share_of(dataset.size() - begin, rank(), ranks());
        const std::int64_t end = begin + share.first + share.rows;
        for (std::int64_t first = begin + share.first; first < end; first += kRows) {
            const std::int64_t rows = std::min(kRows, end - first);
            samples.resize(static_cast<std::size_t>(rows * width));
            labels.resize(static_cast<std::size_t>(rows));
            fill_in_order(dataset, recipe_.input, first, samples, labels);
            correct += loss_of(recipe_.training.loss, model.evaluate(samples, rows), labels,
                               recipe_.outputs(), 0.0, {})
                           .correct;
        }
        std::array<double, 1> total{static_cast<double>(correct)};
        if (ranks_) {
            ranks_->sum(total);
        }
        result_.seconds_evaluating += clock.seconds();
        return total[0] / static_cast<double>(share.whole);
    }

    void finish_epoch(int epoch, Model& model, FlatOptimiser& optimiser) {
        if (writes()) {
            write_checkpoint(checkpoint_, {.fingerprint = fingerprint(recipe_),
                                           .optimiser_steps = optimiser.steps(),
                                           .first_moment = optimiser.first_moment(),
                                           .second_moment = optimiser.second_moment(),
                                           .state = model.state(),
                                           .best = best_,
                                           .epochs = result_.epochs});
            write_running_metrics();
        }
        progress_.test_accuracy = result_.epochs.back().test_accuracy;
        progress_.epoch_done = true;
        report(epoch == recipe_.training.epochs || out_of_patience() ? Phase::kExporting
                                                                     : Phase::kTraining);
        progress_.epoch_done = false;
    }

    // For whoever looks on: nothing depends on it, so that failing to write it is no error. Renamed
    // into its place, so that a reader never sees half of it.
    void write_running_metrics() const {
        const fs::path next = running_metrics_.string() + ".new";
        std::ofstream stream(next, std::ios::binary);
        stream << running_metrics_json(result_, recipe_.training.epochs);
        stream.close();
        std::error_code ignored;
        if (stream) {
            fs::rename(next, running_metrics_, ignored);
        } else {
            fs::remove(next, ignored);
        }
    }

    void summarise() {
        result_.best_epoch = best_epoch();
        result_.accuracy =
            recipe_.training.keep_best
                ? result_.epochs[static_cast<std::size_t>(result_.best_epoch - 1)].test_accuracy
                : result_.epochs.back().test_accuracy;
        result_.loss = result_.epochs.back().loss;
        const auto done = static_cast<double>(static_cast<int>(result_.epochs.size()) -
                                              result_.resumed_after_epoch);
        if (done > 0.0) {
            result_.seconds_per_epoch = (result_.seconds_loading + result_.seconds_training) / done;
        }
    }

    void write_output(const Model& model) {
        OutputFolder folder(options_.output);
        TrainedNetwork trained = model.trained();
        trained.input_is_bytes = train_data_.is_bytes();
        try {
            onnx::write_model(export_graph(trained), folder.staging() / "model.onnx");
        } catch (const Error& error) {
            // The staging folder is nobody's business.
            throw Error(error.code(), (options_.output / "model.onnx").string(),
                        error.diagnostic().what, error.diagnostic().advice);
        }
        folder.write("metrics.json", metrics_json(result_));
        folder.commit();
        result_.model_file = options_.output / "model.onnx";
        result_.metrics_file = options_.output / "metrics.json";
        std::error_code ignored;
        fs::remove(checkpoint_, ignored);
        fs::remove(running_metrics_, ignored);
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
    fs::path running_metrics_;
    std::unique_ptr<Ranks> ranks_;  // none: this process trains alone
    data::Dataset train_data_;
    data::Dataset test_data_;
    std::int64_t train_samples_ = 0;
    std::optional<Model> teacher_;
    InputSpec teacher_input_;
    State best_;  // with keep_best: that of the best epoch
    TrainResult result_;
    TrainProgress progress_;
    Clock clock_;
};

}  // namespace

TrainResult train(const Recipe& recipe, const TrainOptions& options, const ProgressSink& progress) {
    return Trainer(with_options(recipe, options), options, progress).run();
}

}  // namespace qloom::train
