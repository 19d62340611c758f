#include "train/recipe.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "ir/tidy.h"
#include "onnx/reader.h"
#include "train/import_model.h"
#include "train/layer_reader.h"
#include "train/quantiser_reader.h"
#include "train/toml_section.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kMostWidth = 1 << 20;

const TomlSection::Choices<Optimiser> kOptimisers{
    {"sgd", Optimiser::kSgd}, {"adam", Optimiser::kAdam}, {"adamw", Optimiser::kAdamW}};
const TomlSection::Choices<LossKind> kLosses{{"cross-entropy", LossKind::kCrossEntropy},
                                             {"squared-hinge", LossKind::kSquaredHinge},
                                             {"mse", LossKind::kMse},
                                             {"bce", LossKind::kBce}};
const TomlSection::Choices<Schedule> kSchedules{{"constant", Schedule::kConstant},
                                                {"step", Schedule::kStep},
                                                {"cosine", Schedule::kCosine},
                                                {"one-cycle", Schedule::kOneCycle}};

DataSpec read_data(TomlSection section) {
    DataSpec data;
    data.train = section.text("train", data.train);
    data.test = section.text("test", data.test);
    data.directory = section.text("directory", data.directory);
    data.shift = section.integer("shift", data.shift, 0, 1000);
    data.mirror = section.boolean("mirror", data.mirror);
    data.cutout = section.integer("cutout", data.cutout, 0, 1000);
    data.holdout = section.integer("holdout", data.holdout, 0, INT32_MAX);
    section.finish();
    return data;
}

TrainingSpec read_training(TomlSection section) {
    TrainingSpec t;
    t.epochs = static_cast<int>(section.integer("epochs", t.epochs, 1, 100000));
    t.batch_size = section.integer("batch_size", t.batch_size, 2, 1 << 20);
    t.seed = static_cast<std::uint64_t>(
        section.integer("seed", static_cast<std::int64_t>(t.seed), 0, INT64_MAX));
    t.optimiser = section.choice("optimizer", t.optimiser, kOptimisers);
    t.learning_rate = section.number("learning_rate", t.learning_rate, 0.0, 1e9);
    t.momentum = section.number("momentum", t.momentum, 0.0, 0.999999);
    t.beta1 = section.number("beta1", t.beta1, 0.0, 0.999999);
    t.beta2 = section.number("beta2", t.beta2, 0.0, 0.999999);
    t.weight_decay = section.number("weight_decay", t.weight_decay, 0.0, 1e6);
    t.schedule = section.choice("schedule", t.schedule, kSchedules);
    t.warmup =
        section.number("warmup", t.schedule == Schedule::kOneCycle ? t.warmup : 0.0, 0.0, 0.99);
    t.step_factor = section.number("step_factor", t.step_factor, 0.0, 1.0);
    t.step_epochs = static_cast<int>(section.integer("step_epochs", t.step_epochs, 1, 100000));
    t.loss = section.choice("loss", t.loss, kLosses);
    t.clip_weights = section.number("clip_weights", t.clip_weights, 0.0, 1e9);
    t.patience = static_cast<int>(section.integer("patience", t.patience, 0, 100000));
    t.keep_best = section.boolean("keep_best", t.keep_best);
    t.label_smoothing = section.number("label_smoothing", t.label_smoothing, 0.0, 0.99);
    section.finish();
    return t;
}

