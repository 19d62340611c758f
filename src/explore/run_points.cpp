#include "explore/run_points.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

namespace qloom::explore {
namespace {

// The tasks that wait, handed out to threads.
class Queue {
public:
    Queue(const std::vector<Task>& tasks, const TaskContext& context) {
        for (const Task& task : tasks) {
            if (!task_result(context.folder, task).is_null()) {
                ++done_;
                if (task.kind == TaskKind::kModel) models_done_.insert(task.key);
            } else {
                waiting_.push_back(&task);
            }
        }
    }

    // nullptr when there is nothing left to begin.
    const Task* next() {
        std::unique_lock lock(mutex_);
        for (;;) {
            if (is_ended_ || waiting_.empty()) return nullptr;
            const auto ready = std::ranges::find_if(waiting_, [&](const Task* task) {
                return task->kind == TaskKind::kModel ||
                       models_done_.contains(task->point->model_key);
            });
            if (ready != waiting_.end()) {
                const Task* task = *ready;
                waiting_.erase(ready);
                return task;
            }
            changed_.wait(lock);
        }
    }

    void finish(const Task& task) {
        const std::scoped_lock lock(mutex_);
        ++done_;
        if (task.kind == TaskKind::kModel) models_done_.insert(task.key);
        changed_.notify_all();
    }

    void end(const std::exception_ptr& error) {
        const std::scoped_lock lock(mutex_);
        is_ended_ = true;
        if (!error_) error_ = error;
        changed_.notify_all();
    }

    [[nodiscard]] std::int64_t done() {
        const std::scoped_lock lock(mutex_);
        return done_;
    }
    [[nodiscard]] bool is_ended() {
        const std::scoped_lock lock(mutex_);
        return is_ended_;
    }
    void rethrow() {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<const Task*> waiting_;
    std::set<std::string> models_done_;
    std::int64_t done_ = 0;
    bool is_ended_ = false;
    std::exception_ptr error_;
};

}  // namespace

bool run_here(const std::vector<Task>& tasks, const TaskContext& context, int jobs,
              const std::function<void(std::int64_t done)>& on_done) {
    Queue queue(tasks, context);
    std::mutex telling;
    const auto work = [&] {
        while (const Task* task = queue.next()) {
            try {
                if (!run_task(*task, context)) return queue.end(nullptr);
                queue.finish(*task);
                const std::scoped_lock lock(telling);
                on_done(queue.done());
            } catch (...) {
                return queue.end(std::current_exception());
            }
        }
    };
    {
        const std::scoped_lock lock(telling);
        on_done(queue.done());
    }
    std::vector<std::jthread> threads;
    for (int i = 1; i < jobs; ++i) threads.emplace_back(work);
    work();
    threads.clear();
    queue.rethrow();
    return !queue.is_ended();
}

}  // namespace qloom::explore
