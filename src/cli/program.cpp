#include "cli/program.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <memory>

#include "base/codes/cli.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/manual.h"
#include "cli/verb.h"

namespace qloom::cli {
namespace {

int number(ExitCode code) { return static_cast<int>(code); }

std::string did_you_mean(const std::string& nearest) {
    return nearest.empty() ? "" : fmt::format("did you mean {}? ", nearest);
}

[[noreturn]] void throw_verb_unknown(const std::string& word, const std::vector<std::unique_ptr<Verb>>& verbs) {
    std::vector<std::string> names;
    for (const auto& verb : verbs) {
        names.push_back(verb->name());
    }
    throw Error(code::kVerbUnknown, "", fmt::format("there is no verb `{}`", word),
                fmt::format("{}the verbs are {}", did_you_mean(nearest_word(word, names)), fmt::join(names, ", ")));
}

// The first word that looks like an option and is none.
std::string unknown_option(const std::vector<std::string>& arguments, const CLI::App& app) {
    for (const std::string& argument : arguments) {
        const std::string word = argument.substr(0, argument.find('='));
        const bool is_option = word.size() > 1 && word[0] == '-' && (word[1] == '-' || std::isalpha(static_cast<unsigned char>(word[1])) != 0);
        if (is_option && word != "--" && app.get_option_no_throw(word) == nullptr) {
            return word;
        }
    }
    return {};
}

// What CLI11 did not understand, as one of our diagnostics. A misspelt option comes first: it is why others are missing.
[[noreturn]] void throw_usage(const CLI::ParseError& error, const CLI::App& app, const std::string& verb,
                              const std::vector<std::string>& arguments) {
    const std::string see = fmt::format("see `qloom {} --help`", verb);
    const std::string unknown = unknown_option(arguments, app);
    if (!unknown.empty()) {
        std::vector<std::string> names;
        for (const CLI::Option* option : app.get_options()) {
            for (const std::string& name : option->get_lnames()) {
                names.push_back("--" + name);
            }
        }
        throw Error(code::kOptionUnknown, "qloom " + verb, fmt::format("there is no option {}", unknown),
                    did_you_mean(nearest_word(unknown, names)) + see);
    }
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
        const std::vector<std::string> rest = app.remaining();
        throw Error(code::kOptionUnknown, "qloom " + verb,
                    fmt::format("the argument `{}` is one too many", rest.empty() ? "" : rest.front()), see);
    }
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        throw Error(code::kOptionMissing, "qloom " + verb, error.what(), see);
    }
    throw Error(code::kOptionValue, "qloom " + verb, error.what(), see);
}

bool takes(std::vector<std::string>& arguments, const std::string& flag) {
    return std::erase(arguments, flag) > 0;
}

// `qloom help [VERB]`, `qloom help --markdown`, `qloom help --man DIR`, `qloom --help`.
void print_help(const std::vector<std::string>& words, const Session& session) {
    const bool bold = isatty(STDOUT_FILENO) != 0;
    if (words.empty()) {
        std::fputs(overview_text(session.columns(), bold).c_str(), stdout);
        return;
    }
    if (words.front() == "--markdown") {
        std::fputs(manual_markdown().c_str(), stdout);
        return;
    }
    if (words.front() == "--man") {
        if (words.size() != 2) {
            throw Error(code::kOptionMissing, "qloom help", "--man wants one folder", "write `qloom help --man DIR`");
        }
        write_man_pages(words[1]);
        return;
    }
    const auto verbs = make_verbs();
    const auto found = std::ranges::find(verbs, words.front(), &Verb::name);
    if (found == verbs.end()) {
        throw_verb_unknown(words.front(), verbs);
    }
    std::fputs(manual_text(**found, session.columns(), bold).c_str(), stdout);
}

void run_verb(const std::string& name, const std::vector<std::string>& arguments, Session& session) {
    const auto verbs = make_verbs();
    const auto found = std::ranges::find(verbs, name, &Verb::name);
    if (found == verbs.end()) {
        throw_verb_unknown(name, verbs);
    }
    CLI::App app;
    fill_parser(**found, app, session);
    // CLI11 takes the arguments last to first.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        print_help({name}, session);
        return;
    } catch (const CLI::ParseError& error) {
        throw_usage(error, app, name, arguments);
    }
    (*found)->run(session);
    session.print_result();
}

void dispatch(std::vector<std::string> arguments, Session& session) {
    if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h" ||
        arguments.front() == "help") {
        print_help({arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()}, session);
        return;
    }
    if (arguments.front() == "--version") {
        std::puts(version_text().c_str());
        return;
    }
    // --json and --quiet may also stand before the verb; both are known before anything can go wrong, so that
    // every error takes the form that was asked for.
    const bool json = takes(arguments, "--json");
    const bool quiet = takes(arguments, "--quiet");
    session.json = json;
    session.quiet = quiet;
    if (arguments.empty()) {
        throw Error(code::kOptionMissing, "qloom", "no verb was given", "see `qloom --help`");
    }
    if (arguments.front().starts_with("-")) {
        throw Error(code::kOptionUnknown, "qloom", fmt::format("there is no option {}", arguments.front()),
                    "a verb comes first; see `qloom --help`");
    }
    const std::string verb = arguments.front();
    arguments.erase(arguments.begin());
    run_verb(verb, arguments, session);
}

}  // namespace

int run_program(std::vector<std::string> arguments) {
    catch_interrupts();
    Session session;
    ExitCode code = ExitCode::kOk;
    const auto on_interrupt = [&] {
        code = ExitCode::kInterrupted;
        session.report("interrupted", "nothing is left half-written", number(code));
    };
    try {
        dispatch(std::move(arguments), session);
    } catch (const Silent& silent) {
        return number(silent.code);
    } catch (const Interrupted&) {
        on_interrupt();
    } catch (const Error& error) {
        // An outside program that was interrupted with us is not that program's failure.
        if (interrupted()) {
            on_interrupt();
        } else {
            code = exit_code_of(error.code());
            session.report(error.diagnostic(), number(code));
        }
    } catch (const std::bad_alloc&) {
        code = ExitCode::kUserError;
        session.report("error", "out of memory", number(code));
    } catch (const std::exception& error) {
        code = ExitCode::kInternal;
        session.report("internal error", error.what(), number(code));
    }
    if (code != ExitCode::kOk) {
        session.print_result();
    }
    return number(code);
}

nlohmann::ordered_json call_verb(const std::string& verb, const std::vector<std::string>& arguments,
                                 const Listener& listener) {
    Session session;
    session.json = true;
    session.listener = &listener;
    run_verb(verb, arguments, session);
    return std::move(session.result());
}

}  // namespace qloom::cli
