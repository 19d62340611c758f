// Manual pages, read by man's own formatters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"
#include "cli/manual.h"
#include "program_run.h"

namespace qloom::cli {
namespace {

class ManPages : public testing::Test {
protected:
    void SetUp() override {
        const Outcome outcome = place_.qloom({"help", "--man", "man1"});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        for (const auto& verb : make_verbs()) {
            verbs_.push_back(verb->name());
            names_.push_back("man1/qloom-" + verb->name() + ".1");
        }
        names_.emplace_back("man1/qloom.1");
    }
    [[nodiscard]] std::string output(const std::vector<std::string>& argv) const {
        return run_tool(argv, {.working_directory = place_.path("")}).output;
    }

    Workplace place_;
    std::vector<std::string> verbs_;
    std::vector<std::string> names_;
};

TEST_F(ManPages, OneForEveryVerbAndTheProgram) {
    for (const std::string& name : names_) {
        EXPECT_TRUE(place_.exists(name)) << name;
    }
    const std::string program = place_.read("man1/qloom.1");
    for (const std::string& verb : verbs_) {
        EXPECT_THAT(program, testing::HasSubstr("\n.B " + verb + "\n")) << verb;
    }
}

TEST_F(ManPages, LintFindsNothingButTheMissingDate) {
    if (!tool_exists("mandoc")) {
        GTEST_SKIP() << "mandoc is not installed";
    }
    std::string complaints;
    for (const std::string& name : names_) {
        std::istringstream lines(output({"mandoc", "-Tlint", name}));
        for (std::string line; std::getline(lines, line);) {
            // A page holds no date, so that the same program writes the same page. A command stays on one line, however long.
            if (line.find("missing date") == std::string::npos && line.find("longer than 80 bytes: .B ") == std::string::npos &&
                line.find("referenced manual not found") == std::string::npos) {
                complaints += line + "\n";
            }
        }
    }
    EXPECT_EQ(complaints, "");
}

TEST_F(ManPages, GroffWarnsOfNothing) {
    if (!tool_exists("groff")) {
        GTEST_SKIP() << "groff is not installed";
    }
    for (const std::string& name : names_) {
        EXPECT_EQ(output({"groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z", name}), "") << name;
    }
}

// What a reader sees: all options, backslashes and leading dots as they are.
TEST_F(ManPages, ShowWhatHelpSays) {
    const bool mandoc = tool_exists("mandoc");
    if (!mandoc && !tool_exists("groff")) {
        GTEST_SKIP() << "neither mandoc nor groff is installed";
    }
    for (const auto& verb : make_verbs()) {
        const std::string name = "man1/qloom-" + verb->name() + ".1";
        const std::string shown = mandoc ? output({"mandoc", "-Tutf8", "-Owidth=400", name})
                                         : output({"groff", "-man", "-Tutf8", "-Kutf8", "-rLL=400n", name});
        std::string plain;  // without the overstriking of bold letters
        for (std::size_t i = 0; i < shown.size(); ++i) {
            if (i + 1 < shown.size() && shown[i + 1] == '\b') {
                ++i;
            } else {
                plain += shown[i];
            }
        }
        CLI::App app;
        Session unused;
        fill_parser(*verb, app, unused);
        for (const CLI::Option* option : options_of(app, false)) {
            EXPECT_THAT(plain, testing::HasSubstr(option_head(*option))) << name;
        }
        for (const auto& [command, meaning] : verb->manual().examples) {
            EXPECT_THAT(plain, testing::HasSubstr(command)) << name;
        }
    }
}

TEST(ManPage, WrongUse) {
    const Workplace place;
    EXPECT_EQ(place.qloom({"help", "--man"}).err,
              "qloom: error: Q0903: qloom help: --man wants one folder; write `qloom help --man DIR`\n");
    place.write("file", "");
    EXPECT_EQ(place.qloom({"help", "--man", "file"}).err,
              "qloom: error: Q0021: file/qloom.1: the manual page cannot be written; name a folder that can be written to\n");
}

}  // namespace
}  // namespace qloom::cli
