// What the documents tell a person to type exists: make targets, verbs, options, files.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "base/process.h"
#include "cli/manual.h"
#include "repository.h"

namespace qloom::meta {
namespace {
namespace fs = std::filesystem;

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    return {std::istream_iterator<std::string>(stream), {}};
}

// The lines of fenced shell blocks, without comments.
std::vector<std::string> commands_of(const std::string& markdown) {
    std::vector<std::string> commands;
    bool inside = false;
    for (const std::string& line : lines_of(markdown)) {
        if (line.starts_with("```")) {
            inside = !inside && (line == "```sh" || line == "```bash");
        } else if (inside && !line.empty() && !line.starts_with("#")) {
            commands.push_back(line);
        }
    }
    return commands;
}

// "" when every verb and option of a `qloom` command exists, else what does not.
std::string problem_of(const std::vector<std::string>& words) {
    if (words.size() < 2 || words[1].starts_with("-")) {
        return {};
    }
    if (words[1] == "help") {
        return {};
    }
    const auto verbs = cli::make_verbs();
    const auto verb = std::ranges::find(verbs, words[1], &cli::Verb::name);
    if (verb == verbs.end()) {
        return "no verb " + words[1];
    }
    CLI::App app;
    cli::Session session;
    cli::fill_parser(**verb, app, session);
    for (std::size_t i = 2; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "|" || word == ">" || word == "&&") {
            break;
        }
        if (word.starts_with("-") && app.get_option_no_throw(word.substr(0, word.find('='))) == nullptr) {
            return "no option " + word + " of " + words[1];
        }
    }
    return {};
}

std::vector<File> documents() {
    std::vector<File> files = files_under("docs", {".md"});
    files.push_back({"README.md", read_file("README.md")});
    files.push_back({"CONTRIBUTING.md", read_file("CONTRIBUTING.md")});
    return files;
}

TEST(Docs, CommandsExist) {
    const std::string makefile = "\n" + read_file("Makefile");
    int looked_at = 0;
    for (const File& file : documents()) {
        for (const std::string& command : commands_of(file.text)) {
            const std::vector<std::string> words = words_of(command);
            if (words[0] == "make" && words.size() > 1) {
                EXPECT_TRUE(contains(makefile, "\n" + words[1] + ":")) << file.path << ": " << command;
                ++looked_at;
            } else if (words[0] == "qloom" || words[0] == "build/qloom") {
                EXPECT_EQ(problem_of(words), "") << file.path << ": " << command;
                ++looked_at;
            }
        }
    }
    EXPECT_GT(looked_at, 20);
}

TEST(Docs, WrongCommandIsCaught) {
    EXPECT_EQ(problem_of(words_of("qloom complie x")), "no verb complie");
    EXPECT_EQ(problem_of(words_of("build/qloom eval x --date y")), "no option --date of eval");
    EXPECT_EQ(problem_of(words_of("build/qloom eval x --data y")), "");
}

// `src/room/file.h`, `docs/x.md`, ... in backticks.
TEST(Docs, FilesExist) {
    static const std::regex kPath("`((src|tests|docs|rtl|bench|scripts|boards|recipes|cmake)/[A-Za-z0-9_./-]*)`");
    for (const File& file : documents()) {
        if (file.path == "docs/diagnostics.md" || file.path == "docs/formats.md") {
            continue;  // faulty examples; files of a compiled folder
        }
        for (std::sregex_iterator at(file.text.begin(), file.text.end(), kPath), end; at != end; ++at) {
            EXPECT_TRUE(fs::exists(fs::path(QLOOM_SOURCE_DIR) / (*at)[1].str()))
                << file.path << " names " << (*at)[1];
        }
    }
}

// [text](relative/path.md)
TEST(Docs, LinksLead) {
    static const std::regex kLink("\\]\\(([A-Za-z0-9_./-]+)(#[^)]*)?\\)");
    for (const File& file : documents()) {
        const fs::path folder = fs::path(QLOOM_SOURCE_DIR) / fs::path(file.path).parent_path();
        for (std::sregex_iterator at(file.text.begin(), file.text.end(), kLink), end; at != end; ++at) {
            EXPECT_TRUE(fs::exists(folder / (*at)[1].str())) << file.path << " links to " << (*at)[1];
        }
    }
}

TEST(Docs, CommandReferenceIsUpToDate) {
    EXPECT_EQ(cli::manual_markdown(), read_file("docs/cli.md")) << "run: build/qloom help --markdown > docs/cli.md";
}

}  // namespace
}  // namespace qloom::meta
