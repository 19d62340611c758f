#include "explore/slurm.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/process.h"

namespace qloom::explore {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kLongest{24 * 30};

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

class Arrays {
public:
    Arrays(const std::vector<Task>& tasks, const TaskContext& context, const SlurmOptions& options,
           const std::function<void(const std::string& line)>& on_event)
        : tasks_(tasks), context_(context), options_(options), on_event_(on_event) {}

    bool run() {
        fs::create_directories(context_.folder / "slurm");
        for (const TaskKind kind : {TaskKind::kModel, TaskKind::kPoint}) {
            for (const bool again : {false, true}) {
                const std::vector<std::size_t> left = unfinished(kind);
                if (left.empty()) break;
                if (again) {
                    on_event_(fmt::format("{} of the {} ended without a result and {} submitted again",
                                          left.size(), name(kind),
                                          left.size() == 1 ? "is" : "are"));
                }
                if (!submit(kind, left, again ? "again" : "first")) return false;
            }
            for (const std::size_t index : unfinished(kind)) {
                write_failure(context_.folder, tasks_[index],
                              fmt::format("its Slurm job ended twice without a result; see {}",
                                          log_name(kind, "again", index)));
            }
        }
        return true;
    }

private:
    static const char* name(TaskKind kind) {
        return kind == TaskKind::kModel ? "networks" : "points";
    }
    static std::string log_name(TaskKind kind, const std::string& attempt, std::size_t index) {
        return fmt::format("slurm/{}-{}-{}.log", name(kind), attempt, index);
    }

    [[nodiscard]] std::vector<std::size_t> unfinished(TaskKind kind) const {
        std::vector<std::size_t> left;
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (tasks_[i].kind == kind && task_result(context_.folder, tasks_[i]).is_null())
                left.push_back(i);
        }
        return left;
    }

    // The tasks as job arrays, each of consecutive task numbers: the number of a task is the array's
    // offset and the number in the array.
    bool submit(TaskKind kind, const std::vector<std::size_t>& indices, const std::string& attempt) {
        const auto size = static_cast<std::size_t>(options_.array_size);
        for (std::size_t i = 0; i < indices.size();) {
            const std::size_t offset = indices[i] / size * size;
            std::vector<std::size_t> members;
            while (i < indices.size() && indices[i] < offset + size) members.push_back(indices[i++] - offset);
            const fs::path script = context_.folder / "slurm" / fmt::format("{}-{}.sh", name(kind), offset);
            std::ofstream(script) << fmt::format(
                "#!/bin/sh\nexec {} explore {} -o {}{} --task $(({} + SLURM_ARRAY_TASK_ID))\n",
                quoted(context_.program.string()), quoted(options_.sweep_file),
                quoted(context_.folder.string()),
                options_.synth.empty() ? "" : " --synth " + quoted(options_.synth), offset);
            std::vector<std::string> command{
                "sbatch",
                "--wait",
                "--parsable",
                fmt::format("--job-name=qloom-{}", name(kind)),
                fmt::format("--array={}", fmt::join(members, ",")),
                "--ntasks=1",
                fmt::format("--output={}",
                            (context_.folder / "slurm" / fmt::format("{}-{}-%a.log", name(kind), attempt))
                                .string())};
            command.insert(command.end(), options_.sbatch_options.begin(),
                           options_.sbatch_options.end());
            command.push_back(script.string());
            on_event_(fmt::format("{} {} submitted to Slurm", members.size(), name(kind)));
            const ToolResult result =
                run_tool(command,
                         {.timeout = std::chrono::duration_cast<std::chrono::seconds>(kLongest),
                          .is_cancelled = context_.is_cancelled},
                         "slurm-wlm");
            if (result.exit_code == 130 || (context_.is_cancelled && context_.is_cancelled()))
                return false;
            // Where jobs were run, its exit code is the highest of theirs, after their number.
            const bool was_submitted =
                !result.output.empty() && std::isdigit(static_cast<unsigned char>(result.output[0])) != 0;
            if (result.exit_code != 0 && !was_submitted) {
                throw Error(code::kToolFailed, "sbatch",
                            fmt::format("`{}` ended with {}: {}", fmt::join(command, " "),
                                        result.exit_code, result.output),
                            "options for the cluster go into --sbatch, as --sbatch=--partition=short");
            }
        }
        return true;
    }

    const std::vector<Task>& tasks_;
    const TaskContext& context_;
    const SlurmOptions& options_;
    const std::function<void(const std::string& line)>& on_event_;
};

}  // namespace

bool run_on_slurm(const std::vector<Task>& tasks, const TaskContext& context,
                  const SlurmOptions& options,
                  const std::function<void(const std::string& line)>& on_event) {
    return Arrays(tasks, context, options, on_event).run();
}

}  // namespace qloom::explore
