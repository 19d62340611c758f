#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion.h"

namespace qloom::cli {
namespace {

// Between single quotes, where a backslash and the quote itself are escaped.
std::string in_quotes(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        result += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return result + "'";
}

std::string first_sentence(const std::string& text) {
    std::string result = text.substr(0, text.find(". "));
    while (!result.empty() && result.back() == '.') {
        result.pop_back();
    }
    return result;
}

// What can stand there, as arguments of `complete`.
std::string value_text(const CompletionValue& value) {
    std::string text = value.paths == CompletionValue::Paths::kFiles ? " -F" : " -f";
    std::string proposals = fmt::format("{}", fmt::join(value.words, " "));
    if (value.paths == CompletionValue::Paths::kFolders) {
        proposals += "(__fish_complete_directories)";
    }
    return proposals.empty() ? text : text + " -a " + in_quotes(proposals);
}

}  // namespace

std::string fish_completion(const std::vector<CompletionVerb>& verbs) {
    std::string text =
        "# Completion of qloom for fish. Generated: qloom completion fish\n\n"
        "# How many arguments stand after the verb, options aside; $argv: options that take a value.\n"
        "function __qloom_place\n"
        "    set -l place 0\n"
        "    set -l skip 0\n"
        "    for item in (commandline -opc)[3..-1]\n"
        "        if test $skip = 1\n"
        "            set skip 0\n"
        "        else if string match -q -- '-*' $item\n"
        "            contains -- $item $argv; and set skip 1\n"
        "        else\n"
        "            set place (math $place + 1)\n"
        "        end\n"
        "    end\n"
        "    echo $place\n"
        "end\n\n"
        "complete -c qloom -f\n"
        "complete -c qloom -n __fish_use_subcommand -l help -d 'Print what there is'\n"
        "complete -c qloom -n __fish_use_subcommand -l version -d 'Print the version'\n"
        "complete -c qloom -n __fish_use_subcommand -a help -d 'Print a manual page'\n";
    std::string names;
    for (const CompletionVerb& verb : verbs) {
        text += fmt::format("complete -c qloom -n __fish_use_subcommand -a {} -d {}\n", verb.name, in_quotes(verb.about));
        names += (names.empty() ? "" : " ") + verb.name;
    }
    text += fmt::format("complete -c qloom -n '__fish_seen_subcommand_from help' -a {}\n", in_quotes(names));
    for (const CompletionVerb& verb : verbs) {
        text += "\n";
        std::string with_value;
        for (const CompletionOption& option : verb.options) {
            text += fmt::format("complete -c qloom -n '__fish_seen_subcommand_from {}'", verb.name);
            for (const std::string& name : option.names) {
                text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
                if (option.takes_value) {
                    with_value += " " + name;
                }
            }
            text += fmt::format(" -d {}", in_quotes(first_sentence(option.about)));
            text += option.takes_value ? " -r" + value_text(option.value) + "\n" : "\n";
        }
        for (std::size_t i = 0; i < verb.positionals.size(); ++i) {
            text += fmt::format("complete -c qloom -n '__fish_seen_subcommand_from {}; and test (__qloom_place{}) = {}'{}\n",
                                verb.name, with_value, i, value_text(verb.positionals[i]));
        }
    }
    return text;
}

}  // namespace qloom::cli
