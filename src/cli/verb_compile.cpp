#include <chrono>
#include <cmath>

#include "base/codes/cli.h"
#include "base/table.h"
#include "cli/compile_flow.h"
#include "cli/manual.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "view/accelerator_json.h"

namespace qloom::cli {
namespace {

// "14,321"
std::string thousands(double value) {
    std::string digits = fmt::format("{}", std::llround(value));
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (digits[0] == '-' ? 1 : 0); at -= 3) {
        digits.insert(static_cast<std::size_t>(at), ",");
    }
    return digits;
}

class CompileVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "compile"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "turn a model into an accelerator: RTL and reports",
            .synopsis = {"qloom compile MODEL --board BOARD (--fps N | --ii N | --max-fps) -o DIR [OPTIONS]"},
            .description =
                {"Lowers the model to integer arithmetic, checks on sample frames that the integers give what the model "
                 "defines, chooses for every layer the cheapest parallelism that meets the target, and writes SystemVerilog "
                 "and reports. The folder appears whole or not at all; a folder from an earlier compile is replaced, any "
                 "other existing folder is refused.",
                 "Cheapest is exact: LUTs count one each, a block RAM or a DSP a third of the LUTs that the board has for each of "
                 "them, and width converters and FIFOs count too; up to 5 % may be spent on a shorter latency (--slack). What does "
                 "not fit the board is an error that names the resource, how much is missing, and the best rate that fits. "
                 "--max-fps finds the highest rate that leaves a fifth of the board free (--headroom). The end of the "
                 "summary says what decided: the fullest resource, the slowest layers, and what the next higher rate costs.",
                 "DIR holds rtl/ (qloom_top.sv, the library modules, memory images, files.f), report.txt and report.json "
                 "(cycles and estimated resources of each layer), report.html (the same to look at, with the network's graph at each step: "
                 "open it in a browser), folding.json (the parallelism chosen: edit it and give it "
                 "back with --folding), accelerator.json, model.onnx and compile.json. It can be moved."},
            .json_keys = {{"ii_cycles", "initiation interval: clock cycles a frame in the steady state, estimated"},
                          {"latency_cycles", "first input beat to last output beat of one frame, estimated"},
                          {"fps", "frames a second at the clock"},
                          {"luts, ffs, bram36, dsps", "estimated resources of the whole accelerator"},
                          {"seconds", "time of the whole compile"},
                          {"board, part, clock_mhz", "what it was compiled for"},
                          {"utilisation", "luts, ffs, bram36, dsps as shares of the board, 0 to 1"},
                          {"units", "a list: name, layer, kind, shape, pe, simd, cycles, luts, ffs, bram36, dsps"},
                          {"decision", "price and lower_bound in LUTs, is_cheapest, limits, binding (the fullest resource), bottleneck "
                                       "(layers), next (ii_cycles, more, fits, lacks, by)"},
                          {"self_check", "frames, values, largest_difference and near_ties of the comparison"},
                          {"host", "operators that stay on the host"},
                          {"notes", "assumptions and degradations"},
                          {"model, output", "the model file and the folder"}},
            .examples = {{"qloom compile run/model.onnx --board pynq-z1 --fps 1000000 -o out",
                          "a million frames a second on a PYNQ-Z1"},
                         {"qloom compile model.onnx --board kv260 --ii 784 --clock-mhz 250 -o out",
                          "one frame every 784 cycles at 250 MHz"},
                         {"qloom compile run/model.onnx --board pynq-z1 --max-fps -o out",
                          "the highest rate that leaves 20 % of the board free"},
                         {"qloom compile run/model.onnx --board pynq-z1 --max-fps --headroom 40 --dsps 0 -o out",
                          "with 40 % left and no DSP"},
                         {"qloom compile run/model.onnx --board pynq-z1 --fps 100000 --luts 6000 --latency-us 20 -o out",
                          "with a limit of its own, and an answer within 20 microseconds"},
                         {"qloom compile model.onnx --board pynq-z1 --fps 50000 --postprocess argmax -o out",
                          "the hardware gives labels instead of one value a class"},
                         {"qloom compile model.onnx --board pynq-z1 --ii 98 --folding out/folding.json -o out2",
                          "with a folding edited by hand"}}};
    }

    void add_options(CLI::App& app) override {
        add_model_argument(app, request_.model);
        app.add_option("-b,--board", request_.board, "A board that `qloom boards` lists, or a board file (.toml).")
            ->type_name("BOARD")
            ->required();
        CLI::Option* fps = app.add_option("--fps", request_.fps, "Target rate in frames per second.")
                               ->type_name("N")
                               ->check(CLI::PositiveNumber.description(""));
        app.add_option("--ii", request_.ii, "Target initiation interval in clock cycles per frame, in place of --fps.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->excludes(fps);
        app.add_flag("--max-fps", request_.max_fps, "The highest rate that fits, in place of --fps.")->excludes("--fps")->excludes("--ii");
        app.add_option("--headroom", headroom_percent_,
                       "Percent of every resource of the board that stays free. Default: 20 for --max-fps, else 0.")
            ->type_name("PERCENT")
            ->check(CLI::Range(0.0, 99.0).description(""));
        app.add_option("--luts", request_.luts, "The most LUTs that may be used.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--dsps", request_.dsps, "The most DSP blocks that may be used; 0 for none.")
            ->type_name("N")
            ->check(CLI::NonNegativeNumber.description(""));
        app.add_option("--latency-us", request_.latency_us,
                       "The longest time from a frame's first beat in to its last beat out, in microseconds.")
            ->type_name("F")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--slack", slack_percent_,
                       "Percent of the cheapest price that may be spent on a shorter latency. 0: the cheapest.")
            ->type_name("PERCENT")
            ->check(CLI::Range(0.0, 100.0).description(""))
            ->default_str("5");
        app.add_flag("--allow-oversize", request_.allow_oversize,
                     "Compile what does not fit the board as well: to simulate it. It is not packaged.");
        app.add_option("--clock-mhz", request_.clock_mhz, "Clock in MHz. Default: the board's.")
            ->type_name("F")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("--postprocess", postprocess_, "argmax appends the choice of the largest output to the hardware.")
            ->type_name("none|argmax")
            ->check(CLI::IsMember({"none", "argmax"}).description(""))
            ->default_str("none");
        app.add_option("--folding", request_.folding, "A folding file: PE and SIMD by layer, FIFO depths.")
            ->type_name("FILE.json");
        add_input_type_option(app, request_.input_types);
        app.add_option("--samples", request_.samples,
                       "Arrays for the self-check, once for each input; integer types of undeclared inputs are taken from "
                       "them as well. Default: made-up frames over the whole input range.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all();
        app.add_flag("--steps", request_.steps,
                     "Write the graph of each step as an ONNX file as well: steps/01_import.onnx and so on, for Netron.");
        app.add_flag("--no-package", no_package_,
                     "Leave out what `qloom package` writes: ip/, vivado/, pynq/, linux/, firmware/.");
        app.add_option("-o,--output", output_, "The folder to write.")->type_name("DIR")->required();
    }

    void run(Session& session) override {
        if (!request_.fps && !request_.ii && !request_.max_fps) {
            throw Error(code::kOptionMissing, "qloom compile", "none of --fps, --ii and --max-fps is given",
                        "say how fast the accelerator must be: --fps 100000, --ii 1000, or --max-fps");
        }
        if (headroom_percent_) request_.headroom = *headroom_percent_ / 100.0;
        request_.slack = slack_percent_ / 100.0;
        request_.argmax = postprocess_ == "argmax";
        request_.package = !no_package_;
        request_.output = output_;
        const auto start = std::chrono::steady_clock::now();
        const CompileOutcome outcome = compile(request_);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        fill_json(session.result(), outcome, seconds);
        print_summary(session, outcome, seconds);
    }

private:
    void fill_json(nlohmann::ordered_json& result, const CompileOutcome& outcome, double seconds) const {
        result = {{"model", request_.model}, {"output", output_}};
        result.update(view::summary_of(outcome.accelerator));
        result["seconds"] = seconds;
        if (outcome.accelerator.decision) result["decision"] = hw::to_json(*outcome.accelerator.decision);
        result["self_check"] = self_check_json(outcome.self_check);
        result["host"] = nlohmann::ordered_json::array();
        for (const lower::NodePlacement& placement : outcome.placements) {
            const bool before = placement.placement == lower::Placement::kHostBefore;
            if (before || placement.placement == lower::Placement::kHostAfter) {
                result["host"].push_back({{"node", placement.node}, {"op", placement.op},
                                          {"when", before ? "before" : "after"}, {"reason", placement.reason}});
            }
        }
        result["notes"] = outcome.notes;
    }

    // A row a layer, the plumbing between them in one row, the total, and its share of the board.
    static Table layer_table(const hw::Accelerator& accelerator) {
        Table table({{"layer"},
                     {"kind"},
                     {"shape"},
                     {"PE", Align::kRight},
                     {"SIMD", Align::kRight},
                     {"cycles", Align::kRight},
                     {"LUT", Align::kRight},
                     {"BRAM36", Align::kRight},
                     {"DSP", Align::kRight}});
        const auto amount = [](double value) { return value > 0.0 ? fmt::format("{:g}", value) : std::string("-"); };
        const auto add = [&](std::vector<std::string> cells, const hw::Resources& cost) {
            cells.push_back(thousands(cost.luts));
            cells.push_back(amount(cost.bram36));
            cells.push_back(amount(std::round(cost.dsps)));
            table.add_row(std::move(cells));
        };
        hw::Resources plumbing;
        for (const hw::Unit& unit : accelerator.units) {
            if (unit.layer.empty()) {
                plumbing += unit.cost;
                continue;
            }
            const bool has_simd = unit.module == hw::Module::kMatrixVector;
            add({unit.layer, unit.kind, unit.shape, fmt::format("{}", unit.folding.pe),
                 has_simd ? fmt::format("{}", unit.folding.simd) : "", thousands(static_cast<double>(unit.cycles))},
                unit.cost);
        }
        add({"between them", "", "", "", "", ""}, plumbing);
        table.add_rule();
        const hw::Resources total = accelerator.total();
        add({"total", "", "", "", "", thousands(static_cast<double>(accelerator.ii_cycles))}, total);
        const hw::Board& board = accelerator.board;
        if (!board.has_estimates()) {
            return table;
        }
        const auto share = [](double used, std::int64_t available) {
            return available > 0 ? fmt::format("{:.1f} %", 100.0 * used / static_cast<double>(available)) : "";
        };
        table.add_row({"of " + board.name, "", "", "", "", "", share(total.luts, board.luts),
                       share(total.bram36, board.bram36), share(total.dsps, board.dsps)});
        return table;
    }

    void print_summary(const Session& session, const CompileOutcome& outcome, double seconds) const {
        const hw::Accelerator& accelerator = outcome.accelerator;
        session.say(layer_table(accelerator).text(session.columns()));
        for (const std::string& note : outcome.notes) {
            session.note(note);
        }
        const double microseconds = static_cast<double>(accelerator.latency_cycles) / accelerator.clock_mhz;
        session.say(fmt::format("\n{} frames/s at {:g} MHz: a frame every {} cycles, latency {} cycles ({:.2f} µs)\n",
                                thousands(accelerator.fps()), accelerator.clock_mhz, accelerator.ii_cycles,
                                accelerator.latency_cycles, microseconds));
        for (const std::string& line : hw::explain(accelerator)) session.say(line + "\n");
        session.say(fmt::format("self-check passed: {} values of {} frames, largest difference {:.1g}\n",
                                outcome.self_check.values, outcome.self_check.frames,
                                outcome.self_check.largest_difference));
        session.say(fmt::format("{}/ written in {:.2f} s\n\nNext: qloom simulate {} --data fashion-mnist:test --frames 1000\n",
                                output_, seconds, output_));
    }

    CompileRequest request_;
    bool no_package_ = false;
    std::optional<double> headroom_percent_;
    double slack_percent_ = 5.0;
    std::string postprocess_ = "none";
    std::string output_;
};

}  // namespace

std::unique_ptr<Verb> make_compile_verb() { return std::make_unique<CompileVerb>(); }

}  // namespace qloom::cli
