#include "train/recipe.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "train/toml_section.h"

namespace qloom::train {
namespace {

constexpr std::int64_t kMostWidth = 1 << 20;

const TomlSection::Choices<ScaleSource> kScaleSources{{"learned", ScaleSource::kLearned},
                                                      {"max", ScaleSource::kMax},
                                                      {"mean-sigma", ScaleSource::kMeanSigma},
                                                      {"mse", ScaleSource::kMse},
                                                      {"constant", ScaleSource::kConstant}};
const TomlSection::Choices<Granularity> kGranularities{{"tensor", Granularity::kTensor},
                                                       {"channel", Granularity::kChannel}};
const TomlSection::Choices<Optimiser> kOptimisers{
    {"sgd", Optimiser::kSgd}, {"adam", Optimiser::kAdam}, {"adamw", Optimiser::kAdamW}};
const TomlSection::Choices<Schedule> kSchedules{{"constant", Schedule::kConstant},
                                                {"step", Schedule::kStep},
                                                {"cosine", Schedule::kCosine},
                                                {"one-cycle", Schedule::kOneCycle}};

// Overrides a quantiser key by key; `spec` comes with what holds where the recipe says nothing.
QuantiserSpec read_quantiser(TomlSection section, QuantiserSpec spec) {
    constexpr std::int64_t kMostBits = 8;
    const std::int64_t bits = section.integer("bits", spec.type.bits, INT32_MIN, INT32_MAX);
    if (bits < 1 || bits > kMostBits) {
        throw Error(code::kRecipeBits, section.where("bits"),
                    fmt::format("{} bits are not possible", bits),
                    fmt::format("choose 1 to {}; 1 and signed is bipolar, 2 and narrow is ternary",
                                kMostBits));
    }
    spec.type.bits = static_cast<int>(bits);
    spec.type.is_signed = section.boolean("signed", spec.type.is_signed);
    spec.type.narrow = section.boolean("narrow", spec.type.narrow);
    spec.source = section.choice("scale", spec.source, kScaleSources);
    spec.granularity = section.choice("per", spec.granularity, kGranularities);
    spec.sigmas = section.number("sigmas", spec.sigmas, 0.0, 100.0);
    spec.constant = section.number("constant", spec.constant, 1e-12, 1e12);
    if (spec.is_bipolar()) {
        spec.type.narrow = false;  // -1 and +1 is all there is
    }
    if (spec.type.narrow && spec.type.bits == 1) {
        throw Error(code::kRecipeBits, section.where("narrow"),
                    "1 bit, unsigned and narrow leaves the level 0 alone", "leave narrow out");
    }
    section.finish();
    return spec;
}

// A quantiser below `key`; `key = false` switches it off, an absent key gives the default.
std::optional<QuantiserSpec> optional_quantiser(TomlSection& owner, std::string_view key,
                                                const std::optional<QuantiserSpec>& fallback,
                                                const QuantiserSpec& base) {
    if (owner.is_boolean(key, false)) {
        return std::nullopt;
    }
    const std::string place =
        owner.place().empty() ? std::string(key) : fmt::format("{}: {}", owner.place(), key);
    if (auto section = owner.section(key, place)) {
        return read_quantiser(*section, fallback.value_or(base));
    }
    return fallback;
}

DataSpec read_data(TomlSection section) {
    DataSpec data;
    data.train = section.text("train", data.train);
    data.test = section.text("test", data.test);
    data.directory = section.text("directory", data.directory);
    data.shift = section.integer("shift", data.shift, 0, 1000);
    data.mirror = section.boolean("mirror", data.mirror);
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
    t.label_smoothing = section.number("label_smoothing", t.label_smoothing, 0.0, 0.99);
    section.finish();
    return t;
}

// What the layers fall back to.
struct Defaults {
    std::optional<QuantiserSpec> weights;
    std::optional<QuantiserSpec> activations;
};

constexpr QuantiserSpec kWeightBase{.type = {.bits = 4, .is_signed = true, .narrow = true}};
constexpr QuantiserSpec kActivationBase{.type = {.bits = 4, .is_signed = false, .narrow = false}};

// Reads the layers and follows the width of the data through them.
class LayerReader {
public:
    LayerReader(const Defaults& defaults, std::int64_t features)
        : defaults_(defaults), width_(features), width_from_("the input") {}

