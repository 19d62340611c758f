#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/codes/soc.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/soc_flow.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

class SocVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "soc"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "run the firmware on an emulated board, with DMA and accelerator as RTL",
            .synopsis = {"qloom soc DIR --data DATASET [--frames N] [--batch N] [OPTIONS]"},
            .description = {"Builds the bare-metal firmware of a compiled folder with the "
                            "images in it, boots it on the board's processor "
                            "in emulation, and lets it move the images through the DMA and the "
                            "accelerator, both simulated cycle by cycle "
                            "from their SystemVerilog. What it sends on the UART is printed as "
                            "a serial console would show it. Then every "
                            "label is compared with the integer engine's; any difference ends "
                            "the program with exit code 3.",
                            "Times are the board's own timer's, in a model: an instruction "
                            "takes a clock of the processor, the logic its "
                            "cycles. The processor's data cache is modelled as one that the "
                            "DMA does not see: a program that forgets to "
                            "clean or invalidate fails here as it would on the board, and so "
                            "does one that makes accesses the processor "
                            "refuses.",
                            "--cpu qemu runs the same program on QEMU's model of the "
                            "processing system, with the DMA and the accelerator "
                            "attached through QEMU's debugger interface: an independent check "
                            "of start-up, MMU, UART and exceptions. "
                            "Its times say nothing."},
            .json_keys = {{"frames", "frames run"},
                          {"labels_equal", "labels on the UART that equal the integer engine's"},
                          {"accuracy", "share of right answers, 0 to 1"},
                          {"fps, microseconds",
                           "by the board's timer, from the first transfer's begin to the last "
                           "result; null on QEMU"},
                          {"batch", "frames a transfer"},
                          {"first_difference", "frame, expected, found; null when there is none"},
                          {"board_seconds", "the board's time from start to end, UART included"},
                          {"instructions, fabric_cycles", "what was simulated"},
                          {"seconds, build_seconds, run_seconds",
                           "time in all, of firmware and simulator, of the run"},
                          {"folder, board, cpu, input_scale", "what was run on what"}},
            .examples = {
                {"qloom soc out --data fashion-mnist:test --frames 100",
                 "a hundred images in one transfer"},
                {"qloom soc out --data fashion-mnist:test --frames 10 --batch 1 --print-frames",
                 "one image a transfer, a line each"},
                {"qloom soc out --data fashion-mnist:test --cpu qemu",
                 "the same program on QEMU"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("DIR", folder_, "A folder that `qloom compile` wrote.")->required();
        app.add_option("--data", request_.data, "A dataset, as `qloom eval` takes it.")
            ->type_name("DATASET")
            ->required();
        app.add_option("--frames", request_.frames, "Only the first N frames. Default: 100.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--batch", request_.batch, "Frames a DMA transfer.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->default_str("100");
        app.add_flag("--print-frames", request_.print_frames,
                     "Let the firmware print a line a frame.");
        app.add_option("--cpu", request_.cpu, "What runs the program.")
            ->type_name("unicorn|qemu")
            ->transform(
                CLI::CheckedTransformer(std::map<std::string, SocCpu>{{"unicorn", SocCpu::kUnicorn},
                                                                      {"qemu", SocCpu::kQemu}})
                    .description(""))
            ->default_str("unicorn");
        app.add_option("--timeout", request_.timeout,
                       "Seconds of the board's time after which the firmware hangs. Default: by "
                       "the number of frames.")
            ->type_name("SECONDS")
            ->check(CLI::PositiveNumber.description(""));
        add_scale_option(app, request_.scale);
        add_data_directory_option(app, request_.data_directory);
    }

    void run(Session& session) override {
        request_.folder = folder_;
        Progress progress = session.progress("soc", 1);
        request_.on_stage = [&](const std::string& stage) {
            if (stage == "firmware") progress.begin_stage("build the firmware", 1);
            if (stage == "simulator") progress.begin_stage("build the simulator", 1);
            if (stage == "run") progress.finish();
        };
        std::ofstream log;  // DIR/uart.log: `qloom view` shows it as it grows
        request_.on_uart = [&](std::string_view text) {
            if (!log.is_open()) log.open(std::filesystem::path(folder_) / "uart.log");
            log << text << std::flush;
            session.say(text);
            std::fflush(stdout);
        };
        const auto start = std::chrono::steady_clock::now();
        const SocOutcome outcome = run_soc(request_);
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        fill_json(session.result(), outcome, seconds);
        if (outcome.first_difference) {
            const auto frame = static_cast<std::size_t>(*outcome.first_difference);
            throw Error(code::kLabelsDiffer, folder_,
                        fmt::format("{} of {} labels differ from the integer engine's; the first "
                                    "is frame {}: {} in place of {}",
                                    outcome.frames - outcome.labels_equal, outcome.frames, frame,
                                    outcome.report.labels[frame], outcome.expected[frame]),
                        "this is a bug of Qloom or a change made to the folder by hand; compile "
                        "again, and report it");
        }
        session.say(fmt::format("\n{} labels on the UART: every one equals the integer engine's\n",
                                outcome.frames));
        const std::string rate =
            request_.cpu == SocCpu::kQemu
                ? std::string("times on QEMU say nothing")
                : fmt::format("{} frames/s by the board's timer ({:g} MHz, modelled)",
                              outcome.report.fps, outcome.accelerator.clock_mhz);
        session.print(fmt::format("accuracy {:.2f} %, {}\n", outcome.accuracy * 100.0, rate));
        session.say(fmt::format("{} in all (build {}, run {})\n", duration_text(seconds),
                                duration_text(outcome.build_seconds),
                                duration_text(outcome.run_seconds)));
    }

private:
    void fill_json(nlohmann::ordered_json& result, const SocOutcome& outcome,
                   double seconds) const {
        result = {{"folder", folder_},
                  {"board", outcome.accelerator.board.name},
                  {"cpu", kSocCpuNames[static_cast<int>(request_.cpu)]},
                  {"frames", outcome.frames},
                  {"labels_equal", outcome.labels_equal},
                  {"accuracy", outcome.accuracy},
                  {"fps", outcome.report.fps},
                  {"microseconds", outcome.report.microseconds},
                  {"batch", outcome.report.batch},
                  {"first_difference", nullptr},
                  {"input_scale", outcome.input_scale},
                  {"board_seconds", outcome.system.board_seconds},
                  {"instructions", outcome.system.instructions},
                  {"fabric_cycles", outcome.system.fabric_cycles},
                  {"seconds", seconds},
                  {"build_seconds", outcome.build_seconds},
                  {"run_seconds", outcome.run_seconds}};
        if (request_.cpu == SocCpu::kQemu) {
            for (const char* key : {"fps", "microseconds", "board_seconds", "instructions"})
                result[key] = nullptr;
        }
        if (outcome.first_difference) {
            const auto frame = static_cast<std::size_t>(*outcome.first_difference);
            result["first_difference"] = {{"frame", frame},
                                          {"expected", outcome.expected[frame]},
                                          {"found", outcome.report.labels[frame]}};
        }
    }

    SocRequest request_;
    std::string folder_;
};

}  // namespace

std::unique_ptr<Verb> make_soc_verb() { return std::make_unique<SocVerb>(); }

}  // namespace qloom::cli
