#include "program_run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/process.h"

namespace qloom::cli {
namespace fs = std::filesystem;

nlohmann::json Outcome::json() const {
    nlohmann::json document = nlohmann::json::parse(out, nullptr, false);
    EXPECT_FALSE(document.is_discarded()) << "stdout is not one JSON document:\n" << out;
    return document;
}

Workplace::Workplace() {
    static int counter = 0;
    folder_ = fs::temp_directory_path() / ("qloom_cli_test_" + std::to_string(getpid()) + "_" + std::to_string(++counter));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
}

Workplace::~Workplace() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void Workplace::write(const std::string& name, const std::string& text) const {
    fs::create_directories(path(name).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
}

std::string Workplace::read(const std::string& name) const {
    std::ifstream stream(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> Workplace::listing() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

Outcome Workplace::qloom(const std::vector<std::string>& arguments, const std::vector<std::string>& before) const {
    const fs::path errors = folder_.string() + ".stderr";
    // The shell only parts stderr from stdout; the arguments pass through it untouched.
    std::vector<std::string> argv{"sh", "-c", "exec \"$@\" 2>\"$0\"", errors.string()};
    argv.insert(argv.end(), before.begin(), before.end());
    argv.emplace_back(QLOOM_PROGRAM);
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const ToolResult result = run_tool(argv, {.working_directory = folder_});
    std::ifstream stream(errors, std::ios::binary);
    Outcome outcome{.exit_code = result.exit_code,
                    .out = result.output,
                    .err = {std::istreambuf_iterator<char>(stream), {}}};
    fs::remove(errors);
    return outcome;
}

}  // namespace qloom::cli
