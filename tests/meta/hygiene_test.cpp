// What must never be in a tracked file: where it was built, and from where packages came.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "repository.h"

namespace qloom::meta {
namespace {
namespace fs = std::filesystem;

// The hosts that this machine's package manager is configured with.
std::set<std::string> package_hosts() {
    static const std::regex kHost("https?://([^/ \\n]+)");
    std::set<std::string> hosts;
    std::vector<fs::path> files{"/etc/apt/sources.list"};
    if (fs::is_directory("/etc/apt/sources.list.d")) {
        for (const fs::directory_entry& entry : fs::directory_iterator("/etc/apt/sources.list.d")) {
            files.push_back(entry.path());
        }
    }
    for (const fs::path& file : files) {
        std::ifstream stream(file);
        const std::string text{std::istreambuf_iterator<char>(stream), {}};
        for (std::sregex_iterator at(text.begin(), text.end(), kHost), end; at != end; ++at) {
            hosts.insert((*at)[1]);
        }
    }
    return hosts;
}

// One sentence for each word of `words` that the file holds.
std::vector<std::string> findings(const File& file, const std::set<std::string>& words) {
    std::vector<std::string> found;
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
        ++number;
        for (const std::string& word : words) {
            if (contains(line, word)) {
                found.push_back(file.path + ":" + std::to_string(number) + " names " + word);
            }
        }
    }
    return found;
}

TEST(Hygiene, NoMachinePathsAndNoPackageHosts) {
    const std::vector<File> files = tracked_files();
    if (files.empty()) {
        GTEST_SKIP() << "not a git checkout";
    }
    std::set<std::string> words = package_hosts();
    words.insert(fs::path(QLOOM_SOURCE_DIR).string() + "/");
    words.insert("/home" + std::string("/"));
    words.insert("/root" + std::string("/"));
    for (const File& file : files) {
        for (const std::string& finding : findings(file, words)) {
            ADD_FAILURE() << finding;
        }
    }
}

TEST(Hygiene, PlantedPathIsCaught) {
    EXPECT_EQ(findings({"a.md", "fine\nsee /somewhere/else/x\n"}, {"/somewhere/"}),
              std::vector<std::string>{"a.md:2 names /somewhere/"});
}

TEST(Hygiene, NoLargeFiles) {
    for (const File& file : tracked_files()) {
        EXPECT_LT(file.text.size(), 2U << 20U) << file.path;
    }
}

}  // namespace
}  // namespace qloom::meta
