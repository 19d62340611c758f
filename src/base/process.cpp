#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/ranges.h>

#include "base/codes/base.h"
#include "base/diagnostic.h"

namespace qloom {
namespace {

constexpr int kExecFailed = 127;
constexpr int kInterrupted = 128 + SIGINT;
constexpr std::chrono::milliseconds kCancelCheck{100};

std::string joined(const std::vector<std::string>& argv) {
    return fmt::format("{}", fmt::join(argv, " "));
}

std::string last_lines(const std::string& text, int lines) {
    std::size_t begin = text.size();
    while (begin > 0 && lines >= 0) {
        --begin;
        if (text[begin] == '\n' && begin + 1 != text.size()) {
            --lines;
        }
    }
    return text.substr(begin == 0 ? 0 : begin + 1);
}

// In the child: only async-signal-safe work between fork and exec.
[[noreturn]] void run_child(char* const* argv, const char* directory, int output_fd) {
    setpgid(0, 0);
    const int null_fd = open("/dev/null", O_RDONLY);
    dup2(null_fd, STDIN_FILENO);
    dup2(output_fd, STDOUT_FILENO);
    dup2(output_fd, STDERR_FILENO);
    if (directory != nullptr && chdir(directory) != 0) {
        _exit(kExecFailed);
    }
    execvp(argv[0], argv);
    _exit(kExecFailed);
}

}  // namespace

bool tool_exists(const std::string& program) {
    if (program.find('/') != std::string::npos) {
        return access(program.c_str(), X_OK) == 0;
    }
    const char* path = std::getenv("PATH");
    std::istringstream entries(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
    std::string directory;
    while (std::getline(entries, directory, ':')) {
        if (access((directory + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

ToolResult run_tool(const std::vector<std::string>& argv, const ToolOptions& options,
                    const std::string& package) {
    QLOOM_ASSERT(!argv.empty(), "a command has a program");
    if (!tool_exists(argv[0])) {
        throw Error(code::kToolMissing, argv[0], "the program is not installed",
                    package.empty()
                        ? "install it and try again"
                        : fmt::format("install it with: sudo apt-get install {}", package));
    }
    std::vector<std::string> arguments = argv;
    if (!options.environment.empty()) {
        std::vector<std::string> prefix{"env"};
        for (const auto& [name, value] : options.environment) {
            prefix.push_back(name + "=" + value);
        }
        arguments.insert(arguments.begin(), prefix.begin(), prefix.end());
    }
    std::vector<char*> raw;
    for (std::string& argument : arguments) {
        raw.push_back(argument.data());
    }
    raw.push_back(nullptr);

    std::array<int, 2> pipe_fds{};
    QLOOM_ASSERT(pipe2(pipe_fds.data(), O_CLOEXEC) == 0, "a pipe can be made");
    const std::string directory = options.working_directory.string();
    const pid_t child = fork();
    QLOOM_ASSERT(child >= 0, "a process can be started");
    if (child == 0) {
        run_child(raw.data(), directory.empty() ? nullptr : directory.c_str(), pipe_fds[1]);
    }
    close(pipe_fds[1]);

    std::ofstream log;
    if (!options.log_file.empty()) {
        log.open(options.log_file);
        log << "$ " << joined(argv) << "\n";
    }
    ToolResult result;
    bool timed_out = false;
    bool interrupted = false;
    const auto deadline = std::chrono::steady_clock::now() + options.timeout;
    std::array<char, 65536> buffer{};
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{.fd = pipe_fds[0], .events = POLLIN, .revents = 0};
        const auto patience = options.is_cancelled ? std::min(left, kCancelCheck) : left;
        const int ready =
            left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(patience.count()));
        if (ready < 0 && errno == EINTR) {
            // The child leads a process group of its own, so that Ctrl-C reaches only the caller:
            // pass it on.
            kill(-child, SIGINT);
            interrupted = true;
            break;
        }
        if (ready == 0 && patience < left && !options.is_cancelled()) {
            continue;
        }
        if (ready == 0) {
            timed_out = true;
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            break;
        }
        const ssize_t count = read(pipe_fds[0], buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        result.output.append(buffer.data(), static_cast<std::size_t>(count));
        if (log.is_open()) {
            log.write(buffer.data(), count);
        }
        if (options.on_output) {
            options.on_output({buffer.data(), static_cast<std::size_t>(count)});
        }
    }
    close(pipe_fds[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (interrupted) {
        result.exit_code = kInterrupted;
    } else if (timed_out) {
        result.exit_code = -1;
    } else {
        result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return result;
}

ToolResult check_tool(const std::vector<std::string>& argv, const ToolOptions& options,
                      const std::string& package) {
    ToolResult result = run_tool(argv, options, package);
    if (result.exit_code != 0) {
        const std::string ending =
            result.exit_code < 0
                ? fmt::format("did not finish within {} s", options.timeout.count())
                : fmt::format("failed with exit code {}", result.exit_code);
        throw Error(code::kToolFailed, argv[0],
                    fmt::format("`{}` {}; its last lines:\n{}", joined(argv), ending,
                                last_lines(result.output, 12)),
                    options.log_file.empty()
                        ? ""
                        : fmt::format("the whole log is {}", options.log_file.string()));
    }
    return result;
}

}  // namespace qloom
