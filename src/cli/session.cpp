#include "cli/session.h"

#include <algorithm>
#include <cstdio>

namespace qloom::cli {
namespace {

void write(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

std::string_view code_name(Code code) {
    const auto codes = all_codes();
    const auto found = std::ranges::find(codes, code, &CodeInfo::code);
    return found == codes.end() ? "" : found->name;
}

}  // namespace

void Session::print(std::string_view text) const {
    if (listener != nullptr) {
        listener->text(text);
    } else if (!json) {
        write(stdout, text);
    }
}

void Session::say(std::string_view text) const {
    if (!quiet) {
        print(text);
    }
}

void Session::note(std::string_view text) const {
    if (listener != nullptr) {
        listener->note(text);
    } else if (!quiet) {
        std::fflush(stdout);
        fmt::print(stderr, "qloom: note: {}\n", text);
    }
}

Progress Session::progress(std::string title, std::int64_t total) const {
    if (listener != nullptr) {
        return {listener->progress, std::move(title), total};
    }
    return {stderr, progress_style(stderr, quiet), std::move(title), total};
}

int Session::columns() const { return terminal_columns(stdout, 100); }

void Session::print_result() const {
    if (json && listener == nullptr) {
        write(stdout, result_.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    }
}

void Session::report(const Diagnostic& diagnostic, int exit_code) {
    std::fflush(stdout);
    fmt::print(stderr, "qloom: error: {}\n", diagnostic.text());
    result_["error"] = {{"code", code_text(diagnostic.code)}, {"name", code_name(diagnostic.code)},
                        {"where", diagnostic.where},          {"what", diagnostic.what},
                        {"advice", diagnostic.advice},        {"exit_code", exit_code}};
}

void Session::report(std::string_view name, std::string_view what, int exit_code) {
    std::fflush(stdout);
    fmt::print(stderr, "qloom: {}: {}\n", name, what);
    result_["error"] = {{"name", name}, {"what", what}, {"exit_code", exit_code}};
}

}  // namespace qloom::cli