    LayerSpec read(TomlSection section) {
        const std::string type = section.needed_text("type");
        LayerSpec layer;
        layer.name = section.text("name", fmt::format("{}{}", type, ++counts_[type]));
        if (layer.name.empty() || !names_.insert(layer.name).second) {
            section.wrong_value("name", fmt::format("\"{}\" is empty or taken", layer.name),
                                "give every layer a name of its own");
        }
        section = section.named(fmt::format("layer {}", layer.name));
        if (type == "linear") {
            layer.kind = read_linear(section, layer.name);
        } else if (type == "batch_norm") {
            layer.kind = BatchNormSpec{.channels = width_,
                                       .epsilon = section.number("epsilon", 1e-5, 1e-12, 1.0),
                                       .momentum = section.number("momentum", 0.1, 0.0, 1.0)};
        } else if (type == "dropout") {
            layer.kind = DropoutSpec{.rate = section.number("rate", 0.5, 0.0, 0.99)};
        } else {
            layer.kind = read_activation(section, type);
        }
        section.finish();
        return layer;
    }

private:
    LinearSpec read_linear(TomlSection& section, const std::string& name) {
        LinearSpec linear;
        linear.inputs = section.integer("inputs", width_, 1, kMostWidth);
        if (linear.inputs != width_) {
            throw Error(code::kRecipeChain, section.named("").where("inputs"),
                        fmt::format("{} takes {} inputs, but {} gives {}", name, linear.inputs,
                                    width_from_, width_),
                        fmt::format("make them equal, or leave out inputs of {}", name));
        }
        linear.outputs = section.needed_integer("outputs", 1, kMostWidth);
        linear.bias = section.boolean("bias", true);
        linear.weights = optional_quantiser(section, "weights", defaults_.weights, kWeightBase);
        width_ = linear.outputs;
        width_from_ = name;
        return linear;
    }

    ActivationSpec read_activation(TomlSection& section, const std::string& type) {
        const std::vector<std::pair<std::string, Activation>> functions{
            {"identity", Activation::kIdentity},
            {"relu", Activation::kRelu},
            {"hardtanh", Activation::kHardTanh},
            {"sigmoid", Activation::kSigmoid},
            {"tanh", Activation::kTanh}};
        std::vector<std::string> types{"linear", "batch_norm", "dropout"};
        for (const auto& [name, function] : functions) {
            types.push_back(name);
            if (name != type) {
                continue;
            }
            // Only ReLU and sigmoid leave no negative values to a quantiser; the others want a
            // signed one.
            QuantiserSpec base = defaults_.activations.value_or(kActivationBase);
            const bool positive = function == Activation::kRelu || function == Activation::kSigmoid;
            base.type.is_signed = base.type.is_signed || !positive;
            std::optional<QuantiserSpec> fallback;
            if (defaults_.activations) {
                fallback = base;
            }
            return {.function = function,
                    .channels = width_,
                    .quantiser = optional_quantiser(section, "quantiser", fallback, base)};
        }
        const std::string near = nearest_word(type, types);
        section.wrong_value("type", fmt::format("\"{}\" is not known", type),
                            fmt::format("{}choose one of {}",
                                        near.empty() ? "" : fmt::format("did you mean {}? ", near),
                                        fmt::join(types, ", ")));
    }

