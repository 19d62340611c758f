#include <chrono>

#include "base/npy.h"
#include "cli/frames.h"
#include "cli/options.h"
#include "cli/software.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

class RunVerb final : public Verb {
public:
    [[nodiscard]] std::string name() const override { return "run"; }

    [[nodiscard]] Manual manual() const override {
        return {.summary = "run a model in software on arrays",
                .synopsis = {"qloom run MODEL --input [NAME=]x.npy ... --output [NAME=]y.npy ... [OPTIONS]"},
                .description =
                    {"Runs every frame of the input arrays through the whole model and writes its outputs. Axis 0 of an array "
                     "counts frames; the rest must have as many values as the model takes, in any shape: (F, 784) fits a model "
                     "that takes (1, 1, 28, 28).",
                     "The integer engine computes what the hardware will compute: the quantised part in integers, and any "
                     "operators at the head or tail that stay on the host in floating point. The reference engine runs the "
                     "model operator by operator in floating point, as ONNX and QONNX define them. Outputs are float32, or "
                     "int64 where the model gives indices.",
                     "Inputs without a quantiser of their own must be integers for the integer engine; their type is taken "
                     "from the model's annotation, from --input-type, or from the values found in the array."},
                .json_keys = {{"model", "the model file"},
                              {"engine", "reference or integer"},
                              {"frames", "frames run"},
                              {"seconds", "time of the inference alone"},
                              {"frames_per_second", "frames / seconds"},
                              {"outputs", "a list: name, shape, dtype and file of each output"}},
                .examples = {{"qloom run model.onnx --input x.npy --output y.npy", "one input, one output"},
                             {"qloom run two.onnx --input left=a.npy --input right=b.npy --output y.npy",
                              "inputs by name"},
                             {"qloom run model.onnx --input x.npy --output y.npy --engine reference",
                              "the model's own floating-point semantics"}}};
    }

    void add_options(CLI::App& app) override {
        add_model_argument(app, model_);
        app.add_option("-i,--input", inputs_,
                       "An array for a model input, by name or in the model's order; once for each input.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all()
            ->required();
        app.add_option("-o,--output", outputs_,
                       "Where to write an output, by name or in the model's order; once for each output wanted.")
            ->type_name("[NAME=]FILE.npy")
            ->take_all();
        add_engine_option(app, engine_);
        add_input_type_option(app, input_types_);
    }

    void run(Session& session) override {
        const Model model = load_model(model_);
        const std::vector<ir::Value> inputs = read_inputs(model.graph, inputs_);
        const auto files = assign_outputs(model.graph, outputs_);
        const InputTypes types =
            complete_input_types(model.graph, parse_input_types(model.graph, input_types_), inputs);
        const Engine engine = make_engine(model, engine_, types);
        const std::int64_t frames = frame_count(inputs.front());

        Progress progress = session.progress("run", frames);
        const auto start = std::chrono::steady_clock::now();
        const std::vector<ir::Value> outputs =
            run_in_chunks(engine, inputs, [&](std::int64_t done) { progress.update(done); });
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        progress.finish();

        for (const auto& [file, index] : files) {
            write_npy(file, outputs[index]);
        }
        const double rate = static_cast<double>(frames) / seconds;
        auto& result = session.result();
        result = {{"model", model_},
                  {"engine", engine_name(engine_)},
                  {"frames", frames},
                  {"seconds", seconds},
                  {"frames_per_second", rate},
                  {"outputs", nlohmann::ordered_json::array()}};
        session.say(fmt::format("{} frames in {:.3f} s ({:.0f} a second, {} engine)\n", frames, seconds, rate,
                                engine_name(engine_)));
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            std::string file;
            for (const auto& [path, index] : files) {
                file = index == i ? path : file;
            }
            const std::string name = model.graph.tensor(model.graph.outputs()[i]).name;
            const std::string type = std::holds_alternative<Tensor<float>>(outputs[i]) ? "float32" : "int64";
            const Shape& shape = ir::shape_of(outputs[i]);
            result["outputs"].push_back({{"name", name},
                                         {"shape", shape},
                                         {"dtype", type},
                                         {"file", file.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(file)}});
            session.say(fmt::format("{}: {} {}{}\n", name, type, shape_text(shape),
                                    file.empty() ? "" : " -> " + file));
        }
    }

private:
    std::string model_;
    std::vector<std::string> inputs_;
    std::vector<std::string> outputs_;
    std::vector<std::string> input_types_;
    EngineKind engine_ = EngineKind::kInteger;
};

}  // namespace

std::unique_ptr<Verb> make_run_verb() { return std::make_unique<RunVerb>(); }

}  // namespace qloom::cli
