#include "base/codes/cli.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/trainer.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

std::string progress_title(train::Phase phase) {
    switch (phase) {
        case train::Phase::kLoading:
            return "load data";
        case train::Phase::kTraining:
            return "train";
        case train::Phase::kEvaluating:
            return "evaluate";
        case train::Phase::kExporting:
            return "export";
    }
    return {};
}

class TrainVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "train"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "train a quantised network and export it as QONNX",
                .synopsis = {"qloom train RECIPE [-o DIR] [OPTIONS]", "qloom train --list"},
                .description =
                    {"Trains the network of a recipe, quantisation-aware: a built-in recipe by its name, or a TOML file of "
                     "your own (docs/recipes.md). DIR appears, whole, when the training is done, with model.onnx (QONNX) and "
                     "metrics.json (every epoch's loss, accuracies and time).",
                     "The same recipe, seed and number of threads give the same model, byte for byte. A run that is killed "
                     "or interrupted leaves DIR.checkpoint; the same command goes on from there."},
                .json_keys = {{"accuracy", "on the test set after the last epoch, 0 to 1"},
                              {"seconds_per_epoch", "loading the training data and the training steps, per epoch"},
                              {"loss", "mean training loss of the last epoch"},
                              {"epochs", "a list: epoch, loss, train_accuracy, test_accuracy, learning_rate, seconds"},
                              {"recipe, quantised, seed, parameters", "what was trained"},
                              {"seconds_loading, seconds_training, seconds_evaluating", "where the time went"},
                              {"best_epoch", "the epoch of highest accuracy among those evaluated"},
                              {"resumed_after_epoch", "0 unless a killed run was continued"},
                              {"model, metrics", "the files written"},
                              {"recipes", "with --list: name and description of each"}},
                .examples = {{"qloom train fashion-mnist-mlp -o run", "the built-in recipe"},
                             {"qloom train my.toml -o run --epochs 40 --seed 3", "a recipe of your own"},
                             {"qloom train fashion-mnist-mlp -o run-float --float",
                              "the same network without quantisers, to compare"},
                             {"qloom train --list", "the built-in recipes"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("RECIPE", recipe_, "A built-in recipe or a TOML file.");
        app.add_option("-o,--output", output_, "The folder to write.")->type_name("DIR")->default_str("run");
        app.add_option("--epochs", options_.epochs, "Passes over the training data, in place of the recipe's number.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--seed", options_.seed, "Seed of all random choices, in place of the recipe's.")->type_name("S");
        app.add_option("--threads", options_.threads, "Threads of the matrix products; one is fastest for small networks.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->default_str("1");
        app.add_option("--device", device_, "Where to compute.")
            ->type_name("cpu|cuda")
            ->check(CLI::IsMember({"cpu", "cuda"}).description(""))
            ->default_str("cpu");
        app.add_flag("--float", options_.float_only, "Train the same network without quantisers.");
        app.add_flag("--restart", restart_, "Ignore what an interrupted run left.");
        app.add_flag("--list", list_, "List the built-in recipes.");
        add_data_directory_option(app, data_directory_);
    }

    void run(Session& session) override {
        if (list_) {
            list_recipes(session);
            return;
        }
        if (recipe_.empty()) {
            throw Error(code::kOptionMissing, "qloom train", "no recipe is given", "see `qloom train --list`");
        }
        options_.output = output_;
        options_.resume = !restart_;
        options_.device = device_ == "cuda" ? train::Device::kCuda : train::Device::kCpu;
        options_.data_directory = data_directory_;
        const train::Recipe recipe = trainer().load_recipe(recipe_);
        Progress progress = session.progress("train", 1);
        const train::TrainResult result = trainer().train(
            recipe, options_, [&](const train::TrainProgress& now) { show_progress(progress, now); });
        progress.finish();
        fill_json(session.result(), result);
        session.say(fmt::format("accuracy {:.2f} % on {}\n", result.accuracy * 100.0,
                                recipe.data.holdout > 0 ? "the samples held out" : recipe.data.test));
        session.say(fmt::format("{} epochs, {:.2f} s each; seed {}; {} parameters\n", result.epochs.size(),
                                result.seconds_per_epoch, result.seed, result.parameters));
        session.say(fmt::format("{}\n{}\n", result.model_file.string(), result.metrics_file.string()));
        if (result.quantised) {
            session.say(fmt::format("\nNext: qloom compile {} --board pynq-z1 --fps 1000000 -o out\n",
                                    result.model_file.string()));
        }
    }

private:
    static void show_progress(Progress& progress, const train::TrainProgress& now) {
        check_interrupted();
        progress.set_title(progress_title(now.phase));
        const std::int64_t before = static_cast<std::int64_t>(std::max(now.epoch - 1, 0)) * now.steps;
        progress.set_total(static_cast<std::int64_t>(now.epochs) * now.steps);
        progress.update(before + now.step,
                        fmt::format("epoch {}/{}  loss {:.3f}  acc {:.1f} %", now.epoch, now.epochs, now.loss,
                                    now.accuracy * 100.0),
                        now.eta_seconds);
        if (now.epoch_done) {
            const std::string test =
                now.test_accuracy < 0.0 ? "" : fmt::format("   test {:.2f} %", now.test_accuracy * 100.0);
            progress.line(fmt::format("epoch {:3}/{}   loss {:.4f}   train {:.2f} %{}   {}", now.epoch, now.epochs,
                                      now.loss, now.accuracy * 100.0, test, duration_text(now.elapsed_seconds)));
        }
    }

    static void fill_json(nlohmann::ordered_json& json, const train::TrainResult& result) {
        json = {{"recipe", result.recipe},
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
                {"model", result.model_file.string()},
                {"metrics", result.metrics_file.string()},
                {"epochs", nlohmann::ordered_json::array()}};
        for (const train::EpochMetrics& epoch : result.epochs) {
            json["epochs"].push_back({{"epoch", epoch.epoch},
                                      {"loss", epoch.loss},
                                      {"train_accuracy", epoch.train_accuracy},
                                      {"test_accuracy", epoch.test_accuracy < 0.0
                                                            ? nlohmann::ordered_json()
                                                            : nlohmann::ordered_json(epoch.test_accuracy)},
                                      {"learning_rate", epoch.learning_rate},
                                      {"seconds", epoch.seconds}});
        }
    }

    static void list_recipes(Session& session) {
        auto& list = session.result()["recipes"] = nlohmann::ordered_json::array();
        for (const std::string& name : trainer().recipe_names()) {
            const train::Recipe recipe = trainer().load_recipe(name);
            list.push_back({{"name", name}, {"description", recipe.description}});
            session.print(fmt::format("{:24} {}\n", name, recipe.description));
        }
    }

    std::string recipe_;
    std::string output_ = "run";
    std::string data_directory_;
    train::TrainOptions options_;
    std::string device_ = "cpu";
    bool restart_ = false;
    bool list_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_train_verb() { return std::make_unique<TrainVerb>(); }

}  // namespace qloom::cli