    Defaults defaults_;
    std::int64_t width_;
    std::string width_from_;
    std::map<std::string, int> counts_;
    std::set<std::string> names_;
};

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
    Defaults defaults{.weights = kWeightBase, .activations = kActivationBase};
    if (auto section = root.section("quantisation", "quantisation")) {
        recipe.quantised = section->boolean("enabled", true);
        defaults.weights = optional_quantiser(*section, "weights", defaults.weights, kWeightBase);
        defaults.activations =
            optional_quantiser(*section, "activations", defaults.activations, kActivationBase);
        section->finish();
    }
    auto input = root.section("input", "input");
    if (!input) {
        throw Error(code::kRecipeType, file, "the table [input] is missing",
                    "give [input] with features = 784");
    }
    recipe.input.features = input->needed_integer("features", 1, kMostWidth);
    recipe.input.scale = input->number("scale", 1.0, -1e9, 1e9);
    recipe.input.offset = input->number("offset", 0.0, -1e9, 1e9);
    recipe.input.quantiser =
        optional_quantiser(*input, "quantiser", std::nullopt,
                           QuantiserSpec{.type = {.bits = 8, .is_signed = true, .narrow = false}});
    input->finish();

    LayerReader reader(defaults, recipe.input.features);
    for (const toml::table* layer : root.tables("layers")) {
        recipe.layers.push_back(reader.read(TomlSection(*layer, file, "layers")));
    }
    root.finish();
    const bool has_linear = std::any_of(
        recipe.layers.begin(), recipe.layers.end(),
        [](const LayerSpec& layer) { return std::holds_alternative<LinearSpec>(layer.kind); });
    if (!has_linear) {
        throw Error(code::kRecipeType, file, "there is no linear layer",
                    "give at least one [[layers]] table of type = \"linear\"");
    }
    return recipe.quantised ? recipe : without_quantisers(recipe);
}

std::string quantiser_text(const std::optional<QuantiserSpec>& spec) {
    if (!spec) {
        return "float";
    }
    return fmt::format("{}/{}/{}/{}/{}", spec->type.text(), static_cast<int>(spec->source),
                       static_cast<int>(spec->granularity), spec->sigmas, spec->constant);
}

}  // namespace

std::int64_t Recipe::outputs() const {
    std::int64_t width = input.features;
    for (const LayerSpec& layer : layers) {
        if (const auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            width = linear->outputs;
        }
    }
    return width;
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

std::string fingerprint(const Recipe& recipe) {
    const TrainingSpec& t = recipe.training;
    std::string text = fmt::format(
        "data={},{},{},{},{} input={},{},{},{} training={},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        recipe.data.train, recipe.data.test, recipe.data.shift, recipe.data.mirror,
        recipe.data.holdout, recipe.input.features, recipe.input.scale, recipe.input.offset,
        quantiser_text(recipe.input.quantiser), t.epochs, t.batch_size, t.seed,
        static_cast<int>(t.optimiser), t.learning_rate, t.momentum, t.beta1, t.beta2,
        t.weight_decay, static_cast<int>(t.schedule), t.warmup, t.step_factor, t.step_epochs,
        t.label_smoothing);
    for (const LayerSpec& layer : recipe.layers) {
        text += fmt::format(" {}=", layer.name);
        if (const auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            text += fmt::format("linear,{},{},{},{}", linear->inputs, linear->outputs, linear->bias,
                                quantiser_text(linear->weights));
        } else if (const auto* norm = std::get_if<BatchNormSpec>(&layer.kind)) {
            text +=
                fmt::format("batch_norm,{},{},{}", norm->channels, norm->epsilon, norm->momentum);
        } else if (const auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
            text += fmt::format("activation,{},{},{}", static_cast<int>(activation->function),
                                activation->channels, quantiser_text(activation->quantiser));
        } else if (const auto* dropout = std::get_if<DropoutSpec>(&layer.kind)) {
            text += fmt::format("dropout,{}", dropout->rate);
        }
    }
    return text;
}

Recipe without_quantisers(Recipe recipe) {
    recipe.quantised = false;
    recipe.input.quantiser.reset();
    for (LayerSpec& layer : recipe.layers) {
        if (auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
            linear->weights.reset();
        } else if (auto* activation = std::get_if<ActivationSpec>(&layer.kind)) {
            activation->quantiser.reset();
        }
    }
    return recipe;
}

}  // namespace qloom::train
