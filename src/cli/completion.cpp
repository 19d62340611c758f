#include "cli/completion.h"

#include <algorithm>

#include "cli/manual.h"
#include "cli/trainer.h"
#include "data/dataset.h"
#include "hw/board.h"

namespace qloom::cli {
namespace {

std::vector<std::string> board_names() {
    std::vector<std::string> names;
    for (const hw::Board& board : hw::built_in_boards()) {
        names.push_back(board.name);
    }
    return names;
}

std::vector<std::string> recipe_names() {
    try {
        return trainer().recipe_names();
    } catch (const Error&) {
        return {};
    }
}

std::vector<std::string> code_names() {
    std::vector<std::string> names;
    for (const CodeInfo& info : all_codes()) {
        names.push_back(code_text(info.code));
    }
    return names;
}

std::vector<std::string> words_between_bars(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('|', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

// From the name that help pages give a value: "DIR", "[NAME=]FILE.npy", "gptq|nearest".
CompletionValue value_named(const std::string& name) {
    using Paths = CompletionValue::Paths;
    if (name.find('|') != std::string::npos) {
        return {name, words_between_bars(name), Paths::kNone};
    }
    if (name == "BOARD") {
        return {name, board_names(), Paths::kFiles};
    }
    if (name == "RECIPE") {
        return {name, recipe_names(), Paths::kFiles};
    }
    if (name == "DATASET" || name == "DATA") {
        return {name, data::named_datasets(), name == "DATA" ? Paths::kFiles : Paths::kNone};
    }
    if (name == "CODE") {
        return {name, code_names(), Paths::kNone};
    }
    if (name == "DIR" || name == "FOLDER") {
        return {name, {}, Paths::kFolders};
    }
    if (name == "MODEL" || name == "TARGET" || name.find("FILE") != std::string::npos) {
        return {name, {}, Paths::kFiles};
    }
    return {name, {}, Paths::kNone};
}

}  // namespace

std::vector<CompletionVerb> completion_verbs() {
    std::vector<CompletionVerb> result;
    for (const auto& verb : make_verbs()) {
        CLI::App app;
        Session unused;
        fill_parser(*verb, app, unused);
        CompletionVerb entry{verb->name(), verb->manual().summary, {}, {}};
        for (const CLI::Option* option : app.get_options()) {
            if (option->get_positional()) {
                // An argument of a few words names them in its place: SHELL has none, "bash|zsh|fish" has.
                const std::string type = option->get_type_name();
                const std::string name = type.find('|') != std::string::npos ? type : option->get_name(true, false);
                entry.positionals.push_back(value_named(name));
                continue;
            }
            CompletionOption one;
            for (const std::string& name : option->get_snames()) {
                one.names.push_back("-" + name);
            }
            for (const std::string& name : option->get_lnames()) {
                one.names.push_back("--" + name);
            }
            one.about = option->get_description();
            one.takes_value = option->get_items_expected_max() > 0;
            one.takes_many = option->get_items_expected_max() > 1;
            if (one.takes_value) {
                one.value = value_named(option->get_type_name());
            }
            entry.options.push_back(std::move(one));
        }
        result.push_back(std::move(entry));
    }
    return result;
}

}  // namespace qloom::cli
