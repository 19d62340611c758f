#pragma once

#include <functional>
#include <string>
#include <vector>

#include "explore/task.h"

namespace qloom::explore {

struct SlurmOptions {
    std::string sweep_file;                   // absolute: what the jobs read again
    std::string synth;                        // override of the sweep's
    std::vector<std::string> sbatch_options;  // of the person's: "--partition=short"
    int array_size = 1000;                    // tasks of one job array (Slurm's default limit)
};

// Does the tasks that are not finished as job arrays of a Slurm cluster: one array for the networks,
// then one for the points. `sbatch --wait` waits for them; a job that ended without a result is
// submitted once more, and is then a failed point. The folder must be one that all nodes see.
// Throws code::kToolMissing without sbatch, code::kToolFailed where it refuses the array. Returns
// false where it was cancelled (submitted jobs go on; the same command finds their results).
bool run_on_slurm(const std::vector<Task>& tasks, const TaskContext& context,
                  const SlurmOptions& options,
                  const std::function<void(const std::string& line)>& on_event);

}  // namespace qloom::explore
