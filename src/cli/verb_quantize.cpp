#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/codes/cli.h"
#include "base/codes/onnx.h"
#include "base/npy.h"
#include "base/table.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/manual.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "hw/registry.h"
#include "ir/execute.h"
#include "ir/tidy.h"
#include "onnx/writer.h"
#include "ptq/quantise.h"

namespace qloom::cli {
namespace {

constexpr std::int64_t kCheckedFrames = 16;

// "NAME=N"
std::pair<std::string, int> parse_width(const std::string& argument) {
    const std::size_t equals = argument.rfind('=');
    const std::string digits = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (equals == 0 || digits.empty() || digits.size() > 2 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
        throw Error(code::kOptionValue, "--bits", fmt::format("`{}` is not NAME=N", argument),
                    "write the name of a layer or tensor, =, and its bits: --bits conv1=8");
    }
    return {argument.substr(0, equals), std::stoi(digits)};
}

// The file appears whole or not at all.
void write_whole(const ir::Graph& graph, const std::filesystem::path& file) {
    std::filesystem::path partial = file;
    partial += ".partial";
    std::error_code ignored;
    try {
        onnx::write_model(graph, partial);
        std::filesystem::rename(partial, file);
    } catch (const std::filesystem::filesystem_error& error) {
        std::filesystem::remove(partial, ignored);
        throw Error(code::kModelUnwritable, file.string(),
                    fmt::format("cannot be written: {}", error.code().message()),
                    "name a file in a folder that exists and that you may write to");
    } catch (const Error& error) {
        std::filesystem::remove(partial, ignored);
        throw Error(error.code(), file.string(), error.diagnostic().what,
                    error.diagnostic().advice);
    }
}

class QuantizeVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "quantize"; }

    [[nodiscard]] Manual manual() const override {
        return {
            .summary = "turn a trained float model into a quantised one, without training",
            .synopsis = {"qloom quantize MODEL --calibrate DATA -o FILE [OPTIONS]"},
            .description = {"Post-training quantisation: takes a float ONNX model and a few "
                            "hundred typical frames, and writes a QONNX "
                            "model that `qloom compile` takes. Weights get one scale an output "
                            "channel, activations one a tensor, "
                            "and the operands of additions and concatenations share theirs. "
                            "BatchNorm is folded into the layer before it.",
                            "DATA is a dataset, of which the first --samples samples are taken and "
                            "no label is looked at, or .npy files, one "
                            "for every input ([NAME=]FILE.npy). A quarter of the frames is not "
                            "calibrated on: it measures the result, "
                            "and chooses between ways of equalising the channels.",
                            "The table says for every quantiser how far its signal lies above its "
                            "noise, and estimates how much "
                            "better the outputs would be with one more bit there (--bits gives "
                            "it). The result is lowered and "
                            "checked against the reference before it is written; the file appears "
                            "whole or not at all."},
            .json_keys = {{"output_snr_db",
                           "signal to noise at the model's outputs, on the frames kept apart"},
                          {"quantisers",
                           "a list: name, kind (weights or activation), op, type, zero_point, "
                           "values, snr_db, "
                           "output_snr_db (of the layer), gain_db (estimated for one bit more)"},
                          {"suggestions", "a list, best first: name, kind, bits, gain_db"},
                          {"equalisation", "the way taken: none, weights or activations"},
                          {"tried", "output_snr_db of each way that was tried"},
                          {"frames, judged", "frames calibrated on, and kept apart"},
                          {"accuracy_float, accuracy",
                           "with --data: of the float and of the quantised model, 0 to 1"},
                          {"images", "with --data: how many"},
                          {"self_check", "frames and values compared, near_ties"},
                          {"seconds", "time of the quantisation alone"},
                          {"model, output", "the files"}},
            .examples = {{"qloom quantize float.onnx --calibrate fashion-mnist:train -o model.onnx "
                          "--data fashion-mnist:test",
                          "4-bit weights and activations, and what that costs in accuracy"},
                         {"qloom quantize float.onnx --calibrate x.npy --weights 6 --activations 5 "
                          "-o model.onnx",
                          "other widths"},
                         {"qloom quantize float.onnx --calibrate x.npy --bits conv2=6 --bits "
                          "relu1_out=5 -o model.onnx",
                          "more bits where they pay"}}};
    }

