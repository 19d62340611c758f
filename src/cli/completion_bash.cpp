#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/completion.h"

namespace qloom::cli {
namespace {

// Bash breaks words at ':' and '=', which names of datasets and `--option=value` hold. So the word under the cursor is taken from the
// line itself, and what stands before its last break is cut off the proposals again.
constexpr const char* kHead = R"bash(# Completion of qloom for bash. Generated: qloom completion bash

_qloom() {
    local line=${COMP_LINE:0:COMP_POINT} word= verb= owner= many= option= values= paths= place=0 item
    local -a before
    read -ra before <<<"$line"
    if [[ $line != *[[:space:]] ]]; then
        word=${before[-1]}
        unset 'before[-1]'
    fi
    COMPREPLY=()

    # Which verb, and what the word belongs to: an option, or a place among the arguments.
    for item in "${before[@]:1}"; do
        if [[ -z $verb ]]; then
            [[ $item == --json || $item == --quiet || $item == -q ]] || verb=$item
        elif [[ $item == --*=* ]]; then
            owner=
        elif [[ $item == -?* ]]; then
            owner=$item many=
            _qloom_value "$verb" "$owner"
            [[ $values == none ]] && owner=
        elif [[ -n $owner ]]; then
            [[ -n $many ]] || owner=
        else
            place=$((place + 1))
        fi
    done

    if [[ -z $verb ]]; then
        _qloom_propose "$word" "$(_qloom_verbs)" ''
    elif [[ $word == --*=* ]]; then
        option=${word%%=*}
        _qloom_value "$verb" "$option"
        _qloom_propose "${word#*=}" "$values" "$paths" "$option="
    elif [[ $word == -* ]]; then
        _qloom_propose "$word" "$(_qloom_options "$verb")" ''
    elif [[ -n $owner ]]; then
        _qloom_value "$verb" "$owner"
        _qloom_propose "$word" "$values" "$paths"
    else
        _qloom_value "$verb" "$((place + 1))"
        [[ $values == none ]] || _qloom_propose "$word" "$values" "$paths"
    fi
}

# Fills COMPREPLY: WORD WORDS PATHS [PREFIX of every proposal].
_qloom_propose() {
    local word=$1 words=$2 paths=$3 prefix=${4-} one whole cut
    local -a found
    mapfile -t found < <(
        compgen -W "$words" -- "$word"
        case $paths in
            folders) compgen -d -- "$word" ;;
            files) compgen -f -- "$word" ;;
        esac
    )
    whole=$prefix$word
    # Up to the last character that breaks words here.
    cut=${whole%"${whole##*["$COMP_WORDBREAKS"]}"}
    [[ -n $paths ]] && compopt -o filenames 2>/dev/null
    for one in "${found[@]}"; do
        one=$prefix$one
        COMPREPLY+=("${one#"$cut"}")
    done
}

)bash";

std::string paths_name(CompletionValue::Paths paths) {
    switch (paths) {
        case CompletionValue::Paths::kFolders:
            return "folders";
        case CompletionValue::Paths::kFiles:
            return "files";
        case CompletionValue::Paths::kNone:
            break;
    }
    return "''";
}

std::string value_case(const std::string& pattern, const CompletionValue& value, bool many) {
    return fmt::format("        {}) values='{}' paths={}{} ;;\n", pattern, fmt::join(value.words, " "),
                       paths_name(value.paths), many ? " many=1" : "");
}

}  // namespace

std::string bash_completion(const std::vector<CompletionVerb>& verbs) {
    std::string text = kHead;
    text += "_qloom_verbs() {\n    echo '";
    for (const CompletionVerb& verb : verbs) {
        text += verb.name + " ";
    }
    text += "help --help --version'\n}\n\n_qloom_options() {\n    case $1 in\n";
    for (const CompletionVerb& verb : verbs) {
        text += fmt::format("        {}) echo '", verb.name);
        for (const CompletionOption& option : verb.options) {
            text += fmt::format("{} ", fmt::join(option.names, " "));
        }
        text.back() = '\'';
        text += " ;;\n";
    }
    text += "    esac\n}\n\n# VERB and OPTION or place: sets values, paths and many of its caller; values=none where nothing follows.\n"
            "_qloom_value() {\n    values= paths=\n    case $1/$2 in\n        help/1) values=$(_qloom_verbs) ;;\n";
    for (const CompletionVerb& verb : verbs) {
        for (const CompletionOption& option : verb.options) {
            if (!option.takes_value) {
                continue;
            }
            std::string pattern;
            for (const std::string& name : option.names) {
                pattern += (pattern.empty() ? "" : " | ") + verb.name + "/" + name;
            }
            text += value_case(pattern, option.value, option.takes_many);
        }
        for (std::size_t i = 0; i < verb.positionals.size(); ++i) {
            text += value_case(fmt::format("{}/{}", verb.name, i + 1), verb.positionals[i], false);
        }
    }
    text += "        *) values=none ;;\n    esac\n}\n\ncomplete -F _qloom qloom\n";
    return text;
}

}  // namespace qloom::cli
