// Completion, by the shells themselves: bash's and zsh's own line editors on a terminal, fish's `complete -C`.
#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/process.h"
#include "cli/manual.h"
#include "hw/board.h"
#include "program_run.h"
#include "terminal.h"

namespace qloom::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// Every spelling of every option of a verb, as its parser knows them.
std::vector<std::string> option_names(const std::string& verb_name) {
    std::vector<std::string> names;
    for (const auto& verb : make_verbs()) {
        if (verb->name() != verb_name) {
            continue;
        }
        CLI::App app;
        Session unused;
        fill_parser(*verb, app, unused);
        for (const CLI::Option* option : app.get_options()) {
            for (const std::string& name : option->get_snames()) {
                names.push_back("-" + name);
            }
            for (const std::string& name : option->get_lnames()) {
                names.push_back("--" + name);
            }
        }
    }
    return names;
}

// What bash proposes at the end of a line.
std::vector<std::string> bash_proposals(const Workplace& place, const std::string& line) {
    place.write("script", place.qloom({"completion", "bash"}).out);
    place.write("propose",
                ". ./script\nCOMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\nCOMP_LINE=$1\nCOMP_POINT=${#1}\n_qloom\n"
                "((${#COMPREPLY[@]})) && printf '%s\\n' \"${COMPREPLY[@]}\"\n");
    return lines_of(run_tool({"bash", "propose", line}, {.working_directory = place.path("")}).output);
}

