#pragma once

#include <filesystem>
#include <string>

namespace qloom::cli {

// A Slurm cluster of this machine alone, with its own munge, for the length of a test: nothing of
// an installed cluster is touched.
class OneNodeSlurm {
public:
    explicit OneNodeSlurm(std::filesystem::path folder);
    ~OneNodeSlurm();
    OneNodeSlurm(const OneNodeSlurm&) = delete;
    OneNodeSlurm& operator=(const OneNodeSlurm&) = delete;

    // Why it could not be started; "" where it runs.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    // The value of SLURM_CONF.
    [[nodiscard]] std::string configuration() const { return (folder_ / "slurm.conf").string(); }

private:
    void start();
    void stop(const char* pid_file);

    std::filesystem::path folder_;
    std::string problem_;
};

}  // namespace qloom::cli
