#include "base/codes/cli.h"
#include "base/table.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/simulate_flow.h"
#include "cli/verb.h"
#include "synth/netlist_folder.h"
#include "synth/report.h"
#include "synth/route.h"
#include "synth/synthesise.h"

namespace qloom::cli {
namespace {

class SynthVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "synth"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "synthesise the accelerator with Yosys and say what it really costs",
            .synopsis = {"qloom synth DIR --for xc7|xcup|ice40 [--netlist-check [--data DATASET | "
                         "--input x.npy]] [OPTIONS]"},
            .description = {"Runs Yosys on each unit of a compiled folder by itself, once for "
                            "units that are the same hardware: LUTs, "
                            "flip-flops, carry cells, block RAM and DSP blocks of each and of all, "
                            "and the LUTs on the longest path between "
                            "registers, beside the compiler's estimates. Between the units are "
                            "wires alone. What was synthesised is kept in "
                            "DIR/synth, so that after a change only changed units are synthesised. "
                            "The figures go to DIR/synth.json and DIR/report.txt.",
                            "--netlist-check streams frames through the synthesised netlist with "
                            "Verilator and compares every output with the "
                            "integer engine, as `qloom simulate` does for the RTL: frames of a "
                            "dataset, of an array, or made-up ones.",
                            "For iCE40, --route places and routes with nextpnr-ice40, tells the "
                            "clock, and packs a bitstream with icepack; the "
                            "streams end in shift registers with a pin each."},
            .json_keys =
                {{"target, tool, command", "what was synthesised for, by what, how"},
                 {"luts, ffs, carries, bram36, dsps", "of the whole accelerator; ram4k for iCE40"},
                 {"lut_levels, path_carries",
                  "LUTs and carry cells on the longest path between registers"},
                 {"estimate, lut_error",
                  "the compiler's estimate, and (estimate - luts) / luts; null for iCE40"},
                 {"layers", "the same for each unit, with its name, layer, kind and module"},
                 {"routed",
                  "tool, device, logic_cells, ram4k, mhz, bitstream; null without --route"},
                 {"netlist_check",
                  "frames, mismatches, ii_cycles, latency_cycles; null without --netlist-check"},
                 {"cached_units", "units that an earlier run had synthesised"},
                 {"folder, seconds", "what was synthesised, time of Yosys"}},
            .examples = {
                {"qloom synth out --for xc7", "for a 7-series device"},
                {"qloom synth out --for xc7 --netlist-check --data fashion-mnist:test --frames 20",
                 "and run the netlist on images"},
                {"qloom synth out --for ice40 --route hx8k", "down to a bitstream"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("DIR", folder_, "A folder that `qloom compile` wrote.")->required();
        app.add_option(
               "--for", target_, "The family of devices.")
            ->type_name(fmt::format("{}", fmt::join(synth::target_names(), "|")))
            ->required()
            ->check(CLI::IsMember(synth::target_names()).description(""));
        CLI::Option* check =
            app.add_flag("--netlist-check", check_netlist_,
                         "Simulate the netlist and compare it with the integer engine.");
        CLI::Option* data =
            app.add_option("--data", request_.data,
                           "Frames of a dataset for the check, as `qloom eval` takes it.")
                ->type_name("DATASET")
                ->needs(check);
        app.add_option("-i,--input", request_.inputs, "An array for the check, in place of --data.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all()
            ->needs(check)
            ->excludes(data);
        app.add_option("--frames", request_.frames,
                       "Frames of the check. Default: 16, all of arrays.")
            ->type_name("N")
            ->needs(check)
            ->check(CLI::PositiveNumber.description(""));
        std::vector<std::string> devices;
        for (const synth::Ice40Device& device : synth::ice40_devices())
            devices.push_back(device.name);
        app.add_option("--route", device_,
                       "Place and route for a device (with --for ice40).")
            ->type_name(fmt::format("{}", fmt::join(devices, "|")))
            ->check(CLI::IsMember(devices).description(""));
        app.add_option("--cache", cache_, "Folder of synthesised units. Default: DIR/synth.")
            ->type_name("FOLDER");
        add_scale_option(app, request_.scale);
        add_data_directory_option(app, request_.data_directory);
    }

    void run(Session& session) override {
        const synth::Target target = *synth::target_named(target_);
        if (!device_.empty() && target != synth::Target::kIce40) {
            throw Error(code::kOptionValue, "qloom synth",
                        fmt::format("--route {} is for iCE40, and --for is {}", device_, target_),
                        "synthesise with --for ice40, or leave --route out");
        }
        Progress progress = session.progress("synthesise", 1);
        const synth::Synthesis synthesis = synth::synthesise(
            folder_,
            {.target = target,
             .cache = cache_,
             .progress = [&](std::int64_t done, std::int64_t total, const std::string& what) {
                 check_interrupted();
                 progress.set_total(total);
                 progress.update(done, what);
             }});
        std::optional<synth::Routed> routed;
        if (!device_.empty()) {
            progress.begin_stage("route", 3);
            std::int64_t step = 0;
            const auto device =
                std::ranges::find(synth::ice40_devices(), device_, &synth::Ice40Device::name);
            routed = synth::route_ice40(folder_, synthesis, *device, [&](const std::string& what) {
                progress.update(step++, what);
            });
        }
        synth::write_reports(folder_, synthesis, routed ? &*routed : nullptr);
        fill_json(session.result(), synthesis, routed ? &*routed : nullptr);
        std::optional<SimulateOutcome> checked;
        if (check_netlist_) checked = check_netlist(session, synthesis, progress);
        progress.finish();

        session.say(synth::report_text(synthesis, routed ? &*routed : nullptr, session.columns()));
        session.say(fmt::format(
            "\n{}/synth.json written; {} units, {} of them kept from before, {}\n", folder_,
            synthesis.layers.size(), cached_units(synthesis), duration_text(synthesis.seconds)));
        if (checked) {
            session.say(fmt::format(
                "{} frames through the netlist: every value equals the integer engine's\n",
                checked->frames));
        }
    }

private:
    static std::int64_t cached_units(const synth::Synthesis& synthesis) {
        return std::ranges::count(synthesis.layers, true, &synth::LayerSynthesis::was_cached);
    }

    void fill_json(nlohmann::ordered_json& result, const synth::Synthesis& synthesis,
                   const synth::Routed* routed) const {
        result = nlohmann::ordered_json::parse(synth::report_json(synthesis, routed));
        result["netlist_check"] = nullptr;
        result["cached_units"] = cached_units(synthesis);
        result["folder"] = folder_;
        result["seconds"] = synthesis.seconds;
    }

    SimulateOutcome check_netlist(Session& session, const synth::Synthesis& synthesis,
                                  Progress& progress) {
        progress.begin_stage("convert the netlist",
                             static_cast<std::int64_t>(synthesis.layers.size()));
        request_.folder = folder_;
        request_.hardware =
            synth::write_netlist_folder(folder_, synthesis, [&](std::int64_t done, std::int64_t) {
                check_interrupted();
                progress.update(done);
            });
        if (!request_.frames && !request_.data.empty()) request_.frames = kDefaultFrames;
        std::string stage;
        request_.options.progress = [&](const std::string& now, std::int64_t done,
                                        std::int64_t total) {
            check_interrupted();
            if (now != stage) {
                stage = now;
                progress.begin_stage(
                    now == "build" ? "build the simulator" : "simulate the netlist", total);
            }
            progress.update(done);
        };
        SimulateOutcome outcome = simulate(request_);
        session.result()["netlist_check"] = {{"frames", outcome.frames},
                                             {"mismatches", outcome.mismatches},
                                             {"ii_cycles", outcome.simulation.ii_cycles},
                                             {"latency_cycles", outcome.simulation.latency_cycles}};
        if (outcome.first_difference) {
            const Difference& at = *outcome.first_difference;
            throw Error(code::kSimulationDiffers, folder_,
                        fmt::format("the netlist differs from the integer engine in {} of {} "
                                    "frames; the first is frame {}, output {}, "
                                    "element {}: {} in place of {}",
                                    outcome.mismatches, outcome.frames, at.frame, at.output,
                                    at.element, at.found, at.expected),
                        "if `qloom simulate` finds no difference, the synthesis tool or its cell "
                        "models are at fault; report it");
        }
        return outcome;
    }

    static constexpr std::int64_t kDefaultFrames = 16;  // a netlist is slow

    SimulateRequest request_;
    std::string folder_;
    std::string target_;
    std::string device_;
    std::string cache_;
    bool check_netlist_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_synth_verb() { return std::make_unique<SynthVerb>(); }

}  // namespace qloom::cli
