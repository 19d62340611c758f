#include "cli/data_input.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/trainer.h"
#include "cli/verb.h"
#include "ir/tidy.h"
#include "onnx/writer.h"

namespace qloom::cli {
namespace {

constexpr int kMostBits = 8;

// The share of right answers over the first samples; `scale` is what the samples are multiplied with.
double accuracy_of(const ir::Graph& graph, const data::Dataset& dataset, ScaleChoice scale, Session& session,
                   const std::string& title) {
    Model model{.file = {}, .bytes = {}, .graph = graph};
    const DataInput input(model.graph, dataset, scale);
    input.check_classifier();
    const Engine engine = make_engine(model, EngineKind::kReference, {});
    Progress progress = session.progress(title, input.size());
    std::int64_t correct = 0;
    for (std::int64_t first = 0; first < input.size(); first += kChunkFrames) {
        check_interrupted();
        const std::int64_t count = std::min(kChunkFrames, input.size() - first);
        correct += input.count_correct(labels_of(engine(input.frames(first, count)).front()), first);
        progress.update(first + count);
    }
    progress.finish();
    return static_cast<double>(correct) / static_cast<double>(input.size());
}

class QuantizeVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "quantize"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "quantise a float model without training",
                .synopsis = {"qloom quantize MODEL --calibrate DATASET [OPTIONS]"},
                .description =
                    {"Takes a float ONNX model and some samples of its data and writes a QONNX model: BatchNorm folded, ranges "
                     "of neighbouring layers equalised, scales of least squared error, weights rounded one after the other so "
                     "that later ones make up for earlier ones (GPTQ, arXiv 2210.17323), biases corrected.",
                     "Prints for every layer how far its values stand above the noise of quantisation. Where they stand lowest, "
                     "more bits pay first. With --data it measures both models."},
                .json_keys = {{"layers", "a list: layer, decibels (signal to quantisation noise)"},
                              {"weakest", "the layer with weights of lowest signal to noise"},
                              {"float_accuracy, accuracy", "with --data: of both models, 0 to 1"},
                              {"model", "the file written"}},
                .examples = {{"qloom quantize float.onnx --calibrate fashion-mnist:train -o model.onnx", "4 bits each"},
                             {"qloom quantize float.onnx --calibrate fashion-mnist:train --unit --weights 3 --activations 8 "
                              "--data fashion-mnist:test",
                              "a model that takes 0..1, measured"}}};
    }

    void add_options(CLI::App& app) override {
        add_model_argument(app, model_);
        const auto bits = CLI::Range(1, kMostBits).description("");
        app.add_option("--calibrate", calibrate_, "The dataset whose first samples are looked at.")
            ->type_name("DATASET")
            ->required();
        app.add_option("--weights", options_.weight_bits, "Bits of the weights, 1 to 8.")
            ->type_name("N")
            ->check(bits)
            ->default_str("4");
        app.add_option("--activations", options_.activation_bits, "Bits of the activations, 2 to 8.")
            ->type_name("N")
            ->check(CLI::Range(2, kMostBits).description(""))
            ->default_str("4");
        app.add_option("--samples", options_.samples, "How many samples are looked at.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""))
            ->default_str("512");
        app.add_flag("--unit", unit_, "The model takes 0..1: bytes divided by 255, which becomes part of the model written.");
        app.add_flag("--plain", plain_, "Round to the nearest level, without the corrections: to compare.");
        app.add_option("--data", data_, "Measure both models on this dataset.")->type_name("DATASET");
        app.add_option("--frames", frames_, "Only the first N samples of it.")
            ->type_name("N")
            ->check(CLI::PositiveNumber.description(""));
        app.add_option("-o,--output", output_, "The file to write.")->type_name("FILE")->default_str("model.onnx");
        add_data_directory_option(app, data_directory_);
    }

    void run(Session& session) override {
        const Model model = load_model(model_);
        const data::Dataset calibration =
            data::load(calibrate_, {.directory = data_directory_, .limit = options_.samples});
        if (unit_) {
            options_.input_scale = 1.0 / 255.0;
        }
        options_.equalise = options_.correct_rounding = options_.correct_bias = !plain_;
        const train::QuantizeResult result = trainer().quantize(model.graph, calibration, options_);
        onnx::write_model(result.graph, output_);
        auto& json = session.result() = {{"model", output_}, {"weakest", result.weakest}};
        json["layers"] = nlohmann::ordered_json::array();
        for (const train::LayerNoise& layer : result.layers) {
            json["layers"].push_back({{"layer", layer.layer}, {"decibels", layer.decibels}});
            session.say(fmt::format("{:24} {:6.1f} dB\n", layer.layer, layer.decibels));
        }
        if (!data_.empty()) {
            const data::Dataset dataset = data::load(data_, {.directory = data_directory_, .limit = frames_});
            const double before = accuracy_of(model.graph, dataset, unit_ ? ScaleChoice::kUnit : ScaleChoice::kRaw, session,
                                              "float model");
            const double after =
                accuracy_of(ir::tidy(result.graph), dataset, ScaleChoice::kRaw, session, "quantised model");
            json["float_accuracy"] = before;
            json["accuracy"] = after;
            session.say(fmt::format("accuracy {:.2f} % in float, {:.2f} % quantised\n", before * 100.0, after * 100.0));
        }
        session.say(fmt::format("more bits pay first in {}\n{}\n", result.weakest, output_));
    }

private:
    std::string model_;
    std::string calibrate_;
    std::string data_;
    std::string output_ = "model.onnx";
    std::string data_directory_;
    std::optional<std::int64_t> frames_;
    train::QuantizeOptions options_;
    bool unit_ = false;
    bool plain_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_quantize_verb() { return std::make_unique<QuantizeVerb>(); }

}  // namespace qloom::cli
