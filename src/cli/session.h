#pragma once

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/progress.h"

namespace qloom::cli {

// Who hears a verb in place of the terminal, when another program runs it. What its functions throw ends the verb.
struct Listener {
    std::function<void(std::string_view text)> text;  // what the verb prints, summaries included
    std::function<void(std::string_view text)> note;  // facts that a person should know
    ProgressSink progress;
};

// Where one run of a verb says what: results on stdout, everything else on stderr, one JSON document in place of all
// text on stdout with --json.
class Session {
public:
    bool json = false;
    bool quiet = false;
    const Listener* listener = nullptr;  // nullptr: the terminal

    // What was asked for: printed unless --json. Ends with a newline.
    void print(std::string_view text) const;
    // Explanations around it: printed unless --json or --quiet.
    void say(std::string_view text) const;
    // A fact that a person should know, on stderr, unless --quiet.
    void note(std::string_view text) const;

    [[nodiscard]] Progress progress(std::string title, std::int64_t total) const;
    // Columns of the terminal on stdout, 100 where there is none.
    [[nodiscard]] int columns() const;

    // The document of --json, an object; filled by the verb.
    [[nodiscard]] nlohmann::ordered_json& result() { return result_; }
    // Prints it, once, when --json was given.
    void print_result() const;

    // "qloom: error: Q0312: ..." on stderr, and as key "error" of the document.
    void report(const Diagnostic& diagnostic, int exit_code);
    void report(std::string_view name, std::string_view what, int exit_code);

private:
    nlohmann::ordered_json result_ = nlohmann::ordered_json::object();
};

}  // namespace qloom::cli
