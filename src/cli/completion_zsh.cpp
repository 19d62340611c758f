#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion.h"

namespace qloom::cli {
namespace {

// For single quotes.
std::string in_quotes(const std::string& text) {
    std::string result;
    for (const char c : text) {
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return result;
}

// For _arguments, which reads ':', '[' and ']' itself. Only the first sentence: a list of options has no room for more.
std::string about_text(const std::string& text) {
    std::string result;
    const std::size_t end = text.find(". ");
    for (const char c : text.substr(0, end)) {
        result += c == ':' || c == '[' || c == ']' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    while (!result.empty() && result.back() == '.') {
        result.pop_back();
    }
    return in_quotes(result);
}

std::string name_text(const std::string& name) {
    std::string result;
    for (const char c : name) {
        result += c == ':' ? ' ' : c;
    }
    return in_quotes(result);
}

// ":message:action"
std::string value_text(const CompletionValue& value) {
    std::string action = " ";
    if (!value.words.empty() || value.paths != CompletionValue::Paths::kNone) {
        action = "_qloom_value ";
        action += value.paths == CompletionValue::Paths::kFolders ? "folders"
                  : value.paths == CompletionValue::Paths::kFiles ? "files"
                                                                  : "words";
        for (const std::string& word : value.words) {
            action += " ";
            for (const char c : word) {
                action += c == ':' ? std::string("\\:") : std::string(1, c);
            }
        }
    }
    return fmt::format(":{}:{}", name_text(value.name), action);
}

constexpr const char* kHead = R"zsh(#compdef qloom
# Completion of qloom for zsh. Generated: qloom completion zsh

# PATHS WORD...
_qloom_value() {
    local -a words
    local paths=$1
    shift
    # _arguments puts its own options for compadd before ours.
    while [[ $paths == -* ]]; do
        [[ $paths == (-J|-V|-X|-x) ]] && shift
        paths=$1
        shift
    done
    words=("$@")
    (( $#words )) && compadd -a words
    case $paths in
        folders) _files -/ ;;
        files) _files ;;
    esac
}

_qloom() {
    local curcontext=$curcontext state line
    local -A opt_args
    local -a verbs
    verbs=(
)zsh";

}  // namespace

std::string zsh_completion(const std::vector<CompletionVerb>& verbs) {
    std::string text = kHead;
    for (const CompletionVerb& verb : verbs) {
        text += fmt::format("        '{}:{}'\n", verb.name, in_quotes(verb.about));
    }
    text += "        'help:print a manual page'\n    )\n"
            "    _arguments -C '(- *)--help[Print what there is]' '(- *)--version[Print the version]' '1:verb:->verb' "
            "'*::argument:->rest'\n"
            "    case $state in\n        verb) _describe -t verbs verb verbs ;;\n        rest)\n            case $words[1] in\n"
            "                help) _arguments '1:verb:->verb' && return; [[ $state == verb ]] && _describe -t verbs verb verbs ;;\n";
    for (const CompletionVerb& verb : verbs) {
        text += fmt::format("                {})\n                    _arguments -s \\\n", verb.name);
        for (const CompletionOption& option : verb.options) {
            const std::string all = fmt::format("{}", fmt::join(option.names, " "));
            const std::string body = "[" + about_text(option.about) + "]" + (option.takes_value ? value_text(option.value) : "");
            for (const std::string& name : option.names) {
                const bool is_long = name.starts_with("--");
                const std::string repeat = option.takes_many ? "*" : "(" + all + ")";
                text += fmt::format("                        '{}{}{}{}' \\\n", repeat, name,
                                    option.takes_value ? (is_long ? "=" : "+") : "", body);
            }
        }
        for (std::size_t i = 0; i < verb.positionals.size(); ++i) {
            text += fmt::format("                        '{}{}' \\\n", i + 1, value_text(verb.positionals[i]));
        }
        text += "                        && return\n                    ;;\n";
    }
    text += "            esac\n            ;;\n    esac\n}\n\n_qloom \"$@\"\n";
    return text;
}

}  // namespace qloom::cli
