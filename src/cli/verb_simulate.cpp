#include <chrono>

#include "base/codes/cli.h"
#include "base/npy.h"
#include "base/table.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/simulate_flow.h"
#include "cli/simulation_record.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

class SimulateVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "simulate"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "run the accelerator's RTL cycle by cycle and compare it with the integer engine",
            .synopsis = {"qloom simulate DIR --data DATASET [--frames N] [OPTIONS]",
                         "qloom simulate DIR --input [NAME=]x.npy ... [--output [NAME=]y.npy ...] [OPTIONS]"},
            .description =
                {"Builds the SystemVerilog of a compiled folder with Verilator (once; the build is kept in DIR/sim), streams "
                 "frames through it, and compares every output value with the integer engine. Any difference ends the "
                 "program with exit code 3 and names the first one.",
                 "Clock cycles are counted: the initiation interval over many frames and the latency of the first frame, "
                 "next to the compiler's estimates."},
            .json_keys = {{"frames", "frames simulated"},
                          {"mismatches", "frames whose output differs from the integer engine's"},
                          {"ii_cycles", "measured cycles a frame in the steady state; 0 for a single frame"},
                          {"latency_cycles", "measured, first input beat to last output beat of the first frame"},
                          {"accuracy", "share of right answers, 0 to 1; null without --data"},
                          {"estimated_ii_cycles, estimated_latency_cycles", "the compiler's estimates"},
                          {"fps", "frames a second at the design's clock, from the measured interval"},
                          {"cycles", "clock cycles of the whole run"},
                          {"first_difference", "output, frame, element, expected, found; null when there is none"},
                          {"seconds, build_seconds, run_seconds", "time in all, of Verilator's build, of the simulation"},
                          {"folder, input_scale", "what was simulated and what numbers went in"}},
            .examples = {{"qloom simulate out --data fashion-mnist:test --frames 1000", "on test images, with accuracy"},
                         {"qloom simulate out --input x.npy --output y.npy", "on arrays of your own"},
                         {"qloom simulate out --data fashion-mnist:test --frames 2 --vcd wave.vcd",
                          "with a waveform for GTKWave"},
                         {"qloom simulate out --input x.npy --back-pressure 0.3 --idle 0.3",
                          "with a hesitant sender and receiver"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("DIR", folder_, "A folder that `qloom compile` wrote.")->required();
        CLI::Option* data = app.add_option("--data", request_.data, "A dataset, as `qloom eval` takes it.")->type_name("DATASET");
        app.add_option("-i,--input", request_.inputs, "An array for a model input, in place of --data.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all()
            ->excludes(data);
        app.add_option("-o,--output", request_.outputs, "Where to write an output of the model, as the hardware computed it.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all();
        app.add_option("--frames", request_.frames, "Only the first N frames. Default: 1000 of a dataset, all of arrays.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--vcd", vcd_, "Write a waveform of the first frames here.")->type_name("FILE");
        app.add_option("--idle", request_.options.idle, "Probability that the sender has nothing in a cycle.")
            ->type_name("P")
            ->check(CLI::Range(0.0, 0.99).description(""))
            ->default_str("0");
        app.add_option("--back-pressure", request_.options.back_pressure,
                       "Probability that the receiver is not ready in a cycle.")
            ->type_name("P")
            ->check(CLI::Range(0.0, 0.99).description(""))
            ->default_str("0");
        app.add_option("--seed", request_.options.seed, "Seed of --idle and --back-pressure.")->type_name("N")->default_str("1");
        add_scale_option(app, request_.scale);
        add_data_directory_option(app, request_.data_directory);
    }

    void run(Session& session) override {
        if (request_.data.empty() && request_.inputs.empty()) {
            throw Error(code::kOptionMissing, "qloom simulate", "neither --data nor --input is given",
                        "say what to simulate: --data fashion-mnist:test, or --input x.npy");
        }
        request_.folder = folder_;
        request_.options.vcd = vcd_;
        std::string stage;
        Progress progress = session.progress("simulate", 1);
        request_.options.progress = [&](const std::string& now, std::int64_t done, std::int64_t total) {
            check_interrupted();
            if (now == "build" && done == total) {
                return;
            }
            if (now != stage) {
                stage = now;
                progress.begin_stage(now == "build" ? "build the simulator" : "simulate", total);
            }
            progress.update(done);
        };
        const auto start = std::chrono::steady_clock::now();
        const SimulateOutcome outcome = simulate(request_);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        progress.finish();
        fill_json(session.result(), outcome, seconds);
        record_simulation(request_.folder, outcome);
        if (outcome.first_difference) {
            const Difference& at = *outcome.first_difference;
            throw Error(code::kSimulationDiffers, folder_,
                        fmt::format("{} of {} frames differ from the integer engine; the first is frame {}, output {}, "
                                    "element {}: {} in place of {}",
                                    outcome.mismatches, outcome.frames, at.frame, at.output, at.element, at.found,
                                    at.expected),
                        "this is a bug of Qloom or a change made to the folder by hand; compile again, and report it");
        }
        for (const auto& [file, index] : outcome.output_files) {
            write_npy(file, outcome.outputs[index]);
        }
        print_summary(session, outcome, seconds);
    }

private:
    void fill_json(nlohmann::ordered_json& result, const SimulateOutcome& outcome, double seconds) const {
        const sim::SimulateResult& simulation = outcome.simulation;
        result = {{"folder", folder_},
                  {"frames", outcome.frames},
                  {"mismatches", outcome.mismatches},
                  {"ii_cycles", simulation.ii_cycles},
                  {"latency_cycles", simulation.latency_cycles},
                  {"estimated_ii_cycles", outcome.accelerator.ii_cycles},
                  {"estimated_latency_cycles", outcome.accelerator.latency_cycles},
                  {"fps", measured_fps(outcome)},
                  {"accuracy", nullptr},
                  {"cycles", simulation.cycles},
                  {"first_difference", nullptr},
                  {"input_scale", outcome.input_scale},
                  {"seconds", seconds},
                  {"build_seconds", simulation.build_seconds},
                  {"run_seconds", simulation.run_seconds}};
        if (outcome.accuracy) {
            result["accuracy"] = *outcome.accuracy;
        }
        if (outcome.first_difference) {
            const Difference& at = *outcome.first_difference;
            result["first_difference"] = {{"output", at.output},
                                          {"frame", at.frame},
                                          {"element", at.element},
                                          {"expected", at.expected},
                                          {"found", at.found}};
        }
    }

    static double measured_fps(const SimulateOutcome& outcome) {
        const std::int64_t cycles = outcome.simulation.ii_cycles > 0 ? outcome.simulation.ii_cycles
                                                                    : outcome.simulation.latency_cycles;
        return cycles > 0 ? outcome.accelerator.clock_mhz * 1e6 / static_cast<double>(cycles) : 0.0;
    }

    static void print_summary(const Session& session, const SimulateOutcome& outcome, double seconds) {
        const sim::SimulateResult& simulation = outcome.simulation;
        Table table({{""}, {"measured", Align::kRight}, {"estimated", Align::kRight}});
        const auto cycles = [](std::int64_t value) { return value > 0 ? fmt::format("{}", value) : std::string("-"); };
        table.add_row({"cycles a frame (II)", cycles(simulation.ii_cycles), cycles(outcome.accelerator.ii_cycles)});
        table.add_row({"latency, cycles", cycles(simulation.latency_cycles), cycles(outcome.accelerator.latency_cycles)});
        table.add_row({fmt::format("frames/s at {:g} MHz", outcome.accelerator.clock_mhz),
                       fmt::format("{:.0f}", measured_fps(outcome)), fmt::format("{:.0f}", outcome.accelerator.fps())});
        session.say(fmt::format("{} frames, {} clock cycles: every value equals the integer engine's\n", outcome.frames,
                                simulation.cycles));
        if (outcome.accuracy) {
            session.say(fmt::format("accuracy {:.2f} % on these frames, inputs {}\n", *outcome.accuracy * 100.0,
                                    outcome.input_scale));
        }
        session.say("\n" + table.text(session.columns()));
        session.say(fmt::format("\n{} in all (build {}, simulation {})\n", duration_text(seconds),
                                duration_text(simulation.build_seconds), duration_text(simulation.run_seconds)));
    }

    SimulateRequest request_;
    std::string folder_;
    std::string vcd_;
};

}  // namespace

std::unique_ptr<Verb> make_simulate_verb() { return std::make_unique<SimulateVerb>(); }

}  // namespace qloom::cli
