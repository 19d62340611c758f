#pragma once

#include <string>
#include <string_view>
#include <vector>

// The repository as text, for tests about it.
namespace qloom::meta {

struct File {
    std::string path;  // relative to the repository
    std::string text;
};

// Files under `folder` whose name ends with one of `endings`, sorted by path.
std::vector<File> files_under(const std::string& folder, const std::vector<std::string>& endings);

// The tracked text files (git ls-files), or nothing where this is no git checkout.
std::vector<File> tracked_files();

std::string read_file(const std::string& path);
std::vector<std::string> lines_of(std::string_view text);
bool contains(std::string_view text, std::string_view part);

}  // namespace qloom::meta