// What a network takes; `input` says how many values, as `features` or as a `shape`.
InputSpec read_input(TomlSection section) {
    InputSpec input;
    input.shape = section.integers("shape", {}, {1, 2, 3}, 1, kMostWidth);
    input.features = input.shape.empty()
                         ? section.needed_integer("features", 1, kMostWidth)
                         : section.integer("features", element_count(input.shape), 1, kMostWidth);
    if (input.shape.empty()) {
        input.shape = {input.features};
    }
    if (input.features != element_count(input.shape)) {
        section.wrong_value(
            "features",
            fmt::format("{} is not what shape {} holds", input.features, shape_text(input.shape)),
            "leave features out");
    }
    const std::vector<std::size_t> counts{1, static_cast<std::size_t>(input.shape[0])};
    input.scale = section.numbers("scale", {1.0}, counts, -1e9, 1e9);
    input.offset = section.numbers("offset", {0.0}, counts, -1e9, 1e9);
    const std::vector<double> mean = section.numbers("mean", {0.0}, counts, -1e9, 1e9);
    const std::vector<double> deviation = section.numbers("std", {1.0}, counts, 1e-9, 1e9);
    if (section.has("mean") || section.has("std")) {
        if (section.has("scale") || section.has("offset")) {
            section.wrong_value(section.has("scale") ? "scale" : "offset",
                                "a second normalisation beside mean and std",
                                "give mean and std, or scale and offset");
        }
        // (x - mean) / std as x * scale + offset.
        const std::size_t size = std::max(mean.size(), deviation.size());
        input.scale.resize(deviation.size());
        input.offset.resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            const double sigma = deviation[deviation.size() == 1 ? 0 : i];
            input.scale[deviation.size() == 1 ? 0 : i] = 1.0 / sigma;
            input.offset[i] = 0.0 - mean[mean.size() == 1 ? 0 : i] / sigma;
        }
    }
    input.quantiser =
        read_quantiser(section, "quantiser", std::nullopt,
                       QuantiserSpec{.type = {.bits = 8, .is_signed = true, .narrow = false}});
    section.finish();
    return input;
}

// Bytes are integers already when nothing but one factor stands between them and the first layer.
Flow input_flow(const InputSpec& input) {
    Flow flow{.shape = input.shape, .levels = std::nullopt};
    if (input.quantiser) {
        return quantised_flow(flow, input.quantiser);
    }
    const bool plain = input.scale.size() == 1 && input.offset == std::vector<double>{0.0};
    if (plain) {
        flow.levels = IntType{8, false};
    }
    return flow;
}

DistillationSpec read_distillation(TomlSection section) {
    DistillationSpec spec;
    spec.teacher = section.needed_text("teacher");
    spec.weight = section.number("weight", spec.weight, 0.0, 1.0);
    spec.temperature = section.number("temperature", spec.temperature, 0.01, 1000.0);
    section.finish();
    return spec;
}

// The network of a model file in place of layers written down.
void take_model(TomlSection& root, Recipe& recipe) {
    const std::string file = root.needed_text("model");
    for (const char* key : {"input", "layers", "quantisation"}) {
        if (root.has(key)) {
            root.wrong_value(key,
                             fmt::format("... beside model = \"{}\", which brings its own", file),
                             fmt::format("take out {} or model", key));
        }
    }
    ImportedModel imported = import_graph(ir::tidy(onnx::read_model(file)));
    recipe.input = std::move(imported.input);
    recipe.layers = std::move(imported.layers);
    recipe.start = std::move(imported.state);
}

