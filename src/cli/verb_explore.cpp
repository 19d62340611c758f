#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include "base/codes/cli.h"
#include "base/codes/explore.h"
#include "base/table.h"
#include "cli/interrupt.h"
#include "cli/program_files.h"
#include "cli/verb.h"
#include "explore/outcome.h"
#include "explore/plot.h"
#include "explore/run_points.h"
#include "explore/slurm.h"
#include "explore/sweep.h"
#include "explore/task.h"

namespace qloom::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".qloom-sweep";

class ExploreVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "explore"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "train, compile and compare a grid of networks, rates and boards",
            .synopsis = {"qloom explore SWEEP.toml [-o DIR] [--jobs N] [--synth FAMILY] [OPTIONS]",
                         "qloom explore SWEEP.toml -o DIR --slurm [--sbatch=OPTION ...]"},
            .description =
                {"A sweep file names a recipe to train or model files, and values to vary: bit "
                 "widths, layer sizes and anything else that stands in the recipe, rates, boards "
                 "and limits. Every combination is a point. The networks are trained, each once; "
                 "every point is compiled, and with --synth synthesised. At the end stand the "
                 "points that no other beats in accuracy, rate and LUTs at once, and two plots "
                 "(with gnuplot: accuracy and frames a second against LUTs).",
                 "For example: under [fixed] recipe = \"fashion-mnist-mlp\" and board = \"pynq-z1\"; under [grid] "
                 "quantisation.weights.bits = [2, 4], \"layers.fc1.outputs, layers.fc2.outputs\" = [32, 64] and fps = "
                 "[100000, 1000000]: eight points of four networks. docs/formats.md describes the file.",
                 "DIR holds models/ and points/ (a folder each, with the logs and the compiled "
                 "hardware), points.json, points.csv, pareto.txt and the plots. A sweep that was "
                 "killed goes on where it was: finished points are kept, half ones done again; "
                 "so does a sweep with more values than before. A point that fails is reported and "
                 "the others go on.",
                 "--slurm submits the networks, then the points, as job arrays and waits for them. "
                 "A job that ends without a result is submitted once more. DIR must be a folder "
                 "that all nodes see."},
            .json_keys = {{"points", "a list: point, network, settings, accuracy, fps, ii_cycles, "
                                     "latency_cycles, clock_mhz, luts, ffs, bram36, dsps, (synth_luts, "
                                     "synth_ffs, synth_bram36, synth_dsps,) pareto, error"},
                          {"done, failed", "how many of them"},
                          {"pareto", "the names of the points that no other beats"},
                          {"plots", "the pictures"},
                          {"folder", "where everything is"}},
            .examples = {{"qloom explore sweep.toml -o widths", "on all cores of this machine"},
                         {"qloom explore sweep.toml -o widths --synth xc7",
                          "with LUTs from Yosys instead of estimates"},
                         {"qloom explore sweep.toml -o widths --slurm --sbatch=--partition=short",
                          "on a cluster"},
                         {"qloom explore sweep.toml --list", "the points, without doing anything"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("SWEEP", sweep_file_, "The sweep file.")->required();
        app.add_option("-o,--output", output_, "The folder of the sweep.")
            ->type_name("DIR")
            ->default_str("explore");
        app.add_option("-j,--jobs", jobs_, "Tasks at a time. Default: one a core.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--synth", overrides_.synth,
                       "Synthesise every point for this family of devices, in place of the file's `synth`.")
            ->type_name("FAMILY");
        CLI::Option* slurm = app.add_flag("--slurm", slurm_, "Run as job arrays of a Slurm cluster.");
        app.add_option("--sbatch", sbatch_, "An option for sbatch; several times for several.")
            ->type_name("OPTION")
            ->needs(slurm);
        app.add_flag("--restart", restart_, "Forget finished points.");
        app.add_flag("--list", list_, "List the points and end.");
        app.add_option("--task", task_, "Do one task alone: what the jobs of an array call.")
            ->type_name("N")
            ->check(CLI::NonNegativeNumber.description(""));
    }

    void run(Session& session) override {
        const explore::Sweep sweep = explore::read_sweep(sweep_file_, overrides_);
        const std::vector<explore::Task> tasks = explore::tasks_of(sweep);
        if (list_) return list_points(session, sweep);
        fs::path folder = fs::absolute(output_).lexically_normal();
        if (!folder.has_filename()) folder = folder.parent_path();
        prepare_folder(folder);
        const explore::TaskContext context{.folder = folder,
                                           .program = program(),
                                           .data = sweep.data,
                                           .synth = sweep.synth,
                                           .is_cancelled = [] { return interrupted(); }};
        if (task_) return run_one(session, tasks, context);
        if (!(slurm_ ? on_slurm(session, tasks, context) : here(session, tasks, context))) {
            check_interrupted();
            throw Interrupted{};
        }
        finish(session, sweep, folder);
    }

private:
    static fs::path program() {
        std::error_code error;
        const fs::path beside = file_beside_program("qloom");
        return fs::exists(beside) ? beside : fs::read_symlink("/proc/self/exe", error);
    }

    void prepare_folder(const fs::path& folder) const {
        std::error_code error;
        if (fs::exists(folder) && !fs::is_regular_file(folder / kMark) &&
            !(fs::is_directory(folder) && fs::is_empty(folder, error))) {
            throw Error(code::kSweepFolder, folder.string(), "exists and is not the folder of a sweep",
                        "name another folder with -o");
        }
        if (restart_ && !task_) {
            fs::remove_all(folder / "points", error);
            fs::remove_all(folder / "models", error);
        }
        fs::create_directories(folder, error);
        std::ofstream mark(folder / kMark);
        mark << "This folder was made by `qloom explore`.\n";
        if (!mark.flush()) {
            throw Error(code::kSweepFolder, folder.string(), "cannot be written",
                        "name another folder with -o");
        }
    }

    static void list_points(Session& session, const explore::Sweep& sweep) {
        std::vector<Table::Column> columns{{"point"}, {"network"}};
        for (const explore::Axis& axis : sweep.axes) columns.push_back({explore::short_key(axis.key)});
        Table table(std::move(columns));
        session.result()["points"] = nlohmann::ordered_json::array();
        for (const explore::Point& point : sweep.points) {
            std::vector<std::string> cells{point.key, point.model_key};
            nlohmann::ordered_json settings = nlohmann::ordered_json::object();
            for (const auto& [key, value] : point.settings) {
                cells.push_back(explore::value_text(value));
                settings[key] = value;
            }
            table.add_row(std::move(cells));
            session.result()["points"].push_back(
                {{"point", point.key}, {"network", point.model_key}, {"settings", settings}});
        }
        session.print(table.text(session.columns()));
    }

    // A task of a job array. That it failed is in its result.
    void run_one(Session& session, const std::vector<explore::Task>& tasks,
                 const explore::TaskContext& context) const {
        if (*task_ >= static_cast<std::int64_t>(tasks.size())) {
            throw Error(code::kSweepBad, sweep_file_,
                        fmt::format("there is no task {}, there are {}", *task_, tasks.size()),
                        "the file has changed since it was submitted: start the sweep again");
        }
        const explore::Task& task = tasks[static_cast<std::size_t>(*task_)];
        if (!explore::run_task(task, context)) throw Interrupted{};
        session.result() = explore::task_result(context.folder, task);
    }

    bool here(Session& session, const std::vector<explore::Task>& tasks,
              const explore::TaskContext& context) const {
        const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
        Progress progress = session.progress("explore", static_cast<std::int64_t>(tasks.size()));
        return explore::run_here(tasks, context, jobs_.value_or(cores), [&](std::int64_t done) {
            progress.update(done, fmt::format("{} of {} tasks", done, tasks.size()));
        });
    }

    bool on_slurm(Session& session, const std::vector<explore::Task>& tasks,
                  const explore::TaskContext& context) const {
        const explore::SlurmOptions options{.sweep_file = fs::absolute(sweep_file_).string(),
                                            .synth = overrides_.synth,
                                            .sbatch_options = sbatch_};
        return explore::run_on_slurm(tasks, context, options,
                                     [&](const std::string& line) { session.note(line); });
    }

    static void write(const fs::path& file, const std::string& text) {
        std::ofstream(file, std::ios::binary) << text;
    }

    static void finish(Session& session, const explore::Sweep& sweep, const fs::path& folder) {
        const std::vector<explore::PointOutcome> outcomes = explore::outcomes_of(sweep, folder);
        nlohmann::ordered_json& result = session.result();
        result["points"] = explore::points_json(sweep, outcomes);
        const auto done = std::ranges::count_if(outcomes, &explore::PointOutcome::is_ok);
        result["done"] = done;
        result["failed"] = std::ssize(outcomes) - done;
        result["pareto"] = nlohmann::ordered_json::array();
        for (const explore::PointOutcome& outcome : outcomes) {
            if (outcome.is_pareto) result["pareto"].push_back(outcome.point->key);
        }
        result["plots"] = nlohmann::ordered_json::array();
        for (const fs::path& picture : explore::draw_plots(sweep, outcomes, folder))
            result["plots"].push_back(picture.string());
        result["folder"] = folder.string();
        if (!explore::can_draw())
            session.note("no plots: gnuplot is not installed (Debian package gnuplot-nox)");
        const Table table = explore::pareto_table(sweep, outcomes);
        write(folder / "points.json", result["points"].dump(2) + "\n");
        write(folder / "points.csv", explore::points_csv(sweep, outcomes));
        write(folder / "pareto.txt", table.text());
        for (const explore::PointOutcome& outcome : outcomes) {
            if (!outcome.is_ok())
                session.note(fmt::format("point {}{}: {}", outcome.point->key,
                                         settings_text(*outcome.point), outcome.error()));
        }
        if (done == 0) {
            throw Error(code::kNoPointDone, sweep.name,
                        fmt::format("none of the {} points could be finished; the first: {}",
                                    outcomes.size(), outcomes.front().error()),
                        fmt::format("its logs are in {}",
                                    (folder / "points" / outcomes.front().point->key).string()));
        }
        session.print(table.text(session.columns()));
        session.say(fmt::format("\n{} of {} points done; {} of them on the front\n{}\n", done,
                                outcomes.size(), result["pareto"].size(),
                                (folder / "points.csv").string()));
        for (const auto& picture : result["plots"])
            session.say(picture.get<std::string>() + "\n");
    }

    // " (fps = 100000, board = pynq-z1)"
    static std::string settings_text(const explore::Point& point) {
        std::vector<std::string> parts;
        for (const auto& [key, value] : point.settings)
            parts.push_back(fmt::format("{} = {}", explore::short_key(key), explore::value_text(value)));
        return parts.empty() ? "" : fmt::format(" ({})", fmt::join(parts, ", "));
    }

    std::string sweep_file_;
    std::string output_ = "explore";
    std::optional<int> jobs_;
    explore::SweepOverrides overrides_;
    bool slurm_ = false;
    std::vector<std::string> sbatch_;
    bool restart_ = false;
    bool list_ = false;
    std::optional<std::int64_t> task_;
};

}  // namespace

std::unique_ptr<Verb> make_explore_verb() { return std::make_unique<ExploreVerb>(); }

}  // namespace qloom::cli
