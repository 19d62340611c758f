#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "explore/sweep.h"

// The work of a sweep, in tasks: a network to train or to measure, or a point to compile and
// synthesise. A task runs Qloom's own verbs as child processes and leaves one result file, written
// at its end in one step: a task without it was not finished and is done again.
namespace qloom::explore {

enum class TaskKind { kModel, kPoint };

struct Task {
    TaskKind kind = TaskKind::kModel;
    std::string key;
    const Point* point = nullptr;  // for a model: the first point that needs it
};

// The networks first, each once, then the points.
std::vector<Task> tasks_of(const Sweep& sweep);

struct TaskContext {
    std::filesystem::path folder;   // of the sweep
    std::filesystem::path program;  // qloom
    std::string data;               // for loaded models
    std::string synth;
    std::function<bool()> is_cancelled = {};
};

std::filesystem::path task_folder(const std::filesystem::path& folder, const Task& task);
// Null where the task is not finished. {"ok": true, ...} or {"ok": false, "error": "..."}.
nlohmann::ordered_json task_result(const std::filesystem::path& folder, const Task& task);
// Writes a result for a task that could not write one itself.
void write_failure(const std::filesystem::path& folder, const Task& task, const std::string& error);

// Does the task unless it is finished. False where it was cancelled. Requires for a point: its
// model's task is finished (where that failed, so does the point).
bool run_task(const Task& task, const TaskContext& context);

}  // namespace qloom::explore
