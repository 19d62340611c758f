#include "cli/options.h"

namespace qloom::cli {

void add_model_argument(CLI::App& app, std::string& model) {
    app.add_option("MODEL", model, "A QONNX or ONNX file.")->required();
}

void add_engine_option(CLI::App& app, EngineKind& engine) {
    add_choice<EngineKind>(app, "--engine", engine,
                           {{"reference", EngineKind::kReference}, {"integer", EngineKind::kInteger}},
                           "reference|integer", "Which engine computes the model.", "integer");
}

void add_input_type_option(CLI::App& app, std::vector<std::string>& input_types) {
    app.add_option("--input-type", input_types,
                   "The integer type of an input that has no quantiser of its own: uint8, int4, bipolar, or uint8/255 for "
                   "bytes divided by 255, float for an input whose first operators stay on the host. Once for each input; without NAME for all.")
        ->type_name("[NAME=]TYPE")
        ->take_all();
}

void add_scale_option(CLI::App& app, ScaleChoice& scale) {
    add_choice<ScaleChoice>(app, "--scale", scale,
                            {{"auto", ScaleChoice::kAuto}, {"raw", ScaleChoice::kRaw}, {"unit", ScaleChoice::kUnit}},
                            "auto|raw|unit",
                            "What the model is fed with: the bytes 0..255 of the images (raw), or those divided by 255 "
                            "(unit). auto looks at the model: unit when its own input quantiser saturates near 1.",
                            "auto");
}

void add_data_directory_option(CLI::App& app, std::string& directory) {
    app.add_option("--data-dir", directory,
                   "Folder of the dataset's files, when it is not where the Debian package installs them.")
        ->type_name("DIR");
}

std::string engine_name(EngineKind engine) { return kEngineNames[static_cast<std::size_t>(engine)]; }

}  // namespace qloom::cli