Recipe read_recipe(const toml::table& table, const std::string& file,
                   const std::string& fallback_name) {
    TomlSection root(table, file, "");
    Recipe recipe;
    recipe.name = root.text("name", fallback_name);
    recipe.description = root.text("description", "");
    if (auto section = root.section("data", "data")) {
        recipe.data = read_data(*section);
    }
    if (auto section = root.section("training", "training")) {
        recipe.training = read_training(*section);
    }
    if (auto section = root.section("distillation", "distillation")) {
        recipe.distillation = read_distillation(*section);
    }
    if (root.has("model")) {
        take_model(root, recipe);
        root.finish();
        return recipe;
    }
    LayerDefaults defaults{.weights = kWeightBase, .activations = kActivationBase, .bias = {}};
    if (auto section = root.section("quantisation", "quantisation")) {
        recipe.quantised = section->boolean("enabled", true);
        defaults.weights = read_quantiser(*section, "weights", defaults.weights, kWeightBase);
        defaults.activations =
            read_quantiser(*section, "activations", defaults.activations, kActivationBase);
        defaults.bias = read_bias(*section, defaults.bias);
        section->finish();
    }
    auto input = root.section("input", "input");
    if (!input) {
        throw Error(code::kRecipeType, file, "the table [input] is missing",
                    "give [input] with features = 784");
    }
    recipe.input = read_input(*input);

    LayerReader reader(defaults, input_flow(recipe.input));
    for (const toml::table* layer : root.tables("layers")) {
        recipe.layers.push_back(reader.read(TomlSection(*layer, file, "layers")));
    }
    reader.finish(file);
    root.finish();
    const bool has_linear =
        std::any_of(recipe.layers.begin(), recipe.layers.end(), [](const LayerSpec& layer) {
            return std::holds_alternative<LinearSpec>(layer.kind) ||
                   std::holds_alternative<ConvSpec>(layer.kind);
        });
    if (!has_linear) {
        throw Error(code::kRecipeType, file, "there is no layer with weights",
                    "give at least one [[layers]] table of type = \"linear\" or \"conv2d\"");
    }
    return recipe.quantised ? recipe : without_quantisers(recipe);
}

}  // namespace

bool InputSpec::is_affine() const {
    return scale != std::vector<double>{1.0} || offset != std::vector<double>{0.0};
}

std::int64_t Recipe::outputs() const {
    return layers.empty() ? input.features : element_count(layers.back().shape);
}

const LayerSpec& Recipe::layer(const std::string& layer_name) const {
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const LayerSpec& candidate) {
        return candidate.name == layer_name;
    });
    QLOOM_ASSERT(found != layers.end(), "the layer exists");
    return *found;
}

std::vector<std::string> builtin_recipe_names() {
    std::vector<std::string> names;
    for (const EmbeddedFile& file : builtin_recipes()) {
        names.push_back(std::filesystem::path(file.name).stem().string());
    }
    return names;
}

Recipe parse_recipe(std::string_view text, const std::string& where) {
    toml::table table;
    try {
        table = toml::parse(text);
    } catch (const toml::parse_error& error) {
        throw Error(code::kRecipeSyntax, fmt::format("{}:{}", where, error.source().begin.line),
                    fmt::format("this is not valid TOML ({})", error.description()),
                    "repair this line");
    }
    return read_recipe(table, where, std::filesystem::path(where).stem().string());
}

Recipe load_recipe(const std::string& name_or_path) {
    const std::vector<std::string> names = builtin_recipe_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name_or_path) {
            const EmbeddedFile& file = builtin_recipes()[i];
            return parse_recipe(file.text, std::string(file.name));
        }
    }
    std::ifstream stream(name_or_path, std::ios::binary);
    std::error_code error;
    if (!stream || std::filesystem::is_directory(name_or_path, error)) {
        const std::string near = nearest_word(name_or_path, names);
        throw Error(code::kRecipeUnknown, name_or_path,
                    "there is no built-in recipe and no readable file of this name",
                    fmt::format("{}the built-in recipes are {}",
                                near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                fmt::join(names, ", ")));
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    return parse_recipe(text, name_or_path);
}

Recipe without_quantisers(Recipe recipe) {
    recipe.quantised = false;
    recipe.input.quantiser.reset();
    for (LayerSpec& layer : recipe.layers) {
        if (auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            linear->weights.reset();
            linear->bias_quantiser.reset();
        } else if (auto* conv = std::get_if<ConvSpec>(&layer.kind)) {
            conv->weights.reset();
            conv->bias_quantiser.reset();
        } else if (auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
            activation->quantiser.reset();
        } else if (auto* join = std::get_if<JoinSpec>(&layer.kind)) {
            join->quantiser.reset();
        } else if (auto* pool = std::get_if<PoolSpec>(&layer.kind)) {
            if (pool->kind == PoolKind::kTruncAverage) {
                pool->kind = PoolKind::kAverage;
            }
        }
    }
    return recipe;
}

}  // namespace qloom::train
