#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "explore/task.h"

namespace qloom::explore {

// Does the tasks that are not finished, `jobs` at a time, a point after its network. `on_done`
// hears, in this thread's order of events but from any thread, how many are finished. Returns false
// where it was cancelled.
bool run_here(const std::vector<Task>& tasks, const TaskContext& context, int jobs,
              const std::function<void(std::int64_t done)>& on_done);

}  // namespace qloom::explore
