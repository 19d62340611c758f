#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codes/base.h"

namespace qloom {

struct ToolOptions {
    std::filesystem::path working_directory = {};  // empty: the caller's
    std::filesystem::path log_file = {};  // stdout and stderr together; empty: kept in memory only
    std::chrono::seconds timeout{600};
    std::vector<std::pair<std::string, std::string>> environment = {};  // added to the caller's
    std::function<void(std::string_view)> on_output =
        {};  // hears every piece of output as it comes
    std::function<bool()> is_cancelled =
        {};  // asked several times a second; true ends the tool, as the timeout does
};

struct ToolResult {
    int exit_code = 0;   // 128 + signal when it died of one; -1 when the timeout ended it
    std::string output;  // stdout and stderr, interleaved
};

// Runs argv[0] (found on PATH) with an argument list, never through a shell. Returns whatever the
// exit code was; throws code::kToolMissing when the program does not exist (`package` names the
// Debian package for the advice). A signal that the caller handles (Ctrl-C) while it waits is
// passed on: the tool is interrupted and the exit code is 130.
ToolResult run_tool(const std::vector<std::string>& argv, const ToolOptions& options = {},
                    const std::string& package = "");

// As run_tool, and throws code::kToolFailed with command, exit code, last lines and log when it did
// not exit with 0.
ToolResult check_tool(const std::vector<std::string>& argv, const ToolOptions& options = {},
                      const std::string& package = "");

// Whether `program` is found on PATH.
bool tool_exists(const std::string& program);

}  // namespace qloom