TEST(BashCompletion, ProposesEveryVerb) {
    const Workplace place;
    std::vector<std::string> expected{"help", "--help", "--version"};
    for (const auto& verb : make_verbs()) {
        expected.push_back(verb->name());
    }
    EXPECT_THAT(bash_proposals(place, "qloom "), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(bash_proposals(place, "qloom simu"), ElementsAre("simulate"));
    EXPECT_THAT(bash_proposals(place, "qloom --json simu"), ElementsAre("simulate"));
    EXPECT_THAT(bash_proposals(place, "qloom help simu"), ElementsAre("simulate"));
}

TEST(BashCompletion, ProposesTheOptionsThatTheParserKnows) {
    const Workplace place;
    for (const auto& verb : make_verbs()) {
        EXPECT_THAT(bash_proposals(place, "qloom " + verb->name() + " -"),
                    testing::UnorderedElementsAreArray(option_names(verb->name())))
            << verb->name();
    }
}

TEST(BashCompletion, ProposesValues) {
    const Workplace place;
    place.write("run/model.onnx", "");
    place.write("model.onnx", "");
    std::vector<std::string> boards;
    for (const hw::Board& board : hw::built_in_boards()) {
        boards.push_back(board.name);
    }
    EXPECT_THAT(bash_proposals(place, "qloom compile model.onnx --board "), IsSupersetOf(boards));
    EXPECT_THAT(bash_proposals(place, "qloom compile model.onnx -b pynq-"), ElementsAre("pynq-z1", "pynq-z2"));
    EXPECT_THAT(bash_proposals(place, "qloom compile m"), ElementsAre("model.onnx"));
    EXPECT_THAT(bash_proposals(place, "qloom compile run/"), ElementsAre("run/model.onnx"));
    EXPECT_THAT(bash_proposals(place, "qloom simulate "), ElementsAre("run"));  // folders only
    EXPECT_THAT(bash_proposals(place, "qloom eval model.onnx --engine "), ElementsAre("reference", "integer"));
    EXPECT_THAT(bash_proposals(place, "qloom compile model.onnx --fps "), ElementsAre());
    EXPECT_THAT(bash_proposals(place, "qloom explain Q000"), Contains("Q0002"));
    EXPECT_THAT(bash_proposals(place, "qloom compile model.onnx another "), ElementsAre());
}

// Bash breaks words at ':' and '='; a proposal is what follows the last break.
TEST(BashCompletion, WordsWithBreaksInThem) {
    const Workplace place;
    EXPECT_THAT(bash_proposals(place, "qloom eval model.onnx --data fashion-mnist:t"), UnorderedElementsAre("train", "test"));
    EXPECT_THAT(bash_proposals(place, "qloom eval model.onnx --data fashion-mnist:te"), ElementsAre("test"));
    EXPECT_THAT(bash_proposals(place, "qloom eval model.onnx --engine=int"), ElementsAre("integer"));
    EXPECT_THAT(bash_proposals(place, "qloom compile model.onnx --board=pynq-z1 --post"), ElementsAre("--postprocess"));
}

// A person's keys, with the shell's own editor: the function prints what the shell made of the line.
TEST(BashCompletion, OnATerminal) {
    const Workplace place;
    place.write("script", place.qloom({"completion", "bash"}).out);
    place.write("with space.onnx", "");
    const Terminal terminal({"bash", "--norc", "--noprofile", "-i"}, place.path(""));
    terminal.type("bind 'set enable-bracketed-paste off'; . ./script; qloom() { printf '<%s>' \"$@\"; echo; }; echo re''ady\n");
    (void)terminal.until("ready\r\n");
    terminal.type("qloom simu\t--data fashion-mnist:te\t--fra\t10\n");
    EXPECT_THAT(terminal.until(">\r\n"), testing::HasSubstr("<simulate><--data><fashion-mnist:test><--frames><10>\r\n"));
    terminal.type("qloom check with\t--js\t\n");
    EXPECT_THAT(terminal.until(">\r\n"), testing::HasSubstr("<check><with space.onnx><--json>\r\n"));
}

TEST(ZshCompletion, OnATerminal) {
    if (!tool_exists("zsh")) {
        GTEST_SKIP() << "zsh is not installed";
    }
    const Workplace place;
    place.write("functions/_qloom", place.qloom({"completion", "zsh"}).out);
    place.write("model.onnx", "");
    EXPECT_EQ(run_tool({"zsh", "-n", "functions/_qloom"}, {.working_directory = place.path("")}).output, "");
    const Terminal terminal({"zsh", "-f", "-i"}, place.path(""));
    terminal.type("PS1='> '; fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -d $PWD/dump; "
                  "qloom() { printf '<%s>' \"$@\"; echo; }; echo re''ady\n");
    (void)terminal.until("ready\r\n");
    terminal.type("qloom simu\t--data fashion-mnist:te\t--fra\t10\n");
    EXPECT_THAT(terminal.until(">\r\n"), testing::HasSubstr("<simulate><--data><fashion-mnist:test><--frames=10>\r\n"));
    terminal.type("qloom compile mod\t-b ult\t-o x\n");
    EXPECT_THAT(terminal.until(">\r\n"), testing::HasSubstr("<compile><model.onnx><-b><ultra96-v2><-o><x>\r\n"));
    terminal.type("qloom eval model.onnx --engine int\t\n");
    EXPECT_THAT(terminal.until(">\r\n"), testing::HasSubstr("<eval><model.onnx><--engine><integer>\r\n"));
}

TEST(FishCompletion, Proposes) {
    if (!tool_exists("fish")) {
        GTEST_SKIP() << "fish is not installed";
    }
    const Workplace place;
    place.write("script", place.qloom({"completion", "fish"}).out);
    place.write("model.onnx", "");
    const auto proposals = [&](const std::string& line) {
        std::vector<std::string> words;
        const std::string command = "source ./script; complete -C '" + line + "'";
        const ToolResult result = run_tool({"fish", "--no-config", "-c", command},
                                           {.working_directory = place.path(""), .environment = {{"HOME", place.path("").string()}}});
        for (const std::string& proposal : lines_of(result.output)) {
            words.push_back(proposal.substr(0, proposal.find('\t')));
        }
        return words;
    };
    EXPECT_THAT(proposals("qloom simu"), ElementsAre("simulate"));
    EXPECT_THAT(proposals("qloom eval model.onnx --data fashion-mnist:te"), ElementsAre("fashion-mnist:test"));
    EXPECT_THAT(proposals("qloom compile model.onnx -b pynq-"), UnorderedElementsAre("pynq-z1", "pynq-z2"));
    EXPECT_THAT(proposals("qloom compile mod"), Contains("model.onnx"));
    for (const std::string verb : {"compile", "train", "quantize"}) {
        std::vector<std::string> expected;
        for (const std::string& name : option_names(verb)) {
            if (name.starts_with("--")) {
                expected.push_back(name);
            }
        }
        EXPECT_THAT(proposals("qloom " + verb + " x --"), IsSupersetOf(expected)) << verb;
    }
}

TEST(Completion, UnknownShellIsRefused) {
    const Outcome outcome = Workplace().qloom({"completion", "tcsh"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, testing::StartsWith("qloom: error: Q0902: qloom completion: "));
}

}  // namespace
}  // namespace qloom::cli
