#include <gtest/gtest.h>

#include "base/table.h"
#include "cli/manual.h"
#include "program_run.h"

namespace qloom::cli {
namespace {

const std::vector<std::string> kVerbs{"train", "quantize", "check", "run", "eval", "compile", "simulate", "view", "boards", "explain", "completion"};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(Help, OverviewNamesEveryVerbAndExitCode) {
    const Workplace place;
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--help"}, {"-h"}, {"help"}}) {
        const Outcome help = place.qloom(arguments);
        EXPECT_EQ(help.exit_code, 0);
        EXPECT_EQ(help.err, "");
        for (const std::string& verb : kVerbs) {
            EXPECT_TRUE(contains(help.out, "\n       " + verb + " ")) << verb;
        }
        EXPECT_TRUE(contains(help.out, "130  ended by Ctrl-C"));
    }
}

TEST(Help, EveryVerbHasAManualPage) {
    const Workplace place;
    for (const std::string& verb : kVerbs) {
        const Outcome help = place.qloom({verb, "--help"});
        EXPECT_EQ(help.exit_code, 0) << verb;
        for (const char* section :
             {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMON OPTIONS", "JSON", "EXAMPLES", "EXIT CODES"}) {
            EXPECT_TRUE(contains("\n" + help.out, std::string("\n") + section + "\n")) << verb << " " << section;
        }
        EXPECT_TRUE(contains(help.out, "qloom " + verb)) << verb;
        EXPECT_EQ(place.qloom({"help", verb}).out, help.out);
    }
}

// Commands stay whole so that they can be copied; everything else is wrapped.
TEST(Help, PagesAreWrapped) {
    for (const auto& verb : make_verbs()) {
        for (const int columns : {60, 80, 100}) {
            for (const std::string& line : lines_of(manual_text(*verb, columns, false))) {
                const bool is_command =
                    line.starts_with("       qloom ") || line.starts_with("       torchrun ");
                EXPECT_TRUE(is_command || display_width(line) <= static_cast<std::size_t>(columns)) << line;
            }
        }
    }
}

TEST(Help, WrappingKeepsEveryWord) {
    EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
    EXPECT_EQ(wrapped("extraordinary", 2, 9), "  extraordinary\n");
    EXPECT_EQ(wrapped("", 2, 9), "");
}

TEST(Help, Version) {
    const Outcome version = Workplace().qloom({"--version"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_EQ(version.out.substr(0, 6), "qloom ");
}

TEST(Explain, OneCodeAndAll) {
    const Workplace place;
    const Outcome one = place.qloom({"explain", "q2"});
    EXPECT_EQ(one.exit_code, 0);
    EXPECT_EQ(one.out.substr(0, 46), "Q0002: an outside program is not installed\n\nEx");
    const nlohmann::json all = place.qloom({"explain", "--json"}).json();
    EXPECT_EQ(all["diagnostics"].size(), all_codes().size());
}

TEST(Explain, UnknownCode) {
    const Outcome outcome = Workplace().qloom({"explain", "Q9999"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.err,
              "qloom: error: Q0914: Q9999: there is no diagnostic of this number; `qloom explain` lists them all\n");
}

TEST(Boards, ListHasTheFactsOfEachBoard) {
    const Workplace place;
    const nlohmann::json boards = place.qloom({"boards", "--json"}).json()["boards"];
    const auto found = std::ranges::find_if(boards, [](const auto& board) { return board["name"] == "pynq-z1"; });
    ASSERT_NE(found, boards.end());
    EXPECT_EQ((*found)["luts"], 53200);
    EXPECT_EQ((*found)["bram36"], 140);
    EXPECT_EQ((*found)["dsps"], 220);
    EXPECT_TRUE(contains(place.qloom({"boards"}).out, "pynq-z1"));
}

}  // namespace
}  // namespace qloom::cli
