#include "base/codes/cli.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/talk_flow.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

constexpr std::size_t kLabelsALine = 20;

class TalkVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "talk"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "stream frames to a board at a serial port and print its answers",
            .synopsis = {"qloom talk PORT [DIR] --data DATASET [--frames N] [OPTIONS]",
                         "qloom talk PORT [DIR] --input x.npy [OPTIONS]"},
            .description = {"Speaks with a board whose FPGA holds the accelerator of DIR behind a "
                            "UART, as `qloom synth` makes it for boards "
                            "with an iCE40: asks who is there, sends frames, prints the labels "
                            "that come back with their accuracy, "
                            "and compares every value with the integer engine. A difference ends "
                            "the program with exit code 3.",
                            "Frames travel in packets with a check sequence; what noise damages is "
                            "sent again. A board that does not "
                            "answer, or runs another network than the folder's, is one message."},
            .json_keys = {{"frames", "frames answered"},
                          {"mismatches", "frames whose answer differs from the integer engine's"},
                          {"accuracy", "share of right answers, 0 to 1; null without --data"},
                          {"labels", "the board's answers, a list; empty without --data"},
                          {"fps", "frames a second over the line"},
                          {"repeated", "frames that were sent again"},
                          {"refused", "packets that the board found damaged or had no room for"},
                          {"damaged", "answers that came damaged"},
                          {"first_difference",
                           "output, frame, element, expected, found; null when there is none"},
                          {"port, folder, board, baud, input_scale, seconds",
                           "what was spoken with, and how"}},
            .examples = {{"qloom talk /dev/ttyUSB1 --data fashion-mnist:test --frames 100",
                          "the board that runs the folder out"},
                         {"qloom talk /dev/ttyUSB1 digits --input x.npy --json",
                          "frames of an array, for a program"}}};
    }

    void add_options(CLI::App& app) override {
        app.add_option("PORT", request_.port, "The serial port: /dev/ttyUSB1, say.")->required();
        app.add_option("DIR", folder_, "A folder that `qloom compile` wrote.")->default_str("out");
        CLI::Option* data =
            app.add_option("--data", request_.data, "A dataset, as `qloom eval` takes it.")
                ->type_name("DATASET");
        app.add_option("-i,--input", request_.inputs, "An array of frames, in place of --data.")
            ->type_name("FILE.npy")
            ->take_all()
            ->excludes(data);
        app.add_option("--frames", request_.frames,
                       "Only the first N frames. Default: 1000 of a dataset, all of arrays.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--baud", request_.baud,
                       "Rate of the line. Default: the board's, which its bitstream was made for.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--timeout", seconds_, "How many seconds an answer may take.")
            ->type_name("S")
            ->check(CLI::Range(0.01, 3600.0).description(""))
            ->default_str("0.5");
        add_scale_option(app, request_.scale);
        add_data_directory_option(app, request_.data_directory);
    }

    void run(Session& session) override {
        if (request_.data.empty() && request_.inputs.empty()) {
            throw Error(code::kOptionMissing, "qloom talk", "neither --data nor --input is given",
                        "say what to send: --data fashion-mnist:test, or --input x.npy");
        }
        request_.folder = folder_;
        request_.options.patience =
            std::chrono::milliseconds(static_cast<std::int64_t>(seconds_ * 1000.0));
        Progress progress = session.progress("talk", request_.frames.value_or(1000));
        request_.options.progress = [&](std::int64_t answered) {
            check_interrupted();
            progress.update(answered);
        };
        const TalkOutcome outcome = talk_to_board(request_);
        progress.finish();
        fill_json(session.result(), outcome);
        if (outcome.first_difference) {
            const Difference& at = *outcome.first_difference;
            throw Error(code::kAnswersDiffer, request_.port,
                        fmt::format("{} of {} frames differ from the integer engine; the first is "
                                    "frame {}, element {}: {} in "
                                    "place of {}",
                                    outcome.mismatches, outcome.frames, at.frame, at.element,
                                    at.found, at.expected),
                        "look at the clock that `qloom synth` reached; compile with a lower "
                        "--clock-mhz if it is near");
        }
        print_summary(session, outcome);
    }

private:
    static double fps(const TalkOutcome& outcome) {
        return outcome.statistics.seconds > 0.0
                   ? static_cast<double>(outcome.frames) / outcome.statistics.seconds
                   : 0.0;
    }

    void fill_json(nlohmann::ordered_json& result, const TalkOutcome& outcome) const {
        result = {{"port", request_.port},
                  {"folder", folder_},
                  {"board", outcome.link.board},
                  {"baud", request_.baud.value_or(outcome.link.baud)},
                  {"frames", outcome.frames},
                  {"mismatches", outcome.mismatches},
                  {"accuracy", nullptr},
                  {"labels", outcome.labels},
                  {"fps", fps(outcome)},
                  {"repeated", outcome.statistics.repeated},
                  {"refused", outcome.statistics.refused},
                  {"damaged", outcome.statistics.damaged},
                  {"first_difference", nullptr},
                  {"input_scale", outcome.input_scale},
                  {"seconds", outcome.statistics.seconds}};
        if (outcome.accuracy) result["accuracy"] = *outcome.accuracy;
        if (outcome.first_difference) {
            const Difference& at = *outcome.first_difference;
            result["first_difference"] = {{"output", at.output},
                                          {"frame", at.frame},
                                          {"element", at.element},
                                          {"expected", at.expected},
                                          {"found", at.found}};
        }
    }

    void print_summary(const Session& session, const TalkOutcome& outcome) const {
        for (std::size_t i = 0; i < outcome.labels.size(); i += kLabelsALine) {
            const auto begin = outcome.labels.begin() + static_cast<std::ptrdiff_t>(i);
            const auto count =
                static_cast<std::ptrdiff_t>(std::min(kLabelsALine, outcome.labels.size() - i));
            session.print(fmt::format("{}\n", fmt::join(begin, begin + count, " ")));
        }
        session.say(fmt::format("{} frames from {}: every value equals the integer engine's\n",
                                outcome.frames, outcome.link.board));
        if (outcome.accuracy) {
            session.say(fmt::format("accuracy {:.2f} % on these frames, inputs {}\n",
                                    *outcome.accuracy * 100.0, outcome.input_scale));
        }
        session.say(fmt::format("{:.1f} frames/s over the line\n", fps(outcome)));
        if (outcome.statistics.repeated + outcome.statistics.refused + outcome.statistics.damaged >
            0) {
            session.note(
                fmt::format("the line is noisy: {} frames sent again, {} packets refused by the "
                            "board, {} answers damaged",
                            outcome.statistics.repeated, outcome.statistics.refused,
                            outcome.statistics.damaged));
        }
    }

    TalkRequest request_;
    std::string folder_ = "out";
    double seconds_ = 0.5;
};

}  // namespace

std::unique_ptr<Verb> make_talk_verb() { return std::make_unique<TalkVerb>(); }

}  // namespace qloom::cli