    void add_options(CLI::App& app) override {
        const auto width = [&](const std::string& option, int& value,
                               const std::string& description) {
            app.add_option(option, value, description)
                ->type_name("N")
                ->check(CLI::Range(ptq::kLeastBits, ptq::kMostBits).description(""))
                ->capture_default_str();
        };
        app.add_option("MODEL", model_, "A float ONNX file.")->required();
        app.add_option("--calibrate", calibrate_, "A dataset, or .npy files.")
            ->type_name("DATA")
            ->required()
            ->take_all();
        app.add_option("-o,--output", output_, "The file to write.")->type_name("FILE")->required();
        app.add_option("--samples", samples_, "How many frames to calibrate and judge on, at most.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->capture_default_str();
        width("--weights", options_.weight_bits, "Bits of the weights.");
        width("--activations", options_.activation_bits, "Bits of the activations.");
        width("--input-bits", options_.input_bits, "Bits of the model's inputs.");
        width("--edge-weights", options_.edge_weight_bits,
              "Bits of the first and the last layers' weights, where that is more than --weights.");
        app.add_option("--bits", bits_,
                       "Bits of one quantiser: NAME is a layer (its weights) or a tensor, as the "
                       "table names them. May be repeated.")
            ->type_name("NAME=N")
            ->take_all();
        add_choice<ptq::WeightRounding>(
            app, "--method", options_.rounding,
            {{"gptq", ptq::WeightRounding::kGptq}, {"nearest", ptq::WeightRounding::kNearest}},
            "gptq|nearest",
            "How weights are rounded: each making good the errors of those before it (GPTQ), or "
            "each for itself.",
            "gptq");
        add_choice<ptq::Equalisation>(
            app, "--equalise", options_.equalisation,
            {{"best", ptq::Equalisation::kBest},
             {"none", ptq::Equalisation::kNone},
             {"weights", ptq::Equalisation::kWeights},
             {"activations", ptq::Equalisation::kActivations}},
            "best|none|weights|activations",
            "Balance the channels between layers by the reach of their weights or of their "
            "activations; best tries all.",
            "best");
        add_choice<ptq::BiasCorrection>(
            app, "--bias-correction", options_.bias_correction,
            {{"empirical", ptq::BiasCorrection::kEmpirical},
             {"analytic", ptq::BiasCorrection::kAnalytic},
             {"none", ptq::BiasCorrection::kNone}},
            "empirical|analytic|none",
            "Biases make good the mean error of everything quantised so far, of the layer's own "
            "weights, or nothing.",
            "empirical");
        add_choice<ptq::ScaleRule>(
            app, "--clip", options_.scales.rule,
            {{"mse", ptq::ScaleRule::kMse},
             {"percentile", ptq::ScaleRule::kPercentile},
             {"max", ptq::ScaleRule::kMax}},
            "mse|percentile|max",
            "Where a quantiser ends: least squared error, a percentile of |x|, or the largest |x|.",
            "mse");
        app.add_option("--percentile", options_.scales.percentile,
                       "The percentile of --clip percentile.")
            ->type_name("P")
            ->check(CLI::Range(50.0, 100.0).description(""))
            ->capture_default_str();
        app.add_flag("--power-of-two", options_.scales.power_of_two, "Scales are powers of two.");
        app.add_flag("--no-fit", no_fit_,
                     "Do not fit layers to their quantised inputs before they are rounded.");
        app.add_flag("--no-zero-points", no_zero_points_,
                     "Keep ranges symmetric even where they are not centred.");
        app.add_flag("--no-advice", no_advice_, "Do not measure what more bits would give.");
        app.add_option("--data", data_, "A dataset to measure the accuracy of both models on.")
            ->type_name("DATASET");
        app.add_option("--frames", frames_, "Only the first N samples of --data.")
            ->type_name("N")
            ->check(CLI::PositiveNumber);
        add_scale_option(app, scale_);
        add_data_directory_option(app, data_directory_);
    }

    void run(Session& session) override {
        const Model model = load_model(model_);
        options_.fit_inputs = !no_fit_;
        options_.zero_points = !no_zero_points_;
        options_.advise = !no_advice_;
        std::ranges::transform(bits_, std::back_inserter(options_.bits), parse_width);
        const std::vector<ir::Value> frames = calibration_frames(model.graph);
        std::optional<DataInput> test;
        if (!data_.empty()) {
            test.emplace(model.graph,
                         data::load(data_, {.directory = data_directory_, .limit = frames_}),
                         scale_);
            test->check_classifier();
        }

        Progress progress = session.progress("quantize", 1);
        const auto start = std::chrono::steady_clock::now();
        const ptq::Quantised quantised = ptq::quantise(model.graph, frames, options_,
                                                       [&](std::int64_t done, std::int64_t total) {
                                                           check_interrupted();
                                                           progress.set_total(total);
                                                           progress.update(done);
                                                       });
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        progress.finish();

        const ir::Graph graph = ir::tidy(quantised.graph);
        const lower::Engine engine(lower::lower(graph));
        std::vector<ir::Value> some;
        for (const ir::Value& value : frames) {
            some.push_back(slice_frames(value, 0, std::min(kCheckedFrames, frame_count(value))));
        }
        const lower::SelfCheckResult checked = lower::self_check(graph, engine, some);
        write_json(session, quantised.report, checked, seconds);
        std::string accuracy;
        if (test) {
            accuracy = measure(session, model.graph, engine, *test);
        }
        write_whole(quantised.graph, output_);
        print_report(session, quantised.report);
        if (session.quiet) {
            session.print(!test ? fmt::format("{:.2f} dB\n", quantised.report.output_snr_db)
                                : fmt::format("{:.2f} %\n",
                                              session.result()["accuracy"].get<double>() * 100.0));
        }
        session.say(accuracy);
        if (const std::optional<Diagnostic> missing =
                hw::missing_hardware(engine.lowered().network)) {
            session.note(missing->text());
        }
        session.say(fmt::format("{}\n\nNext: qloom compile {} --board pynq-z1 --fps 1000 -o out\n",
                                output_, output_));
    }

private:
    [[nodiscard]] std::vector<ir::Value> calibration_frames(const ir::Graph& model) const {
        const bool arrays = std::ranges::all_of(calibrate_, [](const std::string& text) {
            return text.ends_with(".npy") && !text.starts_with("npy:");
        });
        if (arrays) {
            for (const std::string& argument : calibrate_) {
                const std::string file = parse_named_file(argument).file;
                if (const Shape shape = ir::shape_of(read_npy(file));
                    !shape.empty() && shape[0] == 0) {
                    throw Error(code::kPtqNoFrames, file,
                                fmt::format("its shape {} holds no frame", shape_text(shape)),
                                "give a few hundred typical frames");
                }
            }
            std::vector<ir::Value> frames = read_inputs(model, calibrate_);
            for (ir::Value& value : frames) {
                value = slice_frames(value, 0, std::min(samples_, frame_count(value)));
            }
            return frames;
        }
        if (calibrate_.size() != 1) {
            throw Error(code::kOptionValue, "--calibrate",
                        "a dataset and other data are given together",
                        "give one dataset, or one .npy file for every input");
        }
        const DataInput input(
            model, data::load(calibrate_[0], {.directory = data_directory_, .limit = samples_}),
            scale_);
        return input.frames(0, input.size());
    }

    // Accuracy of the float model on the reference executor and of the quantised one on the integer
    // engine.
    std::string measure(Session& session, const ir::Graph& model, const lower::Engine& engine,
                        const DataInput& input) const {
        const ir::Executor executor(model);
        Progress progress = session.progress("measure", input.size());
        std::int64_t correct_float = 0;
        std::int64_t correct = 0;
        for (std::int64_t first = 0; first < input.size(); first += kChunkFrames) {
            check_interrupted();
            const std::int64_t count = std::min(kChunkFrames, input.size() - first);
            const std::vector<ir::Value> frames = input.frames(first, count);
            correct_float += input.count_correct(labels_of(executor.run(frames).front()), first);
            correct += input.count_correct(labels_of(engine.run(frames).front()), first);
            progress.update(first + count);
        }
        progress.finish();
        const auto images = static_cast<double>(input.size());
        const double before = static_cast<double>(correct_float) / images;
        const double after = static_cast<double>(correct) / images;
        session.result()["accuracy_float"] = before;
        session.result()["accuracy"] = after;
        session.result()["images"] = input.size();
        return fmt::format(
            "accuracy {:.2f} % float, {:.2f} % quantised ({:+.2f}) on {} images of {}\n",
            before * 100.0, after * 100.0, (after - before) * 100.0, input.size(), data_);
    }

    void write_json(Session& session, const ptq::QuantiseReport& report,
                    const lower::SelfCheckResult& checked, double seconds) const {
        auto& result = session.result();
        result = {{"model", model_},
                  {"output", output_},
                  {"output_snr_db", report.output_snr_db},
                  {"quantisers", nlohmann::ordered_json::array()},
                  {"suggestions", nlohmann::ordered_json::array()},
                  {"equalisation", ptq::equalisation_name(report.equalisation)},
                  {"tried", nlohmann::ordered_json::object()},
                  {"frames", report.frames},
                  {"judged", report.judged},
                  {"self_check",
                   {{"frames", checked.frames},
                    {"values", checked.values},
                    {"near_ties", checked.near_ties}}},
                  {"seconds", seconds}};
        for (const ptq::QuantiserReport& row : report.quantisers) {
            nlohmann::ordered_json entry = {{"name", row.name},
                                            {"kind", row.is_weights ? "weights" : "activation"},
                                            {"op", row.op},
                                            {"type", row.type.text()},
                                            {"zero_point", row.has_zero_point},
                                            {"values", row.values},
                                            {"snr_db", row.snr_db}};
            if (row.is_weights) {
                entry["output_snr_db"] = row.output_snr_db;
            }
            entry["gain_db"] = row.gain_db;
            result["quantisers"].push_back(std::move(entry));
        }
        for (const ptq::Suggestion& suggestion : report.suggestions) {
            result["suggestions"].push_back(
                {{"name", suggestion.name},
                 {"kind", suggestion.is_weights ? "weights" : "activation"},
                 {"bits", suggestion.bits},
                 {"gain_db", suggestion.gain_db}});
        }
        for (const auto& [way, snr] : report.tried) {
            result["tried"][ptq::equalisation_name(way)] = snr;
        }
    }

    void print_report(const Session& session, const ptq::QuantiseReport& report) const {
        Table table({{"quantiser"},
                     {"operator"},
                     {"type"},
                     {"values", Align::kRight},
                     {"dB", Align::kRight},
                     {"layer dB", Align::kRight},
                     {"+1 bit", Align::kRight}});
        for (const ptq::QuantiserReport& row : report.quantisers) {
            table.add_row({row.name + (row.is_weights ? " (weights)" : ""), row.op,
                           row.type.text() + (row.has_zero_point ? " zp" : ""),
                           fmt::format("{}", row.values), fmt::format("{:.1f}", row.snr_db),
                           row.is_weights ? fmt::format("{:.1f}", row.output_snr_db) : "",
                           options_.advise ? fmt::format("{:+.1f}", row.gain_db) : ""});
        }
        session.say(table.text(session.columns()));
        std::string ways;
        for (const auto& [way, snr] : report.tried) {
            ways += fmt::format("{}{} {:.1f} dB", ways.empty() ? "" : ", ",
                                ptq::equalisation_name(way), snr);
        }
        session.say(
            fmt::format("\noutputs {:.1f} dB above the noise, on {} frames; calibrated on {}\n",
                        report.output_snr_db, report.judged, report.frames));
        session.say(fmt::format("channels equalised by: {} ({})\n",
                                ptq::equalisation_name(report.equalisation), ways));
        for (const ptq::Suggestion& suggestion : report.suggestions) {
            session.say(fmt::format("one bit more pays: --bits {}={} (about {:+.1f} dB)\n",
                                    suggestion.name, suggestion.bits, suggestion.gain_db));
        }
    }

    std::string model_;
    std::vector<std::string> calibrate_;
    std::string output_;
    std::int64_t samples_ = 1024;
    std::vector<std::string> bits_;
    std::string data_;
    std::string data_directory_;
    std::optional<std::int64_t> frames_;
    ScaleChoice scale_ = ScaleChoice::kAuto;
    bool no_fit_ = false;
    bool no_zero_points_ = false;
    bool no_advice_ = false;
    ptq::QuantiseOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_quantize_verb() { return std::make_unique<QuantizeVerb>(); }

}  // namespace qloom::cli
