#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"

namespace qloom::cli {

// What the manual page of a verb says beside its options.
struct Manual {
    std::string summary;                   // one line, no full stop
    std::vector<std::string> synopsis;     // "qloom eval MODEL --data DATASET [OPTIONS]"
    std::vector<std::string> description;  // paragraphs
    std::vector<std::pair<std::string, std::string>> json_keys;  // what --json prints: key, meaning
    std::vector<std::pair<std::string, std::string>> examples;   // command, what it does
};

// One subcommand: a file src/cli/verb_NAME.cpp and a line in make_verbs().
class Verb {
public:
    Verb() = default;
    Verb(const Verb&) = delete;
    Verb& operator=(const Verb&) = delete;
    virtual ~Verb() = default;

    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual Manual manual() const = 0;
    // Declares arguments and options, bound to members.
    virtual void add_options(CLI::App& app) = 0;
    // Does the work. Fills session.result() for --json; throws qloom::Error.
    virtual void run(Session& session) = 0;
};

// All verbs, in the order of the work.
std::vector<std::unique_ptr<Verb>> make_verbs();

std::unique_ptr<Verb> make_train_verb();
std::unique_ptr<Verb> make_quantize_verb();
std::unique_ptr<Verb> make_check_verb();
std::unique_ptr<Verb> make_run_verb();
std::unique_ptr<Verb> make_eval_verb();
std::unique_ptr<Verb> make_compile_verb();
std::unique_ptr<Verb> make_simulate_verb();
std::unique_ptr<Verb> make_synth_verb();
std::unique_ptr<Verb> make_package_verb();
std::unique_ptr<Verb> make_soc_verb();
std::unique_ptr<Verb> make_view_verb();
std::unique_ptr<Verb> make_boards_verb();
std::unique_ptr<Verb> make_explain_verb();
std::unique_ptr<Verb> make_completion_verb();

}  // namespace qloom::cli
