#include "repository.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/process.h"

namespace qloom::meta {
namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
    std::ifstream stream(fs::path(QLOOM_SOURCE_DIR) / path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<File> files_under(const std::string& folder, const std::vector<std::string>& endings) {
    std::vector<File> files;
    const fs::path root(QLOOM_SOURCE_DIR);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
        const std::string path = fs::relative(entry.path(), root).string();
        const bool wanted =
            std::ranges::any_of(endings, [&](const std::string& ending) { return path.ends_with(ending); });
        if (entry.is_regular_file() && wanted) {
            files.push_back({path, read_file(path)});
        }
    }
    std::ranges::sort(files, {}, &File::path);
    return files;
}

std::vector<File> tracked_files() {
    std::vector<File> files;
    if (!tool_exists("git")) {
        return files;
    }
    const ToolResult listing = run_tool({"git", "ls-files"}, {.working_directory = QLOOM_SOURCE_DIR});
    if (listing.exit_code != 0) {
        return files;
    }
    for (const std::string& path : lines_of(listing.output)) {
        std::string text = read_file(path);
        if (!contains(text, std::string_view("\0", 1))) {
            files.push_back({path, std::move(text)});
        }
    }
    return files;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    std::istringstream stream{std::string(text)};
    std::string line;
    while (std::getline(stream, line)) {
        lines.push_back(line);
    }
    return lines;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace qloom::meta
