#include "cli/compile_flow.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>

#include "base/codes/cli.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/package_flow.h"
#include "cli/view_flow.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "onnx/reader.h"
#include "pack/package.h"
#include "view/page.h"
#include "view/steps.h"

namespace qloom::cli {
namespace {

constexpr const char* kModelFile = "model.onnx";
constexpr const char* kOptionsFile = "compile.json";
constexpr std::int64_t kMadeUpFrames = 16;
constexpr std::int64_t kMostSamples = 256;  // frames of --samples that the self-check looks at

// What simulate and package need to lower the model again in the same way.
nlohmann::ordered_json options_json(const lower::LowerOptions& options) {
    nlohmann::ordered_json json{{"argmax", options.argmax}, {"input_types", nlohmann::ordered_json::array()}};
    for (const auto& [name, type] : options.input_types) {
        json["input_types"].push_back({{"input", name},
                                       {"bits", type.type.bits},
                                       {"signed", type.type.is_signed},
                                       {"narrow", type.type.narrow},
                                       {"bipolar", type.bipolar},
                                       {"float", type.is_float},
                                       {"scale", type.scale}});
    }
    return json;
}

lower::LowerOptions options_from(const nlohmann::ordered_json& json) {
    lower::LowerOptions options{.argmax = json.at("argmax").get<bool>()};
    for (const auto& entry : json.at("input_types")) {
        options.input_types.emplace_back(
            entry.at("input").get<std::string>(),
            lower::InputType{.type = {.bits = entry.at("bits").get<int>(),
                                      .is_signed = entry.at("signed").get<bool>(),
                                      .narrow = entry.at("narrow").get<bool>()},
                             .scale = entry.at("scale").get<double>(),
                             .bipolar = entry.at("bipolar").get<bool>(),
                             .is_float = entry.value("float", false)});
    }
    return options;
}

std::string read_text(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw Error(code::kFileUnreadable, file, "the file cannot be read", "check the name");
    }
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Intervals of real numbers that an input plausibly lives in, tried in turn from frame to frame.
std::vector<std::pair<float, float>> intervals_of(const lower::InputBinding& binding, Range range) {
    const auto real = [&](std::int64_t level) {
        return static_cast<float>(binding.scale * static_cast<double>(level) + binding.bias);
    };
    const float lo = std::min(real(range.lo), real(range.hi));
    const float hi = std::max(real(range.lo), real(range.hi));
    const float margin = 0.1F * (hi - lo);
    return {{lo - margin, hi + margin}, {0.0F, 1.0F}, {-1.0F, 1.0F}, {0.0F, 255.0F}};
}

// What boards need, for the board that was compiled for; an accelerator that is too big for it is not packaged.
void add_package(const lower::Engine& engine, const std::vector<ir::Value>& samples, const std::vector<emit::TextFile>& rtl,
                 CompileOutcome& outcome, std::vector<emit::TextFile>& files) {
    const hw::Accelerator& accelerator = outcome.accelerator;
    const std::string excess = pack::excess(accelerator, accelerator.board);
    if (!excess.empty()) {
        outcome.notes.push_back(fmt::format("nothing is packaged for {}: the accelerator {}; {}", accelerator.board.name, excess,
                                            fitting_target(engine.lowered().network, accelerator, accelerator.board)));
        return;
    }
    const std::int64_t most = pack::made_up_sample_count(accelerator);
    std::vector<ir::Value> few = samples;
    for (ir::Value& sample : few) sample = slice_frames(sample, 0, std::min(most, frame_count(sample)));
    pack::Package package = pack::make_package(accelerator, accelerator.board, engine.lowered(), rtl, samples_of(engine, few),
                                               {.output = output_meaning_of(engine.lowered())});
    std::ranges::move(package.files, std::back_inserter(files));
    outcome.notes.insert(outcome.notes.end(), package.notes.begin(), package.notes.end());
}

// What people look at: report.html, the training it came from, the graph of each step.
void add_views(const CompileRequest& request, const Model& model, const lower::LowerOptions& options, const lower::Lowered& lowered,
               CompileOutcome& outcome, std::vector<emit::TextFile>& files) {
    const ir::Graph imported = with_shapes(onnx::parse_model(model.bytes, model.file));
    const ir::Graph prepared = lower::prepared(model.graph, options);
    const std::string title = title_of(imported, request.model);
    nlohmann::ordered_json remembered = options_json(options);
    remembered["title"] = title;
    remembered["self_check"] = self_check_json(outcome.self_check);
    files.push_back({kOptionsFile, remembered.dump(2) + "\n"});
    const nlohmann::ordered_json training = training_beside(request.model);
    if (!training.is_null()) {
        files.push_back({"metrics.json", training.dump(2) + "\n"});
    }
    if (request.steps) {
        for (view::StepFile& step : view::step_files(imported, prepared, lowered, outcome.accelerator)) {
            files.push_back({std::move(step.path), std::move(step.bytes)});
        }
    }
    std::string report;
    if (!view::page().empty()) {
        report = view::report_html(view_of({.title = title,
                                            .imported = imported,
                                            .prepared = prepared,
                                            .lowered = lowered,
                                            .accelerator = outcome.accelerator,
                                            .notes = lowered.notes,
                                            .training = training,
                                            .self_check = remembered["self_check"]}));
    }
    if (report.empty()) {
        outcome.notes.emplace_back("report.html is left out: this program was built without its page");
    } else {
        files.push_back({"report.html", std::move(report)});
    }
}

}  // namespace

nlohmann::ordered_json self_check_json(const lower::SelfCheckResult& result) {
    return {{"frames", result.frames},
            {"values", result.values},
            {"largest_difference", result.largest_difference},
            {"near_ties", result.near_ties}};
}

std::vector<ir::Value> made_up_frames(const ir::Graph& model, const lower::Lowered& lowered, std::int64_t frames) {
    std::mt19937 random(1);
    std::vector<ir::Value> inputs;
    for (const ir::TensorId id : model.inputs()) {
        const ir::TensorInfo& tensor = model.tensor(id);
        Shape shape = *tensor.shape;
        shape[0] = frames;
        Tensor<float> values(shape);
        const auto binding = std::ranges::find(lowered.inputs, tensor.name, &lower::InputBinding::tensor);
        const std::int64_t size = values.size() / frames;
        if (binding != lowered.inputs.end()) {
            // The integers themselves enter the hardware: every one of them is allowed, nothing between.
            const network::Stream& stream = lowered.network.stream(binding->stream);
            std::uniform_int_distribution<std::int64_t> any(stream.range.lo, stream.range.hi);
            for (float& value : values.values()) {
                value = static_cast<float>(binding->scale * static_cast<double>(any(random)) + binding->bias);
            }
        } else {
            const lower::InputBinding& first = lowered.inputs.front();
            const auto intervals = intervals_of(first, lowered.network.stream(first.stream).range);
            for (std::int64_t frame = 0; frame < frames; ++frame) {
                const auto [lo, hi] = intervals[static_cast<std::size_t>(frame) % intervals.size()];
                std::uniform_real_distribution<float> any(lo, hi);
                std::generate_n(values.begin() + frame * size, size, [&] { return any(random); });
            }
        }
        inputs.push_back(fit_frames(std::move(values), tensor, tensor.name));
    }
    return inputs;
}

CompileOutcome compile(const CompileRequest& request) {
    const hw::Board board = hw::find_board(request.board);
    std::optional<hw::FoldingFile> folding;
    if (!request.folding.empty()) {
        folding = hw::parse_folding_file(read_text(request.folding), request.folding);
    }
    const Model model = load_model(request.model);
    std::vector<ir::Value> samples;
    lower::LowerOptions options{.input_types = parse_input_types(model.graph, request.input_types),
                                .argmax = request.argmax};
    if (!request.samples.empty()) {
        samples = read_inputs(model.graph, request.samples);
        options.input_types = complete_input_types(model.graph, std::move(options.input_types), samples);
        for (ir::Value& sample : samples) {
            sample = slice_frames(sample, 0, std::min(kMostSamples, frame_count(sample)));
        }
    }
    check_interrupted();
    const lower::Engine engine(lower::lower(model.graph, options));
    const lower::Lowered& lowered = engine.lowered();
    if (samples.empty()) {
        samples = made_up_frames(model.graph, lowered, kMadeUpFrames);
    }
    CompileOutcome outcome;
    outcome.self_check = lower::self_check(lower::prepared(model.graph, options), engine, samples);
    check_interrupted();
    outcome.accelerator = hw::fold(lowered.network, {.board = board,
                                                     .clock_mhz = request.clock_mhz,
                                                     .target_ii = request.ii,
                                                     .target_fps = request.fps,
                                                     .folding = folding});
    check_interrupted();
    outcome.placements = lowered.placements;
    outcome.notes = lowered.notes;
    outcome.notes.insert(outcome.notes.end(), outcome.accelerator.notes.begin(), outcome.accelerator.notes.end());
    const std::vector<emit::TextFile> files = emit::generate(outcome.accelerator, lowered.network);
    std::vector<emit::TextFile> more{{kModelFile, model.bytes}};
    add_views(request, model, options, lowered, outcome, more);
    if (request.package) {
        add_package(engine, samples, files, outcome, more);
    }
    check_interrupted();
    emit::write_folder(files, request.output, more);
    return outcome;
}

CompiledModel read_compiled_model(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / kOptionsFile;
    if (!std::filesystem::is_regular_file(file) || !std::filesystem::is_regular_file(folder / kModelFile)) {
        throw Error(code::kFolderIncomplete, folder.string(),
                    fmt::format("the folder has no {} or no {}", kModelFile, kOptionsFile),
                    "give a folder that `qloom compile` wrote");
    }
    try {
        const auto json = nlohmann::ordered_json::parse(read_text(file.string()));
        return {.model = load_model((folder / kModelFile).string()),
                .options = options_from(json),
                .title = json.value("title", "model"),
                .self_check = json.value("self_check", nlohmann::ordered_json())};
    } catch (const nlohmann::json::exception& error) {
        throw Error(code::kFolderIncomplete, file.string(), fmt::format("the file is damaged ({})", error.what()),
                    "compile the model again");
    }
}

}  // namespace qloom::cli
