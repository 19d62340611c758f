#include "base/codes/cli.h"
#include "base/codes/train.h"
#include "cli/budget_price.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "cli/trainer.h"
#include "cli/verb.h"
#include "onnx/reader.h"
#include "train/ranks.h"

namespace qloom::cli {
namespace {

std::string progress_title(train::Phase phase) {
    switch (phase) {
        case train::Phase::kSearching:
            return "search widths";
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
                     "or interrupted leaves DIR.checkpoint; the same command goes on from there.",
                     "With --budget the widths of weights and activations are learned as well: what a bit gains in loss is weighed "
                     "against what `qloom compile` says it costs on --board at --fps, in a quarter of the epochs; then the network "
                     "trains with the widths found, and is compiled to see that it fits.",
                     "Started by torchrun, srun or mpirun, the processes train one network together: each takes its share of "
                     "every batch, so that the loss curve is that of one process with the whole batch, and rank 0 alone writes "
                     "and prints. They meet at MASTER_ADDR and MASTER_PORT (29500), which torchrun sets; else on this machine, "
                     "under Slurm on the job's first node. LibTorch's process groups join them: Gloo, and NCCL where it has it."},
                .json_keys = {{"accuracy", "on the test set after the last epoch, 0 to 1"},
                              {"seconds_per_epoch", "loading the training data and the training steps, per epoch"},
                              {"loss", "mean training loss of the last epoch"},
                              {"epochs", "a list: epoch, loss, train_accuracy, test_accuracy, learning_rate, seconds"},
                              {"recipe, quantised, seed, parameters", "what was trained"},
                              {"seconds_loading, seconds_training, seconds_evaluating", "where the time went"},
                              {"best_epoch", "the epoch of highest accuracy among those evaluated"},
                              {"resumed_after_epoch", "0 unless a killed run was continued"},
                              {"model, metrics", "the files written"},
                              {"budget", "with --budget: limit, luts (of the trained network), widths, prices_asked, seconds"},
                              {"recipes", "with --list: name and description of each"}},
                .examples = {{"qloom train fashion-mnist-mlp -o run", "the built-in recipe"},
                             {"qloom train my.toml -o run --epochs 40 --seed 3", "a recipe of your own"},
                             {"qloom train fashion-mnist-mlp -o run-float --float",
                              "the same network without quantisers, to compare"},
                             {"qloom train fashion-mnist-mlp --budget luts=6000 --board pynq-z1 --fps 1000000 -o run",
                              "learned widths, within 6000 LUTs"},
                             {"torchrun --no-python --nproc_per_node 2 qloom train fashion-mnist-cnn -o run",
                              "two processes on this machine; mpirun -n 2 and srun -n 2 do as well"},
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
        CLI::Option* budget = app.add_option("--budget", budget_, "Learn widths whose network costs at most N LUTs.")
                                  ->type_name("luts=N");
        CLI::Option* board = app.add_option("-b,--board", target_.board, "With --budget: the board, as for `qloom compile`.")
                                 ->type_name("BOARD")
                                 ->needs(budget);
        CLI::Option* fps = app.add_option("--fps", target_.fps, "With --budget: the rate in frames per second.")
                               ->type_name("N")
                               ->check(CLI::PositiveNumber.description(""))
                               ->needs(budget);
        app.add_option("--ii", target_.ii, "With --budget: clock cycles per frame, in place of --fps.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->needs(budget)
            ->excludes(fps);
        budget->needs(board);
        app.add_flag("--alone", alone_, "Train in this process alone, whatever torchrun, srun or mpirun have set.");
        app.add_option("--rank-timeout", rank_timeout_, "How long a process waits for another before it calls it lost.")
            ->type_name("SECONDS")
            ->check(CLI::PositiveNumber.description(""))
            ->default_str("300");
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
        options_.launch = alone_ ? std::nullopt : launch_of(process_environment);
        if (options_.launch) {
            options_.launch->timeout_seconds = rank_timeout_;
            if (!budget_.empty() && options_.launch->ranks > 1) {
                throw Error(code::kOptionValue, "--budget", "widths are searched in one process, not in several ranks",
                            "search with --alone, and train the widths found as a recipe of your own");
            }
            if (options_.launch->rank > 0) {
                follow(session);
                return;
            }
        }
        const train::Recipe recipe = trainer().load_recipe(recipe_);
        Progress progress = session.progress("train", 1);
        const train::ProgressSink sink = [&](const train::TrainProgress& now) { show_progress(progress, now); };
        nlohmann::ordered_json budget;
        const train::TrainResult result =
            budget_.empty() ? trainer().train(recipe, options_, sink) : train_within_budget(recipe, sink, budget);
        progress.finish();
        fill_json(session.result(), result);
        if (!budget.empty()) {
            session.result()["budget"] = budget;
            print_budget(session, budget);
        }
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
    // Searches widths, trains with them, and compiles what came out. The last epochs move weights, and with them the widths
    // of sums and thresholds: where that costs more than the margin, the next try gets a smaller limit.
    train::TrainResult train_within_budget(const train::Recipe& recipe, const train::ProgressSink& sink,
                                           nlohmann::ordered_json& json) {
        constexpr int kTries = 3;
        const double limit = parse_budget(budget_);
        if (!target_.fps && !target_.ii) {
            throw Error(code::kOptionMissing, "--budget", "neither --fps nor --ii is given",
                        "say how fast the accelerator must be: --fps 100000, or --ii 1000");
        }
        const auto price = [&](const ir::Graph& graph) {
            check_interrupted();
            return price_in_luts(graph, target_);
        };
        double aim = limit;
        for (int tries = 1;; ++tries) {
            const train::BudgetedRecipe found =
                trainer().fit_budget(recipe, options_, {.limit = aim, .price = price}, sink);
            train::TrainResult result = trainer().train(found.recipe, options_, sink);
            const double luts = price(onnx::read_model(result.model_file));
            json = {{"limit", limit},
                    {"luts", luts},
                    {"prices_asked", found.prices_asked},
                    {"seconds", found.seconds},
                    {"widths", nlohmann::ordered_json::array()}};
            for (const train::LearnedWidth& width : found.widths) {
                json["widths"].push_back({{"quantiser", width.quantiser},
                                          {"bits", width.bits},
                                          {"loss_slope", width.loss_slope},
                                          {"price_slope", width.price_slope}});
            }
            if (luts <= limit) {
                return result;
            }
            if (tries == kTries) {
                throw Error(code::kBudgetUnreachable, recipe.name,
                            fmt::format("the trained network costs {:.0f} LUTs, and the budget is {:.0f}", luts, limit),
                            "give a somewhat larger budget; the model that is too large was written all the same");
            }
            aim *= limit / luts;
        }
    }

    static void print_budget(const Session& session, const nlohmann::ordered_json& budget) {
        std::string widths;
        for (const auto& width : budget["widths"]) {
            widths += fmt::format("{}{} {}", widths.empty() ? "" : ", ", width["quantiser"].get<std::string>(),
                                  width["bits"].get<int>());
        }
        session.say(fmt::format("{:.0f} of {:.0f} LUTs; bits: {}\n", budget["luts"].get<double>(),
                                budget["limit"].get<double>(), widths));
    }

    // A rank behind the first: it neither prints nor writes.
    void follow(Session& session) {
        session.quiet = true;
        session.json = false;
        try {
            trainer().train(trainer().load_recipe(recipe_), options_,
                            [](const train::TrainProgress&) { check_interrupted(); });
        } catch (const train::SaidElsewhere& error) {
            throw Silent(exit_code_of(error.code));
        } catch (const Interrupted&) {
            throw Silent(ExitCode::kInterrupted);
        }
    }

    static void show_progress(Progress& progress, const train::TrainProgress& now) {
        check_interrupted();
        progress.set_title(progress_title(now.phase));
        if (now.phase == train::Phase::kSearching) {
            progress.set_total(now.epochs * now.steps);
            progress.update((now.epoch - 1) * now.steps + now.step,
                            fmt::format("loss {:.3f}  {:.0f} LUTs", now.loss, now.price));
            return;
        }
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
    bool alone_ = false;
    std::string budget_;
    PriceTarget target_;
    double rank_timeout_ = 300.0;
    bool list_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_train_verb() { return std::make_unique<TrainVerb>(); }

}  // namespace qloom::cli
