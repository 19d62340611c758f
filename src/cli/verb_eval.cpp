#include <chrono>

#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

class EvalVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "eval"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "measure the accuracy of a model on a dataset",
                .synopsis = {"qloom eval MODEL --data DATASET [OPTIONS]"},
                .description =
                    {"Runs every sample of a labelled dataset through the model and counts how often its answer is the label. "
                     "The answer is the index of the largest output, or the output itself where the model ends in TopK or ArgMax.",
                     fmt::format("Datasets: {}; idx:IMAGES,LABELS for idx files; npy:X.npy,Y.npy for arrays.",
                                 fmt::join(data::named_datasets(), ", "))},
                .json_keys = {{"accuracy", "share of right answers, 0 to 1"},
                              {"images_per_second", "speed of the inference alone, loading excluded"},
                              {"correct, images", "the counts behind accuracy"},
                              {"engine", "reference or integer"},
                              {"input_scale", "raw (0..255) or unit (0..1)"},
                              {"seconds", "time of the inference alone"},
                              {"model, data", "what was asked for"}},
                .examples = {{"qloom eval run/model.onnx --data fashion-mnist:test", "accuracy on the test images"},
                             {"qloom eval model.onnx --data npy:x.npy,y.npy --engine reference", "on arrays of your own"}}};
    }

    void add_options(CLI::App& app) override {
        add_model_argument(app, model_);
        app.add_option("--data", data_, "The dataset.")->type_name("DATASET")->required();
        app.add_option("--frames", frames_, "Only the first N samples.")->type_name("N")->check(CLI::PositiveNumber);
        add_engine_option(app, engine_);
        add_scale_option(app, scale_);
        add_input_type_option(app, input_types_);
        add_data_directory_option(app, data_directory_);
    }

    void run(Session& session) override {
        const Model model = load_model(model_);
        const DataInput input(model.graph, data::load(data_, {.directory = data_directory_, .limit = frames_}), scale_);
        input.check_classifier();
        const Engine engine =
            make_engine(model, engine_, input.input_types(parse_input_types(model.graph, input_types_)));

        Progress progress = session.progress("eval", input.size());
        std::int64_t correct = 0;
        double seconds = 0.0;
        for (std::int64_t first = 0; first < input.size(); first += kChunkFrames) {
            check_interrupted();
            const std::int64_t count = std::min(kChunkFrames, input.size() - first);
            const std::vector<ir::Value> frames = input.frames(first, count);
            const auto start = std::chrono::steady_clock::now();
            const std::vector<ir::Value> outputs = engine(frames);
            seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            correct += input.count_correct(labels_of(outputs.front()), first);
            progress.update(first + count);
        }
        progress.finish();

        const double accuracy = static_cast<double>(correct) / static_cast<double>(input.size());
        const double rate = static_cast<double>(input.size()) / seconds;
        session.result() = {{"model", model_},
                            {"data", data_},
                            {"engine", engine_name(engine_)},
                            {"input_scale", input.scale() == InputScale::kUnit ? "unit" : "raw"},
                            {"images", input.size()},
                            {"correct", correct},
                            {"accuracy", accuracy},
                            {"seconds", seconds},
                            {"images_per_second", rate}};
        if (session.quiet) {
            session.print(fmt::format("{:.2f} %\n", accuracy * 100.0));
            return;
        }
        session.print(fmt::format("accuracy {:.2f} % ({} of {} images of {})\n", accuracy * 100.0, correct,
                                  input.size(), data_));
        session.print(fmt::format("{:.0f} images/s, {} engine, inputs {}\n", rate, engine_name(engine_),
                                  input.scale_text()));
    }

private:
    std::string model_;
    std::string data_;
    std::string data_directory_;
    std::optional<std::int64_t> frames_;
    std::vector<std::string> input_types_;
    EngineKind engine_ = EngineKind::kInteger;
    ScaleChoice scale_ = ScaleChoice::kAuto;
};

}  // namespace

std::unique_ptr<Verb> make_eval_verb() { return std::make_unique<EvalVerb>(); }

}  // namespace qloom::cli
