#include "explore/task.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/process.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kResultFile = "result.json";
constexpr std::chrono::hours kLongest{24 * 7};

void write_whole(const fs::path& file, const std::string& text) {
    const fs::path next = file.string() + ".new";
    {
        std::ofstream stream(next, std::ios::binary);
        stream << text;
        if (!stream.flush()) {
            throw Error(code::kSweepFolder, file.string(), "the file cannot be written",
                        "look for room on the disk and for the rights of the folder");
        }
    }
    fs::rename(next, file);
}

// A verb of Qloom: what it printed as JSON, or what it said when it failed.
struct VerbRun {
    Json json;
    std::string error;  // "" where it went well
    bool is_cancelled = false;
};

// The document in what the verb printed.
Json document_of(const std::string& output) {
    const auto first = output.find('{');
    const auto last = output.rfind('}');
    if (first == std::string::npos || last == std::string::npos || last < first) return nullptr;
    return Json::parse(output.substr(first, last - first + 1), nullptr, false);
}

std::string last_line(const std::string& output) {
    std::string line;
    std::string current;
    for (const char c : output + "\n") {
        if (c != '\n') {
            current += c;
            continue;
        }
        if (!current.empty()) line = current;
        current.clear();
    }
    return line;
}

VerbRun run_verb(const TaskContext& context, const fs::path& folder,
                 std::vector<std::string> arguments) {
    const std::string verb = arguments.front();
    arguments.insert(arguments.begin(), context.program.string());
    arguments.insert(arguments.end(), {"--json", "--quiet"});
    const ToolResult result = run_tool(
        arguments, {.working_directory = folder,
                    .log_file = folder / (verb + ".log"),
                    .timeout = std::chrono::duration_cast<std::chrono::seconds>(kLongest),
                    .is_cancelled = context.is_cancelled});
    VerbRun run;
    run.is_cancelled = result.exit_code == 130 || (context.is_cancelled && context.is_cancelled());
    if (result.exit_code == 0) {
        run.json = document_of(result.output);
        if (!run.json.is_object()) run.error = fmt::format("{} printed no result", verb);
        return run;
    }
    const auto at = result.output.find("qloom: error: ");
    run.error = result.exit_code > 128
                    ? fmt::format("{} died of signal {}", verb, result.exit_code - 128)
                : at != std::string::npos
                    ? result.output.substr(at + 14, result.output.find('\n', at) - at - 14)
                    : fmt::format("{} ended with {}: {}", verb, result.exit_code,
                                  last_line(result.output));
    return run;
}

Json failure(const std::string& error) { return {{"ok", false}, {"error", error}}; }

// The network, trained or measured: {"ok", "model", "accuracy"}.
Json run_model(const Task& task, const TaskContext& context, const fs::path& folder,
               bool& is_cancelled) {
    const Point& point = *task.point;
    if (!point.recipe_text.empty()) {
        write_whole(folder / "recipe.toml", point.recipe_text);
        const VerbRun run =
            run_verb(context, folder, {"train", "recipe.toml", "-o", "run", "--threads", "1"});
        is_cancelled = run.is_cancelled;
        if (!run.error.empty()) return failure(run.error);
        return {{"ok", true},
                {"model", (folder / "run" / "model.onnx").string()},
                {"accuracy", run.json.value("accuracy", Json())},
                {"parameters", run.json.value("parameters", Json())}};
    }
    Json result = {{"ok", true}, {"model", point.model_file}, {"accuracy", nullptr}};
    if (!context.data.empty()) {
        const VerbRun run =
            run_verb(context, folder, {"eval", point.model_file, "--data", context.data});
        is_cancelled = run.is_cancelled;
        if (!run.error.empty()) return failure(run.error);
        result["accuracy"] = run.json.value("accuracy", Json());
    }
    return result;
}

Json run_point(const Task& task, const TaskContext& context, const fs::path& folder,
               bool& is_cancelled) {
    const Json model = task_result(
        context.folder, {.kind = TaskKind::kModel, .key = task.point->model_key, .point = nullptr});
    if (model.is_null()) return failure("its network was not made");
    if (!model.value("ok", false))
        return failure("its network: " + model.value("error", std::string("failed")));
    std::vector<std::string> arguments{"compile", model.at("model").get<std::string>()};
    arguments.insert(arguments.end(), task.point->compile_options.begin(),
                     task.point->compile_options.end());
    arguments.insert(arguments.end(), {"-o", "out", "--no-package"});
    const VerbRun compiled = run_verb(context, folder, arguments);
    is_cancelled = compiled.is_cancelled;
    if (!compiled.error.empty()) return failure(compiled.error);
    Json result = {{"ok", true}, {"accuracy", model.value("accuracy", Json())}};
    for (const char* key : {"board", "clock_mhz", "ii_cycles", "latency_cycles", "fps", "luts", "ffs",
                            "bram36", "dsps"})
        result[key] = compiled.json.value(key, Json());
    if (context.synth.empty()) return result;
    const VerbRun synthesised = run_verb(context, folder, {"synth", "out", "--for", context.synth});
    is_cancelled = synthesised.is_cancelled;
    if (!synthesised.error.empty()) return failure(synthesised.error);
    Json synth = Json::object();
    for (const char* key : {"luts", "ffs", "bram36", "dsps", "lut_levels"})
        synth[key] = synthesised.json.value(key, Json());
    result["synth"] = std::move(synth);
    return result;
}

}  // namespace

std::vector<Task> tasks_of(const Sweep& sweep) {
    std::vector<Task> tasks;
    std::set<std::string> models;
    for (const Point& point : sweep.points) {
        if (models.insert(point.model_key).second)
            tasks.push_back({TaskKind::kModel, point.model_key, &point});
    }
    for (const Point& point : sweep.points) tasks.push_back({TaskKind::kPoint, point.key, &point});
    return tasks;
}

fs::path task_folder(const fs::path& folder, const Task& task) {
    return folder / (task.kind == TaskKind::kModel ? "models" : "points") / task.key;
}

Json task_result(const fs::path& folder, const Task& task) {
    std::ifstream stream(task_folder(folder, task) / kResultFile, std::ios::binary);
    if (!stream) return nullptr;
    Json json = Json::parse(stream, nullptr, false);
    return json.is_object() ? json : Json(nullptr);
}

void write_failure(const fs::path& folder, const Task& task, const std::string& error) {
    fs::create_directories(task_folder(folder, task));
    write_whole(task_folder(folder, task) / kResultFile, failure(error).dump(2) + "\n");
}

bool run_task(const Task& task, const TaskContext& context) {
    if (!task_result(context.folder, task).is_null()) return true;
    const fs::path folder = task_folder(context.folder, task);
    fs::create_directories(folder);
    bool is_cancelled = false;
    const Json result = task.kind == TaskKind::kModel
                            ? run_model(task, context, folder, is_cancelled)
                            : run_point(task, context, folder, is_cancelled);
    if (is_cancelled) return false;
    write_whole(folder / kResultFile, result.dump(2) + "\n");
    return true;
}

}  // namespace qloom::explore
